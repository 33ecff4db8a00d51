package org.ondol.test.parity;

import static org.ondol.test.parity.ParityCase.results;

import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import org.ondol.Shapes;
import org.ondol.Tensor;
import org.ondol.ops.Activation;
import org.ondol.ops.Gemm;
import org.ondol.ops.PackedMatrix;
import org.ondol.test.oracle.Bound;
import org.ondol.test.oracle.GemmOracle;
import org.ondol.test.page.PageGemm;
import org.ondol.test.support.Operands;
import org.ondol.test.support.Operands.Freedom;

/** Random matrix products: batches that broadcast, any strides, packed weights, every epilogue, in place on the residual. */
final class GemmCases implements ParityCase {
  private enum Form { MATMUL, INTO, INTO_RESIDUAL, PACKED }

  private final Form form;
  private final int m;
  private final int n;
  private final int k;
  private final long[] batch;
  private final long[] aBatch;
  private final long[] bBatch;
  private final float[] a;
  private final float[] b;
  private final float[] bias;
  private final float[] residual;
  private final Activation activation;
  private final double alpha;
  private final Draw.Fill fill;

  GemmCases(Draw d) {
    this(d, d.oneIn(5) ? 1 : d.sizeOrZero(130), d.sizeOrZero(130), d.sizeOrZero(d.oneIn(8) ? 600 : 130));
  }

  GemmCases(Draw d, int m, int n, int k) {
    this.m = m;
    this.n = n;
    this.k = k;
    form = d.of(Form.values());
    boolean large = (long) m * n * k > 10_000_000;
    long[] drawn = form == Form.PACKED || large ? new long[0] : d.random().longs(d.of(0, 0, 1, 2, 3, 4), 1, 4).toArray();
    aBatch = broadcastable(d, drawn);
    bBatch = broadcastable(d, drawn);
    batch = Shapes.broadcast("batch", aBatch, bBatch);
    fill = d.fill();
    a = d.floats(fill, count(aBatch) * m * k);
    b = d.floats(fill, count(bBatch) * k * n);
    bias = d.oneIn(2) ? null : d.floats(Draw.Fill.TAME, n);
    residual = form == Form.INTO_RESIDUAL || d.oneIn(3) ? d.floats(Draw.Fill.TAME, count(batch) * m * n) : null;
    activation = d.oneIn(2) ? Activation.NONE : d.of(Activation.values());
    alpha = d.oneIn(2) ? 1 : d.of(0.125, -0.7, 0.0);
  }

  private static long[] broadcastable(Draw d, long[] full) {
    long[] s = Arrays.copyOfRange(full, d.oneIn(3) ? d.below(full.length + 1) : 0, full.length);
    return Arrays.stream(s).map(x -> d.oneIn(3) ? 1 : x).toArray();
  }

  private static int count(long[] shape) {
    return (int) Arrays.stream(shape).reduce(1, (x, y) -> x * y);
  }

  private static long[] shape(long[] batch, long rows, long columns) {
    long[] s = Arrays.copyOf(batch, batch.length + 2);
    s[batch.length] = rows;
    s[batch.length + 1] = columns;
    return s;
  }

  /** The operand's matrices repeated until there is one for each of the result's. */
  private float[] expanded(float[] x, long[] from, int matrix) {
    int total = count(batch);
    float[] out = new float[total * matrix];
    for (int t = 0; t < total; t++) {
      int at = 0;
      int step = 1;
      int rest = t;
      for (int i = batch.length - 1, j = from.length - 1; j >= 0; i--, j--) {
        at += from[j] == 1 ? 0 : (int) (rest % batch[i]) * step;
        rest /= (int) batch[i];
        step *= (int) from[j];
      }
      System.arraycopy(x, at * matrix, out, t * matrix, matrix);
    }
    return out;
  }

  @Override
  public String describe() {
    return "gemm " + form + " m=" + m + " n=" + n + " k=" + k + " batch=" + Arrays.toString(batch) + " a="
        + Arrays.toString(aBatch) + " b=" + Arrays.toString(bBatch) + " alpha=" + alpha + " " + activation
        + (bias == null ? "" : " bias") + (residual == null ? "" : " residual") + " " + fill;
  }

  private String activationName() {
    return activation.name().toLowerCase(Locale.ROOT);
  }

  @Override
  public Map<String, float[]> page() {
    return results("c", PageGemm.gemm(count(batch), m, n, k, expanded(a, aBatch, m * k), expanded(b, bBatch, k * n), false,
        (float) alpha, bias, activationName(), residual));
  }

  @Override
  public Map<String, Bound.Values> oracle() {
    return fill.finite() ? Map.of("c", GemmOracle.gemm(count(batch), m, n, k, expanded(a, aBatch, m * k),
        expanded(b, bBatch, k * n), false, (float) alpha, bias, activationName(), residual)) : Map.of();
  }

  @Override
  public Map<String, float[]> run(Operands o) {
    Freedom aFreedom = form == Form.PACKED ? Freedom.UNIT_LAST : Freedom.ANY;
    Tensor ta = o.input("a", a, aFreedom, shape(aBatch, m, k));
    Tensor tb = o.input("b", b, Freedom.ANY, shape(bBatch, k, n));
    Tensor tbias = o.input("bias", bias, Freedom.ANY, n);
    long[] shape = shape(batch, m, n);
    Gemm.Epilogue epilogue = new Gemm.Epilogue(tbias, activation, null, alpha);
    if (form == Form.INTO_RESIDUAL) {
      Tensor c = o.adopt(Tensor.of(o.device(), residual, shape));
      Gemm.matmulInto(ta, tb, epilogue.residual(c), c);
      return results("c", c);
    }
    epilogue = epilogue.residual(o.input("residual", residual, Freedom.UNIT_LAST, shape));
    if (form == Form.INTO) {
      Tensor c = o.output("c", Freedom.UNIT_LAST, shape);
      Gemm.matmulInto(ta, tb, epilogue, c);
      return results("c", c);
    }
    o.poison(shape);
    if (form == Form.MATMUL) {
      return results("c", o.adopt(Gemm.matmul(ta, tb, epilogue)));
    }
    try (PackedMatrix packed = PackedMatrix.of(tb)) {
      o.poison(shape);
      return results("c", o.adopt(Gemm.linear(ta, packed, epilogue)));
    }
  }
}
