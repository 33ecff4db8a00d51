package org.ondol.models.layers;

import java.util.List;
import java.util.function.Function;
import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;
import org.ondol.grad.Parameter;
import org.ondol.ops.Elementwise.Op;
import org.ondol.ops.PoolGeometry;
import org.ondol.ops.Resize;

/**
 * Networks of maps at once, for speed: batch norm is folded into the convolution before it, whose filters are packed once;
 * activations and sums are part of the convolution that they follow; maps that are concatenated are written side by side
 * in the first place; and a map is freed after its last use, for the next one to lie in its memory.
 *
 * <pre>{@code
 * try (Inference inference = new Inference()) {
 *   List<Tensor> maps = inference.maps(trunk::maps, trunk.preprocess(images));
 * }
 * }</pre>
 *
 * {@link #maps} and {@link #map} see the whole network, once a call, and do all of that. The methods of {@link Net} compute
 * one operation each, for what lies between networks.
 *
 * <p>Results are those of {@link Net.OnTape} with {@link Statistics#RUNNING}, bit for bit but for batch norm, which is
 * rounded once less where it is folded. They are the caller's, in its current scope.
 *
 * <p>Several threads may use one inference at once. What was packed is packed anew once a parameter was written; whoever
 * writes one must be alone.
 */
public final class Inference implements Net<Tensor>, AutoCloseable {
  private final PackedUnits units;

  /** Nothing packed yet. */
  public Inference() {
    this(false);
  }

  private Inference(boolean winograd) {
    units = new PackedUnits(winograd);
  }

  /**
   * The same with convolutions of 3 x 3 at stride 1 and 16 channels or more in {@link org.ondol.ops.Winograd}'s mode, which
   * is faster and rounds differently: each such result has about ten times the error. Still the same bits on every device.
   */
  public static Inference winograd() {
    return new Inference(true);
  }

  /** The results of a network for an image. */
  public List<Tensor> maps(Network network, Tensor image) {
    MapGraph graph = new MapGraph();
    return graph.run(units, network.of(graph, graph.given(image)));
  }

  /** The result of a network for an image. */
  public Tensor map(Network.Single network, Tensor image) {
    return once(graph -> network.of(graph, graph.given(image)));
  }

  private Tensor once(Function<MapGraph, MapGraph.Node> operation) {
    MapGraph graph = new MapGraph();
    return graph.run(units, List.of(operation.apply(graph))).getFirst();
  }

  @Override
  public Tensor conv(Tensor x, ConvUnit unit) {
    return once(g -> g.conv(g.given(x), unit));
  }

  @Override
  public Tensor conv(Tensor x, ConvUnit unit, Tensor residual) {
    return once(g -> g.conv(g.given(x), unit, g.given(residual)));
  }

  @Override
  public Tensor deconv(Tensor x, DeconvUnit unit) {
    return once(g -> g.deconv(g.given(x), unit));
  }

  @Override
  public Tensor maxPool(Tensor x, PoolGeometry geometry) {
    return once(g -> g.maxPool(g.given(x), geometry));
  }

  @Override
  public Tensor averagePool(Tensor x, PoolGeometry geometry) {
    return once(g -> g.averagePool(g.given(x), geometry));
  }

  @Override
  public Tensor globalAverage(Tensor x) {
    return once(g -> g.globalAverage(g.given(x)));
  }

  @Override
  public Tensor add(Tensor x, Tensor y) {
    return once(g -> g.add(g.given(x), g.given(y)));
  }

  @Override
  public Tensor concat(List<Tensor> maps) {
    return once(g -> g.concat(maps.stream().map(g::given).toList()));
  }

  @Override
  public Tensor channels(Tensor x, long from, long to) {
    return once(g -> g.channels(g.given(x), from, to));
  }

  @Override
  public Tensor resize(Tensor x, Resize.Target target, Resize.Options options) {
    return once(g -> g.resize(g.given(x), target, options));
  }

  @Override
  public Tensor crop(Tensor x, long top, long left, long height, long width) {
    return once(g -> g.crop(g.given(x), top, left, height, width));
  }

  @Override
  public Tensor apply(Op op, double param, Tensor x) {
    return once(g -> g.apply(op, param, g.given(x)));
  }

  @Override
  public Tensor prelu(Tensor x, Parameter slope) {
    return once(g -> g.prelu(g.given(x), slope));
  }

  @Override
  public Tensor dropout(Tensor x, double probability) {
    return once(g -> g.dropout(g.given(x), probability));
  }

  @Override
  public Tensor batchNorm(Tensor x, NormUnit unit) {
    return once(g -> g.batchNorm(g.given(x), unit));
  }

  @Override
  public long size(Tensor x, int dim) {
    if (x == null) throw new InvalidArgumentException("x", "null", "a tensor");
    return x.size(dim);
  }

  /** Frees what was packed. */
  @Override
  public void close() {
    units.close();
  }
}
