package org.ondol.bench;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * What the machine can do at most: fused multiply-adds from registers, and reading memory. Sampled in every
 * round, because a shared machine is not equally fast all the time; the best sample stands for the machine.
 */
final class Peak implements AutoCloseable {
  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  private static final int ACCUMULATORS = 12; // two pipes, four to five cycles of latency: at least ten
  private static final int FMA_STEPS = 2_000_000;
  private static final int FIRST_SAMPLES = 40; // rows are printed as they come, with the best peak until then
  private static final long READ_BYTES = 512L << 20;

  private final int threads;
  private final ExecutorService executor;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment buffer;
  private final List<Double> fma = new ArrayList<>();
  private final List<Double> read = new ArrayList<>();
  private volatile float sink;

  Peak(int threads) throws Exception {
    this.threads = threads;
    executor = Executors.newFixedThreadPool(threads, Thread.ofPlatform().daemon().factory());
    buffer = arena.allocate(READ_BYTES, 64);
    long slice = READ_BYTES / threads;
    // Touched by the thread that reads it, so that no page is the shared zero page.
    timed(t -> {
      buffer.asSlice(t * slice, slice).fill((byte) 1);
      return 0f;
    });
    for (int i = 0; i < 5; i++) {
      sampleFma(); // compiles the loops
      sampleRead();
    }
    for (int i = 0; i < FIRST_SAMPLES; i++) {
      sampleFma();
    }
  }

  /** About 10 ms. */
  void sampleFma() throws Exception {
    double seconds = timed(t -> multiplyAdd(FMA_STEPS, 0.5f + 0.001f * t));
    fma.add(2.0 * SPECIES.length() * ACCUMULATORS * FMA_STEPS * threads / seconds * 1e-9);
  }

  /** About 20 ms. */
  void sampleRead() throws Exception {
    long slice = READ_BYTES / threads / 1024 * 1024;
    double seconds = timed(t -> readAll(buffer, t * slice, slice));
    read.add((double) slice * threads / seconds * 1e-9);
  }

  double fmaBest() {
    return fma.stream().mapToDouble(d -> d).max().orElseThrow();
  }

  double fmaMedian() {
    return Runner.median(fma.stream().mapToDouble(d -> d).toArray());
  }

  double readBest() {
    return read.stream().mapToDouble(d -> d).max().orElseThrow();
  }

  double readMedian() {
    return Runner.median(read.stream().mapToDouble(d -> d).toArray());
  }

  private interface Task {
    float run(int thread);
  }

  /** Seconds until the last thread is done. */
  private double timed(Task task) throws Exception {
    List<Callable<Float>> tasks = new ArrayList<>();
    for (int t = 0; t < threads; t++) {
      int thread = t;
      tasks.add(() -> task.run(thread));
    }
    long start = System.nanoTime();
    float sum = 0;
    for (Future<Float> f : executor.invokeAll(tasks)) {
      sum += f.get();
    }
    long nanos = System.nanoTime() - start;
    sink = sum;
    return nanos * 1e-9;
  }

  private static float multiplyAdd(int steps, float factor) {
    FloatVector m = FloatVector.broadcast(SPECIES, factor);
    FloatVector c = FloatVector.broadcast(SPECIES, 0.25f);
    FloatVector a0 = m, a1 = m, a2 = m, a3 = m, a4 = m, a5 = m, a6 = m, a7 = m, a8 = m, a9 = m, a10 = m, a11 = m;
    for (int i = 0; i < steps; i++) {
      a0 = a0.fma(m, c);
      a1 = a1.fma(m, c);
      a2 = a2.fma(m, c);
      a3 = a3.fma(m, c);
      a4 = a4.fma(m, c);
      a5 = a5.fma(m, c);
      a6 = a6.fma(m, c);
      a7 = a7.fma(m, c);
      a8 = a8.fma(m, c);
      a9 = a9.fma(m, c);
      a10 = a10.fma(m, c);
      a11 = a11.fma(m, c);
    }
    FloatVector low = a0.add(a1).add(a2).add(a3).add(a4).add(a5);
    return low.add(a6).add(a7).add(a8).add(a9).add(a10).add(a11).lane(0);
  }

  private static float readAll(MemorySegment from, long start, long bytes) {
    int step = SPECIES.vectorByteSize();
    FloatVector a = FloatVector.zero(SPECIES), b = a, c = a, d = a;
    ByteOrder order = ByteOrder.nativeOrder();
    long end = start + bytes;
    for (long at = start; at < end; at += 4L * step) {
      a = a.add(FloatVector.fromMemorySegment(SPECIES, from, at, order));
      b = b.add(FloatVector.fromMemorySegment(SPECIES, from, at + step, order));
      c = c.add(FloatVector.fromMemorySegment(SPECIES, from, at + 2L * step, order));
      d = d.add(FloatVector.fromMemorySegment(SPECIES, from, at + 3L * step, order));
    }
    return a.add(b).add(c).add(d).lane(0) + from.get(ValueLayout.JAVA_FLOAT, start);
  }

  @Override
  public void close() {
    executor.shutdown();
    arena.close();
  }
}
