package org.ondol.vector;

import org.ondol.ops.Activation;
import org.ondol.ops.Elementwise.Op;
import org.ondol.spi.ConvArgs;

/** What follows the sums of a channel: plus bias, plus residual, activation. */
final class ConvEpilogue {
  private final ConvArgs args;
  private final ConvTiles tiles;
  private final Elements elements;
  private final Floats bias;

  ConvEpilogue(Loops loops, ConvArgs args) {
    this.args = args;
    tiles = loops.convTiles();
    elements = loops.elements();
    bias = Floats.of(args.bias());
  }

  /**
   * On n sums; both arrays have room for n rounded up to 16.
   *
   * @param residual of the same positions, from its first element on; null where there is none
   */
  void apply(long channel, float[] sums, int at, int n, float[] residual) {
    int whole = Packing.padded(n);
    if (bias != null) elements.unary(Op.SHIFT, bias.get(bias.start + channel), sums, at, whole);
    if (residual != null) elements.binary(Op.ADD, 0, sums, at, residual, 0, whole);
    if (args.activation() == Activation.RELU && args.slope() != 0) {
      tiles.leaky(args.slope(), sums, at, whole);
    } else if (args.activation() != Activation.NONE) {
      elements.unary(Op.valueOf(args.activation().name()), 0, sums, at, whole);
    }
  }
}
