package org.ondol.bench.peers;

import org.ondol.grad.Parameter;
import org.ondol.models.layers.ConvUnit;
import org.ondol.models.layers.DeconvUnit;
import org.ondol.models.layers.Net;
import org.ondol.models.layers.NormUnit;
import org.ondol.ops.Elementwise.Op;
import org.ondol.ops.PoolGeometry;
import org.ondol.ops.Resize;

/** A network of Ondol's as a peer has it: of its operations those that classifiers need, with the same weights. */
public abstract class PeerNet<M> implements Net<M> {
  /** Whether a convolution reads a whole map of images at once: a dense layer, as the peers' own models have it. */
  protected static boolean dense(ConvUnit unit, long height, long width) {
    var g = unit.geometry();
    return unit.weight().tensor().size(2) == height && unit.weight().tensor().size(3) == width && g.padTop() == 0
        && g.padLeft() == 0 && g.padBottom() == 0 && g.padRight() == 0 && g.groups() == 1;
  }

  @Override
  public M dropout(M x, double probability) {
    return x;
  }

  private static UnsupportedOperationException absent(String what) {
    return new UnsupportedOperationException("no classifier of these benchmarks has a " + what);
  }

  @Override
  public M conv(M x, ConvUnit unit, M residual) {
    throw absent("residual");
  }

  @Override
  public M deconv(M x, DeconvUnit unit) {
    throw absent("transposed convolution");
  }

  @Override
  public M averagePool(M x, PoolGeometry geometry) {
    throw absent("window's average");
  }

  @Override
  public M add(M x, M y) {
    throw absent("sum");
  }

  @Override
  public M channels(M x, long from, long to) {
    throw absent("slice");
  }

  @Override
  public M resize(M x, Resize.Target target, Resize.Options options) {
    throw absent("resize");
  }

  @Override
  public M crop(M x, long top, long left, long height, long width) {
    throw absent("crop");
  }

  @Override
  public M apply(Op op, double param, M x) {
    throw absent("operation of its own");
  }

  @Override
  public M prelu(M x, Parameter slope) {
    throw absent("prelu");
  }

  @Override
  public M batchNorm(M x, NormUnit unit) {
    throw absent("batch norm");
  }
}
