package org.ondol.models.proposals;

import java.util.List;
import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;
import org.ondol.ThreadPool;
import org.ondol.Threads;

/**
 * Boxes that may hold objects, without classes, by J. Uijlings, K. van de Sande, T. Gevers and A. Smeulders, "Selective
 * Search for Object Recognition" (IJCV 2013).
 *
 * <p>{@link GraphSegmentation} gives initial regions. The most similar neighbours are joined, s(a, b) being a sum of
 * measures ({@link Similarity}), until the image is one region; every region on the way gives a box. Several colour
 * spaces, initial segmentations and sums of measures give several hierarchies. Of a hierarchy the region at place i,
 * counted from the whole image (1) down to the initial regions, gets the priority i times a random number of [0, 1);
 * boxes are ordered by ascending priority, and of equal boxes the first stays.
 *
 * <p>The work is done on the host, wherever the image is. The result is a function of the image, the options and the
 * seed alone.
 */
public final class SelectiveSearch {
  /**
   * What is searched. Every combination of a colour space, a scale and a similarity is a hierarchy.
   *
   * @param colours the spaces that the image is segmented and compared in
   * @param similarities what makes two regions be joined
   * @param scales the segmentation's k: the larger, the larger the initial regions
   * @param sigma of the Gaussian that smooths the image before it is segmented; 0 for none
   * @param minRegion the least pixels of an initial region; 0 for the scale itself, as the authors have it
   * @param minSide boxes narrower or lower than this many pixels are left out
   * @param seed of the random numbers in the order
   */
  public record Options(List<ColourSpace> colours, List<Similarity> similarities, List<Double> scales, double sigma,
      int minRegion, int minSide, long seed) {
    private static final int LEAST_SIDE = 20;

    public Options {
      colours = filled("colours", colours);
      similarities = filled("similarities", similarities);
      scales = filled("scales", scales);
      for (double scale : scales) Pixels.checkScale("scales", scale);
      Pixels.checkSigma(sigma);
      if (minRegion < 0) throw new InvalidArgumentException("minRegion", minRegion, "0 or more");
      if (minSide < 1) throw new InvalidArgumentException("minSide", minSide, "1 or more");
    }

    private static <T> List<T> filled(String argument, List<T> list) {
      if (list == null || list.isEmpty() || list.stream().anyMatch(e -> e == null)) {
        throw new InvalidArgumentException(argument, list, "a list of one value or more");
      }
      return List.copyOf(list);
    }

    /** The paper's "fast": 8 hierarchies, about 2000 boxes in a photograph 500 wide. */
    public static Options fast() {
      return new Options(List.of(ColourSpace.HSV, ColourSpace.LAB),
          List.of(Similarity.COLOUR_TEXTURE_SIZE_FILL, Similarity.TEXTURE_SIZE_FILL), List.of(50.0, 100.0), 0.8, 0,
          LEAST_SIDE, 0);
    }

    /** The paper's "quality": 80 hierarchies, about 10000 boxes in a photograph 500 wide. */
    public static Options quality() {
      return new Options(
          List.of(ColourSpace.HSV, ColourSpace.LAB, ColourSpace.RGI, ColourSpace.HUE, ColourSpace.INTENSITY),
          List.of(Similarity.COLOUR_TEXTURE_SIZE_FILL, Similarity.TEXTURE_SIZE_FILL, Similarity.FILL, Similarity.SIZE),
          List.of(50.0, 100.0, 150.0, 300.0), 0.8, 0, LEAST_SIDE, 0);
    }

    public Options colours(ColourSpace... colours) {
      return new Options(List.of(colours), similarities, scales, sigma, minRegion, minSide, seed);
    }

    public Options similarities(Similarity... similarities) {
      return new Options(colours, List.of(similarities), scales, sigma, minRegion, minSide, seed);
    }

    public Options scales(Double... scales) {
      return new Options(colours, similarities, List.of(scales), sigma, minRegion, minSide, seed);
    }

    public Options sigma(double sigma) {
      return new Options(colours, similarities, scales, sigma, minRegion, minSide, seed);
    }

    public Options minRegion(int minRegion) {
      return new Options(colours, similarities, scales, sigma, minRegion, minSide, seed);
    }

    public Options minSide(int minSide) {
      return new Options(colours, similarities, scales, sigma, minRegion, minSide, seed);
    }

    public Options seed(long seed) {
      return new Options(colours, similarities, scales, sigma, minRegion, minSide, seed);
    }
  }

  private final Options options;
  private final Pixels pixels;
  /** Whether any similarity compares histograms. */
  private final boolean compares;
  // Of each colour space:
  private final float[][][] planes;
  private final Graph[] graphs;
  private final Bins[] bins;
  /** Of each colour space and scale. */
  private final Regions[] regions;
  /** Of each colour space, scale and similarity the boxes of a hierarchy, the whole image last. */
  private final int[][] hierarchies;

  private SelectiveSearch(Pixels pixels, Options options) {
    this.options = options;
    this.pixels = pixels;
    compares = options.similarities.stream().anyMatch(s -> s.colour() || s.texture());
    int spaces = options.colours.size();
    planes = new float[spaces][][];
    graphs = new Graph[spaces];
    bins = new Bins[spaces];
    regions = new Regions[spaces * options.scales.size()];
    hierarchies = new int[regions.length * options.similarities.size()][];
  }

  /**
   * Proposes boxes.
   *
   * @param image [3, rows, columns], red, green and blue, FLOAT32 of 0 to 255
   */
  public static Proposals propose(Tensor image, Options options) {
    if (options == null) throw new InvalidArgumentException("options", "null", "a value");
    SelectiveSearch search = new SelectiveSearch(Pixels.of(image), options);
    search.run(Threads.pool());
    return new Proposals(Ranking.order(search.hierarchies, search.pixels.width(), options.minSide, options.seed));
  }

  private void run(ThreadPool pool) {
    each(pool, planes.length, c -> planes[c] = options.colours.get(c).planes(pixels.rgb(), pixels.count()));
    each(pool, 2 * planes.length, this::prepare);
    each(pool, regions.length, this::segment);
    each(pool, hierarchies.length, h -> hierarchies[h] = Grouping.boxes(regions[h / options.similarities.size()],
        options.similarities.get(h % options.similarities.size())));
  }

  private interface Task {
    void run(int i);
  }

  private static void each(ThreadPool pool, int tasks, Task task) {
    pool.run(tasks, (begin, end, thread) -> {
      for (long i = begin; i < end; i++) task.run((int) i);
    });
  }

  /** The two halves of what a colour space is prepared for: being segmented, and being compared. */
  private void prepare(int half) {
    int c = half / 2;
    if (half % 2 == 0) {
      graphs[c] = Graph.grid(pixels.smooth(planes[c], options.sigma), pixels.width(), pixels.height());
    } else if (compares) {
      bins[c] = new Bins(planes[c], pixels.width(), pixels.height());
    }
  }

  private void segment(int i) {
    int c = i / options.scales.size();
    double scale = options.scales.get(i % options.scales.size());
    int least = options.minRegion > 0 ? options.minRegion : (int) Math.ceil(Math.min(scale, Pixels.MOST));
    regions[i] = new Regions(GraphSegmentation.of(graphs[c], (float) scale, least), pixels.width(), bins[c]);
  }
}
