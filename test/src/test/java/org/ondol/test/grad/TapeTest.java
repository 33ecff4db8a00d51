package org.ondol.test.grad;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.ondol.ClosedException;
import org.ondol.Device;
import org.ondol.HostMemory;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.GradientException;
import org.ondol.grad.Maps;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.ops.BatchNorm;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Elementwise;
import org.ondol.ops.FilterMask;
import org.ondol.test.support.Bits;
import org.ondol.test.support.TestDevices;

/** What a tape records, what it frees and when, and in which order it adds. */
class TapeTest {
  private static final Device JAVA = Device.of("java");

  private Scope scope;
  private final List<AutoCloseable> open = new ArrayList<>();

  @BeforeEach
  void begin() {
    scope = Scope.open();
  }

  @AfterEach
  void end() throws Exception {
    for (AutoCloseable c : open) c.close();
    scope.close();
  }

  private static float[] random(long seed, int n) {
    Random random = new Random(seed);
    float[] x = new float[n];
    for (int i = 0; i < n; i++) x[i] = (float) random.nextGaussian();
    return x;
  }

  private Parameter parameter(Device device, long seed, long... shape) {
    Tensor t = Tensor.of(device, random(seed, (int) Arrays.stream(shape).reduce(1, (a, b) -> a * b)), shape);
    Parameter p = new Parameter("p" + seed, t);
    open.add(p);
    return p;
  }

  // ---- memory

  private static final int WIDTH = 256;
  private static final int ROWS = 512;
  private static final long ACTIVATION = (long) ROWS * WIDTH * Float.BYTES;

  /** Notes the memory in use forward and backward; else does nothing. */
  private static Value meter(Value x, long[] peak, List<Long> backward) {
    return Tape.apply("meter", r -> {
      peak[0] = Math.max(peak[0], HostMemory.INSTANCE.inUse());
      r.backward((dy, g) -> {
        peak[0] = Math.max(peak[0], HostMemory.INSTANCE.inUse());
        backward.add(HostMemory.INSTANCE.inUse());
        g.add(0, dy);
      });
      return x.tensor().view(x.tensor().offset(), x.tensor().shape(), x.tensor().strides());
    }, x);
  }

  private record Run(float[] gradient, long afterForward, long peak, List<Long> backward) {}

  /** Eight blocks of three activations each. */
  private static Run blocks(Device device, Parameter w, boolean recompute) {
    long before = HostMemory.INSTANCE.inUse();
    long[] peak = {0};
    List<Long> backward = new ArrayList<>();
    try (Tape tape = Tape.open(new Generator(5))) {
      Value x = tape.constant(Tensor.of(device, random(1, ROWS * WIDTH), ROWS, WIDTH));
      for (int i = 0; i < 8; i++) {
        Value in = x;
        UnaryOperator<Value> block = v ->
            meter(v.linear(tape.parameter(w), null).tanh().scale(0.5).dropout(0.25), peak, backward);
        x = recompute ? tape.recompute(() -> block.apply(in)) : block.apply(in);
      }
      Value loss = x.square().mean();
      long after = HostMemory.INSTANCE.inUse() - before;
      tape.backward(loss);
      float[] gradient = w.gradient().toFloats();
      w.clearGradient();
      return new Run(gradient, after, peak[0] - before, backward.stream().map(b -> b - before).toList());
    }
  }

  @Test
  void recomputationGivesTheSameBitsForLessMemory() {
    for (Device device : TestDevices.available()) {
      if (device.name().startsWith("cuda")) {
        System.out.println("[skipped] memory of recomputation on " + device + ": only host memory is counted");
        continue;
      }
      Parameter w = parameter(device, 3, WIDTH, WIDTH);
      Run plain = blocks(device, w, false);
      Run less = blocks(device, w, true);
      assertNull(Bits.difference(less.gradient, plain.gradient), "on " + device);
      System.out.printf("[recompute] %s: after forward %d KiB instead of %d, at most %d instead of %d%n", device,
          less.afterForward >> 10, plain.afterForward >> 10, less.peak >> 10, plain.peak >> 10);
      // Plain: product, tanh, scale, mask and result of eight blocks. Recomputed: the results alone, and one block at a time.
      assertTrue(plain.afterForward >= 40 * ACTIVATION, "plain keeps " + plain.afterForward);
      assertTrue(less.afterForward <= 12 * ACTIVATION, "recomputed keeps " + less.afterForward);
      assertTrue(less.peak <= 20 * ACTIVATION, "recomputed reaches " + less.peak);
    }
  }

