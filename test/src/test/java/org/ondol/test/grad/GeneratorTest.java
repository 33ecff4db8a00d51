package org.ondol.test.grad;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.Threads;
import org.ondol.grad.Generator;
import org.ondol.grad.Initializer;
import org.ondol.grad.Initializer.Fan;
import org.ondol.grad.Initializer.Layout;
import org.ondol.test.page.PagePhilox;
import org.ondol.test.support.Bits;
import org.ondol.test.support.TestDevices;

/** Random numbers as the page defines them, and what initial values are made of them. */
class GeneratorTest {
  private static final Device JAVA = Device.of("java");
  private static final int TAG = 0x4F6E646F;

  /** Word i of a draw that begins at a position. */
  private static int word(long seed, long position, int i) {
    long block = position + i / 4;
    return PagePhilox.generate((int) block, (int) (block >>> 32), 0, TAG, (int) seed, (int) (seed >>> 32))[i % 4];
  }

  @Test
  void numbersOfThePage() {
    long seed = 0x1234_5678_9ABC_DEF0L;
    long position = (1L << 32) - 2; // the counter's second word changes meanwhile
    Generator g = new Generator(seed);
    g.seek(position);
    try (Scope scope = Scope.open()) {
      float[] uniform = g.uniform(JAVA, -1, 3, 23).toFloats();
      for (int i = 0; i < 23; i++) assertEquals((float) (-1 + 4 * ((word(seed, position, i) >>> 8) * 0x1p-24)),
          uniform[i], 0);
      assertEquals(position + 6, g.position());
      g.seek(position);
      float[] normal = g.normal(JAVA, 1, 2, 23).toFloats();
      for (int i = 0; i < 23; i++) {
        double a = (Integer.toUnsignedLong(word(seed, position, i & ~1)) + 0.5) / 0x1p32;
        double t = 2 * Math.PI * Integer.toUnsignedLong(word(seed, position, i | 1)) / 0x1p32;
        double r = Math.sqrt(-2 * Math.log(a));
        assertEquals(1 + 2 * r * (i % 2 == 0 ? Math.cos(t) : Math.sin(t)), normal[i], 1e-6);
      }
      g.seek(position);
      float[] mask = g.dropout(JAVA, 0.25, 23).toFloats();
      for (int i = 0; i < 23; i++) {
        assertEquals(Integer.toUnsignedLong(word(seed, position, i)) >= (long) (0.25 * 0x1p32) ? 4 / 3f : 0, mask[i],
            0);
      }
      g.seek(5);
      assertEquals(Integer.toUnsignedLong(word(seed, 5, 0)) | (long) word(seed, 5, 1) << 32, g.nextLong());
      assertEquals(6, g.position());
    }
  }

  @Test
  void theSameForAnyThreadsAndDevice() {
    int threads = Threads.count();
    float[] first = null;
    try (Scope scope = Scope.open()) {
      for (Device device : TestDevices.available()) {
        for (int n : new int[] {1, 2, 7}) {
          Threads.set(n);
          float[] x = new Generator(9).normal(device, 0, 1, 100_003).toFloats();
          if (first == null) first = x;
          assertNull(Bits.difference(x, first), device + " with " + n + " threads");
        }
      }
    } finally {
      Threads.set(threads);
    }
  }

  private static double mean(float[] x) {
    return IntStream.range(0, x.length).mapToDouble(i -> x[i]).average().orElseThrow();
  }

  private static double deviation(float[] x) {
    double mean = mean(x);
    return Math.sqrt(IntStream.range(0, x.length).mapToDouble(i ->
        (x[i] - mean) * (x[i] - mean)).average().orElseThrow());
  }

  @Test
  void moments() {
    try (Scope scope = Scope.open()) {
      Generator g = new Generator(1);
      float[] normal = g.normal(JAVA, 3, 0.5, 1_000_000).toFloats();
      assertEquals(3, mean(normal), 0.003);
      assertEquals(0.5, deviation(normal), 0.003);
      double inside = IntStream.range(0, normal.length).filter(i -> Math.abs(normal[i] - 3) < 0.5).count() / 1e6;
      assertEquals(0.6827, inside, 0.003);
      float[] uniform = g.uniform(JAVA, -2, 2, 1_000_000).toFloats();
      assertEquals(0, mean(uniform), 0.008);
      assertEquals(4 / Math.sqrt(12), deviation(uniform), 0.005);
      assertEquals(1, mean(g.dropout(JAVA, 0.9, 1_000_000).toFloats()), 0.02);
    }
  }

