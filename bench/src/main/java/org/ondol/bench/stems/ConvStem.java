package org.ondol.bench.stems;

import java.util.List;
import org.ondol.bench.Contender;
import org.ondol.bench.Stem;

/** Dense and depthwise convolutions of ResNet and MobileNet. */
public final class ConvStem implements Stem<ConvCase> {
  private final List<String> devices;

  public ConvStem(List<String> devices) {
    this.devices = devices;
  }

  @Override
  public String name() {
    return "conv";
  }

  @Override
  public List<ConvCase> cases() {
    return List.of(
        ConvCase.conv(1, 64, 64, 56, 3, 1),
        ConvCase.conv(8, 256, 256, 14, 3, 1),
        ConvCase.conv(1, 256, 64, 56, 1, 1),
        ConvCase.conv(1, 3, 64, 224, 7, 2),
        ConvCase.depthwise(128, 56, 3, 1),
        ConvCase.depthwise(128, 56, 3, 2),
        ConvCase.depthwise(128, 28, 5, 1),
        ConvCase.conv(8, 256, 256, 14, 3, 1).withGradients());
  }

  @Override
  public List<Contender<ConvCase>> contenders(ConvCase c) {
    return ConvPeers.beside(devices, c);
  }
}
