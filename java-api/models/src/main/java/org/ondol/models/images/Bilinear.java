package org.ondol.models.images;

/**
 * Bilinear resizing of bytes with half-pixel centres, in the whole numbers of OpenCV 4's resize (INTER_LINEAR of 8-bit
 * images, modules/imgproc/src/resize.cpp), whose bytes it gives: weights are multiples of 2^-11; a row is exact; each of
 * the two products down a column is cut to quarters, and their sum rounded. Cutting makes a picture 1/8 of a level darker
 * on average. Halving both sides is another path of OpenCV's, by areas: not this one.
 */
final class Bilinear {
  private static final int ONE = 1 << 11;

  private final Steps columns;
  private final Steps rows;

  Bilinear(int width, int height, int newWidth, int newHeight) {
    columns = new Steps(width, newWidth);
    rows = new Steps(height, newHeight);
    // Beyond its outermost cells a row is one cell by weight one; a column is that cell twice, and cut twice.
    for (int x = 0; x < newWidth; x++) {
      if (columns.first[x] == columns.next[x]) columns.weight[x] = 0;
    }
  }

  /**
   * One axis.
   *
   * @param first the cell before each new cell's centre, or the outermost one
   * @param next the cell after it, or the outermost one
   * @param weight of the cell after it, in 2^-11
   */
  private record Steps(int cells, int[] first, int[] next, int[] weight) {
    Steps(int cells, int count) {
      this(cells, new int[count], new int[count], new int[count]);
      double step = (double) cells / count;
      for (int j = 0; j < count; j++) {
        float at = (float) ((j + 0.5) * step - 0.5);
        int cell = (int) Math.floor(at);
        first[j] = Math.clamp(cell, 0, cells - 1);
        next[j] = Math.clamp(cell + 1, 0, cells - 1);
        weight[j] = (int) Math.rint((at - cell) * ONE);
      }
    }
  }

  Picture resized(Picture picture) {
    int width = columns.first.length;
    int height = rows.first.length;
    byte[] out = new byte[3 * width * height];
    int[][] pair = new int[2][width];
    for (int c = 0; c < 3; c++) {
      int made = -1; // the row that the second of the pair holds
      for (int y = 0; y < height; y++) {
        int plane = c * columns.cells * rows.cells;
        int first = rows.first[y];
        if (first == made) swap(pair);
        else row(picture.planes(), plane + first * columns.cells, pair[0]);
        made = rows.next[y];
        row(picture.planes(), plane + made * columns.cells, pair[1]);
        between(pair[0], pair[1], rows.weight[y], out, (c * height + y) * width);
      }
    }
    return new Picture(width, height, out);
  }

  private static void swap(int[][] pair) {
    int[] first = pair[0];
    pair[0] = pair[1];
    pair[1] = first;
  }

  private void row(byte[] in, int at, int[] out) {
    for (int x = 0; x < out.length; x++) {
      int w = columns.weight[x];
      out[x] = (in[at + columns.first[x]] & 0xFF) * (ONE - w) + (in[at + columns.next[x]] & 0xFF) * w;
    }
  }

  private static void between(int[] upper, int[] lower, int weight, byte[] out, int at) {
    for (int x = 0; x < upper.length; x++) {
      int sum = ((ONE - weight) * (upper[x] >> 4) >> 16) + (weight * (lower[x] >> 4) >> 16);
      out[at + x] = (byte) (sum + 2 >> 2);
    }
  }
}
