package org.ondol.models.proposals;

/**
 * An undirected graph, its edges by ascending weight; edges of one weight stay in the order in which they were given.
 */
final class Graph {
  private static final int DIGIT = 11;
  private static final int DIGITS = 3;

  final int vertices;
  final int[] from;
  final int[] to;
  final float[] weights;

  private Graph(int vertices, int edges) {
    this.vertices = vertices;
    from = new int[edges];
    to = new int[edges];
    weights = new float[edges];
  }

  /** Any graph; weights are not negative. */
  static Graph of(int vertices, int[] from, int[] to, float[] weights) {
    long[] edges = new long[from.length];
    for (int e = 0; e < edges.length; e++) edges[e] = key(weights[e], e);
    edges = sort(edges);
    Graph graph = new Graph(vertices, edges.length);
    for (int e = 0; e < edges.length; e++) {
      graph.from[e] = from[(int) edges[e]];
      graph.to[e] = to[(int) edges[e]];
      graph.weights[e] = weight(edges[e]);
    }
    return graph;
  }

  /** The pixels of an image, each joined to its eight neighbours with the distance of their colours. */
  static Graph grid(float[][] planes, int width, int height) {
    long[] edges = new long[width * (height - 1) + (width - 1) * height + 2 * (width - 1) * (height - 1)];
    float[] distance = new float[width];
    int n = 0;
    for (int y = 0; y < height; y++) {
      int p = y * width;
      n = row(planes, p, p + 1, width - 1, 0, distance, edges, n);
      if (y + 1 == height) break;
      n = row(planes, p, p + width, width, 1, distance, edges, n);
      n = row(planes, p, p + width + 1, width - 1, 2, distance, edges, n);
      n = row(planes, p + 1, p + width, width - 1, 3, distance, edges, n);
    }
    edges = sort(edges);
    Graph graph = new Graph(width * height, n);
    int[] step = {1, width, width + 1, width - 1};
    for (int e = 0; e < n; e++) {
      int name = (int) edges[e];
      graph.from[e] = name >> 2;
      graph.to[e] = (name >> 2) + step[name & 3];
      graph.weights[e] = weight(edges[e]);
    }
    return graph;
  }

  /** Appends the edges from n pixels in a row to the n that begin elsewhere. */
  private static int row(float[][] planes, int a, int b, int n, int direction, float[] distance, long[] edges, int at) {
    for (int i = 0; i < n; i++) distance[i] = 0;
    for (float[] plane : planes) addSquares(plane, a, b, n, distance);
    for (int i = 0; i < n; i++) distance[i] = (float) Math.sqrt(distance[i]);
    for (int i = 0; i < n; i++) edges[at + i] = key(distance[i], a + i << 2 | direction);
    return at + n;
  }

  private static void addSquares(float[] plane, int a, int b, int n, float[] sums) {
    for (int i = 0; i < n; i++) {
      float d = plane[a + i] - plane[b + i];
      sums[i] += d * d;
    }
  }

  /** The bits of floats that are not negative ascend like the floats. */
  private static long key(float weight, int name) {
    return (long) Float.floatToRawIntBits(weight) << 32 | name;
  }

  private static float weight(long key) {
    return Float.intBitsToFloat((int) (key >>> 32));
  }

  /** Sorts by the upper half, digit by digit from the lowest. */
  private static long[] sort(long[] keys) {
    int[][] starts = new int[DIGITS][1 << DIGIT];
    for (long key : keys) {
      for (int d = 0; d < DIGITS; d++) starts[d][digit(key, d)]++;
    }
    long[] from = keys;
    long[] to = new long[keys.length];
    for (int d = 0; d < DIGITS; d++) {
      int[] start = starts[d];
      int next = 0;
      for (int i = 0; i < start.length; i++) {
        int count = start[i];
        start[i] = next;
        next += count;
      }
      for (long key : from) to[start[digit(key, d)]++] = key;
      long[] other = from;
      from = to;
      to = other;
    }
    return from;
  }

  private static int digit(long key, int d) {
    return (int) (key >>> 32 + d * DIGIT) & (1 << DIGIT) - 1;
  }
}
