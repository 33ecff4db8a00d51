package org.ondol.models.proposals;

import java.util.Arrays;
import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;

/**
 * Regions of an image by P. Felzenszwalb and D. Huttenlocher, "Efficient Graph-Based Image Segmentation" (IJCV 2004).
 *
 * <p>Edges of the graph of pixels are taken by ascending weight w, and join the components C1 and C2 of their ends
 * where
 *
 * <pre>{@code w <= min(Int(C1) + k / |C1|, Int(C2) + k / |C2|),}</pre>
 *
 * Int(C) being the greatest weight that was taken inside C. Then components of less than a minimum of pixels are joined
 * to a neighbour over the lightest edges.
 */
public final class GraphSegmentation {
  private final int[] labels;
  private final int count;
  /** Pairs of touching regions, the lower number in the upper half; ascending. */
  private final long[] borders;

  private GraphSegmentation(int[] labels, int count, long[] borders) {
    this.labels = labels;
    this.count = count;
    this.borders = borders;
  }

  /**
   * Segments an image by its RGB values, pixels touching their eight neighbours.
   *
   * @param image [3, rows, columns], FLOAT32 of 0 to 255
   * @param sigma of the Gaussian that smooths it first; 0 for none. The authors take 0.8
   * @param scale the paper's k: the larger, the larger the regions
   * @param minimum of pixels in a region
   */
  public static GraphSegmentation of(Tensor image, double sigma, double scale, int minimum) {
    Pixels.checkSigma(sigma);
    Pixels.checkScale("scale", scale);
    if (minimum < 1) throw new InvalidArgumentException("minimum", minimum, "1 or more");
    Pixels pixels = Pixels.of(image);
    float[][] planes = ColourSpace.RGB.planes(pixels.rgb(), pixels.count());
    return of(Graph.grid(pixels.smooth(planes, sigma), pixels.width(), pixels.height()), (float) scale, minimum);
  }

  /** Segments any graph. */
  static GraphSegmentation of(Graph graph, float scale, int minimum) {
    Forest forest = new Forest(graph.vertices);
    int[] open = new int[graph.from.length];
    int left = 0;
    float[] limit = new float[graph.vertices];
    Arrays.fill(limit, scale);
    for (int e = 0; e < open.length; e++) {
      int a = forest.root(graph.from[e]);
      int b = forest.root(graph.to[e]);
      if (a == b) continue;
      float w = graph.weights[e];
      if (w <= limit[a] && w <= limit[b]) {
        int root = forest.join(a, b);
        limit[root] = w + scale / forest.size(root);
      } else {
        open[left++] = e;
      }
    }
    left = joinSmall(graph, forest, minimum, open, left);
    return number(graph, forest, open, left);
  }

  /** Joins components below the minimum over the edges between components; returns how many edges are still such. */
  private static int joinSmall(Graph graph, Forest forest, int minimum, int[] open, int count) {
    int left = 0;
    for (int i = 0; i < count; i++) {
      int a = forest.root(graph.from[open[i]]);
      int b = forest.root(graph.to[open[i]]);
      if (a == b) continue;
      if (forest.size(a) < minimum || forest.size(b) < minimum) forest.join(a, b);
      else open[left++] = open[i];
    }
    return left;
  }

  /** Numbers the components in the order of their first vertices. */
  private static GraphSegmentation number(Graph graph, Forest forest, int[] open, int count) {
    int[] numbers = new int[graph.vertices];
    Arrays.fill(numbers, -1);
    int[] labels = new int[graph.vertices];
    int regions = 0;
    for (int v = 0; v < labels.length; v++) {
      int root = forest.root(v);
      if (numbers[root] < 0) numbers[root] = regions++;
      labels[v] = numbers[root];
    }
    LongSet pairs = new LongSet();
    for (int i = 0; i < count; i++) {
      int a = labels[graph.from[open[i]]];
      int b = labels[graph.to[open[i]]];
      if (a != b) pairs.add((long) Math.min(a, b) << 32 | Math.max(a, b));
    }
    return new GraphSegmentation(labels, regions, pairs.sorted());
  }

  /** How many regions there are. */
  public int count() {
    return count;
  }

  /** The number of each pixel's region, row by row; regions are numbered in the order of their first pixels. */
  public int[] labels() {
    return labels.clone();
  }

  /** The labels themselves, not to be changed. */
  int[] labelArray() {
    return labels;
  }

  long[] borders() {
    return borders;
  }
}