  @Test
  void valuesAreFreedAsBackwardPasses() {
    Parameter w = parameter(JAVA, 3, WIDTH, WIDTH);
    Run run = blocks(JAVA, w, false);
    for (int i = 1; i < run.backward.size(); i++) {
      long freed = run.backward.get(i - 1) - run.backward.get(i);
      assertTrue(freed >= 4 * ACTIVATION, "block " + i + " from the end freed " + freed);
    }
  }

  @Test
  void aStepLeavesNothingBehind() {
    Parameter w = parameter(JAVA, 4, 8, 8);
    Tensor x = Tensor.of(JAVA, random(2, 64), 8, 8);
    long before = HostMemory.INSTANCE.inUse();
    for (int i = 0; i < 3; i++) {
      try (Tape tape = Tape.open()) {
        Value y = tape.constant(x).matmul(tape.parameter(w)).softmax(1);
        Value part = y;
        tape.frozen(() -> part.exp().sum());
        if (i < 2) tape.backward(tape.recompute(() -> part.log().sum())); // else closed without backward
      }
      w.clearGradient();
      assertEquals(before, HostMemory.INSTANCE.inUse(), "after step " + i);
    }
  }

  @Test
  void aFailingStepLeavesNothingBehind() {
    Parameter w = parameter(JAVA, 4, 8, 8);
    Tensor x = Tensor.of(JAVA, random(2, 64), 8, 8);
    long before = HostMemory.INSTANCE.inUse();
    try (Tape tape = Tape.open()) {
      Value y = tape.constant(x).matmul(tape.parameter(w));
      Value broken = Tape.apply("broken", r -> {
        r.backward((dy, g) -> {
          throw new IllegalStateException("broken");
        });
        return y.tensor().copy();
      }, y);
      assertThrows(IllegalStateException.class, () -> tape.recompute(() -> {
        y.detach().exp();
        throw new IllegalStateException();
      }));
      assertThrows(IllegalStateException.class, () -> tape.backward(broken.softmax(1).sum()));
      assertNull(w.gradient());
      assertThrows(GradientException.class, () -> tape.backward(broken));
    }
    assertEquals(before, HostMemory.INSTANCE.inUse());
  }

  @Test
  void aValueIsFreedUnlessItIsKept() {
    Parameter w = parameter(JAVA, 4, 8);
    try (Tape tape = Tape.open()) {
      Value gone = tape.parameter(w).tanh();
      Value kept = gone.exp().keep();
      Value loss = kept.sum();
      tape.backward(loss);
      assertEquals(8, kept.tensor().toFloats().length);
      assertTrue(Float.isFinite(loss.item()));
      ClosedException e = assertThrows(ClosedException.class, gone::tensor);
      assertTrue(e.getMessage().contains("tanh") && e.getMessage().contains("keep"), e.getMessage());
    }
  }

  /** The caller's tensors may be closed as soon as the tape has them. */
  @Test
  void constantsAreHeldOpen() {
    Parameter w = parameter(JAVA, 4, 8);
    try (Tape tape = Tape.open()) {
      Tensor mine = Tensor.of(JAVA, random(9, 8), 8);
      Value c = tape.constant(mine);
      mine.close();
      tape.backward(tape.parameter(w).mul(c).sum());
      assertNull(Bits.difference(w.gradient().toFloats(), random(9, 8)));
    }
  }

  // ---- what is computed

  @Test
  void nothingIsComputedForWhatNeedsNone() {
    Parameter trained = parameter(JAVA, 1, 4);
    Parameter frozen = parameter(JAVA, 2, 4);
    frozen.freeze();
    List<String> seen = new ArrayList<>();
    try (Tape tape = Tape.open()) {
      Value a = spy("trained", tape.parameter(trained), seen);
      Value b = spy("frozen", tape.parameter(frozen), seen);
      Value c = spy("constant", tape.constant(Tensor.of(JAVA, random(3, 4), 4)), seen);
      Value d = spy("detached", a.detach(), seen);
      assertFalse(b.needsGradient() || c.needsGradient() || d.needsGradient());
      tape.backward(a.mul(b).add(c.mul(d)).sum());
    }
    assertEquals(List.of("trained"), seen);
    assertNull(frozen.gradient());
    assertNotNull(trained.gradient());
  }

