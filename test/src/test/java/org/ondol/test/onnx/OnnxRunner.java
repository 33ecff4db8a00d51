package org.ondol.test.onnx;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.LongStream;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.ops.Attention;
import org.ondol.ops.Attention.Alignment;
import org.ondol.ops.BatchNorm;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Embedding;
import org.ondol.ops.Gemm;
import org.ondol.ops.LayerNorm;
import org.ondol.ops.Nms;
import org.ondol.ops.Pool;
import org.ondol.ops.Reduce;
import org.ondol.ops.Resize;
import org.ondol.ops.Softmax;
import org.ondol.ops.TopK;

/** Runs a conformance case through Ondol's operations, as a converter from ONNX would map it. */
final class OnnxRunner {
  private final OnnxCase c;
  private final Device device;

  private OnnxRunner(OnnxCase c, Device device) {
    this.c = c;
    this.device = device;
  }

  /** The first outputs of the case, in row-major order; as many as the mapping gives. */
  static float[][] run(OnnxCase c, Device device) {
    try (Scope scope = Scope.open()) {
      return Arrays.stream(new OnnxRunner(c, device).outputs()).map(OnnxRunner::values).toArray(float[][]::new);
    }
  }

  /** Integers as floats, which hold the small indices of the cases exactly. */
  private static float[] values(Tensor t) {
    if (!t.dtype().isIndex()) return t.toFloats();
    long[] longs = t.toLongs();
    float[] floats = new float[longs.length];
    for (int i = 0; i < floats.length; i++) floats[i] = longs[i];
    return floats;
  }

  private Tensor[] outputs() {
    return switch (c.op()) {
      case "Attention" -> attention();
      case "Conv" -> new Tensor[] {OnnxConv.conv(c, floats(0), floats(1), floats(2))};
      case "ConvTranspose" -> new Tensor[] {OnnxConv.convTranspose(c, floats(0), floats(1), floats(2))};
      case "MaxPool" -> OnnxPool.max(c, floats(0));
      case "AveragePool" -> new Tensor[] {OnnxPool.average(c, floats(0))};
      case "GlobalAveragePool" -> new Tensor[] {Pool.globalAverage(floats(0))};
      case "Gemm" -> new Tensor[] {gemm()};
      case "MatMul" -> new Tensor[] {matmul()};
      case "Softmax" -> new Tensor[] {Softmax.softmax(floats(0), (int) c.intAttribute("axis", -1))};
      case "LogSoftmax" -> new Tensor[] {Softmax.logSoftmax(floats(0), (int) c.intAttribute("axis", -1))};
      case "LayerNormalization" -> layernorm();
      case "ReduceSum" -> new Tensor[] {reduce(Reduce.Op.SUM)};
      case "ReduceMean" -> new Tensor[] {reduce(Reduce.Op.MEAN)};
      case "ReduceMax" -> new Tensor[] {reduce(Reduce.Op.MAX)};
      case "Gather" -> new Tensor[] {gather()};
      case "Gelu" -> new Tensor[] {Elementwise.apply(
          c.stringAttribute("approximate", "none").equals("tanh") ? Elementwise.Op.GELU_TANH : Elementwise.Op.GELU, floats(0))};
      case "Add", "Sub", "Mul", "Div" -> new Tensor[] {Elementwise.apply(op(), floats(0), floats(1))};
      case "Resize" -> new Tensor[] {resize()};
      case "BatchNormalization" -> batchnorm();
      case "NonMaxSuppression" -> new Tensor[] {nms()};
      case "TopK" -> topk();
      case "LSTM" -> OnnxLstm.run(c, device);
      case "RoiAlign" -> new Tensor[] {OnnxRoiAlign.run(c, floats(0), floats(1))};
      default -> new Tensor[] {Elementwise.apply(op(), floats(0))};
    };
  }

  private Elementwise.Op op() {
    return Elementwise.Op.valueOf(c.op().toUpperCase(Locale.ROOT));
  }

  private Tensor floats(int i) {
    OnnxValue v = c.input(i);
    return v == null ? null : Tensor.of(device, v.floats(), v.dims());
  }

