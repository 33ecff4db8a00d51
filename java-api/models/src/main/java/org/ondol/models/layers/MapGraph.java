package org.ondol.models.layers;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.grad.Parameter;
import org.ondol.ops.Activation;
import org.ondol.ops.Conv;
import org.ondol.ops.Deconv;
import org.ondol.ops.Elementwise.Op;
import org.ondol.ops.Pool;
import org.ondol.ops.PoolGeometry;
import org.ondol.ops.Resize;

/** A network of maps as a graph: what it computes is known as a whole before anything is computed. Serves one run. */
final class MapGraph implements Net<MapGraph.Node> {
  /** What a node does with its operands. */
  sealed interface Step {
    /** A map from outside. */
    record Given(Tensor map) implements Step {}

    /** Of a second operand: a residual. */
    record Convolve(ConvUnit unit) implements Step {}

    record Transposed(DeconvUnit unit) implements Step {}

    record Windows(boolean max, PoolGeometry geometry) implements Step {}

    record GlobalAverage() implements Step {}

    record Sum() implements Step {}

    record Concat() implements Step {}

    record Channels(long from, long to) implements Step {}

    record Resized(Resize.Target target, Resize.Options options) implements Step {}

    record Crop(long top, long left) implements Step {}

    record Unary(Op op, double param) implements Step {}

    record Prelu(Parameter slope) implements Step {}

    /** @param relu whether one follows */
    record Norm(NormUnit unit, boolean relu) implements Step {}
  }

  /** A map. */
  static final class Node {
    Step step;
    List<Node> from;
    final long[] shape;
    /** Nodes and callers that still want it. */
    int uses;
    /** The concatenation that this map is a part of, and where it begins there; or null. */
    Node host;
    long channel;
    /** The map, from when it is first written on; or null. */
    Tensor value;

    private Node(Step step, List<Node> from, long[] shape) {
      this.step = step;
      this.from = from;
      this.shape = shape;
    }
  }

  /** In the order in which they were made: operands first. */
  private final List<Node> nodes = new ArrayList<>();

  private Node add(Step step, long[] shape, Node... from) {
    return add(step, shape, List.of(from));
  }

  private Node add(Step step, long[] shape, List<Node> from) {
    Node node = new Node(step, from, shape);
    nodes.add(node);
    return node;
  }

  Node given(Tensor map) {
    if (map == null) throw new InvalidArgumentException("map", "null", "a tensor");
    if (map.rank() != 4) throw new ShapeException("map", "of shape " + Arrays.toString(map.shape()), "[N, C, H, W]");
    return add(new Step.Given(map), map.shape());
  }

  @Override
  public Node conv(Node x, ConvUnit unit) {
    return add(new Step.Convolve(unit), shape(x, unit), x);
  }

  @Override
  public Node conv(Node x, ConvUnit unit, Node residual) {
    long[] shape = shape(x, unit);
    same("residual", residual, shape);
    return add(new Step.Convolve(unit), shape, x, residual);
  }

  private static long[] shape(Node x, ConvUnit unit) {
    return Conv.outputShape(x.shape, unit.weight().tensor(), unit.geometry());
  }

  @Override
  public Node deconv(Node x, DeconvUnit unit) {
    return add(new Step.Transposed(unit), Deconv.outputShape(x.shape, unit.weight().tensor(), unit.geometry(),
        unit.outputPaddingH(), unit.outputPaddingW()), x);
  }

  @Override
  public Node maxPool(Node x, PoolGeometry geometry) {
    return add(new Step.Windows(true, geometry), Pool.outputShape(geometry, x.shape), x);
  }

  @Override
  public Node averagePool(Node x, PoolGeometry geometry) {
    return add(new Step.Windows(false, geometry), Pool.outputShape(geometry, x.shape), x);
  }

  @Override
  public Node globalAverage(Node x) {
    return add(new Step.GlobalAverage(), new long[] {x.shape[0], x.shape[1], 1, 1}, x);
  }

  @Override
  public Node add(Node x, Node y) {
    same("y", y, x.shape);
    return add(new Step.Sum(), x.shape.clone(), x, y);
  }

  private static void same(String argument, Node node, long[] shape) {
    if (!Arrays.equals(node.shape, shape)) {
      throw new ShapeException(argument, "of shape " + Arrays.toString(node.shape), Arrays.toString(shape));
    }
  }

  @Override
  public Node concat(List<Node> maps) {
    if (maps.isEmpty()) throw new InvalidArgumentException("maps", "empty", "at least one map");
    long[] shape = maps.getFirst().shape.clone();
    for (Node part : maps.subList(1, maps.size())) {
      shape[1] = part.shape[1];
      same("maps", part, shape);
    }
    shape[1] = maps.stream().mapToLong(m -> m.shape[1]).sum();
    return add(new Step.Concat(), shape, maps);
  }

  @Override
  public Node channels(Node x, long from, long to) {
    if (from < 0 || to < from || to > x.shape[1]) {
      throw new InvalidArgumentException("channels", from + " to " + to, "within 0 to " + x.shape[1]);
    }
    return add(new Step.Channels(from, to), new long[] {x.shape[0], to - from, x.shape[2], x.shape[3]}, x);
  }