  @Test
  void onlySomeParameters() {
    Parameter a = parameter(JAVA, 1, 4);
    Parameter b = parameter(JAVA, 2, 4);
    List<String> seen = new ArrayList<>();
    try (Tape tape = Tape.open()) {
      Value loss = spy("a", tape.parameter(a), seen).mul(spy("b", tape.parameter(b), seen)).sum();
      tape.backward(loss, List.of(b));
    }
    assertEquals(List.of("b"), seen);
    assertNull(a.gradient());
    assertNull(Bits.difference(b.gradient().toFloats(), a.tensor().toFloats()));
  }

  private static Value spy(String name, Value x, List<String> seen) {
    return Tape.apply(name, r -> {
      r.backward((dy, g) -> {
        seen.add(name);
        g.add(0, dy);
      });
      return x.tensor().copy();
    }, x);
  }

  /** ((1e8 + -1e8) + 1) is 1, every other order 0 or rounded: the last use comes first. */
  @Test
  void gradientsAddUpFromTheLastUse() {
    Parameter p = parameter(JAVA, 1, 1);
    try (Tape tape = Tape.open()) {
      Value x = tape.parameter(p);
      Value one = x.scale(1);
      Value minus = x.scale(-1e8);
      Value plus = x.scale(1e8);
      tape.backward(one.add(minus).add(plus).sum());
    }
    assertEquals(1, p.gradient().item());
    p.clearGradient();
    try (Tape tape = Tape.open()) {
      Value x = tape.parameter(p);
      Value plus = x.scale(1e8);
      Value minus = x.scale(-1e8);
      Value one = x.scale(1);
      tape.backward(one.add(minus).add(plus).sum());
    }
    assertEquals(0, p.gradient().item());
  }

  @Test
  void stepsAddUp() {
    Parameter p = parameter(JAVA, 1, 3);
    for (int i = 0; i < 3; i++) {
      try (Tape tape = Tape.open()) {
        tape.backward(tape.parameter(p).scale(0.5 + i).sum());
      }
    }
    assertNull(Bits.difference(p.gradient().toFloats(), new float[] {4.5f, 4.5f, 4.5f}));
  }

  @Test
  void slicesOfOneValueShareItsGradient() {
    Parameter p = parameter(JAVA, 1, 6, 4);
    try (Tape tape = Tape.open()) {
      Value x = tape.parameter(p);
      Value sum = x.sum().scale(2);
      for (int i = 0; i < 6; i++) sum = sum.add(x.select(0, i).sum().scale(i));
      tape.backward(sum);
    }
    for (int i = 0; i < 6; i++) {
      for (int j = 0; j < 4; j++) assertEquals(2 + i, p.gradient().toFloats()[i * 4 + j]);
    }
  }

  @Test
  void runningStatisticsMoveOnceAStep() {
    for (boolean recompute : new boolean[] {false, true}) {
      Parameter w = parameter(JAVA, 1, 2);
      Tensor mean = Tensor.zeros(JAVA, 2);
      Tensor variance = Tensor.zeros(JAVA, 2);
      Tensor x = Tensor.of(JAVA, new float[] {1, 3, 10, 30}, 2, 2, 1, 1);
      try (Tape tape = Tape.open()) {
        Value in = tape.constant(x);
        Supplier<Value> part = () -> Maps.batchNorm(in, tape.parameter(w), null, 1e-5, false,
            BatchNorm.Running.pytorch(mean, variance, 0.5));
        tape.backward((recompute ? tape.recompute(part) : part.get()).square().sum());
      }
      assertNull(Bits.difference(mean.toFloats(), new float[] {2.75f, 8.25f}), "recompute " + recompute);
    }
  }

