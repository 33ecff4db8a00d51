package org.ondol.bench.stems;

import java.util.List;
import java.util.stream.Stream;
import org.ondol.bench.Contender;
import org.ondol.bench.Stem;

/** Transposed convolutions of DCGAN's generator (first and last layer) and of FCN's enlargements. */
public final class DeconvStem implements Stem<ConvCase> {
  private final List<String> devices;

  public DeconvStem(List<String> devices) {
    this.devices = devices;
  }

  @Override
  public String name() {
    return "deconv";
  }

  @Override
  public List<ConvCase> cases() {
    List<ConvCase> forward = List.of(
        ConvCase.deconv(16, 512, 256, 8, 2),
        ConvCase.deconv(16, 128, 3, 32, 2),
        ConvCase.deconv(1, 21, 21, 16, 32),
        ConvCase.deconv(1, 21, 21, 34, 2));
    return Stream.concat(forward.stream(), forward.stream().map(ConvCase::withGradients)).toList();
  }

  @Override
  public List<Contender<ConvCase>> contenders(ConvCase c) {
    return ConvPeers.beside(devices, c);
  }
}