  private Tensor gemm() {
    Tensor a = c.intAttribute("transA", 0) != 0 ? floats(0).transpose(0, 1) : floats(0);
    Tensor b = c.intAttribute("transB", 0) != 0 ? floats(1).transpose(0, 1) : floats(1);
    Gemm.Epilogue epilogue = Gemm.Epilogue.NONE.alpha(c.floatAttribute("alpha", 1));
    if (c.input(2) != null) {
      Tensor bias = Elementwise.scale(floats(2), c.floatAttribute("beta", 1)).expand(a.size(0), b.size(1));
      epilogue = epilogue.residual(bias.copy());
    }
    return Gemm.matmul(a, b, epilogue);
  }

  /** A vector is a matrix of one row or column whose dimension disappears from the result. */
  private Tensor matmul() {
    Tensor a = floats(0);
    Tensor b = floats(1);
    if (a.rank() == 1) {
      return Gemm.matmul(a.unsqueeze(0), b).squeeze(-2);
    }
    return b.rank() == 1 ? Gemm.matmul(a, b.unsqueeze(1)).squeeze(-1) : Gemm.matmul(a, b);
  }

  /** Over everything from the axis on, which is one dimension once flattened. */
  private Tensor[] layernorm() {
    Tensor x = floats(0);
    int axis = (int) c.intAttribute("axis", -1);
    axis = axis < 0 ? axis + x.rank() : axis;
    long n = Arrays.stream(x.shape()).skip(axis).reduce(1, (p, q) -> p * q);
    Tensor beta = c.input(2) == null ? null : floats(2).reshape(n);
    LayerNorm.Result r = LayerNorm.forward(x.reshape(-1, n), floats(1).reshape(n), beta, c.floatAttribute("epsilon", 1e-5f));
    return new Tensor[] {r.y(), r.mean(), r.rstd()};
  }

  private Tensor reduce(Reduce.Op op) {
    Tensor x = floats(0);
    OnnxValue axes = c.input(1);
    if (axes == null || axes.longs().length == 0) {
      return c.intAttribute("noop_with_empty_axes", 0) != 0 ? x : Reduce.apply(op, x.reshape(x.count()), 0, true);
    }
    Tensor y = x;
    for (long axis : axes.longs()) {
      y = Reduce.apply(op, y, (int) axis, true);
    }
    return y;
  }

  /** Of the last two axes of four, which is all that the cases ask for. */
  private Tensor resize() {
    boolean sizes = c.input(3) != null;
    double[] wanted = new double[4];
    for (int d = 0; d < 4; d++) {
      wanted[d] = sizes ? c.input(0).dims()[d] : 1;
    }
    long[] axes = c.attributes().containsKey("axes") ? c.intsAttribute("axes") : new long[] {0, 1, 2, 3};
    for (int i = 0; i < axes.length; i++) {
      wanted[(int) axes[i]] = sizes ? c.input(3).longs()[i] : c.input(2).floats()[i];
    }
    Resize.Fit fit = !sizes ? Resize.Fit.SCALE
        : Resize.Fit.valueOf(c.stringAttribute("keep_aspect_ratio_policy", "stretch").toUpperCase(Locale.ROOT));
    return Resize.apply(floats(0), new Resize.Target(fit, wanted[2], wanted[3]), resizeOptions());
  }

  private Resize.Options resizeOptions() {
    Resize.Region region = Resize.Region.ALL;
    OnnxValue roi = c.input(1);
    if (roi != null && roi.floats().length == 8) {
      float[] r = roi.floats();
      region = new Resize.Region(r[2], r[3], r[6], r[7], c.floatAttribute("extrapolation_value", 0));
    }
    return new Resize.Options(Resize.Mode.valueOf(c.stringAttribute("mode", "nearest").toUpperCase(Locale.ROOT)),
        Resize.Coordinates.valueOf(c.stringAttribute("coordinate_transformation_mode", "half_pixel").toUpperCase(Locale.ROOT)),
        Resize.Rounding.valueOf(c.stringAttribute("nearest_mode", "round_prefer_floor").toUpperCase(Locale.ROOT)), region);
  }

  /** Left out, the greatest number of outputs is 0, the IoU threshold 0, and the scores have none. */
  private Tensor nms() {
    Nms.Options o = Nms.Options.DEFAULT.maxPerClass(c.input(2) == null ? 0 : c.input(2).longs()[0])
        .iouAbove(c.input(3) == null ? 0 : c.input(3).floats()[0])
        .scoreThreshold(c.input(4) == null ? Double.NEGATIVE_INFINITY : c.input(4).floats()[0])
        .format(c.intAttribute("center_point_box", 0) == 0 ? Nms.Format.ANY_CORNERS : Nms.Format.CENTER);
    return Nms.apply(floats(0), floats(1), o).indices();
  }

