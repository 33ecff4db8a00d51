package org.ondol.models.proposals;

import java.util.Arrays;

/**
 * Joins the two most similar touching regions until one is left. Regions are numbered in the order in which they come
 * to be: those of the segmentation first, the whole image last. Of equal similarities the one that was computed first
 * counts.
 */
final class Grouping {
  /** A histogram's share of all its pixels is kept in units of 2^-30: the sum of shares then is exact in any order. */
  private static final double UNIT = 1 << 30;

  private final Regions regions;
  private final Similarity similarity;
  /** Of each region, ends exclusive. */
  private final int[] boxes;
  private final int[] sizes;
  /** Where a region's histograms are: a union takes the place of its first half. */
  private final int[] places;
  private final boolean[] alive;
  private final int[][] neighbours;
  private final int[] degrees;
  /** Which union a region was last seen beside. */
  private final int[] seen;
  private final SimilarPairs pairs;

  private final int skipped;
  private final int colourBins;
  private final int textureBins;
  private final int[] counts;
  private final int[] shares;

  private Grouping(Regions regions, Similarity similarity) {
    this.regions = regions;
    this.similarity = similarity;
    int all = 2 * regions.count - 1;
    boxes = Arrays.copyOf(regions.boxes, 4 * all);
    sizes = Arrays.copyOf(regions.sizes, all);
    places = new int[all];
    alive = new boolean[all];
    neighbours = new int[all][];
    degrees = new int[all];
    seen = new int[all];
    pairs = new SimilarPairs(2 * regions.borders.length);
    skipped = similarity.colour() ? 0 : regions.colourBins;
    colourBins = similarity.colour() ? regions.colourBins : 0;
    textureBins = similarity.texture() ? regions.textureBins : 0;
    counts = copyOfHistograms();
    shares = new int[counts.length];
    for (int r = 0; r < regions.count; r++) {
      places[r] = r;
      alive[r] = true;
      share(r);
    }
  }

  /** The boxes of all regions that come to be, four numbers each. */
  static int[] boxes(Regions regions, Similarity similarity) {
    Grouping grouping = new Grouping(regions, similarity);
    grouping.run();
    return grouping.boxes;
  }

  /** The similarity of two regions of a segmentation. */
  static double similarity(Regions regions, Similarity similarity, int a, int b) {
    return new Grouping(regions, similarity).similarity(a, b);
  }

  private int bins() {
    return colourBins + textureBins;
  }

  private int[] copyOfHistograms() {
    int[] copy = new int[regions.count * bins()];
    int length = regions.colourBins + regions.textureBins;
    for (int r = 0; r < regions.count && bins() > 0; r++) {
      System.arraycopy(regions.histograms, r * length + skipped, copy, r * bins(), bins());
    }
    return copy;
  }

  private void run() {
    for (long pair : regions.borders) {
      int a = (int) (pair >>> 32);
      int b = (int) pair;
      link(a, b);
      link(b, a);
      pairs.add(similarity(a, b), a, b);
    }
    int next = regions.count;
    while (pairs.next()) {
      if (alive[pairs.a] && alive[pairs.b]) join(pairs.a, pairs.b, next++);
    }
  }

  private void link(int region, int neighbour) {
    int degree = degrees[region]++;
    int[] list = neighbours[region];
    if (list == null) list = new int[8];
    else if (degree == list.length) list = Arrays.copyOf(list, 2 * degree);
    list[degree] = neighbour;
    neighbours[region] = list;
  }

  private void join(int a, int b, int union) {
    sizes[union] = sizes[a] + sizes[b];
    for (int i = 0; i < 2; i++) {
      boxes[4 * union + i] = Math.min(boxes[4 * a + i], boxes[4 * b + i]);
      boxes[4 * union + 2 + i] = Math.max(boxes[4 * a + 2 + i], boxes[4 * b + 2 + i]);
    }
    places[union] = places[a];
    add(counts, places[a] * bins(), places[b] * bins(), bins());
    share(union);
    alive[a] = false;
    alive[b] = false;
    alive[union] = true;
    compareNeighbours(a, union);
    compareNeighbours(b, union);
    neighbours[a] = null;
    neighbours[b] = null;
  }

  private static void add(int[] counts, int to, int from, int n) {
    for (int i = 0; i < n; i++) counts[to + i] += counts[from + i];
  }

  private void compareNeighbours(int half, int union) {
    for (int i = 0; i < degrees[half]; i++) {
      int other = neighbours[half][i];
      if (!alive[other] || seen[other] == union) continue;
      seen[other] = union;
      link(union, other);
      link(other, union);
      pairs.add(similarity(other, union), other, union);
    }
  }

  /** Divides a region's histograms by their sums. */
  private void share(int region) {
    int at = places[region] * bins();
    // Each channel counts a pixel once in the colours, and once a direction in the textures.
    if (colourBins > 0) {
      double sum = (double) sizes[region] * (colourBins / Bins.COLOURS);
      divide(counts, shares, at, colourBins, UNIT / sum);
    }
    if (textureBins > 0) {
      double sum = (double) sizes[region] * (textureBins / Bins.STEPS);
      divide(counts, shares, at + colourBins, textureBins, UNIT / sum);
    }
  }

  private static void divide(int[] counts, int[] shares, int at, int n, double factor) {
    for (int i = at; i < at + n; i++) shares[i] = (int) (counts[i] * factor);
  }

  private double similarity(int a, int b) {
    double sum = 0;
    int atA = places[a] * bins();
    int atB = places[b] * bins();
    if (similarity.colour()) sum += intersection(shares, atA, atB, colourBins) / UNIT;
    if (similarity.texture()) sum += intersection(shares, atA + colourBins, atB + colourBins, textureBins) / UNIT;
    int together = sizes[a] + sizes[b];
    if (similarity.size()) sum += 1 - (double) together / regions.pixels;
    if (similarity.fill()) sum += 1 - (double) (area(a, b) - together) / regions.pixels;
    return sum;
  }

  private static int intersection(int[] shares, int a, int b, int n) {
    int sum = 0;
    for (int i = 0; i < n; i++) sum += Math.min(shares[a + i], shares[b + i]);
    return sum;
  }

  /** Of the box around both. */
  private int area(int a, int b) {
    int width = Math.max(boxes[4 * a + 2], boxes[4 * b + 2]) - Math.min(boxes[4 * a], boxes[4 * b]);
    int height = Math.max(boxes[4 * a + 3], boxes[4 * b + 3]) - Math.min(boxes[4 * a + 1], boxes[4 * b + 1]);
    return width * height;
  }
}
