package org.ondol.vector;

import java.util.Arrays;

/** {@link RoiLoops} with scalar code. */
final class ScalarRoiLoops implements RoiLoops {
  private static final int BLOCK = 16;

  @Override
  public int block() {
    return BLOCK;
  }

  /** What is done with the cells of a bin that has some. */
  @FunctionalInterface
  private interface Bin {
    void fold(int result, int top, int bottom, int left, int right);
  }

  private static void each(int[] spans, int at, int p, int q, float[] y, float[] indices, Bin bin) {
    for (int b = 0; b < p * q; b++) {
      int i = b / q;
      int j = b % q;
      int top = spans[at + i];
      int bottom = spans[at + p + i];
      int left = spans[at + 2 * p + j];
      int right = spans[at + 2 * p + q + j];
      if (bottom > top && right > left) {
        bin.fold(b * BLOCK, top, bottom, left, right);
      } else {
        Arrays.fill(y, b * BLOCK, (b + 1) * BLOCK, 0);
        if (indices != null) {
          Arrays.fill(indices, b * BLOCK, (b + 1) * BLOCK, Float.intBitsToFloat(-1));
        }
      }
    }
  }

  @Override
  public void max(float[] cells, int width, int[] spans, int at, int p, int q, boolean careful, float[] y) {
    each(spans, at, p, q, y, null, (result, top, bottom, left, right) -> {
      Arrays.fill(y, result, result + BLOCK, Float.NEGATIVE_INFINITY);
      for (int row = top; row < bottom; row++) {
        for (int cell = row * width + left; cell < row * width + right; cell++) {
          for (int c = 0; c < BLOCK; c++) {
            y[result + c] = ScalarMath.max(y[result + c], cells[cell * BLOCK + c]);
          }
        }
      }
      for (int c = 0; c < BLOCK; c++) {
        y[result + c] += 0f;
      }
    });
  }

  @Override
  public void index(float[] cells, int width, int[] spans, int at, int p, int q, boolean careful, float[] y, float[] indices) {
    each(spans, at, p, q, y, indices, (result, top, bottom, left, right) -> {
      Arrays.fill(y, result, result + BLOCK, Float.NEGATIVE_INFINITY);
      Arrays.fill(indices, result, result + BLOCK, Float.intBitsToFloat(top * width + left));
      for (int row = top; row < bottom; row++) {
        for (int cell = row * width + left; cell < row * width + right; cell++) {
          for (int c = 0; c < BLOCK; c++) {
            float m = y[result + c];
            float v = cells[cell * BLOCK + c];
            if (v > m || v != v && m == m) {
              y[result + c] = v;
              indices[result + c] = Float.intBitsToFloat(cell);
            }
          }
        }
      }
      for (int c = 0; c < BLOCK; c++) {
        y[result + c] += 0f;
      }
    });
  }

  @Override
  public void average(float[] cells, int width, int[] spans, int at, int p, int q, float[] y) {
    each(spans, at, p, q, y, null, (result, top, bottom, left, right) -> {
      Arrays.fill(y, result, result + BLOCK, 0);
      for (int row = top; row < bottom; row++) {
        for (int cell = row * width + left; cell < row * width + right; cell++) {
          for (int c = 0; c < BLOCK; c++) {
            y[result + c] += cells[cell * BLOCK + c];
          }
        }
      }
      float count = (bottom - top) * (right - left);
      for (int c = 0; c < BLOCK; c++) {
        y[result + c] /= count;
      }
    });
  }

  @Override
  public void spread(float[] g, int gAt, float[] cells, int width, int top, int bottom, int left, int right) {
    for (int row = top; row < bottom; row++) {
      for (int cell = row * width + left; cell < row * width + right; cell++) {
        for (int c = 0; c < BLOCK; c++) {
          cells[cell * BLOCK + c] += g[gAt + c];
        }
      }
    }
  }
}
