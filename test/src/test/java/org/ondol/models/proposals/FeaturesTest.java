package org.ondol.models.proposals;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Colour spaces, filters and similarities against numbers from elsewhere or worked out by hand. */
class FeaturesTest {
  private static float[] pixel(ColourSpace space, int colour) {
    float[][] planes = space.planes(new Drawing(1, 1, colour).rgb, 1);
    float[] values = new float[planes.length];
    for (int c = 0; c < values.length; c++) values[c] = planes[c][0];
    return values;
  }

  /** L*, a*, b* of sRGB's corners (D65) as colour calculators give them. */
  @ParameterizedTest
  @CsvSource({"FF0000, 53.24, 80.09, 67.20", "00FF00, 87.73, -86.18, 83.18", "0000FF, 32.30, 79.19, -107.86",
      "FFFFFF, 100, 0, 0", "000000, 0, 0, 0", "808080, 53.59, 0, 0", "FFFF00, 97.14, -21.55, 94.48",
      "0A0A0A, 2.74, 0, 0"})
  void lab(String colour, double l, double a, double b) {
    assertArrayEquals(new float[] {(float) (2.55 * l), (float) (a + 128), (float) (b + 128)},
        pixel(ColourSpace.LAB, Integer.parseInt(colour, 16)), 0.03f);
  }

  /** Hue in degrees, saturation and value as shares of 1. */
  @ParameterizedTest
  @CsvSource({"FF0000, 0, 1, 1", "FFFF00, 60, 1, 1", "00FF00, 120, 1, 1", "00FFFF, 180, 1, 1", "0000FF, 240, 1, 1",
      "FF00FF, 300, 1, 1", "FF0033, 348, 1, 1", "996633, 30, 0.66667, 0.6", "808080, 0, 0, 0.50196", "000000, 0, 0, 0"})
  void hsv(String colour, double hue, double saturation, double value) {
    float[] expected = {(float) (hue / 360 * 255), (float) (saturation * 255), (float) (value * 255)};
    assertArrayEquals(expected, pixel(ColourSpace.HSV, Integer.parseInt(colour, 16)), 0.01f);
    assertArrayEquals(new float[] {expected[0]}, pixel(ColourSpace.HUE, Integer.parseInt(colour, 16)), 0.01f);
  }

  @Test
  void rgiAndIntensity() {
    assertArrayEquals(new float[] {127.5f, 76.5f, 69.68f}, pixel(ColourSpace.RGI, 100 << 16 | 60 << 8 | 40), 0.01f);
    assertArrayEquals(new float[] {85, 85, 0}, pixel(ColourSpace.RGI, 0));
    assertArrayEquals(new float[] {69.68f}, pixel(ColourSpace.INTENSITY, 100 << 16 | 60 << 8 | 40), 0.01f);
    assertArrayEquals(new float[] {100, 60, 40}, pixel(ColourSpace.RGB, 100 << 16 | 60 << 8 | 40));
  }

  /** Sigma 1: weights are exp(-j j / 2) over their sum 2.50661; slopes j exp(-j j / 2) over 2.50644. */
  @Test
  void filtersOfAnImpulse() {
    float[] impulse = new float[11 * 11];
    impulse[5 * 11 + 5] = 1;
    float[] smooth = new Gaussian(1).smooth(impulse, 11, 11);
    assertEquals(0.15916, smooth[5 * 11 + 5], 1e-5, "0.39894 squared");
    assertEquals(0.05855, smooth[4 * 11 + 6], 1e-5, "0.24197 squared");
    float[] right = new Gaussian(1).derivativeX(impulse, 11, 11);
    assertEquals(0.09654, right[5 * 11 + 4], 1e-5, "0.24199 times 0.39894: ascends towards the impulse");
    assertEquals(-0.09654, right[5 * 11 + 6], 1e-5);
    assertEquals(0.05855, right[6 * 11 + 4], 1e-5);
    float[] down = new Gaussian(1).derivativeY(impulse, 11, 11);
    for (int i = 0; i < 121; i++) assertEquals(right[i], down[i % 11 * 11 + i / 11], 1e-7);
  }

  @Test
  void filtersOfARampAndAConstant() {
    float[] ramp = new float[20 * 9];
    for (int i = 0; i < ramp.length; i++) ramp[i] = 3 * (i % 20) + 2 * (i / 20);
    float[] right = new Gaussian(1).derivativeX(ramp, 20, 9);
    for (int x = 4; x < 16; x++) assertEquals(3, right[4 * 20 + x], 1e-5);
    assertEquals(2, new Gaussian(1).derivativeY(ramp, 20, 9)[4 * 20 + 10], 1e-5);
    float[] flat = {7, 7, 7, 7};
    assertArrayEquals(flat, new Gaussian(3).smooth(flat, 2, 2), 1e-5f);
    assertArrayEquals(new float[4], new Gaussian(3).derivativeX(flat, 2, 2));
  }

