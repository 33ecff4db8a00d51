package org.ondol.bench.peers;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.ondol.bench.peers.OnnxNet.Map4;
import org.ondol.grad.Parameter;
import org.ondol.models.layers.ConvUnit;
import org.ondol.ops.Activation;
import org.ondol.ops.Conv;
import org.ondol.ops.Pool;
import org.ondol.ops.PoolGeometry;

/** Writes a network of Ondol's as an ONNX graph, node by node what an exporter would write. */
public final class OnnxNet extends PeerNet<Map4> {
  private static final int OPSET = 17;

  /**
   * A map.
   *
   * @param name of the value
   * @param flat whether the value is a matrix [N, C], as a dense layer leaves it
   */
  public record Map4(String name, long[] shape, boolean flat) {}

  private final OnnxGraph graph = new OnnxGraph(OPSET);
  private final Set<String> constants = new HashSet<>();

  public Map4 input(String name, long... shape) {
    return new Map4(graph.input(name, shape), shape, false);
  }

  /** The model whose answer this map is. */
  public byte[] bytes(Map4 answer) {
    long[] shape = answer.flat ? new long[] {answer.shape[0], answer.shape[1]} : answer.shape;
    return graph.bytes(answer.name, shape);
  }

  private String constant(Parameter p, long... shape) {
    return constants.add(p.name()) ? graph.constant(p.name(), p.tensor().toFloats(), shape) : p.name();
  }

  @Override
  public Map4 conv(Map4 x, ConvUnit unit) {
    if (unit.norm() != null || unit.bias() == null) throw new UnsupportedOperationException("batch norm");
    long[] w = unit.weight().tensor().shape();
    String bias = constant(unit.bias(), w[0]);
    if (dense(unit, x.shape[2], x.shape[3])) {
      String rows = x.flat ? x.name : graph.node("Flatten", Map.of("axis", 1L), x.name);
      String y = graph.node("Gemm", Map.of("transB", 1L), rows, constant(unit.weight(), w[0], w[1] * w[2] * w[3]), bias);
      return new Map4(activated(y, unit), new long[] {x.shape[0], w[0], 1, 1}, true);
    }
    var g = unit.geometry();
    String y = graph.node("Conv",
        Map.of("kernel_shape", new long[] {w[2], w[3]}, "strides", new long[] {g.strideH(), g.strideW()}, "dilations",
            new long[] {g.dilationH(), g.dilationW()}, "pads",
            new long[] {g.padTop(), g.padLeft(), g.padBottom(), g.padRight()}, "group", g.groups()),
        x.name, constant(unit.weight(), w), bias);
    return new Map4(activated(y, unit), Conv.outputShape(x.shape, unit.weight().tensor(), g), false);
  }

  private String activated(String y, ConvUnit unit) {
    if (unit.activation() == Activation.NONE) return y;
    if (unit.activation() != Activation.RELU || unit.slope() != 0) throw new UnsupportedOperationException("" + unit);
    return graph.node("Relu", y);
  }

  @Override
  public Map4 maxPool(Map4 x, PoolGeometry g) {
    String y = graph.node("MaxPool",
        Map.of("kernel_shape", new long[] {g.kernelH(), g.kernelW()}, "strides", new long[] {g.strideH(), g.strideW()},
            "pads", new long[] {g.padTop(), g.padLeft(), g.padBottom(), g.padRight()}, "ceil_mode", g.ceil() ? 1L : 0L),
        x.name);
    return new Map4(y, Pool.outputShape(g, x.shape), false);
  }

  @Override
  public Map4 globalAverage(Map4 x) {
    return new Map4(graph.node("GlobalAveragePool", x.name), new long[] {x.shape[0], x.shape[1], 1, 1}, false);
  }

  @Override
  public Map4 concat(List<Map4> maps) {
    long[] shape = maps.getFirst().shape.clone();
    shape[1] = maps.stream().mapToLong(m -> m.shape[1]).sum();
    return new Map4(graph.node("Concat", Map.of("axis", 1L), maps.stream().map(Map4::name).toArray(String[]::new)), shape, false);
  }

  @Override
  public long size(Map4 x, int dim) {
    return x.shape[dim < 0 ? dim + 4 : dim];
  }
}
