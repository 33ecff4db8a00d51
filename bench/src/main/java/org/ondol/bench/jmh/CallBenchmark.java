package org.ondol.bench.jmh;

import java.util.concurrent.TimeUnit;
import org.ondol.Device;
import org.ondol.Tensor;
import org.ondol.ops.Elementwise;
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

/** What a call costs beside its arithmetic: checks, the argument struct, the way into the backend, a tensor's memory. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(value = 1, jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class CallBenchmark {
  private static final int SMALL = 8;

  @Param({"java", "cpu"})
  public String device;

  private Tensor a;
  private Tensor b;
  private Tensor c;

  @Setup
  public void setup() {
    Device where = Device.of(device);
    a = Tensor.zeros(where, SMALL, SMALL);
    b = Tensor.zeros(where, SMALL, SMALL);
    c = Tensor.zeros(where, SMALL, SMALL);
  }

  @TearDown
  public void tearDown() {
    a.close();
    b.close();
    c.close();
  }

  /** 8 x 8 x 8, into an existing tensor. */
  @Benchmark
  public void gemmInto() {
    Gemm.matmulInto(a, b, Gemm.Epilogue.NONE, c);
  }

  /** The same with a new tensor, freed at once. */
  @Benchmark
  public long gemmAllocating() {
    try (Tensor product = Gemm.matmul(a, b)) {
      return product.count();
    }
  }

  /** 64 elements. */
  @Benchmark
  public void addInto() {
    Elementwise.run(Elementwise.Op.ADD, a, b, c, 0);
  }
}