  @Override
  public Node resize(Node x, Resize.Target target, Resize.Options options) {
    return add(new Step.Resized(target, options), Resize.outputShape(target, options, x.shape), x);
  }

  @Override
  public Node crop(Node x, long top, long left, long height, long width) {
    if (top < 0 || left < 0 || height < 1 || width < 1 || top > x.shape[2] - height || left > x.shape[3] - width) {
      throw new InvalidArgumentException("crop", height + " x " + width + " at row " + top + ", column " + left,
          "a part of " + x.shape[2] + " x " + x.shape[3]);
    }
    return add(new Step.Crop(top, left), new long[] {x.shape[0], x.shape[1], height, width}, x);
  }

  @Override
  public Node apply(Op op, double param, Node x) {
    if (op == null || op.operands() != 1) throw new InvalidArgumentException("op", op, "a unary operation");
    return add(new Step.Unary(op, param), x.shape.clone(), x);
  }

  @Override
  public Node prelu(Node x, Parameter slope) {
    if (slope == null) throw new InvalidArgumentException("slope", "null", "a parameter");
    return add(new Step.Prelu(slope), x.shape.clone(), x);
  }

  @Override
  public Node dropout(Node x, double probability) {
    return x;
  }

  @Override
  public Node batchNorm(Node x, NormUnit unit) {
    if (unit == null) throw new InvalidArgumentException("unit", "null", "a unit");
    return add(new Step.Norm(unit, false), x.shape.clone(), x);
  }

  @Override
  public long size(Node x, int dim) {
    return x.shape[dim < 0 ? dim + 4 : dim];
  }

  // ---- planning

  /** Computes the wanted maps, into the caller's scope. */
  List<Tensor> run(PackedUnits units, List<Node> wanted) {
    List<Node> live = live(wanted);
    live.forEach(MapGraph::fuse);
    live.removeIf(n -> n.uses == 0);
    live.forEach(MapGraph::place);
    MapKernels kernels = new MapKernels(units);
    try (Scope scope = Scope.open()) {
      for (Node node : live) {
        kernels.compute(node);
        node.from.forEach(MapGraph::release);
      }
      List<Tensor> results = new ArrayList<>();
      for (Node node : wanted) {
        // One node may be wanted twice; each caller's tensor is its own.
        Tensor t = node.value;
        results.add(scope.keep(t.view(t.offset(), t.shape(), t.strides())));
      }
      return results;
    }
  }

  /** What leads to the wanted maps, with its uses counted. */
  private List<Node> live(List<Node> wanted) {
    wanted.forEach(n -> n.uses++);
    List<Node> live = new ArrayList<>();
    for (int i = nodes.size() - 1; i >= 0; i--) {
      Node node = nodes.get(i);
      if (node.uses == 0) continue;
      live.add(node);
      node.from.forEach(n -> n.uses++);
    }
    return live.reversed();
  }

  private static void release(Node node) {
    if (--node.uses == 0) node.value.close();
  }

  /** Makes a sum, an activation or a relu part of the operand that nobody else wants. */
  private static void fuse(Node node) {
    switch (node.step) {
      case Step.Sum s -> {
        if (!residual(node, node.from.get(0), node.from.get(1))) residual(node, node.from.get(1), node.from.get(0));
      }
      case Step.Unary u -> activate(node, u.op, node.from.getFirst());
      default -> { }
    }
  }

  private static boolean residual(Node sum, Node conv, Node other) {
    if (conv.uses != 1 || conv == other || conv.from.size() != 1) return false;
    if (!(conv.step instanceof Step.Convolve c) || c.unit.activation() != Activation.NONE) return false;
    become(sum, conv, c, List.of(conv.from.getFirst(), other));
    return true;
  }

  private static void activate(Node node, Op op, Node operand) {
    Activation activation = switch (op) {
      case RELU -> Activation.RELU;
      case GELU -> Activation.GELU;
      case GELU_TANH -> Activation.GELU_TANH;
      case SIGMOID -> Activation.SIGMOID;
      case TANH -> Activation.TANH;
      case SILU -> Activation.SILU;
      default -> null;
    };
    if (activation == null || operand.uses != 1) return;
    switch (operand.step) {
      case Step.Convolve c when c.unit.activation() == Activation.NONE ->
          become(node, operand, new Step.Convolve(c.unit.activation(activation)), operand.from);
      case Step.Transposed t when t.unit.activation() == Activation.NONE ->
          become(node, operand, new Step.Transposed(t.unit.activation(activation)), operand.from);
      case Step.Norm n when op == Op.RELU && !n.relu ->
          become(node, operand, new Step.Norm(n.unit, true), operand.from);
      default -> { }
    }
  }

  /** The node does its operand's work too. */
  private static void become(Node node, Node operand, Step step, List<Node> from) {
    operand.uses = 0;
    node.step = step;
    node.from = from;
  }

  /** Maps that are only ever written lie in the concatenation of which they are a part. */
  private static void place(Node node) {
    if (!(node.step instanceof Step.Concat)) return;
    long at = 0;
    for (Node part : node.from) {
      boolean view = part.step instanceof Step.Given || part.step instanceof Step.Channels || part.step instanceof Step.Crop;
      if (part.host == null && !view) {
        part.host = node;
        part.channel = at;
      }
      at += part.shape[1];
    }
  }
}
