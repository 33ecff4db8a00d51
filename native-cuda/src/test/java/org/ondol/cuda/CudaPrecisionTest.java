package org.ondol.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.UnsupportedOnDeviceException;
import org.ondol.cuda.PrecisionReference.Attended;
import org.ondol.cuda.PrecisionReference.Heads;
import org.ondol.cuda.PrecisionReference.Maps;
import org.ondol.ops.Activation;
import org.ondol.ops.Attention;
import org.ondol.ops.Conv;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Deconv;
import org.ondol.ops.FilterMask;
import org.ondol.ops.Gemm;
import org.ondol.ops.MaskedConv;
import org.ondol.ops.Precision;

/**
 * Products in each precision that a CUDA device (or its emulation) computes: no further from the float64 result than twice a plain
 * loop in that precision, plus a unit in the last place. One that it does not compute is refused by name.
 */
class CudaPrecisionTest {
  private static final long SEED = Long.getLong("ondol.test.seed", 20261129);

  private static Device cuda;

  private final Random random = new Random(SEED);

  @BeforeAll
  static void open() {
    cuda = EmulatedBackend.device();
  }

  /** Normal numbers that the precision's operands can hold. */
  private float[] operand(Precision p, int count) {
    float[] x = new float[count];
    for (int i = 0; i < count; i++) {
      x[i] = (float) random.nextGaussian();
      if (p.operands().isHalf()) x[i] = PrecisionReference.rounded(p, x[i]);
    }
    return x;
  }

  private static Tensor tensor(Precision p, float[] values, long... shape) {
    return Tensor.of(cuda, values, shape).to(p.operands());
  }

  /** Whether the device computes it; where not, that the call says so. */
  private static boolean computes(String op, Precision p, Runnable call) {
    if (cuda.kernels().computes(op, p)) return true;
    try (Scope scope = Scope.open()) {
      var refused = assertThrows(UnsupportedOnDeviceException.class, call::run);
      assertEquals(op, refused.op());
      assertTrue(refused.getMessage().contains("in precision " + p), refused.getMessage());
    }
    return false;
  }

  /** The rule of docs/arithmetic.md, Precisions. */
  private static void near(String what, Precision p, Tensor actual, double[] exact, double[] plain) {
    float[] y = actual.toFloats();
    assertEquals(exact.length, y.length, what);
    double error = 0;
    double allowed = 0;
    double largest = 0;
    for (int i = 0; i < y.length; i++) {
      largest = Math.max(largest, Math.abs(exact[i]));
      allowed = Math.max(allowed, Math.abs(plain[i] - exact[i]));
      assertTrue(Float.isFinite(y[i]), what + " " + i);
      error = Math.max(error, Math.abs(y[i] - exact[i]));
    }
    int fraction = p == Precision.BFLOAT16 ? 7 : p == Precision.FLOAT16 ? 10 : 23;
    double unit = Math.scalb(1.0, Math.getExponent(largest) - fraction);
    assertTrue(error <= 2 * allowed + unit, what + " in " + p + ": error " + error + ", of a plain loop " + allowed);
  }

  private static void near(String what, Precision p, Tensor actual, Function<PrecisionReference, double[]> reference) {
    near(what, p, actual, reference.apply(new PrecisionReference(null)), reference.apply(new PrecisionReference(p)));
  }

  @ParameterizedTest
  @EnumSource(names = "EXACT", mode = EnumSource.Mode.EXCLUDE)
  void gemm(Precision p) {
    for (int[] s : new int[][] {{33, 70, 100}, {128, 128, 64}, {1, 9, 300}, {130, 72, 17}}) {
      int m = s[0];
      int n = s[1];
      int k = s[2];
      float[] a = operand(p, m * k);
      float[] b = operand(p, k * n);
      float[] bias = operand(Precision.EXACT, n);
      float[] residual = operand(p, m * n);
      try (Scope scope = Scope.open()) {
        Gemm.Epilogue e = new Gemm.Epilogue(Tensor.of(cuda, bias, n), Activation.RELU, tensor(p, residual, m, n), 0.5, p);
        Tensor ta = tensor(p, a, m, k);
        Tensor tb = tensor(p, b, k, n);
        if (!computes("gemm", p, () -> Gemm.matmul(ta, tb, e))) return;
        near("gemm", p, Gemm.matmul(ta, tb, e), r -> r.gemm(a, b, bias, residual, m, n, k));
        Tensor turned = tensor(p, transposed(b, k, n), n, k).transpose(0, 1);
        near("gemm of a transpose", p, Gemm.matmul(ta, turned, e), r -> r.gemm(a, b, bias, residual, m, n, k));
      }
    }
  }

