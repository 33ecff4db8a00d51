package org.ondol.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.ondol.DType;
import org.ondol.Device;
import org.ondol.Devices;
import org.ondol.InvalidArgumentException;
import org.ondol.Recording;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.UnsupportedOnDeviceException;
import org.ondol.grad.GradientException;
import org.ondol.grad.Parameter;
import org.ondol.grad.Tape;
import org.ondol.ops.Activation;
import org.ondol.ops.Attention;
import org.ondol.ops.Conv;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Deconv;
import org.ondol.ops.Elementwise;
import org.ondol.ops.FilterMask;
import org.ondol.ops.Gemm;
import org.ondol.ops.MaskedConv;
import org.ondol.ops.PackedFilter;
import org.ondol.ops.PackedMatrix;
import org.ondol.ops.PixelProgram;
import org.ondol.ops.Precision;

/**
 * A CUDA device (or its emulation) with a precision of its own gives FLOAT32 tensors the bits that calls in that precision
 * give on the plain device, of which {@link CudaPrecisionTest} knows the error; operands of 16 bits being cast before and
 * results after.
 */
class CudaPrecisionDeviceTest {
  private static Device exact;

  private final Random random = new Random(Long.getLong("ondol.test.seed", 20261129));

  @BeforeAll
  static void open() {
    exact = EmulatedBackend.device();
  }