  /** Regions of pixels that have the same digit and touch. */
  private static Regions regions(Drawing image, ColourSpace space, String... rows) {
    int width = image.width;
    float[] digits = new float[width * image.height];
    for (int i = 0; i < digits.length; i++) digits[i] = rows[i / width].charAt(i % width) - '0';
    GraphSegmentation s = GraphSegmentation.of(Graph.grid(new float[][] {digits}, width, image.height), 0.01f, 1);
    return new Regions(s, width, new Bins(space.planes(image.rgb, digits.length), width, image.height));
  }

  private static final Similarity COLOUR = new Similarity(true, false, false, false);
  private static final Similarity TEXTURE = new Similarity(false, true, false, false);

  /** Black beside red, 2 and 3 pixels of a line. */
  private static Regions line() {
    return regions(new Drawing(5, 1, 0).fill(2, 0, 5, 1, 0xFF0000), ColourSpace.RGB, "00111");
  }

  /** Red falls in bins 0 and 24, green and blue both in 0: two thirds of the mass are shared. */
  @Test
  void colourByHand() {
    assertEquals(2.0 / 3, Grouping.similarity(line(), COLOUR, 0, 1), 1e-7);
  }

  /**
   * The derivatives of red to the right at the five pixels: 255 times sums of the slopes 0.24199, 0.10799, 0.01330,
   * 0.00054 from the distance of the edge on: 31.06, 92.77, 92.77, 31.06, 3.53. In steps of 10.173 they are 3, 9, 9, 3,
   * 0, and 45 degrees up or down (0.7071 as steep) 2, 6, 6, 2, 0. In these three directions the halves (two of two)
   * meet the thirds (two of three) in 2/3; the other five directions of red, and green and blue, are 0 throughout.
   */
  @Test
  void textureByHand() {
    assertEquals(((3 * 2.0 / 3 + 5) / 8 + 2) / 3, Grouping.similarity(line(), TEXTURE, 0, 1), 1e-7);
  }

  /**
   * Steps of 100 up at columns 10 and 20 and down at 30, each in a region of 8 columns. The slopes 36.38 and 12.18 on
   * each side are in bins 3 and 1, those 45 degrees off, 25.7 and 8.6, in 2 and 0: where a direction ascends 4 or 2 of
   * 8 columns differ from 0. Up meets down in 1/2, 3/4, 3/4 for both and in 1 across.
   */
  @Test
  void texturesOfOppositeEdgesDiffer() {
    Drawing image = new Drawing(40, 3, 0).fill(10, 0, 40, 3, 0x646464).fill(20, 0, 30, 3, 0xC8C8C8);
    String row = "000000" + "11111111" + "00" + "22222222" + "00" + "33333333" + "000000";
    Regions r = regions(image, ColourSpace.INTENSITY, row, row, row);
    assertEquals(1, Grouping.similarity(r, TEXTURE, 1, 3), 1e-6);
    assertEquals(0.75, Grouping.similarity(r, TEXTURE, 3, 5), 1e-6);
  }

  /** A pixel and the one that it touches by a corner, in 16: 1 - 2/16, and a box of 4 of which they fill 2. */
  @Test
  void sizeAndFillByHand() {
    Regions r = regions(new Drawing(4, 4, 0), ColourSpace.RGB, "0111", "1211", "1111", "1111");
    assertArrayEquals(new int[] {1, 14, 1}, r.sizes);
    assertArrayEquals(new int[] {0, 0, 1, 1, 0, 0, 4, 4, 1, 1, 2, 2}, r.boxes);
    assertEquals(1 - 2 / 16.0, Grouping.similarity(r, Similarity.SIZE, 0, 2));
    assertEquals(1 - (4 - 2) / 16.0, Grouping.similarity(r, Similarity.FILL, 0, 2));
    assertEquals(1 - 15 / 16.0, Grouping.similarity(r, Similarity.SIZE, 0, 1));
    assertEquals(1 - (16 - 15) / 16.0, Grouping.similarity(r, Similarity.FILL, 0, 1));
  }

  /** All four of one flat colour: 1 + 1 + size + fill. */
  @Test
  void theSumOfAll() {
    Regions r = regions(new Drawing(4, 4, 0x336699), ColourSpace.LAB, "0111", "1211", "1111", "1111");
    assertEquals(2 + 0.875 + 0.875, Grouping.similarity(r, Similarity.COLOUR_TEXTURE_SIZE_FILL, 0, 2), 1e-6);
    assertEquals(1 + 0.875 + 0.875, Grouping.similarity(r, Similarity.TEXTURE_SIZE_FILL, 0, 2), 1e-6);
  }
}
