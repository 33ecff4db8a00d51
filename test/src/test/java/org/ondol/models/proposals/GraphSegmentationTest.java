package org.ondol.models.proposals;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GraphSegmentationTest {
  /** A chain 0 -1- 1 -2- 2 -5- 3 -1- 4, the edges given out of order. */
  private static GraphSegmentation chain(float scale, int minimum) {
    int[] from = {2, 1, 4, 0};
    int[] to = {3, 2, 3, 1};
    float[] weights = {5, 2, 1, 1};
    return GraphSegmentation.of(Graph.of(5, from, to, weights), scale, minimum);
  }

  /**
   * Single vertices join over w <= k. With k = 4: {3,4} by w = 1; {0,1} by w = 1, whose limit becomes 1 + 4/2 = 3;
   * {0,1,2} by w = 2 <= min(3, 4), limit 2 + 4/3 = 3.33; w = 5 is beyond it.
   */
  @Test
  void chainByHand() {
    GraphSegmentation s = chain(4, 1);
    assertArrayEquals(new int[] {0, 0, 0, 1, 1}, s.labels());
    assertEquals(2, s.count());
    assertArrayEquals(new long[] {1}, s.borders(), "0 touches 1");
  }

  /**
   * k = 9: limits are 2 + 9/3 = 5 and 1 + 9/2 = 5.5, and 5 is not beyond 5. k = 8.9: 2 + 8.9/3 = 4.97 is less than 5.
   */
  @Test
  void anEqualWeightJoins() {
    assertEquals(1, chain(9, 1).count());
    assertEquals(0, chain(9, 1).borders().length);
    assertEquals(2, chain(8.9f, 1).count());
  }

  /**
   * k = 1: {0,1} and {3,4} by w = 1, limit 1 + 1/2; w = 2 is beyond it, so 2 stays alone: unless two vertices are the
   * least.
   */
  @Test
  void smallComponentsJoinOverTheLightestEdge() {
    assertArrayEquals(new int[] {0, 0, 1, 2, 2}, chain(1, 1).labels());
    assertArrayEquals(new long[] {1, 1L << 32 | 2}, chain(1, 1).borders());
    assertArrayEquals(new int[] {0, 0, 0, 1, 1}, chain(1, 2).labels());
    assertArrayEquals(new int[] {0, 0, 0, 0, 0}, chain(1, 3).labels());
    assertArrayEquals(new int[] {0, 1, 2, 3, 3}, GraphSegmentation.of(
        Graph.of(5, new int[] {3}, new int[] {4}, new float[] {0}), 1, 2).labels(), "no edge, nothing to join over");
  }

  /**
   * The definition with whole numbers: w <= Int + k / n is (w - Int) n <= k. Components are renamed vertex by vertex.
   */
  private static int[] naive(int vertices, int[] from, int[] to, int[] weights, int scale, int minimum) {
    List<Integer> order = new ArrayList<>();
    for (int e = 0; e < from.length; e++) order.add(e);
    order.sort(Comparator.comparingInt(e -> weights[e])); // stable
    int[] component = new int[vertices];
    for (int v = 0; v < vertices; v++) component[v] = v;
    int[] internal = new int[vertices];
    for (boolean last : new boolean[] {false, true}) {
      for (int e : order) {
        int a = component[from[e]];
        int b = component[to[e]];
        if (a == b) continue;
        int sizeA = size(component, a);
        int sizeB = size(component, b);
        boolean join = last ? sizeA < minimum || sizeB < minimum
            : (weights[e] - internal[a]) * sizeA <= scale && (weights[e] - internal[b]) * sizeB <= scale;
        if (!join) continue;
        for (int v = 0; v < vertices; v++) if (component[v] == b) component[v] = a;
        internal[a] = weights[e];
      }
    }
    return numbered(component);
  }

  private static int size(int[] component, int c) {
    return (int) Arrays.stream(component).filter(x -> x == c).count();
  }

  private static int[] numbered(int[] component) {
    List<Integer> seen = new ArrayList<>();
    int[] labels = new int[component.length];
    for (int v = 0; v < labels.length; v++) {
      if (!seen.contains(component[v])) seen.add(component[v]);
      labels[v] = seen.indexOf(component[v]);
    }
    return labels;
  }

  /** Few different weights, so that most edges are among equals. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void randomGraphsAgreeWithTheDefinition(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    for (int round = 0; round < 50; round++) {
      int vertices = 1 + random.nextInt(60);
      int[] from = new int[random.nextInt(4 * vertices)];
      int[] to = new int[from.length];
      int[] weights = new int[from.length];
      float[] floats = new float[from.length];
      for (int e = 0; e < from.length; e++) {
        from[e] = random.nextInt(vertices);
        to[e] = random.nextInt(vertices);
        floats[e] = weights[e] = random.nextInt(20);
      }
      int scale = 1 + random.nextInt(40);
      int minimum = 1 + random.nextInt(6);
      assertArrayEquals(naive(vertices, from, to, weights, scale, minimum),
          GraphSegmentation.of(Graph.of(vertices, from, to, floats), scale, minimum).labels(),
          "seed " + seed + ", round " + round);
    }
  }

  /**
   * Greys whose distances (times the root of 3) are whole: the grid's edges, tried in the order that Graph.grid states.
   */
  @ParameterizedTest
  @ValueSource(longs = {11, 12, 13, 14})
  void imagesAgreeWithTheDefinition(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int width = 2 + random.nextInt(12);
    int height = 2 + random.nextInt(9);
    float[] grey = new float[width * height];
    for (int i = 0; i < grey.length; i++) grey[i] = random.nextInt(9);
    List<int[]> edges = new ArrayList<>();
    for (int y = 0; y < height; y++) {
      for (int[] d : new int[][] {{0, 1}, {1, 0}, {1, 1}, {1, -1}}) {
        for (int x = 0; x < width; x++) {
          int tx = x + d[1];
          int ty = y + d[0];
          if (tx >= 0 && tx < width && ty < height) edges.add(new int[] {y * width + x, ty * width + tx});
        }
      }
    }
    int[] from = edges.stream().mapToInt(e -> e[0]).toArray();
    int[] to = edges.stream().mapToInt(e -> e[1]).toArray();
    int[] weights = edges.stream().mapToInt(e -> (int) Math.abs(grey[e[0]] - grey[e[1]])).toArray();
    for (int scale : new int[] {1, 3, 10}) {
      assertArrayEquals(naive(width * height, from, to, weights, scale, 3),
          GraphSegmentation.of(Graph.grid(new float[][] {grey}, width, height), scale, 3).labels(), "seed " + seed);
    }
  }

  @Test
  void flatRectanglesAreTheRegions() {
    Drawing image = new Drawing(30, 20, 0x204060).fill(3, 4, 12, 9, 0xE0C020).fill(15, 10, 30, 20, 0x10A010);
    int[] expected = new int[600];
    for (int y = 4; y < 9; y++) Arrays.fill(expected, y * 30 + 3, y * 30 + 12, 1);
    for (int y = 10; y < 20; y++) Arrays.fill(expected, y * 30 + 15, y * 30 + 30, 2);
    GraphSegmentation s = GraphSegmentation.of(image.tensor(), 0, 100, 1);
    assertArrayEquals(expected, s.labels());
    assertArrayEquals(new long[] {1, 2}, s.borders(), "both touch the background only");
  }

  /** Two squares that touch at a corner only: neighbours, and one region where they have one colour. */
  @Test
  void cornersTouch() {
    Drawing image = new Drawing(8, 8, 0).fill(0, 0, 4, 4, 0xFFFFFF).fill(4, 4, 8, 8, 0xFFFFFF);
    assertEquals(2, GraphSegmentation.of(image.tensor(), 0, 10, 1).count());
    image.fill(4, 4, 8, 8, 0xFF0000);
    assertArrayEquals(new long[] {1, 2, 1L << 32 | 2}, GraphSegmentation.of(image.tensor(), 0, 10, 1).borders());
  }

  /** Two halves under noise: it cuts them up unless it is smoothed away, and then the border is where it was. */
  @Test
  void smoothingRemovesNoise() {
    Drawing image = new Drawing(60, 40, 0x505050).fill(30, 0, 60, 40, 0xA0A0A0);
    SplittableRandom random = new SplittableRandom(5);
    for (int i = 0; i < image.rgb.length; i++) image.rgb[i] += random.nextInt(-12, 13);
    assertTrue(GraphSegmentation.of(image.tensor(), 0, 200, 1).count() > 20);
    GraphSegmentation s = GraphSegmentation.of(image.tensor(), 2, 200, 20);
    for (int i = 0; i < 2400; i++) {
      if (Math.abs(i % 60 - 29.5) > 4) assertEquals(i % 60 < 30 ? 0 : s.labels()[59], s.labels()[i], "pixel " + i);
    }
    assertNotEquals(0, s.labels()[59]);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 7, 100})
  void lines(int length) {
    assertEquals(1, GraphSegmentation.of(new Drawing(length, 1, 0x123456).tensor(), 0.8, 100, 1).count());
    assertEquals(1, GraphSegmentation.of(new Drawing(1, length, 0x123456).tensor(), 0.8, 100, 1).count());
  }
}
