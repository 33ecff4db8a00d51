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
 * What callers get out of the one pool that they share: run it with {@code -t 1}, then {@code -t 2}, and compare the
 * throughputs, which JMH sums over its threads. Each caller has tensors of its own.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(value = 1, jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class CallersBenchmark {
  private static final int HEADS = 12;
  private static final int LENGTH = 512;
  private static final int HEAD = 64;

  @Param({"cpu", "java"})
  public String device;

  private Tensor small;
  private Tensor smallProduct;
  private Tensor large;
  private Tensor largeProduct;
  private Tensor q;
  private Tensor out;

  @Setup
  public void setup() {
    Device where = Device.of(device);
    small = normal(where, 128, 128);
    smallProduct = Tensor.zeros(where, 128, 128);
    large = normal(where, 512, 512);
    largeProduct = Tensor.zeros(where, 512, 512);
    q = normal(where, 1, HEADS, LENGTH, HEAD);
    out = Tensor.zeros(where, 1, HEADS, LENGTH, HEAD);
  }

  private static Tensor normal(Device where, long... shape) {
    int count = 1;
    for (long d : shape) count *= (int) d;
    SplittableRandom random = new SplittableRandom(1);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) values[i] = (float) random.nextGaussian();
    return Tensor.of(where, values, shape);
  }

  @TearDown
  public void tearDown() {
    for (Tensor t : new Tensor[] {small, smallProduct, large, largeProduct, q, out}) t.close();
  }

  /** 128 x 128 x 128: the calls are as short as the way to a second thread. */
  @Benchmark
  public void gemmSmall() {
    Gemm.matmulInto(small, small, Gemm.Epilogue.NONE, smallProduct);
  }

  /** 512 x 512 x 512. */
  @Benchmark
  public void gemmLarge() {
    Gemm.matmulInto(large, large, Gemm.Epilogue.NONE, largeProduct);
  }

  /** [1, 12, 512, 64], full. */
  @Benchmark
  public void attention() {
    Attention.into(q, q, q, Attention.Options.DEFAULT, out);
  }
}
