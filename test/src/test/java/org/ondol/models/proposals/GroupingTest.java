package org.ondol.models.proposals;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The hierarchy beside one that keeps sets of pixels and compares all pairs again for every union. */
class GroupingTest {
  private static final int WIDTH = 40;
  private static final int HEIGHT = 30;

  /** A set of pixels with its histograms in float64. */
  private record Region(boolean[] pixels, double[] colours, double[] textures) {
    int size() {
      int n = 0;
      for (boolean p : pixels) if (p) n++;
      return n;
    }

    int[] box() {
      int[] box = {WIDTH, HEIGHT, 0, 0};
      for (int i = 0; i < pixels.length; i++) {
        if (!pixels[i]) continue;
        box[0] = Math.min(box[0], i % WIDTH);
        box[1] = Math.min(box[1], i / WIDTH);
        box[2] = Math.max(box[2], i % WIDTH + 1);
        box[3] = Math.max(box[3], i / WIDTH + 1);
      }
      return box;
    }

    boolean touches(Region other) {
      for (int i = 0; i < pixels.length; i++) {
        for (int j : new int[] {i + 1, i + WIDTH - 1, i + WIDTH, i + WIDTH + 1}) {
          boolean near = j < pixels.length && Math.abs(i % WIDTH - j % WIDTH) <= 1;
          if (near && (pixels[i] && other.pixels[j] || pixels[j] && other.pixels[i])) return true;
        }
      }
      return false;
    }

    Region and(Region other) {
      boolean[] union = pixels.clone();
      for (int i = 0; i < union.length; i++) union[i] |= other.pixels[i];
      return new Region(union, mean(colours, size(), other.colours, other.size()),
          mean(textures, size(), other.textures, other.size()));
    }
  }

  private static double[] mean(double[] a, int n, double[] b, int m) {
    double[] c = new double[a.length];
    for (int i = 0; i < c.length; i++) c[i] = (n * a[i] + m * b[i]) / (n + m);
    return c;
  }

  private static double intersection(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) sum += Math.min(a[i], b[i]);
    return sum;
  }

  private static double similarity(Region a, Region b, Similarity s) {
    int[] box = a.and(b).box();
    double together = a.size() + b.size();
    double sum = 0;
    if (s.colour()) sum += intersection(a.colours, b.colours);
    if (s.texture()) sum += intersection(a.textures, b.textures);
    if (s.size()) sum += 1 - together / (WIDTH * HEIGHT);
    if (s.fill()) sum += 1 - ((box[2] - box[0]) * (box[3] - box[1]) - together) / (WIDTH * HEIGHT);
    return sum;
  }

  /** The initial regions; their histograms are counted elsewhere ({@link FeaturesTest}), here they are only divided. */
  private static List<Region> initial(GraphSegmentation s, Regions r) {
    List<Region> regions = new ArrayList<>();
    int[] labels = s.labels();
    int length = r.colourBins + r.textureBins;
    for (int i = 0; i < s.count(); i++) {
      boolean[] pixels = new boolean[labels.length];
      for (int p = 0; p < labels.length; p++) pixels[p] = labels[p] == i;
      double[] all = Arrays.stream(r.histograms, i * length, (i + 1) * length).asDoubleStream().toArray();
      regions.add(new Region(pixels, normal(Arrays.copyOf(all, r.colourBins)),
          normal(Arrays.copyOfRange(all, r.colourBins, length))));
    }
    return regions;
  }

  private static double[] normal(double[] counts) {
    double sum = Arrays.stream(counts).sum();
    return Arrays.stream(counts).map(c -> c / sum).toArray();
  }

  private static List<int[]> naive(List<Region> regions, Similarity s) {
    List<int[]> boxes = new ArrayList<>();
    for (Region r : regions) boxes.add(r.box());
    List<Region> left = new ArrayList<>(regions);
    while (left.size() > 1) {
      Region bestA = null;
      Region bestB = null;
      double best = Double.NEGATIVE_INFINITY;
      for (Region a : left) {
        for (Region b : left) {
          if (a == b || !a.touches(b)) continue;
          double value = similarity(a, b, s);
          if (value > best) {
            best = value;
            bestA = a;
            bestB = b;
          }
        }
      }
      left.remove(bestA);
      left.remove(bestB);
      left.add(bestA.and(bestB));
      boxes.add(left.getLast().box());
    }
    return boxes;
  }

  @ParameterizedTest
  @CsvSource({"1, HSV", "2, LAB", "3, RGI", "4, HUE", "5, INTENSITY", "6, RGB"})
  void hierarchiesAgreeWithTheDefinition(long seed, ColourSpace space) {
    Drawing image = Drawing.noise(WIDTH, HEIGHT, 7, seed);
    float[][] planes = space.planes(image.rgb, WIDTH * HEIGHT);
    GraphSegmentation s = GraphSegmentation.of(Graph.grid(planes, WIDTH, HEIGHT), 30, 20);
    Regions regions = new Regions(s, WIDTH, new Bins(planes, WIDTH, HEIGHT));
    List<Region> initial = initial(s, regions);
    assertEquals(true, s.count() >= 8, s.count() + " regions are too few to test with");
    for (Similarity similarity : List.of(Similarity.COLOUR_TEXTURE_SIZE_FILL, Similarity.TEXTURE_SIZE_FILL,
        new Similarity(true, false, false, true), new Similarity(true, true, true, false))) {
      int[] expected = naive(initial, similarity).stream().flatMapToInt(Arrays::stream).toArray();
      assertArrayEquals(expected, Grouping.boxes(regions, similarity), similarity.toString());
    }
  }
}
