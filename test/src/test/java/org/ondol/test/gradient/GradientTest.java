package org.ondol.test.gradient;

import static org.junit.jupiter.api.Assertions.fail;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.ops.Attention;
import org.ondol.ops.BatchNorm;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Embedding;
import org.ondol.ops.Gemm;
import org.ondol.ops.LayerNorm;
import org.ondol.ops.Lstm;
import org.ondol.ops.Reduce;
import org.ondol.ops.Resize;
import org.ondol.ops.Softmax;
import org.ondol.test.oracle.AttentionCase;
import org.ondol.test.oracle.AttentionOracle;
import org.ondol.test.oracle.BatchNormOracle;
import org.ondol.test.oracle.ElementwiseOracle;
import org.ondol.test.oracle.GemmOracle;
import org.ondol.test.oracle.LayerNormOracle;
import org.ondol.test.oracle.LstmOracle;
import org.ondol.test.oracle.ReduceOracle;
import org.ondol.test.oracle.ResizeOracle;
import org.ondol.test.oracle.SoftmaxOracle;
import org.ondol.test.page.PageResize;
import org.ondol.test.parity.AttentionCases;
import org.ondol.test.support.Operands;
import org.ondol.test.support.TestDevices;

/**
 * Every gradient against central differences of the float64 oracle's forward pass: with L = sum of dy times the output, the
 * derivative of L by each element of each operand. Operands are float32, so a step of 2^-10 is exact where the operand is
 * rounded to 2^-13; the difference quotient is then good to about h^2 |f'''| / 6.
 */
class GradientTest {
  private static final double STEP = 0x1p-10;

  private final Random random = new Random(7);

