package org.ondol.test.tensors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.ops.Pool;
import org.ondol.ops.PoolGeometry;

/** {@link Tensor#overlaps} against the sets of elements that two views have. */
class OverlapTest {
  private static final long SEED = Long.getLong("ondol.test.seed", 20260101);

  @Test
  void slicesOfOneTensorAreToldApartExactly() {
    Random random = new Random(SEED);
    int apartInRange = 0;
    try (Scope scope = Scope.open()) {
      Tensor whole = Tensor.zeros(Device.of("java"), 3, 4, 5, 2);
      for (int i = 0; i < 20_000; i++) {
        int dim = random.nextInt(4);
        try (Tensor a = slice(whole, dim, random); Tensor b = slice(whole, dim, random)) {
          boolean shared = shared(a, b);
          assertEquals(shared, a.overlaps(b), () -> describe(a, b));
          assertEquals(shared, b.overlaps(a), () -> describe(b, a));
          if (!shared && a.count() > 0 && b.count() > 0 && dim > 0) apartInRange++;
        }
      }
    }
    assertTrue(apartInRange > 1000, "slices that lie between each other: " + apartInRange);
  }

  @Test
  void viewsThatShareAnElementOverlap() {
    Random random = new Random(SEED + 1);
    int shares = 0;
    try (Scope scope = Scope.open()) {
      Tensor whole = Tensor.zeros(Device.of("java"), 64);
      for (int i = 0; i < 50_000; i++) {
        try (Tensor a = any(whole, random); Tensor b = any(whole, random)) {
          if (shared(a, b)) {
            shares++;
            assertTrue(a.overlaps(b), () -> describe(a, b));
          }
        }
      }
    }
    assertTrue(shares > 5000, "views that share: " + shares);
  }

  @Test
  void channelsOfAMapArePooledIntoOthersOfIt() {
    try (Scope scope = Scope.open()) {
      float[] values = new float[2 * 6 * 64];
      for (int i = 0; i < values.length; i++) values[i] = i;
      Tensor map = Tensor.of(Device.of("java"), values, 2, 6, 8, 8);
      Tensor from = map.slice(1, 0, 3);
      Tensor to = map.view(3 * 64, new long[] {2, 3, 4, 4}, new long[] {384, 64, 4, 1});
      assertFalse(from.overlaps(to));
      Pool.maxInto(from, PoolGeometry.tiles(2), to);
      assertEquals(384 + 128 + 63, to.toFloats()[95], "the last window of the last channel: its last element");
    }
  }

  private static Tensor slice(Tensor whole, int dim, Random random) {
    long size = whole.size(dim);
    long from = random.nextInt((int) size + 1);
    return whole.slice(dim, from, from + random.nextInt((int) (size - from) + 1));
  }

  /** Up to three dimensions of small sizes and strides, some of them negative, somewhere inside. */
  private static Tensor any(Tensor whole, Random random) {
    while (true) {
      int rank = random.nextInt(4);
      long[] shape = new long[rank];
      long[] stride = new long[rank];
      long low = 0;
      long high = 0;
      for (int d = 0; d < rank; d++) {
        shape[d] = 1 + random.nextInt(4);
        stride[d] = random.nextInt(25) - 8;
        long reach = (shape[d] - 1) * stride[d];
        if (reach < 0) low += reach; else high += reach;
      }
      if (high - low < 64) return whole.view(-low + random.nextInt((int) (64 - (high - low))), shape, stride);
    }
  }

  private static boolean shared(Tensor a, Tensor b) {
    Set<Long> elements = elements(a);
    elements.retainAll(elements(b));
    return !elements.isEmpty();
  }

  private static Set<Long> elements(Tensor t) {
    Set<Long> all = new HashSet<>();
    for (long i = 0; i < t.count(); i++) {
      long at = t.offset();
      long rest = i;
      for (int d = t.rank() - 1; d >= 0; d--) {
        at += rest % t.size(d) * t.stride(d);
        rest /= t.size(d);
      }
      all.add(at);
    }
    return all;
  }

  private static String describe(Tensor a, Tensor b) {
    return where(a) + " and " + where(b) + ", seed " + SEED;
  }

  private static String where(Tensor t) {
    return t + " at " + t.offset() + " strides " + Arrays.toString(t.strides());
  }
}
