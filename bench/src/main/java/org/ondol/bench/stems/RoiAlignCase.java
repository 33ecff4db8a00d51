package org.ondol.bench.stems;

import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import org.ondol.bench.Case;
import org.ondol.bench.Check;
import org.ondol.ops.RoiAlign;

/** Features of the boxes that a proposal network finds in an image of 800 x 1344 pixels, or the gradient of their maps. */
public final class RoiAlignCase implements Case {
  private static final int HEIGHT = 800;
  private static final int WIDTH = 1344;
  private static final double TOLERANCE = 2e-3; // positions may have been computed in float32

  final RoiAlign.Op op;
  final int sampling;
  final boolean gradient;
  final boolean positionSensitive;
  final int channels;
  final int bins;
  final int[] strides;
  final int count;
  private final SplittableRandom random = new SplittableRandom(31);
  private float[] boxes;
  private int[] levels;
  private final float[][] x;
  private float[] dy;

  RoiAlignCase(RoiAlign.Op op, int sampling, boolean gradient, boolean positionSensitive, int channels, int bins, int count, int... strides) {
    this.op = op;
    this.sampling = sampling;
    this.gradient = gradient;
    this.positionSensitive = positionSensitive;
    this.channels = channels;
    this.bins = bins;
    this.count = count;
    this.strides = strides;
    x = new float[strides.length][];
  }

  @Override
  public String name() {
    String levels = strides.length == 1 ? "%dx%d".formatted(height(0), width(0)) : strides.length + " levels";
    return "%s%s%s C%d %s R%d %dx%d %s".formatted(gradient ? "gradient of " : "", positionSensitive ? "position-sensitive " : "",
        op.name().toLowerCase(Locale.ROOT), channels, levels, count, bins, bins, sampling == 0 ? "adaptive" : "sampling " + sampling);
  }

  int height(int level) {
    return HEIGHT / strides[level];
  }

  int width(int level) {
    return WIDTH / strides[level];
  }

  long[] shape(int level) {
    return new long[] {1, channels, height(level), width(level)};
  }

  int outputs() {
    return positionSensitive ? channels / bins / bins : channels;
  }

  long[] resultShape() {
    return new long[] {count, outputs(), bins, bins};
  }

  @Override
  public double flops() {
    return 0;
  }

  /** The maps and the bins, although some of them are written: the least that passes the memory. */
  @Override
  public double bytes() {
    double floats = (double) count * outputs() * bins * bins;
    for (int l = 0; l < strides.length; l++) {
      floats += (double) channels * height(l) * width(l);
    }
    return 4 * floats;
  }

  @Override
  public boolean readBound() {
    return true;
  }

  /** Sizes from 16 pixels to the image, small ones more often, of proportions up to 1 to 3. */
  float[] boxes() {
    if (boxes == null) {
      boxes = new float[4 * count];
      for (int r = 0; r < count; r++) {
        double size = 16 * Math.pow(2, 5 * random.nextDouble());
        double proportion = Math.pow(3, random.nextDouble() - 0.5);
        double w = Math.min(WIDTH, size * proportion);
        double h = Math.min(HEIGHT, size / proportion);
        double left = random.nextDouble() * (WIDTH - w);
        double top = random.nextDouble() * (HEIGHT - h);
        boxes[4 * r] = (float) left;
        boxes[4 * r + 1] = (float) top;
        boxes[4 * r + 2] = (float) (left + w);
        boxes[4 * r + 3] = (float) (top + h);
      }
    }
    return boxes;
  }

  /** The level that a box of its size goes to: strides 4, 8, ... from 112 pixels on (Lin et al. 2017). */
  int[] levels() {
    if (levels == null) {
      levels = new int[count];
      for (int r = 0; r < count && strides.length > 1; r++) {
        double area = (boxes()[4 * r + 2] - boxes()[4 * r]) * (double) (boxes()[4 * r + 3] - boxes()[4 * r + 1]);
        levels[r] = Math.clamp((int) Math.floor(2 + Math.log(Math.sqrt(area) / 224) / Math.log(2)), 0, strides.length - 1);
      }
    }
    return levels;
  }

  float[] x(int level) {
    return x[level] == null ? x[level] = Inputs.normal(14 + level, channels * height(level) * width(level)) : x[level];
  }