  private static float[] transposed(float[] x, int rows, int columns) {
    float[] y = new float[x.length];
    for (int i = 0; i < x.length; i++) y[i % columns * rows + i / columns] = x[i];
    return y;
  }

  @ParameterizedTest
  @EnumSource(names = "EXACT", mode = EnumSource.Mode.EXCLUDE)
  void conv(Precision p) {
    ConvGeometry strided = ConvGeometry.UNIT.stride(2, 1).padding(1, 2, 0, 1).dilation(1, 2).groups(2);
    conv(p, new Maps(2, 6, 11, 9, 40, 5, 10, 3, 2), strided);
    conv(p, new Maps(1, 17, 8, 8, 33, 8, 8, 3, 3), ConvGeometry.UNIT.padding(1));
    conv(p, new Maps(2, 64, 5, 6, 70, 5, 6, 1, 1), ConvGeometry.UNIT);
  }

  private void conv(Precision p, Maps s, ConvGeometry g) {
    int group = s.c() / (int) g.groups();
    float[] x = operand(p, s.n() * s.c() * s.h() * s.w());
    float[] w = operand(p, s.o() * group * s.kh() * s.kw());
    float[] dy = operand(p, s.n() * s.o() * s.oh() * s.ow());
    float[] bias = operand(Precision.EXACT, s.o());
    try (Scope scope = Scope.open()) {
      Tensor tx = tensor(p, x, s.n(), s.c(), s.h(), s.w());
      Tensor tw = tensor(p, w, s.o(), group, s.kh(), s.kw());
      Tensor tdy = tensor(p, dy, s.n(), s.o(), s.oh(), s.ow());
      Conv.Epilogue e = Conv.Epilogue.bias(Tensor.of(cuda, bias, s.o())).precision(p);
      if (!computes("conv", p, () -> Conv.apply(tx, tw, g, e))) return;
      near("conv", p, Conv.apply(tx, tw, g, e), r -> r.conv(s, g, null, x, w, bias));
      Conv.Gradients d = Conv.backward(tx, tw, tdy, g, Conv.Wanted.ALL, p);
      near("conv's dx", p, d.dx(), r -> r.deconv(s, g, null, dy, w));
      near("conv's dw", p, d.dw(), r -> r.convweight(s, g, null, x, dy));
    }
  }

  @ParameterizedTest
  @EnumSource(names = "EXACT", mode = EnumSource.Mode.EXCLUDE)
  void maskedconv(Precision p) {
    Maps s = new Maps(2, 12, 7, 6, 36, 7, 6, 3, 3);
    ConvGeometry g = ConvGeometry.UNIT.padding(1);
    float[] x = operand(p, 2 * 12 * 42);
    float[] w = operand(p, 36 * 12 * 9);
    float[] dy = operand(p, 2 * 36 * 42);
    boolean[] live = new boolean[w.length];
    for (int i = 0; i < live.length; i++) live[i] = random.nextInt(3) > 0;
    try (Scope scope = Scope.open();
        FilterMask mask = FilterMask.of(cuda, 36, 12, 3, 3, 1, (o, c, ky, kx) -> live[(int) (((o * 12 + c) * 3 + ky) * 3 + kx)])) {
      Tensor tx = tensor(p, x, 2, 12, 7, 6);
      Tensor tw = tensor(p, w, 36, 12, 3, 3);
      Tensor tdy = tensor(p, dy, 2, 36, 7, 6);
      Conv.Epilogue e = Conv.Epilogue.NONE.precision(p);
      if (!computes("maskedconv", p, () -> MaskedConv.apply(tx, tw, mask, g, e))) return;
      near("maskedconv", p, MaskedConv.apply(tx, tw, mask, g, e), r -> r.conv(s, g, live, x, w, null));
      Conv.Gradients d = MaskedConv.backward(tx, tw, mask, tdy, g, Conv.Wanted.ALL, p);
      near("maskedconv's dx", p, d.dx(), r -> r.deconv(s, g, live, dy, w));
      near("maskedconv's dw", p, d.dw(), r -> r.convweight(s, g, live, x, dy));
      float[] dw = d.dw().toFloats();
      for (int i = 0; i < dw.length; i++) if (!live[i]) assertEquals(0, Float.floatToRawIntBits(dw[i]), "dead entry " + i);
    }
  }

