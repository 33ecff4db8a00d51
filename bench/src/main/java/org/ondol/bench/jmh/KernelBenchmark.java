package org.ondol.bench.jmh;

import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.ondol.Device;
import org.ondol.Tensor;
import org.ondol.ops.Attention;
import org.ondol.ops.Gemm;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Kernels in a JVM that has compiled nothing else: beside bench/run, where several backends share the profile, this
 * shows whether a Java kernel depends on what ran before it. For example: {@code -p device=java,java:scalar -prof perfasm}.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(value = 1, jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
public class KernelBenchmark {
  private static final int SIZE = 512;
  private static final int HEADS = 12;
  private static final int HEAD = 64;

  @Param({"java", "cpu"})
  public String device;

  private Tensor a, b, c;
  private Tensor q, k, v, out;

  @Setup
  public void setup() {
    Device where = Device.of(device);
    SplittableRandom random = new SplittableRandom(1);
    a = normal(where, random, SIZE, SIZE);
    b = normal(where, random, SIZE, SIZE);
    c = Tensor.zeros(where, SIZE, SIZE);
    q = normal(where, random, 1, HEADS, SIZE, HEAD);
    k = normal(where, random, 1, HEADS, SIZE, HEAD);
    v = normal(where, random, 1, HEADS, SIZE, HEAD);
    out = Tensor.zeros(where, 1, HEADS, SIZE, HEAD);
  }

  private static Tensor normal(Device where, SplittableRandom random, long... shape) {
    int count = 1;
    for (long d : shape) {
      count *= (int) d;
    }
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return Tensor.of(where, values, shape);
  }

  @TearDown
  public void tearDown() {
    for (Tensor t : new Tensor[] {a, b, c, q, k, v, out}) {
      t.close();
    }
  }

  /** 512 x 512 x 512. */
  @Benchmark
  public void gemm() {
    Gemm.matmulInto(a, b, Gemm.Epilogue.NONE, c);
  }

  /** [1, 12, 512, 64], full. */
  @Benchmark
  public void attention() {
    Attention.into(q, k, v, Attention.Options.DEFAULT, out);
  }

  /** The same, causal. */
  @Benchmark
  public void attentionCausal() {
    Attention.into(q, k, v, Attention.Options.causal(Attention.Alignment.TOP_LEFT), out);
  }
}
