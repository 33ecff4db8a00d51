package org.ondol.test.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.ops.Attention;
import org.ondol.ops.Attention.Alignment;
import org.ondol.ops.KvCache;
import org.ondol.ops.PagedKvCache;
import org.ondol.test.oracle.AttentionCase;
import org.ondol.test.page.PageAttention;
import org.ondol.test.support.Bits;
import org.ondol.test.support.TestDevices;

/** Decoding over caches that grow: every step must give the bits of attention over all keys so far at once. */
class KvCacheTest {
  private static final int HEADS = 4;
  private static final int KV_HEADS = 2;
  private static final int DIM = 24;
  private static final int VALUE_DIM = 16;

  /** Keys and values of one sequence as rows per position: [position][head][dim]. */
  private static final class History {
    final List<float[]> keys = new ArrayList<>();
    final List<float[]> values = new ArrayList<>();

    /** Adds n random positions and returns them as [heads, n, dim], keys first. */
    float[][] add(Random random, int n) {
      for (int i = 0; i < n; i++) {
        keys.add(random(random, KV_HEADS * DIM));
        values.add(random(random, KV_HEADS * VALUE_DIM));
      }
      return new float[][] {headsFirst(keys, keys.size() - n, DIM), headsFirst(values, values.size() - n, VALUE_DIM)};
    }

    private static float[] headsFirst(List<float[]> rows, int from, int dim) {
      int n = rows.size() - from;
      float[] out = new float[KV_HEADS * n * dim];
      for (int h = 0; h < KV_HEADS; h++) {
        for (int i = 0; i < n; i++) {
          System.arraycopy(rows.get(from + i), h * dim, out, (h * n + i) * dim, dim);
        }
      }
      return out;
    }

    /** What the page says for queries q [heads, rows, dim] that stand at the end of this history. */
    float[] expected(float[] q, int rows) {
      AttentionCase p = new AttentionCase();
      p.heads = HEADS;
      p.kvHeads = KV_HEADS;
      p.qLen = rows;
      p.kvLen = keys.size();
      p.headDim = DIM;
      p.valueDim = VALUE_DIM;
      p.q = q;
      p.k = headsFirst(keys, 0, DIM);
      p.v = headsFirst(values, 0, VALUE_DIM);
      p.scale = 1 / Math.sqrt(DIM);
      p.bottomRight = true;
      p.windowRight = 0;
      return PageAttention.forward(p).out();
    }
  }

  private static float[] random(Random random, int n) {
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) random.nextGaussian();
    }
    return x;
  }

  private static List<DynamicNode> onEveryDevice(Consumer<Device> test) {
    return TestDevices.NAMES.stream().map(name -> (DynamicNode) DynamicTest.dynamicTest(name, () -> {
      try (Scope scope = Scope.open()) {
        test.accept(TestDevices.require(name));
      }
    })).toList();
  }

  @TestFactory
  List<DynamicNode> growsInPlace() {
    return onEveryDevice(KvCacheTest::grow);
  }

  private static void grow(Device device) {
    Random random = new Random(11);
    History history = new History();
    try (KvCache cache = new KvCache(device, 1, KV_HEADS, DIM, VALUE_DIM, 3)) {
      for (int n : new int[] {1, 1, 5, 0, 120, 1, 1, 130, 1, 17, 256, 1, 1}) {
        try (Scope scope = Scope.open()) {
          float[][] added = history.add(random, n);
          cache.append(Tensor.of(device, added[0], 1, KV_HEADS, n, DIM), Tensor.of(device, added[1], 1, KV_HEADS, n, VALUE_DIM));
          assertEquals(history.keys.size(), cache.length());
          assertTrue(cache.capacity() >= cache.length(), "capacity");
          int rows = Math.max(1, Math.min(n, 20));
          float[] q = random(random, HEADS * rows * DIM);
          Tensor out = cache.attend(Tensor.of(device, q, 1, HEADS, rows, DIM), Attention.Options.causal(Alignment.BOTTOM_RIGHT));
          assertNull(Bits.difference(out.toFloats(), history.expected(q, rows)), "after " + cache.length() + " positions");
        }
      }
      cache.truncate(100);
      history.keys.subList(100, history.keys.size()).clear();
      history.values.subList(100, history.values.size()).clear();
      float[] q = random(random, HEADS * DIM);
      Tensor out = cache.attend(Tensor.of(device, q, 1, HEADS, 1, DIM), Attention.Options.causal(Alignment.BOTTOM_RIGHT));
      assertNull(Bits.difference(out.toFloats(), history.expected(q, 1)), "after truncation");
    }
  }

  @TestFactory
  List<DynamicNode> pagesAreTakenAndGivenBack() {
    return onEveryDevice(KvCacheTest::pages);
  }

  private static void pages(Device device) {
    Random random = new Random(12);
    try (PagedKvCache cache = new PagedKvCache(device, 40, 16, KV_HEADS, DIM, VALUE_DIM)) {
      int[] order = {cache.open(), cache.open(), cache.open()};
      History[] histories = {new History(), new History(), new History()};
      for (int step = 0; step < 40; step++) {
        try (Scope scope = Scope.open()) {
          int who = random.nextInt(3);
          if (random.nextInt(12) == 0) {
            cache.release(order[who]);
            order[who] = cache.open();
            histories[who] = new History();
          }
          int n = 1 + random.nextInt(20);
          float[][] added = histories[who].add(random, n);
          cache.append(order[who], Tensor.of(device, added[0], KV_HEADS, n, DIM), Tensor.of(device, added[1], KV_HEADS, n, VALUE_DIM));
          compare(device, cache, order, histories, random);
        }
      }
      for (int s : order) {
        cache.release(s);
      }
      assertEquals(40, cache.freePages(), "free pages once every sequence is released");
    }
  }

  /** One decode step for all sequences at once. */
  private static void compare(Device device, PagedKvCache cache, int[] order, History[] histories, Random random) {
    float[] q = random(random, 3 * HEADS * DIM);
    float[] out = cache.attend(Tensor.of(device, q, 3, HEADS, 1, DIM), order,
        Attention.Options.causal(Alignment.BOTTOM_RIGHT)).toFloats();
    for (int b = 0; b < 3; b++) {
      float[] expected = histories[b].expected(Arrays.copyOfRange(q, b * HEADS * DIM, (b + 1) * HEADS * DIM), 1);
      float[] actual = Arrays.copyOfRange(out, b * HEADS * VALUE_DIM, (b + 1) * HEADS * VALUE_DIM);
      assertNull(Bits.difference(actual, expected), "sequence " + b + " of " + histories[b].keys.size() + " positions");
    }
  }
}