  /** Maps are named as of the conv whose gradient it is: the large one is x. */
  @ParameterizedTest
  @EnumSource(names = "EXACT", mode = EnumSource.Mode.EXCLUDE)
  void deconv(Precision p) {
    Maps s = new Maps(2, 20, 14, 11, 16, 7, 6, 4, 3);
    ConvGeometry g = ConvGeometry.UNIT.stride(2, 2).padding(1);
    float[] small = operand(p, 2 * 16 * 42);
    float[] w = operand(p, 16 * 20 * 12);
    float[] large = operand(p, 2 * 20 * 154);
    try (Scope scope = Scope.open()) {
      Tensor tx = tensor(p, small, 2, 16, 7, 6);
      Tensor tw = tensor(p, w, 16, 20, 4, 3);
      Tensor tdy = tensor(p, large, 2, 20, 14, 11);
      Conv.Epilogue e = Conv.Epilogue.NONE.precision(p);
      if (!computes("deconv", p, () -> Deconv.apply(tx, tw, g, e))) return;
      near("deconv", p, Deconv.apply(tx, tw, g, e), r -> r.deconv(s, g, null, small, w));
      Conv.Gradients d = Deconv.backward(tx, tw, tdy, g, Conv.Wanted.ALL, p);
      near("deconv's dx", p, d.dx(), r -> r.conv(s, g, null, large, w, null));
      near("deconv's dw", p, d.dw(), r -> r.convweight(s, g, null, large, small));
    }
  }

  @ParameterizedTest
  @EnumSource(names = "EXACT", mode = EnumSource.Mode.EXCLUDE)
  void attention(Precision p) {
    attention(p, new Heads(4, 2, 70, 150, 64, 64, true));
    attention(p, new Heads(2, 2, 33, 90, 128, 128, false));
  }

  private void attention(Precision p, Heads s) {
    float[] q = operand(p, s.heads() * s.q() * s.d());
    float[] k = operand(p, s.kvHeads() * s.k() * s.d());
    float[] v = operand(p, s.kvHeads() * s.k() * s.dv());
    float[] dout = operand(p, s.heads() * s.q() * s.dv());
    Attention.Options o = (s.causal() ? Attention.Options.causal(Attention.Alignment.BOTTOM_RIGHT) : Attention.Options.DEFAULT)
        .precision(p);
    try (Scope scope = Scope.open()) {
      Tensor tq = tensor(p, q, 1, s.heads(), s.q(), s.d());
      Tensor tk = tensor(p, k, 1, s.kvHeads(), s.k(), s.d());
      Tensor tv = tensor(p, v, 1, s.kvHeads(), s.k(), s.dv());
      Tensor tdout = tensor(p, dout, 1, s.heads(), s.q(), s.dv());
      if (!computes("attention", p, () -> Attention.apply(tq, tk, tv, o))) return;
      Attended exact = new PrecisionReference(null).attention(s, q, k, v, dout);
      Attended plain = new PrecisionReference(p).attention(s, q, k, v, dout);
      Attention.Result f = Attention.forward(tq, tk, tv, o);
      near("attention", p, f.out(), exact.out(), plain.out());
      near("attention's log-sum-exp", Precision.EXACT, f.lse(), exact.lse(), plain.lse());
      if (!computes("attentionBackward", p, () -> Attention.backward(tq, tk, tv, o, f, tdout, false))) return;
      Attention.Gradients g = Attention.backward(tq, tk, tv, o, f, tdout, false);
      near("attention's dq", p, g.dq(), exact.dq(), plain.dq());
      near("attention's dk", p, g.dk(), exact.dk(), plain.dk());
      near("attention's dv", p, g.dv(), exact.dv(), plain.dv());
      Attention.Gradients again = Attention.backward(tq, tk, tv, o, f, tdout, false);
      assertArrayEquals(g.dq().toFloats(), again.dq().toFloats(), "a second run's dq");
      assertArrayEquals(g.dk().toFloats(), again.dk().toFloats(), "a second run's dk");
    }
  }
}
