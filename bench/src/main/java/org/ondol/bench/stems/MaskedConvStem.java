package org.ondol.bench.stems;

import java.util.List;
import java.util.stream.Stream;
import org.ondol.bench.Contender;
import org.ondol.bench.Stem;

/**
 * Layers of PixelCNN. No peer knows masks: they compute the dense convolution of filters with zeros, or, where they can
 * pad above alone, of filters cut to the rows that hold a live entry.
 */
public final class MaskedConvStem implements Stem<ConvCase> {
  private final List<String> devices;

  public MaskedConvStem(List<String> devices) {
    this.devices = devices;
  }

  @Override
  public String name() {
    return "maskedconv";
  }

  @Override
  public List<ConvCase> cases() {
    List<ConvCase> forward = List.of(
        ConvCase.masked(ConvCase.Mask.B, 1, 16, 128, 128, 28, 3),
        ConvCase.masked(ConvCase.Mask.B, 1, 16, 64, 64, 28, 7),
        ConvCase.masked(ConvCase.Mask.A, 3, 16, 3, 128, 32, 7));
    return Stream.concat(forward.stream(), forward.stream().map(ConvCase::withGradients)).toList();
  }

  @Override
  public List<Contender<ConvCase>> contenders(ConvCase c) {
    return ConvPeers.beside(devices, c);
  }
}