  private Tensor[] topk() {
    TopK.Result r = TopK.apply(floats(0), c.input(1).longs()[0], (int) c.intAttribute("axis", -1),
        c.intAttribute("largest", 1) != 0);
    return new Tensor[] {r.values(), r.indices()};
  }

  private Tensor[] batchnorm() {
    double eps = c.floatAttribute("epsilon", 1e-5f);
    if (c.intAttribute("training_mode", 0) == 0) {
      return new Tensor[] {BatchNorm.apply(floats(0), floats(1), floats(2), floats(3), floats(4), eps, false)};
    }
    Tensor mean = floats(3);
    Tensor variance = floats(4);
    BatchNorm.Result r = BatchNorm.train(floats(0), floats(1), floats(2), eps, false,
        BatchNorm.Running.onnx(mean, variance, c.floatAttribute("momentum", 0.9f)));
    return new Tensor[] {r.y(), mean, variance};
  }

  /** Along axis 0: rows of a table. Negative ids count from the end, which is the converter's to resolve. */
  private Tensor gather() {
    Tensor data = floats(0);
    long rows = data.size(0);
    long[] ids = Arrays.stream(c.input(1).longs()).map(i -> i < 0 ? i + rows : i).toArray();
    return Embedding.lookup(data.reshape(rows, data.count() / rows), Tensor.of(device, ids, ids.length));
  }

  private Tensor[] attention() {
    Tensor q = heads(floats(0), c.intAttribute("q_num_heads", 0));
    Tensor k = withPast(floats(4), heads(floats(1), c.intAttribute("kv_num_heads", 0)));
    Tensor v = withPast(floats(5), heads(floats(2), c.intAttribute("kv_num_heads", 0)));
    boolean causal = c.intAttribute("is_causal", 0) != 0;
    long past = k.size(2) - c.input(1).dims()[c.input(1).rank() - 2];
    Attention.Options options = Attention.Options.DEFAULT.softcap(c.floatAttribute("softcap", 0))
        .scale(c.attributes().containsKey("scale") ? c.floatAttribute("scale", 0) : Double.NaN);
    if (causal) {
      // With a past or a number of keys in use, ONNX counts the rows from the end of the keys.
      options = options.window(past > 0 || c.input(6) != null ? Alignment.BOTTOM_RIGHT : Alignment.TOP_LEFT, -1, 0);
    }
    if (c.input(6) != null) {
      options = options.lengths(c.input(6).longs());
    }
    options = mask(options, k.size(2));
    Tensor out = Attention.apply(q, k, v, options);
    Tensor merged = c.input(0).rank() == 3 ? out.transpose(1, 2) : out;
    return c.wants(1) ? new Tensor[] {merged, k, v} : new Tensor[] {merged};
  }

  /** [B, L, H D] as [B, H, L, D]; a tensor of rank 4 has its heads already. */
  private static Tensor heads(Tensor t, long heads) {
    return t.rank() == 4 ? t : t.reshape(t.size(0), t.size(1), heads, -1).transpose(1, 2);
  }

  private Tensor withPast(Tensor past, Tensor present) {
    if (past == null) {
      return present;
    }
    long[] shape = present.shape();
    shape[2] += past.size(2);
    Tensor all = Tensor.empty(device, shape);
    all.slice(2, 0, past.size(2)).assign(past);
    all.slice(2, past.size(2), shape[2]).assign(present);
    return all;
  }

  /** A boolean mask or a bias; keys that it does not reach are beyond the keys in use, so any value will do there. */
  private Attention.Options mask(Attention.Options options, long keys) {
    OnnxValue mask = c.input(3);
    if (mask == null) {
      return options;
    }
    if (mask.longs() != null) {
      return options.mask(Tensor.of(device, mask.booleans(), mask.dims()));
    }
    Tensor bias = floats(3);
    if (bias.size(-1) == keys || bias.size(-1) == 1) {
      return options.bias(bias);
    }
    long[] shape = LongStream.of(bias.shape()).toArray();
    shape[shape.length - 1] = keys;
    Tensor wide = Tensor.zeros(device, shape);
    wide.slice(-1, 0, bias.size(-1)).assign(bias);
    return options.bias(wide);
  }
}
