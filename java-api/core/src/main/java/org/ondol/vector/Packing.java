package org.ondol.vector;

import static org.ondol.vector.Tiles.PANEL;
import static org.ondol.vector.Tiles.QUAD;

import java.util.Arrays;

/** Layouts of {@link Tiles} from row-major arrays. Plain loops: each element is touched once for many products. */
final class Packing {
  private Packing() {}

  /** n rounded up to a multiple of 16. */
  static int padded(int n) {
    return (n + PANEL - 1) & -PANEL;
  }

  static long ceilDiv(long n, long d) {
    return (n + d - 1) / d;
  }

  /** Rows to quads: to[q][i][r] = from[4 q + r][i], zero for rows beyond {@code rows}. */
  static void quads(float[] from, int fromAt, int stride, int rows, int columns, float[] to, int toAt) {
    for (int row = 0; row < rows; row += QUAD) {
      int target = toAt + row * columns;
      if (row + QUAD <= rows) {
        quad(from, fromAt + row * stride, stride, columns, to, target);
      } else {
        Arrays.fill(to, target, target + QUAD * columns, 0);
        for (int r = 0; row + r < rows; r++) {
          column(from, fromAt + (row + r) * stride, columns, to, target + r, QUAD);
        }
      }
    }
  }

  private static void quad(float[] from, int f0, int stride, int columns, float[] to, int toAt) {
    int f1 = f0 + stride;
    int f2 = f1 + stride;
    int f3 = f2 + stride;
    for (int i = 0; i < columns; i++) {
      to[toAt + 4 * i] = from[f0 + i];
      to[toAt + 4 * i + 1] = from[f1 + i];
      to[toAt + 4 * i + 2] = from[f2 + i];
      to[toAt + 4 * i + 3] = from[f3 + i];
    }
  }

  /** to[step i] = from[i]. */
  static void column(float[] from, int fromAt, int n, float[] to, int toAt, int step) {
    for (int i = 0; i < n; i++) {
      to[toAt + step * i] = from[fromAt + i];
    }
  }

  /** Columns to quads: to[q][i][r] = from[i][4 q + r], zero for columns beyond {@code columns}. */
  static void quadsOfColumns(float[] from, int fromAt, int stride, int rows, int columns, float[] to, int toAt) {
    for (int column = 0; column < columns; column += QUAD) {
      int width = Math.min(QUAD, columns - column);
      int target = toAt + column * rows;
      for (int i = 0; i < rows; i++) {
        int source = fromAt + i * stride + column;
        for (int r = 0; r < QUAD; r++) {
          to[target + QUAD * i + r] = r < width ? from[source + r] : 0;
        }
      }
    }
  }

  /** One row of a matrix into its panels: to[p][i][c] = from[16 p + c], zero beyond n; panels lie panelStride apart. */
  static void panelRow(float[] from, int fromAt, int n, float[] to, int toAt, int panelStride) {
    int full = n & -PANEL;
    for (int j = 0; j < full; j += PANEL) {
      for (int c = 0; c < PANEL; c++) {
        to[toAt + c] = from[fromAt + j + c];
      }
      toAt += panelStride;
    }
    if (full < n) {
      for (int j = 0; j < PANEL; j++) {
        to[toAt + j] = full + j < n ? from[fromAt + full + j] : 0;
      }
    }
  }

  /** Rows to panels: to[p][i][c] = from[i][16 p + c]. */
  static void panels(float[] from, int fromAt, int stride, int rows, int columns, float[] to, int toAt) {
    for (int i = 0; i < rows; i++) {
      panelRow(from, fromAt + i * stride, columns, to, toAt + PANEL * i, PANEL * rows);
    }
  }
}