  @Test
  void dropoutIsTheSameEverywhereAndScales() {
    float[] first = null;
    for (Device device : TestDevices.available()) {
      try (Tape tape = Tape.open(new Generator(77))) {
        Value x = tape.variable(Tensor.of(device, random(1, 1000), 1000));
        Value y = x.dropout(0.3).keep();
        tape.backward(y.sum());
        float[] out = y.tensor().toFloats();
        float[] gradient = x.gradient().toFloats();
        for (int i = 0; i < 1000; i++) assertEquals(random(1, 1000)[i] * gradient[i], out[i], 0);
        if (first == null) first = gradient;
        assertNull(Bits.difference(gradient, first), "on " + device);
      }
    }
  }

  // ---- what follows a convolution

  /** The result and the gradients of the map, the filters, the bias and the residual. */
  private List<float[]> convolved(Device device, boolean mask, boolean together) {
    ConvGeometry same = ConvGeometry.UNIT.padding(1);
    try (Scope inner = Scope.open(); Tape tape = Tape.open();
        FilterMask live = FilterMask.raster(device, FilterMask.Type.B, 4, 3, 3, 3, 1)) {
      Value x = tape.variable(Tensor.of(device, random(1, 2 * 3 * 7 * 9), 2, 3, 7, 9));
      Value w = tape.variable(Tensor.of(device, random(2, 4 * 3 * 9), 4, 3, 3, 3));
      Value b = tape.variable(Tensor.of(device, random(3, 4), 4));
      Value residual = tape.variable(Tensor.of(device, random(4, 2 * 4 * 7 * 9), 2, 4, 7, 9));
      Value y;
      if (together) {
        y = mask ? Maps.maskedConv(x, w, live, b, same, true, residual) : Maps.conv(x, w, b, same, true, residual);
      } else {
        Value sums = mask ? Maps.maskedConv(x, w, live, b, same) : Maps.conv(x, w, b, same);
        y = sums.add(residual).relu();
      }
      y.keep();
      tape.backward(y.square().sum());
      return List.of(y.tensor().toFloats(), x.gradient().toFloats(), w.gradient().toFloats(), b.gradient().toFloats(),
          residual.gradient().toFloats());
    }
  }

  @Test
  void aConvolutionWithWhatFollowsItHasTheBitsOfThreeOperations() {
    for (Device device : TestDevices.available()) {
      for (boolean mask : new boolean[] {false, true}) {
        List<float[]> one = convolved(device, mask, true);
        List<float[]> three = convolved(device, mask, false);
        for (int i = 0; i < one.size(); i++) {
          assertNull(Bits.difference(one.get(i), three.get(i)), "tensor " + i + ", mask " + mask + ", on " + device);
        }
      }
    }
  }

  // ---- threads

  private static float[] step(Device device, long seed) {
    try (Scope scope = Scope.open(); Tape tape = Tape.open(new Generator(seed));
        Parameter w = new Parameter("w", Tensor.of(device, random(seed, 40 * 40), 40, 40))) {
      Value x = tape.constant(Tensor.of(device, random(seed + 1, 64 * 40), 64, 40));
      for (int i = 0; i < 4; i++) x = x.linear(tape.parameter(w), null).gelu().dropout(0.1);
      tape.backward(x.square().mean());
      return w.gradient().toFloats();
    }
  }

  @Test
  void tenThreadsWithATapeEach() throws Exception {
    try (ExecutorService pool = Executors.newFixedThreadPool(10)) {
      for (Device device : TestDevices.available()) {
        List<Callable<float[]>> calls = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
          long seed = i % 10;
          calls.add(() -> step(device, seed));
        }
        List<Future<float[]>> results = pool.invokeAll(calls);
        for (int i = 0; i < 40; i++) {
          assertNull(Bits.difference(results.get(i).get(), step(device, i % 10)), "call " + i + " on " + device);
        }
      }
    }
  }

  @Test
  void parametersKeepTheirOrder() {
    try (Parameters all = new Parameters()) {
      for (String name : List.of("z", "a", "m")) all.add(name, Tensor.zeros(JAVA, 2));
      assertEquals(List.of("z", "a", "m"), all.all().stream().map(Parameter::name).toList());
      assertEquals(6, all.count());
      assertEquals("a", all.under("a").getFirst().name());
      Elementwise.fill(all.get("z").tensor(), 2);
      assertEquals(2, all.get("z").tensor().toFloats()[1]);
    }
  }
}
