package org.ondol.bench.stems;

import java.util.Arrays;
import java.util.Map;
import java.util.SplittableRandom;
import org.ondol.bench.Case;
import org.ondol.bench.Check;

/**
 * A pooling of regions over the levels of a pyramid whose first has stride 16, or 4 of several: boxes as a region proposal network
 * gives them, sides of 32 to 512 pixels, cut at the edges of the image.
 */
public final class RoiPoolCase implements Case {
  /** What is computed. */
  enum Kind { MAX, INDICES, GRADIENT, SENSITIVE, SPP }

  final Kind kind;
  final int channels, height, width, levels, regions;
  final int[] bins;
  private float[][] x;
  private float[] boxes, dy;

  RoiPoolCase(Kind kind, int channels, int height, int width, int levels, int regions, int... bins) {
    this.kind = kind;
    this.channels = channels;
    this.height = height;
    this.width = width;
    this.levels = levels;
    this.regions = regions;
    this.bins = bins;
  }

  @Override
  public String name() {
    String what = switch (kind) {
      case MAX -> "max";
      case INDICES -> "max with indices";
      case GRADIENT -> "gradient of max";
      case SENSITIVE -> "position-sensitive average";
      case SPP -> "spp";
    };
    return "%s %s of %d regions %dx%dx%d%s".formatted(what, Arrays.toString(bins), regions, channels, height, width,
        levels > 1 ? " and " + (levels - 1) + " levels" : "");
  }

  @Override
  public double flops() {
    return 0;
  }

  int height(int level) {
    return Math.max(1, height >> level);
  }

  int width(int level) {
    return Math.max(1, width >> level);
  }

  double scale(int level) {
    return 1.0 / ((levels > 1 ? 4 : 16) << level);
  }

  /** Results of a region. */
  int row() {
    return kind == Kind.SENSITIVE ? channels : channels * Arrays.stream(bins).map(n -> n * n).sum();
  }

  int regionChannels() {
    return kind == Kind.SENSITIVE ? channels / (bins[0] * bins[0]) : channels;
  }

  /** The maps once, the results once, and indices where there are any. */
  @Override
  public double bytes() {
    double maps = 0;
    for (int l = 0; l < levels; l++) {
      maps += (double) channels * height(l) * width(l);
    }
    boolean indexed = kind == Kind.INDICES || kind == Kind.GRADIENT;
    return 4 * (maps + (double) regions * row() * (indexed ? 2 : 1));
  }

  @Override
  public boolean readBound() {
    return true;
  }

  long[] shape(int level) {
    return new long[] {1, channels, height(level), width(level)};
  }

  float[] x(int level) {
    if (x == null) {
      x = new float[levels][];
      for (int l = 0; l < levels; l++) {
        x[l] = Inputs.normal(21 + l, channels * height(l) * width(l));
      }
    }
    return x[level];
  }

  float[] dy() {
    return dy == null ? dy = Inputs.normal(31, regions * row()) : dy;
  }

  float[] boxes() {
    if (boxes == null) {
      SplittableRandom random = new SplittableRandom(41);
      boxes = new float[4 * regions];
      double w = width / scale(0);
      double h = height / scale(0);
      for (int r = 0; r < regions; r++) {
        double side = 32 * Math.pow(2, 4 * random.nextDouble());
        double aspect = Math.pow(2, random.nextDouble() - 0.5);
        double cx = random.nextDouble() * w;
        double cy = random.nextDouble() * h;
        boxes[4 * r] = (float) Math.max(0, cx - side * aspect / 2);
        boxes[4 * r + 1] = (float) Math.max(0, cy - side / aspect / 2);
        boxes[4 * r + 2] = (float) Math.min(w - 1, cx + side * aspect / 2);
        boxes[4 * r + 3] = (float) Math.min(h - 1, cy + side / aspect / 2);
      }
    }
    return boxes;
  }

  /** The level of a region, by its size (Lin et al. 2017). */
  int level(int r) {
    float[] b = boxes();
    double side = Math.sqrt((double) (b[4 * r + 2] - b[4 * r]) * (b[4 * r + 3] - b[4 * r + 1]));
    return (int) Math.clamp(Math.floor(4 + Math.log(side / 224) / Math.log(2)) - 2, 0, levels - 1);
  }