  private Tensor normal(long... shape) {
    float[] x = new float[(int) Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
    for (int i = 0; i < x.length; i++) x[i] = (float) random.nextGaussian();
    return Tensor.of(exact, x, shape);
  }

  /** What a call in a precision takes: FLOAT32 as it is, or a cast. */
  private static Tensor cast(Precision p, Tensor t) {
    return t.to(p.operands());
  }

  private static void same(String what, Tensor expected, Tensor actual) {
    assertEquals(DType.FLOAT32, actual.dtype(), what);
    assertArrayEquals(expected.shape(), actual.shape(), what);
    float[] e = expected.toFloats();
    float[] a = actual.toFloats();
    for (int i = 0; i < e.length; i++) {
      assertEquals(Float.floatToRawIntBits(e[i]), Float.floatToRawIntBits(a[i]), what + " " + i);
    }
  }

  private static void differs(String what, Tensor exact, Tensor other) {
    assertFalse(Arrays.equals(exact.toFloats(), other.toFloats()), what + " has the bits of EXACT");
  }

  @Test
  void names() {
    Device tf32 = exact.precision(Precision.TF32);
    assertEquals(exact + ":tf32", tf32.name());
    assertSame(tf32, Devices.get(exact + ":tf32"));
    assertSame(Devices.get(exact + ":bf16"), tf32.precision(Precision.BFLOAT16));
    assertSame(exact, tf32.precision(Precision.EXACT));
    assertSame(exact, Devices.get(exact + ":exact"));
    assertEquals(Precision.TF32, tf32.precision());
    assertEquals(Precision.EXACT, exact.precision());
    assertNotEquals(exact, tf32);
    for (Precision p : Precision.values()) assertEquals(p, Precision.labelled(p.label()));
    assertThrows(InvalidArgumentException.class, () -> Precision.labelled("fp8"));
    assertThrows(InvalidArgumentException.class, () -> exact.precision(null));
    var refused = assertThrows(UnsupportedOnDeviceException.class, () -> Devices.get("java:tf32"));
    assertTrue(refused.getMessage().contains("TF32") && refused.getMessage().contains("\"java\""), refused.getMessage());
  }

  @Test
  void memoryIsShared() {
    Device tf32 = exact.precision(Precision.TF32);
    try (Tensor x = Tensor.of(exact, new float[] {1, 2, 3}, 3); Tensor y = x.to(tf32); Tensor z = y.to(exact)) {
      Elementwise.fill(y, 7);
      assertArrayEquals(new float[] {7, 7, 7}, x.toFloats());
      assertTrue(z.sameElements(x));
      assertEquals(tf32, y.device());
    }
  }

  @ParameterizedTest
  @EnumSource(names = "EXACT", mode = EnumSource.Mode.EXCLUDE)
  void gemm(Precision p) {
    Device d = exact.precision(p);
    try (Scope scope = Scope.open()) {
      Tensor a = normal(5, 33);
      Tensor b = normal(33, 21);
      Tensor bias = normal(21);
      Tensor residual = normal(5, 21);
      Gemm.Epilogue plain = Gemm.Epilogue.bias(bias).activation(Activation.RELU).alpha(0.5);
      Gemm.Epilogue here = Gemm.Epilogue.bias(bias.to(d)).activation(Activation.RELU).alpha(0.5);
      Tensor product = Gemm.matmul(cast(p, a), cast(p, b), plain.precision(p)).to(DType.FLOAT32);
      same("gemm", product, Gemm.matmul(a.to(d), b.to(d), here));
      differs("gemm", Gemm.matmul(a, b, plain), product);
      Gemm.Epilogue exactHere = here.precision(Precision.EXACT);
      same("EXACT where it is asked for", Gemm.matmul(a, b, plain), Gemm.matmul(a.to(d), b.to(d), exactHere));
      Tensor sum = p.operands().isHalf() ? Elementwise.add(product, residual)
          : Gemm.matmul(a, b, plain.residual(residual).precision(p));
      same("gemm with a residual", sum, Gemm.matmul(a.to(d), b.to(d), here.residual(residual.to(d))));
      same("gemm into its residual", sum, into(a.to(d), b.to(d), here, residual.to(d).copy()));
      try (PackedMatrix made = PackedMatrix.of(b.to(d)); PackedMatrix source = PackedMatrix.of(b);
          PackedMatrix moved = source.to(d); PackedMatrix host = source.to(Device.of("java"));
          PackedMatrix again = host.to(d); PackedMatrix back = moved.to(exact)) {
        for (PackedMatrix w : new PackedMatrix[] {made, moved, again}) {
          same("packed", product, Gemm.linear(a.to(d), w, here));
          same("packed, with a residual", sum, Gemm.linear(a.to(d), w, here.residual(residual.to(d))));
          same("packed, EXACT", Gemm.matmul(a, b, plain), Gemm.linear(a.to(d), w, exactHere));
        }
        same("packed, and back", Gemm.matmul(a, b, plain), Gemm.linear(a, back, plain));
      }
      Tensor dc = normal(5, 21);
      Gemm.Gradients g = Gemm.backward(cast(p, a), cast(p, b), cast(p, dc), p);
      Gemm.Gradients h = Gemm.backward(a.to(d), b.to(d), dc.to(d));
      same("da", g.da().to(DType.FLOAT32), h.da());
      same("db", g.db().to(DType.FLOAT32), h.db());
    }
  }

  private static Tensor into(Tensor a, Tensor b, Gemm.Epilogue e, Tensor c) {
    Gemm.matmulInto(a, b, e.residual(c), c);
    return c;
  }

  @ParameterizedTest
  @EnumSource(names = "EXACT", mode = EnumSource.Mode.EXCLUDE)
  void conv(Precision p) {
    Device d = exact.precision(p);
    ConvGeometry g = ConvGeometry.UNIT.stride(2, 1).padding(1, 2, 0, 1).dilation(1, 2).groups(2);
    try (Scope scope = Scope.open()) {
      Tensor x = normal(2, 6, 7, 9);
      Tensor w = normal(20, 3, 3, 2);
      Tensor bias = normal(20);
      Conv.Epilogue e = Conv.Epilogue.bias(bias).leakyRelu(0.1);
      Tensor residual = normal(Conv.outputShape(x, w, g));
      Tensor y = Conv.apply(cast(p, x), cast(p, w), g, e.residual(cast(p, residual)).precision(p)).to(DType.FLOAT32);
      Conv.Epilogue here = new Conv.Epilogue(bias.to(d), Activation.RELU, 0.1, residual.to(d));
      same("conv", y, Conv.apply(x.to(d), w.to(d), g, here));
      differs("conv", Conv.apply(x, w, g, e.residual(residual)), y);
      try (PackedFilter made = PackedFilter.conv(w.to(d), g); PackedFilter source = PackedFilter.conv(w, g);
          PackedFilter moved = source.to(d, null)) {
        for (PackedFilter f : new PackedFilter[] {made, moved}) {
          same("packed", y, Conv.apply(x.to(d), f, here));
          same("packed, EXACT", Conv.apply(x, w, g, e.residual(residual)),
              Conv.apply(x.to(d), f, here.precision(Precision.EXACT)));
        }
      }
      Tensor dy = normal(y.shape());
      Conv.Gradients c = Conv.backward(cast(p, x), cast(p, w), cast(p, dy), g, Conv.Wanted.ALL, p);
      gradients("conv's", c, Conv.backward(x.to(d), w.to(d), dy.to(d), g), dy);
    }
  }

  private static void gradients(String what, Conv.Gradients expected, Conv.Gradients actual, Tensor dy) {
    same(what + " dx", expected.dx().to(DType.FLOAT32), actual.dx());
    same(what + " dw", expected.dw().to(DType.FLOAT32), actual.dw());
    try (Tensor one = Tensor.zeros(exact, dy.size(1), 1, 1, 1); Tensor map = dy.contiguous()) {
      Tensor db = Conv.backward(map, one, dy, ConvGeometry.UNIT.groups(dy.size(1))).db();
      same(what + " db, which rounds nothing", db, actual.db());
    }
  }

  @ParameterizedTest
  @EnumSource(names = "EXACT", mode = EnumSource.Mode.EXCLUDE)
  void maskedconv(Precision p) {
    Device d = exact.precision(p);
    ConvGeometry g = ConvGeometry.UNIT.padding(1);
    try (Scope scope = Scope.open(); FilterMask mask = FilterMask.raster(exact, FilterMask.Type.B, 18, 6, 3, 3, 3);
        FilterMask there = FilterMask.raster(d, FilterMask.Type.B, 18, 6, 3, 3, 3)) {
      Tensor x = normal(2, 6, 5, 4);
      Tensor w = normal(18, 6, 3, 3);
      Tensor y = MaskedConv.apply(cast(p, x), cast(p, w), mask, g, Conv.Epilogue.NONE.precision(p)).to(DType.FLOAT32);
      same("maskedconv", y, MaskedConv.apply(x.to(d), w.to(d), there, g, Conv.Epilogue.NONE));
      differs("maskedconv", MaskedConv.apply(x, w, mask, g, Conv.Epilogue.NONE), y);
      try (PackedFilter made = PackedFilter.maskedconv(w.to(d), there, g);
          PackedFilter source = PackedFilter.maskedconv(w, mask, g); PackedFilter moved = source.to(d, there)) {
        same("packed", y, MaskedConv.apply(x.to(d), made, Conv.Epilogue.NONE));
        same("packed elsewhere", y, MaskedConv.apply(x.to(d), moved, Conv.Epilogue.NONE));
        Tensor part = Tensor.zeros(d, y.shape());
        MaskedConv.into(x.to(d), made, Conv.Epilogue.NONE, part, 1, 3, 2, 4);
        Tensor window = Tensor.zeros(exact, y.shape());
        window.slice(2, 1, 3).slice(3, 2, 4).assign(y.slice(2, 1, 3).slice(3, 2, 4));
        same("a part", window, part);
      }
      Tensor dy = normal(y.shape());
      Conv.Gradients c = MaskedConv.backward(cast(p, x), cast(p, w), mask, cast(p, dy), g, Conv.Wanted.ALL, p);
      gradients("maskedconv's", c, MaskedConv.backward(x.to(d), w.to(d), there, dy.to(d), g), dy);
    }
  }

  @ParameterizedTest
  @EnumSource(names = "EXACT", mode = EnumSource.Mode.EXCLUDE)
  void deconv(Precision p) {
    Device d = exact.precision(p);
    ConvGeometry g = ConvGeometry.UNIT.stride(2, 2).padding(1).groups(2);
    try (Scope scope = Scope.open()) {
      Tensor x = normal(2, 8, 3, 4);
      Tensor w = normal(8, 5, 4, 3);
      Tensor y = Deconv.apply(cast(p, x), cast(p, w), g, Conv.Epilogue.NONE.precision(p)).to(DType.FLOAT32);
      same("deconv", y, Deconv.apply(x.to(d), w.to(d), g, Conv.Epilogue.NONE));
      differs("deconv", Deconv.apply(x, w, g, Conv.Epilogue.NONE), y);
      try (PackedFilter made = PackedFilter.deconv(w.to(d), g); PackedFilter source = PackedFilter.deconv(w, g);
          PackedFilter moved = source.to(d, null)) {
        same("packed", y, Deconv.apply(x.to(d), made, Conv.Epilogue.NONE));
        same("packed elsewhere", y, Deconv.apply(x.to(d), moved, Conv.Epilogue.NONE));
      }
      Tensor dy = normal(y.shape());
      Conv.Gradients c = Deconv.backward(cast(p, x), cast(p, w), cast(p, dy), g, Conv.Wanted.ALL, p);
      gradients("deconv's", c, Deconv.backward(x.to(d), w.to(d), dy.to(d), g), dy);
      Tensor line = normal(1, 8, 5);
      Tensor taps = normal(4, 8, 3);
      try (PackedFilter source = PackedFilter.conv(taps, ConvGeometry.UNIT); PackedFilter f = source.to(d, null)) {
        same("filters without a height", Conv.apply(cast(p, line), cast(p, taps), ConvGeometry.UNIT,
            Conv.Epilogue.NONE.precision(p)).to(DType.FLOAT32), Conv.apply(line.to(d), f, Conv.Epilogue.NONE));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"BFLOAT16", "FLOAT16"})
  void attention(Precision p) {
    Device d = exact.precision(p);
    Attention.Options o = Attention.Options.causal(Attention.Alignment.BOTTOM_RIGHT);
    try (Scope scope = Scope.open()) {
      Tensor q = normal(1, 9, 4, 32).transpose(1, 2);
      Tensor k = normal(1, 2, 20, 32);
      Tensor v = normal(1, 2, 20, 32);
      Tensor dout = normal(1, 4, 9, 32);
      Attention.Result e = Attention.forward(cast(p, q), cast(p, k), cast(p, v), o);
      Attention.Result a = Attention.forward(q.to(d), k.to(d), v.to(d), o);
      same("attention", e.out().to(DType.FLOAT32), a.out());
      same("its log-sum-exp", e.lse(), a.lse());
      differs("attention", Attention.apply(q, k, v, o), a.out());
      Tensor out = Tensor.empty(d, 1, 9, 4, 32).transpose(1, 2);
      Attention.into(q.to(d), k.to(d), v.to(d), o, out);
      same("attention into", a.out(), out);
      Attention.Gradients g = Attention.backward(cast(p, q), cast(p, k), cast(p, v), o, e, cast(p, dout), false);
      Attention.Gradients h = Attention.backward(q.to(d), k.to(d), v.to(d), o, a, dout.to(d), false);
      same("dq", g.dq().to(DType.FLOAT32), h.dq());
      same("dk", g.dk().to(DType.FLOAT32), h.dk());
      same("dv", g.dv().to(DType.FLOAT32), h.dv());
    }
  }

  @Test
  void whatLacksThePrecisionRefuses() {
    for (Precision p : new Precision[] {Precision.TF32, Precision.BFLOAT16X3}) {
      Device d = exact.precision(p);
      try (Scope scope = Scope.open()) {
        Tensor x = Tensor.zeros(d, 1, 1, 2, 8);
        var refused = assertThrows(UnsupportedOnDeviceException.class,
            () -> Attention.apply(x, x, x, Attention.Options.DEFAULT));
        assertEquals("attention", refused.op());
        String message = refused.getMessage();
        assertTrue(message.contains(p.name()) && message.contains("\"" + d + "\""), message);
        assertTrue(message.endsWith("it has EXACT, BFLOAT16, FLOAT16 there"), message);
        var pixels = assertThrows(UnsupportedOnDeviceException.class, () -> new PixelProgram(d, 1, 1, 4, 4));
        assertTrue(pixels.getMessage().contains("pixel by pixel in precision " + p), pixels.getMessage());
      }
    }
  }

  @Test
  void gradientsInFloat16AreRefused() {
    Device d = exact.precision(Precision.FLOAT16);
    try (Scope scope = Scope.open(); Parameter w = new Parameter("w", Tensor.zeros(d, 2, 2)); Tape tape = Tape.open()) {
      var loss = tape.constant(Tensor.zeros(d, 1, 2)).linear(tape.parameter(w), null).sum();
      String message = assertThrows(GradientException.class, () -> tape.backward(loss)).getMessage();
      assertTrue(message.contains("FLOAT16") && message.contains("BFLOAT16") && message.contains(d.name()), message);
    }
  }

  /** Packed weights have their copies from the beginning, so that a recording's first call makes none. */
  @ParameterizedTest
  @EnumSource(names = {"TF32", "BFLOAT16"})
  void recordings(Precision p) {
    Device d = exact.precision(p);
    try (Scope scope = Scope.open(); PackedMatrix w = PackedMatrix.of(normal(12, 16).to(d))) {
      Tensor x = normal(3, 12).to(d);
      Tensor other = normal(3, 12).to(d);
      Tensor expected = Gemm.linear(other, w, Gemm.Epilogue.NONE);
      try (Recording recording = Recording.of(d, () -> Gemm.linear(x, w, Gemm.Epilogue.NONE))) {
        x.assign(other);
        recording.replay();
        same("a replay", expected, recording.result());
      }
      same("after it", expected, Gemm.linear(other, w, Gemm.Epilogue.NONE));
    }
  }
}