  float[] dy() {
    return dy == null ? dy = Inputs.normal(15, count * outputs() * bins * bins) : dy;
  }

  /** Some regions and channels against loops over all samples in float64; of a gradient some planes. */
  @Override
  public String check(Map<String, float[]> answer) {
    return gradient ? checkGradient(answer.get("dx0")) : checkForward(answer.get("y"));
  }

  private String checkForward(float[] y) {
    for (int r = 0; r < count; r += Math.max(1, count / 50)) {
      for (int c = 0; c < outputs(); c += Math.max(1, outputs() / 5)) {
        for (int bin = 0; bin < bins * bins; bin++) {
          int at = (r * outputs() + c) * bins * bins + bin;
          int channel = positionSensitive ? c * bins * bins + bin : c;
          String wrong = Check.within("y", at, value(r, channel, bin / bins, bin % bins), y[at], TOLERANCE);
          if (wrong != null) {
            return wrong;
          }
        }
      }
    }
    return null;
  }

  private String checkGradient(float[] dx) {
    int size = height(0) * width(0);
    for (int c = 0; c < channels; c += Math.max(1, channels / 3)) {
      double[] plane = new double[size];
      for (int at = 0; at < count * bins * bins; at++) {
        int r = at / bins / bins;
        double g = dy()[(r * channels + c) * bins * bins + at % (bins * bins)];
        each(r, at / bins % bins, at % bins, (sample, cell, weight) -> plane[cell] += weight * g / samples(r));
      }
      for (int i = 0; i < size; i++) {
        String wrong = Check.within("dx", c * size + i, plane[i], dx[c * size + i], TOLERANCE * 10);
        if (wrong != null) {
          return wrong;
        }
      }
    }
    return null;
  }

  private interface Visitor {
    void visit(int sample, int cell, double weight);
  }

  private double low(int r, int axis) {
    return boxes()[4 * r + 1 - axis] / (double) strides[levels()[r]] - 0.5;
  }

  private double step(int r, int axis) {
    return (boxes()[4 * r + 3 - axis] - (double) boxes()[4 * r + 1 - axis]) / strides[levels()[r]] / bins;
  }

  private int samples(int r, int axis) {
    return sampling > 0 ? sampling : (int) Math.ceil(step(r, axis));
  }

  private int samples(int r) {
    return samples(r, 0) * samples(r, 1);
  }

  /** The corners of the samples of a bin; the boxes lie in the image. */
  private void each(int r, int i, int j, Visitor corner) {
    int height = height(levels()[r]);
    int width = width(levels()[r]);
    for (int s = 0; s < samples(r); s++) {
      double y = low(r, 0) + step(r, 0) * (i + (s / samples(r, 1) + 0.5) / samples(r, 0));
      double x = low(r, 1) + step(r, 1) * (j + (s % samples(r, 1) + 0.5) / samples(r, 1));
      y = Math.clamp(y, 0, height - 1);
      x = Math.clamp(x, 0, width - 1);
      for (int c = 0; c < 4; c++) {
        int row = Math.min((int) y + c / 2, height - 1);
        int column = Math.min((int) x + c % 2, width - 1);
        double u = c / 2 == 0 ? 1 - (y - (int) y) : y - (int) y;
        double v = c % 2 == 0 ? 1 - (x - (int) x) : x - (int) x;
        corner.visit(s, row * width + column, u * v);
      }
    }
  }

  private double value(int r, int channel, int i, int j) {
    double[] sums = new double[samples(r)];
    double[] corners = new double[samples(r)];
    java.util.Arrays.fill(corners, Double.NEGATIVE_INFINITY);
    int size = height(levels()[r]) * width(levels()[r]);
    float[] map = x(levels()[r]);
    each(r, i, j, (sample, cell, weight) -> {
      sums[sample] += weight * map[channel * size + cell];
      corners[sample] = Math.max(corners[sample], weight * map[channel * size + cell]);
    });
    return switch (op) {
      case AVERAGE -> java.util.Arrays.stream(sums).average().orElse(0);
      case MAX -> java.util.Arrays.stream(sums).max().orElse(0);
      case MAX_CORNERS -> java.util.Arrays.stream(corners).max().orElse(0);
    };
  }
}
