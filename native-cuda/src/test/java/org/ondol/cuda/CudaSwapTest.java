package org.ondol.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.ondol.DType;
import org.ondol.Device;
import org.ondol.Devices;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Initializer;
import org.ondol.grad.Losses;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.grad.Reduction;
import org.ondol.grad.Schedule;
import org.ondol.grad.Sgd;
import org.ondol.grad.Tape;
import org.ondol.ops.Attention;
import org.ondol.ops.Gemm;

/** Tensors and parameters that go to a CUDA device (or its emulation) and back, and that device beside another one. */
class CudaSwapTest {
  private static Device cuda;
  private static Device host;

  @BeforeAll
  static void open() {
    cuda = EmulatedBackend.device();
    host = Devices.best().name().startsWith("cpu") ? Devices.best() : Devices.get("java");
  }

  @ParameterizedTest
  @EnumSource(names = {"BFLOAT16", "FLOAT16"})
  void halvesGoThereAndBackAsTheyAre(DType type) {
    short[] bits = new short[1 << 16];
    for (int i = 0; i < bits.length; i++) bits[i] = (short) i;
    try (Scope scope = Scope.open()) {
      Tensor there = Tensor.wrap(bits, type, 256, 256).to(cuda);
      assertArrayEquals(bits, there.toShorts());
      Tensor turned = there.transpose(0, 1);
      assertArrayEquals(there.to("java").transpose(0, 1).toShorts(), turned.toShorts());
      assertArrayEquals(turned.to("java").toShorts(), turned.copy().toShorts());
      Tensor part = there.slice(1, 3, 20);
      Tensor target = Tensor.zeros(cuda, type, 256, 17);
      target.assign(part);
      assertArrayEquals(part.to("java").toShorts(), target.toShorts());
    }
  }

  private static Parameters model(Device device, long seed) {
    Parameters p = new Parameters();
    Generator random = new Generator(seed);
    p.add("w", Initializer.xavierUniform(Initializer.Layout.MATRIX, 1).create(device, random, 40, 10));
    p.add("b", Initializer.zeros().create(device, random, 10));
    return p;
  }

  /** A few steps of training, which depend on all values and give the same bits everywhere. */
  private static void train(Parameters model, int steps) {
    Device device = model.get("w").tensor().device();
    Random random = new Random(3);
    Sgd sgd = new Sgd(model, Schedule.constant(0.1), Sgd.Options.PLAIN);
    for (int i = 0; i < steps; i++) {
      float[] x = new float[8 * 40];
      for (int j = 0; j < x.length; j++) x[j] = (float) random.nextGaussian();
      long[] labels = random.longs(8, 0, 10).toArray();
      try (Scope scope = Scope.open(); Tape tape = Tape.open(new Generator(1))) {
        var logits = tape.constant(Tensor.of(device, x, 8, 40)).linear(tape.parameter(model.get("w")), tape.parameter(model.get("b")));
        tape.backward(Losses.softmax(logits, Tensor.of(device, labels, 8), 1, Reduction.MEAN));
      }
      sgd.step();
      model.clearGradients();
    }
  }

  @Test
  void parametersGoThereTrainAndComeBack() {
    try (Parameters here = model(host, 1); Parameters there = model(cuda, 2); Parameters back = model(host, 3)) {
      there.assign(here);
      back.assign(there);
      for (Parameter p : here) assertArrayEquals(bits(p), bits(back.get(p.name())), p.name());
      train(here, 3);
      train(there, 3);
      back.assign(there);
      for (Parameter p : here) assertArrayEquals(bits(p), bits(back.get(p.name())), p.name() + " after training");
    }
  }

  private static int[] bits(Parameter p) {
    return bits(p.tensor().toFloats());
  }

  private static int[] bits(float[] values) {
    int[] bits = new int[values.length];
    for (int i = 0; i < bits.length; i++) bits[i] = Float.floatToRawIntBits(values[i]);
    return bits;
  }

  private static float[] work(Device device, int seed) {
    Random random = new Random(seed);
    float[] values = new float[2 * 20 * 16];
    for (int i = 0; i < values.length; i++) values[i] = (float) random.nextGaussian();
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.of(device, values, 1, 2, 20, 16);
      Tensor y = Attention.apply(x, x, x, Attention.Options.DEFAULT);
      return Gemm.matmul(y, x.transpose(-1, -2)).toFloats();
    }
  }

  /** Two threads, one on each device, at the same time and then with the devices exchanged. */
  @Test
  void twoThreadsUseBothDevicesAtOnce() throws Exception {
    List<float[]> expected = new ArrayList<>();
    for (int i = 0; i < 12; i++) expected.add(work(Devices.get("java:scalar"), i));
    CyclicBarrier together = new CyclicBarrier(2);
    List<Callable<Integer>> threads = new ArrayList<>();
    for (int t = 0; t < 2; t++) {
      int number = t;
      threads.add(() -> {
        for (int i = 0; i < expected.size(); i++) {
          together.await();
          Device device = (i / 4 + number) % 2 == 0 ? cuda : host;
          assertArrayEquals(bits(expected.get(i)), bits(work(device, i)), device + ", turn " + i);
        }
        return expected.size();
      });
    }
    try (ExecutorService pool = Executors.newFixedThreadPool(2)) {
      for (Future<Integer> f : pool.invokeAll(threads)) assertEquals(expected.size(), f.get());
    }
  }
}