  /** [first, limit) of bin i of n along an axis. */
  private int[] span(double low, double high, double s, int size, int i, int n) {
    double first;
    double limit;
    if (kind == Kind.SENSITIVE) {
      double a = Math.floor(low + 0.5) * s;
      double e = Math.max(Math.floor(high + 0.5) * s + s - a, 0.1);
      first = Math.floor(a + (float) (i * e / n));
      limit = Math.ceil(a + (float) ((i + 1) * e / n));
    } else {
      double f = kind == Kind.SPP ? Math.floor(low * s) + 1 : Math.floor(low * s + 0.5);
      double e = Math.max((kind == Kind.SPP ? Math.ceil(high * s) - 1 : Math.floor(high * s + 0.5)) - f + 1, 1);
      first = f + Math.floor((float) i * ((float) e / n));
      limit = f + Math.ceil((float) (i + 1) * ((float) e / n));
    }
    return new int[] {(int) Math.clamp(first, 0, size), (int) Math.clamp(limit, 0, size)};
  }

  /** Some results, or the sum of a gradient's planes, against loops in float64. */
  @Override
  public String check(Map<String, float[]> answer) {
    if (kind == Kind.GRADIENT) {
      return checkGradient(answer.get("dx"));
    }
    float[] y = answer.get("y");
    for (int r = 0; r < regions; r += Math.max(1, regions / 40)) {
      int base = 0;
      for (int n : bins) {
        int results = regionChannels() * n * n;
        for (int k = 0; k < results; k += Math.max(1, results / 97)) {
          double expected = value(r, kind == Kind.SENSITIVE ? k : k / (n * n), k / n % n, k % n, n);
          String wrong = Check.within("y", r * row() + base + k, expected, y[r * row() + base + k], kind == Kind.SENSITIVE ? 1e-5 : 0);
          if (wrong != null) {
            return wrong;
          }
        }
        base += results;
      }
    }
    return null;
  }

  private double value(int r, int channel, int i, int j, int n) {
    int l = levels > 1 ? level(r) : 0;
    float[] b = boxes();
    int[] rows = span(b[4 * r + 1], b[4 * r + 3], scale(l), height(l), i, n);
    int[] columns = span(b[4 * r], b[4 * r + 2], scale(l), width(l), j, n);
    double max = Double.NEGATIVE_INFINITY;
    double sum = 0;
    int count = 0;
    for (int iy = rows[0]; iy < rows[1]; iy++) {
      for (int ix = columns[0]; ix < columns[1]; ix++) {
        float v = x(l)[(channel * height(l) + iy) * width(l) + ix];
        max = Math.max(max, v);
        sum += v;
        count++;
      }
    }
    return count == 0 ? 0 : kind == Kind.SENSITIVE ? sum / count : max;
  }

  /** Each result's gradient goes to one element of its plane. */
  private String checkGradient(float[] dx) {
    int n = bins[0] * bins[0];
    int plane = height * width;
    for (int c = 0; c < channels; c += Math.max(1, channels / 16)) {
      double expected = 0;
      for (int r = 0; r < regions; r++) {
        for (int k = 0; k < n; k++) {
          int[] rows = span(boxes()[4 * r + 1], boxes()[4 * r + 3], scale(0), height, k / bins[0], bins[0]);
          int[] columns = span(boxes()[4 * r], boxes()[4 * r + 2], scale(0), width, k % bins[0], bins[0]);
          boolean empty = rows[1] <= rows[0] || columns[1] <= columns[0];
          expected += empty ? 0 : dy()[(r * channels + c) * n + k];
        }
      }
      double actual = 0;
      for (int i = 0; i < plane; i++) {
        actual += dx[c * plane + i];
      }
      String wrong = Check.within("sum of plane of dx", c, expected, actual, 1e-3);
      if (wrong != null) {
        return wrong;
      }
    }
    return null;
  }
}