  @Test
  void permutations() {
    Generator g = new Generator(3);
    int[] seen = new int[24];
    for (int i = 0; i < 24_000; i++) {
      int[] p = g.permutation(4);
      int[] sorted = p.clone();
      Arrays.sort(sorted);
      assertArrayEquals(new int[] {0, 1, 2, 3}, sorted);
      int rank = 0;
      for (int a = 0; a < 4; a++) {
        int smaller = 0;
        for (int b = a + 1; b < 4; b++) if (p[b] < p[a]) smaller++;
        rank = rank * (4 - a) + smaller;
      }
      seen[rank]++;
    }
    // Each of 24 orders 1000 times; 5 standard deviations are 155.
    for (int n : seen) assertEquals(1000, n, 160);
    assertEquals(0, g.permutation(0).length);
  }

  private static float[] create(Initializer init, long... shape) {
    try (Tensor t = init.create(JAVA, new Generator(4), shape)) {
      return t.toFloats();
    }
  }

  private static float largest(float[] x) {
    float max = 0;
    for (float v : x) max = Math.max(max, Math.abs(v));
    return max;
  }

  @Test
  void fans() {
    // matrix [in 300, out 100]; conv [out 64, in 16, 3, 3]; deconv [in 64, out 16, 3, 3]
    assertEquals(Math.sqrt(2.0 / 400), deviation(create(Initializer.xavierNormal(Layout.MATRIX, 1), 300, 100)), 2e-3);
    float[] uniform = create(Initializer.xavierUniform(Layout.MATRIX, 1), 300, 100);
    assertTrue(largest(uniform) <= Math.sqrt(6.0 / 400) && largest(uniform) > 0.99 * Math.sqrt(6.0 / 400));
    assertEquals(Math.sqrt(2.0 / 300), deviation(create(Initializer.heNormal(Layout.MATRIX, Fan.IN, 0), 300, 100)),
        2e-3);
    assertEquals(Math.sqrt(2.0 / (16 * 9)),
        deviation(create(Initializer.heNormal(Layout.CONV, Fan.IN, 0), 64, 16, 3, 3)), 4e-3);
    assertEquals(Math.sqrt(2.0 / (64 * 9)),
        deviation(create(Initializer.heNormal(Layout.CONV, Fan.OUT, 0), 64, 16, 3, 3)), 2e-3);
    assertEquals(Math.sqrt(2.0 / (64 * 9)),
        deviation(create(Initializer.heNormal(Layout.DECONV, Fan.IN, 0), 64, 16, 3, 3)), 2e-3);
    float[] he = create(Initializer.heUniform(Layout.CONV, Fan.IN, 0.2), 64, 16, 3, 3);
    double a = Math.sqrt(6 / (1.04 * 16 * 9));
    assertTrue(largest(he) <= a && largest(he) > 0.99 * a);
  }

  @Test
  void orthogonal() {
    for (int[] shape : new int[][] {{5, 9}, {9, 5}, {6, 6}, {1, 4}, {4, 1}}) {
      int rows = shape[0];
      int columns = shape[1];
      float[] w = create(Initializer.orthogonal(2), rows, columns);
      int n = Math.min(rows, columns);
      for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
          double dot = 0;
          for (int k = 0; k < Math.max(rows, columns); k++) {
            dot += rows <= columns ? (double) w[i * columns + k] * w[j * columns + k]
                : (double) w[k * columns + i] * w[k * columns + j];
          }
          assertEquals(i == j ? 4 : 0, dot, 1e-6, rows + " x " + columns);
        }
      }
    }
    assertEquals(16 * 27, create(Initializer.orthogonal(1), 16, 3, 3, 3).length);
  }

  @Test
  void bilinearAndConstant() {
    float[] w = create(Initializer.bilinear(), 2, 2, 4, 4);
    assertEquals(0.5625f, w[5]);
    assertEquals(0, w[16 + 5]);
    assertEquals(0.5625f, w[48 + 5]);
    assertEquals(0.0625f, create(Initializer.bilinear(), 2, 1, 4, 4)[16]);
    assertNull(Bits.difference(create(Initializer.constant(0.5), 2, 2), new float[] {0.5f, 0.5f, 0.5f, 0.5f}));
    assertNull(Bits.difference(create(Initializer.zeros(), 1, 1, 1, 1, 1, 1, 1, 3), new float[3]));
  }
}
