package org.ondol.models.proposals;

import java.util.Arrays;

/**
 * The bins of the histograms that each pixel of an image falls in, in one colour space.
 *
 * <p>Colour: 25 equal bins of [0, 256) a channel. Texture: Gaussian derivatives (sigma 1) in eight directions, 45
 * degrees apart, each with 10 equal bins of [0, {@link #RANGE}); the last also takes what is beyond, and a derivative
 * below 0 counts as 0. A derivative in one direction is minus that in the opposite one, so four signed numbers a pixel
 * and channel say all. A quarter of the range moves the mean best overlap on annotated blood cells by less than 0.01.
 */
final class Bins {
  static final int COLOURS = 25;
  static final int STEPS = 10;
  static final int DIRECTIONS = 8;
  private static final int AXES = DIRECTIONS / 2;
  /** Values of a signed bin: the step of the direction, or minus that of the opposite one. */
  private static final int SIGNED = 2 * STEPS - 1;
  private static final double SIGMA = 1;
  /** 255 / sqrt(2 pi), the slope of the steepest edge that there is: from 0 to 255 between two pixels. */
  static final float RANGE = 101.7309f;
  private static final float HALF_ROOT = 0x1.6a09e6p-1f;

  private final int channels;
  private final byte[][] colours;
  private final byte[][] textures;

  Bins(float[][] planes, int width, int height) {
    channels = planes.length;
    colours = new byte[channels][];
    textures = new byte[channels * AXES][];
    Gaussian gaussian = new Gaussian(SIGMA);
    for (int c = 0; c < channels; c++) {
      colours[c] = colours(planes[c]);
      float[] x = gaussian.derivativeX(planes[c], width, height);
      float[] y = gaussian.derivativeY(planes[c], width, height);
      textures[c * AXES] = steps(x);
      textures[c * AXES + 1] = steps(diagonal(x, y, 1));
      textures[c * AXES + 2] = steps(y);
      textures[c * AXES + 3] = steps(diagonal(y, x, -1));
    }
  }

  private static byte[] colours(float[] plane) {
    byte[] bins = new byte[plane.length];
    for (int i = 0; i < bins.length; i++) bins[i] = (byte) (plane[i] * (COLOURS / 256f));
    return bins;
  }

  private static float[] diagonal(float[] a, float[] b, float sign) {
    float[] out = new float[a.length];
    for (int i = 0; i < out.length; i++) out[i] = HALF_ROOT * (a[i] + sign * b[i]);
    return out;
  }

  private static byte[] steps(float[] slope) {
    byte[] bins = new byte[slope.length];
    for (int i = 0; i < bins.length; i++) {
      int step = (int) (slope[i] * (STEPS / RANGE));
      bins[i] = (byte) (Math.max(1 - STEPS, Math.min(STEPS - 1, step)) + STEPS - 1);
    }
    return bins;
  }

  /** Length of a region's histogram of colours. */
  int colourBins() {
    return channels * COLOURS;
  }

  /** Length of a region's histogram of textures. */
  int textureBins() {
    return channels * DIRECTIONS * STEPS;
  }

  /** The histograms of all regions, one after another, each of colours and then textures. */
  int[] histograms(int[] labels, int[] sizes) {
    int length = colourBins() + textureBins();
    int[] counts = new int[Math.multiplyExact(sizes.length, length)];
    for (int c = 0; c < channels; c++) count(labels, colours[c], counts, length, c * COLOURS);
    int[] signed = new int[sizes.length * SIGNED];
    for (int t = 0; t < textures.length; t++) {
      Arrays.fill(signed, 0);
      count(labels, textures[t], signed, SIGNED, 0);
      int start = colourBins() + (t / AXES * DIRECTIONS + t % AXES) * STEPS;
      spread(signed, sizes, counts, length, start);
    }
    return counts;
  }

  private static void count(int[] labels, byte[] bins, int[] counts, int length, int start) {
    for (int i = 0; i < bins.length; i++) counts[labels[i] * length + start + bins[i]]++;
  }

  /** A signed histogram as those of the two opposite directions. */
  private static void spread(int[] signed, int[] sizes, int[] counts, int length, int start) {
    for (int r = 0; r < sizes.length; r++) {
      int zero = r * SIGNED + STEPS - 1;
      int ahead = r * length + start;
      int behind = ahead + AXES * STEPS;
      counts[ahead] = sizes[r];
      counts[behind] = sizes[r];
      for (int s = 1; s < STEPS; s++) {
        counts[ahead] -= counts[ahead + s] = signed[zero + s];
        counts[behind] -= counts[behind + s] = signed[zero - s];
      }
    }
  }
}
