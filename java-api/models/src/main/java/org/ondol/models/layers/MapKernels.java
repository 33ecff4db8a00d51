package org.ondol.models.layers;

import org.ondol.Device;
import org.ondol.Tensor;
import org.ondol.ops.Activation;
import org.ondol.ops.BatchNorm;
import org.ondol.ops.Conv;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Deconv;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Elementwise.Op;
import org.ondol.ops.Gemm;
import org.ondol.ops.PackedFilter;
import org.ondol.ops.PackedMatrix;
import org.ondol.ops.Pool;
import org.ondol.ops.PoolGeometry;
import org.ondol.ops.Resize;
import org.ondol.ops.Winograd;
import org.ondol.models.layers.MapGraph.Node;
import org.ondol.models.layers.MapGraph.Step;
import org.ondol.models.layers.PackedUnits.Filters;

/** Computes the nodes of a {@link MapGraph}, each into the place that was chosen for it. */
final class MapKernels {
  private final PackedUnits units;

  MapKernels(PackedUnits units) {
    this.units = units;
  }

  /** Gives the node its value. The operands have theirs. */
  void compute(Node node) {
    switch (node.step) {
      case Step.Given g -> node.value = g.map().view(g.map().offset(), g.map().shape(), g.map().strides());
      case Step.Channels c -> node.value = operand(node).slice(1, c.from(), c.to());
      case Step.Crop c -> crop(node, c.top(), c.left());
      case Step.Concat c -> concat(node);
      case Step.Convolve c -> convolve(node, c.unit());
      case Step.Transposed t -> transposed(node, t.unit());
      case Step.Windows w -> windows(node, w.max(), w.geometry());
      case Step.GlobalAverage g -> put(node, Pool.globalAverage(operand(node)));
      case Step.Sum s -> Elementwise.run(Op.ADD, operand(node), node.from.get(1).value, target(node), 0);
      case Step.Unary u -> Elementwise.run(u.op(), operand(node), null, target(node), u.param());
      case Step.Prelu p -> prelu(node, p.slope().tensor());
      case Step.Resized r -> put(node, Resize.apply(operand(node), r.target(), r.options()));
      case Step.Norm n -> put(node, norm(operand(node), n.unit(), n.relu()));
    }
  }

  private static Tensor operand(Node node) {
    return node.from.getFirst().value;
  }

  /** Where a node's map is written: memory of its own, or its part of a concatenation. */
  private static Tensor target(Node node) {
    if (node.value == null) {
      node.value = node.host == null ? Tensor.empty(device(node), node.shape)
          : target(node.host).slice(1, node.channel, node.channel + node.shape[1]);
    }
    return node.value;
  }

  private static Device device(Node node) {
    Node first = node;
    while (first.value == null) first = first.from.getFirst();
    return first.value.device();
  }

  /** A map that was made elsewhere. */
  private static void put(Node node, Tensor made) {
    if (node.host == null) {
      node.value = made;
    } else {
      target(node).assign(made);
      made.close();
    }
  }

  private static void crop(Node node, long top, long left) {
    try (Tensor rows = operand(node).slice(2, top, top + node.shape[2])) {
      node.value = rows.slice(3, left, left + node.shape[3]);
    }
  }

  private static void concat(Node node) {
    Tensor all = target(node);
    long at = 0;
    for (Node part : node.from) {
      if (part.host != node || part.channel != at) {
        try (Tensor place = all.slice(1, at, at + part.shape[1])) {
          place.assign(part.value);
        }
      }
      at += part.shape[1];
    }
  }

  private void convolve(Node node, ConvUnit unit) {
    Tensor residual = node.from.size() == 1 ? null : node.from.get(1).value;
    PackedUnits.Packed packed = dense(node, unit) ? units.dense(unit) : units.of(unit);
    Conv.Epilogue epilogue = epilogue(packed, unit.activation(), unit.slope(), residual);
    switch (packed.filters()) {
      case Filters.Direct d -> Conv.into(operand(node), d.filter(), epilogue, target(node));
      case Filters.Tiled t -> Winograd.into(operand(node), t.filter(), epilogue, target(node));
      case Filters.Dense d -> product(node, d.matrix(), Gemm.Epilogue.bias(packed.bias()).activation(unit.activation()));
    }
  }

  /**
   * Whether filters see a whole map at once and nothing else: then a matrix product has the same chains, and reads the
   * filters once for all images.
   */
  private static boolean dense(Node node, ConvUnit unit) {
    ConvGeometry g = unit.geometry();
    long[] x = node.from.getFirst().shape;
    Tensor w = unit.weight().tensor();
    return node.from.size() == 1 && node.host == null && unit.slope() == 0 && g.groups() == 1 && w.size(2) == x[2]
        && w.size(3) == x[3] && g.padTop() == 0 && g.padLeft() == 0 && g.padBottom() == 0 && g.padRight() == 0;
  }

  private static void product(Node node, PackedMatrix matrix, Gemm.Epilogue epilogue) {
    try (Tensor rows = operand(node).reshape(node.shape[0], matrix.rows());
        Tensor y = target(node).reshape(node.shape[0], matrix.columns())) {
      Gemm.linearInto(rows, matrix, epilogue, y);
    }
  }

  private void transposed(Node node, DeconvUnit unit) {
    PackedUnits.Packed packed = units.of(unit);
    PackedFilter filter = ((Filters.Direct) packed.filters()).filter();
    Deconv.into(operand(node), filter, epilogue(packed, unit.activation(), unit.slope(), null), target(node));
  }

  private static Conv.Epilogue epilogue(PackedUnits.Packed packed, Activation activation, double slope, Tensor residual) {
    return new Conv.Epilogue(packed.bias(), activation, slope, residual);
  }

  private static void windows(Node node, boolean max, PoolGeometry geometry) {
    if (max) Pool.maxInto(operand(node), geometry, target(node));
    else Pool.averageInto(operand(node), geometry, target(node));
  }

  /** relu(x) - slope · relu(-x), as on a tape. */
  private static void prelu(Node node, Tensor slope) {
    Tensor x = operand(node);
    Tensor y = target(node);
    try (Tensor columns = slope.reshape(1, -1, 1, 1); Tensor negative = Elementwise.apply(Op.NEG, x)) {
      Elementwise.run(Op.RELU, negative, null, negative, 0);
      Elementwise.run(Op.MUL, columns, negative, negative, 0);
      Elementwise.run(Op.RELU, x, null, y, 0);
      Elementwise.run(Op.SUB, y, negative, y, 0);
    }
  }

  private static Tensor norm(Tensor x, NormUnit n, boolean relu) {
    return BatchNorm.apply(x, n.gamma().tensor(), n.beta().tensor(), n.mean().tensor(), n.variance().tensor(), n.eps(), relu);
  }
}