  /** Values of magnitude up to 2 that stay exact when a step is added. */
  private float[] values(int n) {
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (random.nextInt(1 << 15) - (1 << 14)) * 0x1p-13f;
    }
    return x;
  }

  static double dot(double[] y, float[] dy) {
    double sum = 0;
    for (int i = 0; i < dy.length; i++) {
      sum += y[i] * dy[i];
    }
    return sum;
  }

  /** Central differences of a loss by the elements of x, which is changed and put back. */
  static double[] differences(float[] x, ToDoubleFunction<float[]> loss) {
    double[] d = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      float keep = x[i];
      x[i] = (float) (keep + STEP);
      double up = loss.applyAsDouble(x);
      x[i] = (float) (keep - STEP);
      double down = loss.applyAsDouble(x);
      x[i] = keep;
      d[i] = (up - down) / (2 * STEP);
    }
    return d;
  }

  static void close(String what, Device device, Tensor actual, double[] expected) {
    float[] values = actual.toFloats();
    for (int i = 0; i < expected.length; i++) {
      if (!(Math.abs(values[i] - expected[i]) <= 2e-4 * (1 + Math.abs(expected[i])))) {
        fail("%s on %s: element %d is %s, central differences give %s".formatted(what, device, i, values[i], expected[i]));
      }
    }
  }

  static DynamicNode onEveryDevice(String name, java.util.function.Consumer<Device> test) {
    return DynamicTest.dynamicTest(name, () -> {
      for (Device device : TestDevices.available()) {
        try (Scope scope = Scope.open()) {
          test.accept(device);
        }
      }
    });
  }

  @TestFactory
  List<DynamicNode> elementwise() {
    record Pair(Elementwise.Op gradient, String forward, boolean fromOutput) {}
    List<DynamicNode> tests = new ArrayList<>();
    for (Pair p : List.of(new Pair(Elementwise.Op.RELU_GRAD, "relu", false), new Pair(Elementwise.Op.GELU_GRAD, "gelu", false),
        new Pair(Elementwise.Op.GELU_TANH_GRAD, "gelu_tanh", false), new Pair(Elementwise.Op.SILU_GRAD, "silu", false),
        new Pair(Elementwise.Op.SIGMOID_GRAD, "sigmoid", true), new Pair(Elementwise.Op.TANH_GRAD, "tanh", true))) {
      tests.add(onEveryDevice(p.forward, device -> {
        float[] x = values(60);
        float[] dy = values(60);
        for (int i = 0; i < x.length; i++) {
          x[i] = Math.abs(x[i]) < 2 * STEP ? 1 : x[i]; // relu has no derivative at 0
        }
        double[] expected = differences(x, v -> {
          double sum = 0;
          for (int i = 0; i < v.length; i++) {
            sum += ElementwiseOracle.value(p.forward, v[i], 0) * dy[i];
          }
          return sum;
        });
        Tensor tx = Tensor.of(device, x, 60);
        Tensor first = p.fromOutput ? Elementwise.apply(
            p.forward.equals("tanh") ? Elementwise.Op.TANH : Elementwise.Op.SIGMOID, tx) : tx;
        close(p.forward, device, Elementwise.apply(p.gradient, first, Tensor.of(device, dy, 60)), expected);
      }));
    }
    return tests;
  }

  @TestFactory
  List<DynamicNode> softmax() {
    List<DynamicNode> tests = new ArrayList<>();
    for (boolean log : new boolean[] {false, true}) {
      tests.add(onEveryDevice(log ? "log softmax" : "softmax", device -> {
        float[] x = values(3 * 21 * 2);
        float[] dy = values(x.length);
        double[] expected = differences(x, v -> dot(SoftmaxOracle.softmax(v, 3, 21, 2, log).value(), dy));
        Tensor tx = Tensor.of(device, x, 3, 21, 2);
        Tensor tdy = Tensor.of(device, dy, 3, 21, 2);
        close("dx", device, log ? Softmax.logBackward(Softmax.logSoftmax(tx, 1), tdy, 1)
            : Softmax.backward(Softmax.softmax(tx, 1), tdy, 1), expected);
      }));
    }
    return tests;
  }

  @TestFactory
  DynamicNode layernorm() {
    return onEveryDevice("layernorm", device -> {
      float[] x = values(4 * 19);
      float[] gamma = values(19);
      float[] beta = values(19);
      float[] dy = values(x.length);
      double eps = 1e-5;
      Tensor tx = Tensor.of(device, x, 4, 19);
      Tensor tg = Tensor.of(device, gamma, 19);
      LayerNorm.Result r = LayerNorm.forward(tx, tg, Tensor.of(device, beta, 19), eps);
      LayerNorm.Gradients g = LayerNorm.backward(tx, tg, Tensor.of(device, dy, 4, 19), r.mean(), r.rstd());
      close("dx", device, g.dx(), differences(x, v -> dot(LayerNormOracle.layernorm(v, 4, 19, gamma, beta, eps).y().value(), dy)));
      close("dgamma", device, g.dgamma(),
          differences(gamma, v -> dot(LayerNormOracle.layernorm(x, 4, 19, v, beta, eps).y().value(), dy)));
      close("dbeta", device, g.dbeta(),
          differences(beta, v -> dot(LayerNormOracle.layernorm(x, 4, 19, gamma, v, eps).y().value(), dy)));
    });
  }

  @TestFactory
  List<DynamicNode> lstm() {
    return List.of(onEveryDevice("one position", d -> lstm(d, new LstmOracle(4, 3, 1, 5, 1, 0, false))),
        onEveryDevice("a diagonal", d -> lstm(d, new LstmOracle(3, 2, 4, 3, 2, 1, false))),
        onEveryDevice("a row from below", d -> lstm(d, new LstmOracle(3, 1, 5, 4, 3, 1, true))),
        onEveryDevice("taps of one side", d -> lstm(d, new LstmOracle(2, 2, 3, 2, 3, 2, false))));
  }

  private void lstm(Device device, LstmOracle o) {
    int h = o.hidden();
    int state = o.sequences() * o.positions() * h;
    float[] x = values(4 * o.steps() * state);
    float[] weight = values(o.taps() * h * 4 * h);
    for (int i = 0; i < weight.length; i++) {
      weight[i] = Math.round(weight[i] * 0x1p11f) * 0x1p-13f; // a quarter: saturated gates have no gradient to speak of
    }
    float[] bias = values(4 * h);
    float[] h0 = values(state);
    float[] c0 = values(state);
    float[] dh = values(o.steps() * state);
    float[] dc = values(state);
    interface Pass {
      LstmOracle.Forward of(float[] x, float[] weight, float[] bias, float[] h0, float[] c0);
    }
    ToDoubleFunction<LstmOracle.Forward> loss = f -> dot(f.h().value(), dh) + dot(f.c().value(), dc);
    Pass pass = o::forward;
    long[] states = {o.sequences(), o.positions(), h};
    Lstm.Options options = new Lstm.Options(Tensor.of(device, bias, 4 * h), Tensor.of(device, h0, states),
        Tensor.of(device, c0, states), o.before(), o.reverse());
    Tensor k = Tensor.of(device, weight, o.taps(), h, 4 * h);
    Lstm.Training f = Lstm.forward(Tensor.of(device, x, o.steps(), o.sequences(), o.positions(), 4 * h), k, options);
    Lstm.Gradients g = Lstm.backward(k, options, f, Tensor.of(device, dh, o.steps(), o.sequences(), o.positions(), h),
        Tensor.of(device, dc, states));
    close("dx", device, g.dx(), differences(x, v -> loss.applyAsDouble(pass.of(v, weight, bias, h0, c0))));
    close("dweight", device, g.dweight(), differences(weight, v -> loss.applyAsDouble(pass.of(x, v, bias, h0, c0))));
    close("dbias", device, g.dbias(), differences(bias, v -> loss.applyAsDouble(pass.of(x, weight, v, h0, c0))));
    close("dh0", device, g.dh0(), differences(h0, v -> loss.applyAsDouble(pass.of(x, weight, bias, v, c0))));
    close("dc0", device, g.dc0(), differences(c0, v -> loss.applyAsDouble(pass.of(x, weight, bias, h0, v))));
  }

  @TestFactory
  List<DynamicNode> resize() {
    List<DynamicNode> tests = new ArrayList<>();
    for (Resize.Options options : List.of(Resize.Options.BILINEAR, Resize.Options.BILINEAR_ALIGNED, Resize.Options.NEAREST,
        Resize.Options.linear(Resize.Coordinates.TF_CROP_AND_RESIZE).region(new Resize.Region(-0.2, 0.1, 0.9, 1.3, 2)))) {
      tests.add(onEveryDevice(options.toString(), device -> {
        boolean linear = options.mode() == Resize.Mode.LINEAR;
        Resize.Region r = options.region();
        String coordinates = options.coordinates().name().toLowerCase(java.util.Locale.ROOT);
        var rows = new PageResize.Axis(5, 9, 9 / 5.0, 9, coordinates, linear ? null : "floor", r.top(), r.bottom());
        var columns = new PageResize.Axis(7, 4, 4 / 7.0, 4, coordinates, linear ? null : "floor", r.left(), r.right());
        float[] x = values(2 * 5 * 7);
        float[] dy = values(2 * 9 * 4);
        close("dx", device, Resize.backward(Tensor.of(device, dy, 2, 9, 4), 5, 7, Resize.Target.size(9, 4), options),
            differences(x, v -> dot(ResizeOracle.resize(v, 2, ResizeOracle.Axis.of(rows), ResizeOracle.Axis.of(columns),
                r.outside()).value(), dy)));
      }));
    }
    return tests;
  }

  @TestFactory
  List<DynamicNode> batchnorm() {
    List<DynamicNode> tests = new ArrayList<>();
    for (boolean training : new boolean[] {true, false}) {
      for (boolean relu : new boolean[] {true, false}) {
        tests.add(onEveryDevice((training ? "training" : "inference") + (relu ? " with relu" : ""),
            device -> batchnorm(device, training, relu)));
      }
    }
    return tests;
  }

  private void batchnorm(Device device, boolean training, boolean relu) {
    float[] x = values(3 * 4 * 10);
    float[] gamma = values(4);
    float[] beta = values(4);
    float[] mean = values(4);
    float[] variance = {0.5f, 1, 2, 0.25f};
    float[] dy = values(x.length);
    double eps = 1e-3;
    BatchNormOracle oracle = new BatchNormOracle(3, 4, 10);
    interface Pass {
      double[] y(float[] x, float[] gamma, float[] beta, boolean relu);
    }
    Pass pass = (a, b, c, cut) -> training ? oracle.train(a, b, c, eps, cut).y().value()
        : oracle.infer(a, b, c, mean, variance, eps, cut).value();
    double[] before = pass.y(x, gamma, beta, false);
    for (int i = 0; i < dy.length; i++) {
      dy[i] = relu && Math.abs(before[i]) < 0.05 ? 0 : dy[i]; // relu has no derivative at 0
    }
    long[] shape = {3, 4, 2, 5};
    Tensor tx = Tensor.of(device, x, shape);
    Tensor tg = Tensor.of(device, gamma, 4);
    Tensor tb = Tensor.of(device, beta, 4);
    Tensor tm = Tensor.of(device, mean, 4);
    Tensor tv = Tensor.of(device, variance, 4);
    BatchNorm.Result r = training ? BatchNorm.train(tx, tg, tb, eps, relu)
        : new BatchNorm.Result(BatchNorm.apply(tx, tg, tb, tm, tv, eps, relu), tm, tv, BatchNorm.rstd(tv, eps));
    BatchNorm.Gradients g = BatchNorm.backward(tx, tg, Tensor.of(device, dy, shape), relu ? r.y() : null, r.mean(), r.rstd(), training);
    close("dx", device, g.dx(), differences(x, v -> dot(pass.y(v, gamma, beta, relu), dy)));
    close("dgamma", device, g.dgamma(), differences(gamma, v -> dot(pass.y(x, v, beta, relu), dy)));
    close("dbeta", device, g.dbeta(), differences(beta, v -> dot(pass.y(x, gamma, v, relu), dy)));
  }

  @TestFactory
  DynamicNode gemm() {
    return onEveryDevice("gemm with a broadcast batch", device -> {
      float[] a = values(2 * 5 * 7);
      float[] b = values(7 * 6);
      float[] dc = values(2 * 5 * 6);
      Gemm.Gradients g = Gemm.backward(Tensor.of(device, a, 2, 5, 7), Tensor.of(device, b, 7, 6), Tensor.of(device, dc, 2, 5, 6));
      close("da", device, g.da(), differences(a, v -> dot(product(v, b), dc)));
      close("db", device, g.db(), differences(b, v -> dot(product(a, v), dc)));
    });
  }

  private static double[] product(float[] a, float[] b) {
    return GemmOracle.gemm(2, 5, 6, 7, a, b, true, 1, null, "none", null).value();
  }

  @TestFactory
  List<DynamicNode> reduce() {
    List<DynamicNode> tests = new ArrayList<>();
    for (Reduce.Op op : List.of(Reduce.Op.SUM, Reduce.Op.MEAN)) {
      tests.add(onEveryDevice(op.toString(), device -> {
        float[] x = values(3 * 18 * 2);
        float[] dy = values(6);
        String name = op.name().toLowerCase(java.util.Locale.ROOT);
        close("dx", device, Reduce.backward(op, Tensor.of(device, dy, 3, 2), 1, 18),
            differences(x, v -> dot(ReduceOracle.reduce(name, v, 3, 18, 2).value(), dy)));
      }));
    }
    return tests;
  }

  @TestFactory
  DynamicNode embedding() {
    return onEveryDevice("embedding", device -> {
      float[] table = values(6 * 5);
      long[] ids = {3, 0, 3, 5, 3};
      float[] dout = values(ids.length * 5);
      close("dtable", device, Embedding.backward(Tensor.of(device, dout, 5, 5), Tensor.of(device, ids, 5), 6),
          differences(table, v -> {
            double sum = 0;
            for (int i = 0; i < dout.length; i++) {
              sum += (double) v[(int) ids[i / 5] * 5 + i % 5] * dout[i];
            }
            return sum;
          }));
    });
  }

  @TestFactory
  List<DynamicNode> attention() {
    List<DynamicNode> tests = new ArrayList<>();
    for (var variant : List.<java.util.Map.Entry<String, Function<AttentionCase, AttentionCase>>>of(
        java.util.Map.entry("plain", p -> p),
        java.util.Map.entry("causal, bottom right", p -> {
          p.bottomRight = true;
          p.windowRight = 0;
          return p;
        }),
        java.util.Map.entry("softcap and alibi", p -> {
          p.softcap = 3;
          p.alibi = new float[] {0.25f, 0.5f, 0.125f, 1};
          return p;
        }),
        java.util.Map.entry("mask, window and lengths", p -> {
          p.maskShape = new int[] {1, 4, 1, 9};
          p.mask = new boolean[36];
          for (int i = 0; i < 36; i++) {
            p.mask[i] = i % 3 != 0;
          }
          p.windowLeft = 4;
          p.kvLengths = new long[] {9, 4};
          return p;
        }),
        java.util.Map.entry("bias broadcast over batch and rows", p -> {
          p.biasShape = new int[] {1, 4, 1, 9};
          p.bias = values(36);
          return p;
        }),
        java.util.Map.entry("dropout", p -> {
          p.dropout = 0.3;
          p.seed = 99;
          return p;
        }))) {
      tests.add(onEveryDevice(variant.getKey(), device -> attention(device, variant.getValue().apply(attentionCase()))));
    }
    return tests;
  }

  private AttentionCase attentionCase() {
    AttentionCase p = new AttentionCase();
    p.batch = 2;
    p.heads = 4;
    p.kvHeads = 2;
    p.qLen = 5;
    p.kvLen = 9;
    p.headDim = 6;
    p.valueDim = 5;
    p.scale = 0.5;
    p.q = values(p.rowCount() * p.headDim);
    p.k = values(p.keyRowCount() * p.headDim);
    p.v = values(p.keyRowCount() * p.valueDim);
    p.dout = values(p.rowCount() * p.valueDim);
    return p;
  }

  private static void attention(Device device, AttentionCase p) {
    ToDoubleFunction<float[]> loss = changed -> dot(AttentionOracle.forward(p).out().value(), p.dout);
    try (Operands o = new Operands(device, 1)) {
      Tensor q = Tensor.of(device, p.q, p.batch, p.heads, p.qLen, p.headDim);
      Tensor k = Tensor.of(device, p.k, p.batch, p.kvHeads, p.kvLen, p.headDim);
      Tensor v = Tensor.of(device, p.v, p.batch, p.kvHeads, p.kvLen, p.valueDim);
      Tensor dout = Tensor.of(device, p.dout, p.batch, p.heads, p.qLen, p.valueDim);
      Attention.Options options = AttentionCases.options(o, p);
      Attention.Result forward = Attention.forward(q, k, v, options);
      Attention.Gradients g = Attention.backward(q, k, v, options, forward, dout, p.bias != null);
      close("dq", device, g.dq(), differences(p.q, loss));
      close("dk", device, g.dk(), differences(p.k, loss));
      close("dv", device, g.dv(), differences(p.v, loss));
      if (p.bias != null) {
        close("dbias", device, g.dbias(), differences(p.bias, loss));
      }
    }
  }
}
