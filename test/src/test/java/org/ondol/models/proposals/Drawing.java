package org.ondol.models.proposals;

import java.util.SplittableRandom;
import org.ondol.Tensor;

/** Images made by hand: rectangles of one colour on a background, or noise. */
final class Drawing {
  final int width;
  final int height;
  final float[] rgb;

  Drawing(int width, int height, int colour) {
    this.width = width;
    this.height = height;
    rgb = new float[3 * width * height];
    fill(0, 0, width, height, colour);
  }

  /** Fills x1 <= x < x2, y1 <= y < y2 with 0xRRGGBB. */
  Drawing fill(int x1, int y1, int x2, int y2, int colour) {
    for (int y = y1; y < y2; y++) {
      for (int x = x1; x < x2; x++) {
        for (int c = 0; c < 3; c++) rgb[(c * height + y) * width + x] = colour >> 16 - 8 * c & 255;
      }
    }
    return this;
  }

  /** Soft blobs: a coarse random grid, interpolated. No two pixels are likely to be the same. */
  static Drawing noise(int width, int height, int cell, long seed) {
    Drawing drawing = new Drawing(width, height, 0);
    SplittableRandom random = new SplittableRandom(seed);
    int columns = width / cell + 2;
    float[] grid = new float[3 * columns * (height / cell + 2)];
    for (int i = 0; i < grid.length; i++) grid[i] = (float) (random.nextDouble() * 255);
    int plane = grid.length / 3;
    for (int i = 0; i < drawing.rgb.length; i++) {
      int c = i / (width * height);
      int y = i / width % height;
      int x = i % width;
      int at = c * plane + y / cell * columns + x / cell;
      float u = (float) (x % cell) / cell;
      float v = (float) (y % cell) / cell;
      float top = grid[at] + u * (grid[at + 1] - grid[at]);
      float bottom = grid[at + columns] + u * (grid[at + columns + 1] - grid[at + columns]);
      drawing.rgb[i] = Math.clamp(top + v * (bottom - top), 0, 255);
    }
    return drawing;
  }

  /** Left and right exchanged. */
  Drawing mirrored() {
    Drawing other = new Drawing(width, height, 0);
    for (int i = 0; i < rgb.length; i++) other.rgb[i / width * width + width - 1 - i % width] = rgb[i];
    return other;
  }

  Tensor tensor() {
    return Tensor.wrap(rgb.clone(), 3, height, width);
  }
}
