package org.ondol.test.page;

import java.util.Arrays;

/** The images of another size of docs/arithmetic.md, and their gradient. */
public final class PageResize {
  private PageResize() {}

  /**
   * The numbers of one axis.
   *
   * @param length L of the page
   * @param rounding null for linear
   */
  public record Axis(int in, int out, double scale, double length, String coordinates, String rounding, double start, double end) {
    double position(int j) {
      return switch (coordinates) {
        case "half_pixel" -> (j + 0.5) / scale - 0.5;
        case "half_pixel_symmetric" -> (in / 2.0) * (1 - out / length) + (j + 0.5) / scale - 0.5;
        case "pytorch_half_pixel" -> out > 1 ? (j + 0.5) / scale - 0.5 : 0;
        case "align_corners" -> out > 1 ? (double) j * (in - 1) / (length - 1) : 0;
        case "asymmetric" -> j / scale;
        case "tf_crop_and_resize" -> (out > 1 ? j * (end - start) * (in - 1) / (length - 1) : (end - start) * (in - 1) / 2)
            + start * (in - 1);
        default -> throw new IllegalArgumentException("no page entry for coordinates " + coordinates);
      };
    }

    boolean outside(int j) {
      return coordinates.equals("tf_crop_and_resize") && (position(j) < 0 || position(j) > in - 1);
    }

    int nearest(int j) {
      double f = Math.floor(position(j));
      double r = position(j) - f;
      boolean lower = rounding.equals("floor") || rounding.equals("round_prefer_floor") && r <= 0.5
          || rounding.equals("round_prefer_ceil") && r < 0.5 || rounding.equals("ceil") && r == 0;
      return (int) Math.min(Math.max(lower ? f : f + 1, 0), in - 1);
    }

    /** First cell, second cell. */
    int[] cells(int j) {
      int f = (int) Math.floor(position(j));
      return f < 0 ? new int[] {0, 0} : f >= in - 1 ? new int[] {in - 1, in - 1} : new int[] {f, f + 1};
    }

    float[] weights(int j) {
      double f = Math.floor(position(j));
      double r = position(j) - f;
      return f < 0 || f >= in - 1 ? new float[] {1, 0} : new float[] {(float) (1 - r), (float) r};
    }
  }

  public static float[] resize(float[] x, int planes, Axis rows, Axis columns, float outside) {
    float[] y = new float[planes * rows.out * columns.out];
    for (int p = 0; p < planes; p++) {
      for (int i = 0; i < rows.out; i++) {
        for (int j = 0; j < columns.out; j++) {
          y[(p * rows.out + i) * columns.out + j] = rows.outside(i) || columns.outside(j) ? outside
              : rows.rounding != null ? x[(p * rows.in + rows.nearest(i)) * columns.in + columns.nearest(j)]
              : linear(x, p * rows.in * columns.in, rows, i, columns, j);
        }
      }
    }
    return y;
  }

  private static float linear(float[] x, int at, Axis rows, int i, Axis columns, int j) {
    int[] y = rows.cells(i);
    float[] u = rows.weights(i);
    int[] c = columns.cells(j);
    float[] v = columns.weights(j);
    float[] h = new float[2];
    for (int k = 0; k < 2; k++) {
      h[k] = Math.fma(v[1], x[at + y[k] * columns.in + c[1]], v[0] * x[at + y[k] * columns.in + c[0]]);
    }
    return Math.fma(u[1], h[1], u[0] * h[0]);
  }

  public static float[] backward(float[] dy, int planes, Axis rows, Axis columns) {
    float[] dx = new float[planes * rows.in * columns.in];
    for (int p = 0; p < planes; p++) {
      for (int r = 0; r < rows.in; r++) {
        float[] g = new float[columns.out];
        for (int i = 0; i < rows.out; i++) {
          float[] line = new float[columns.out];
          for (int j = 0; j < columns.out; j++) {
            line[j] = rows.outside(i) || columns.outside(j) ? 0 : dy[(p * rows.out + i) * columns.out + j];
          }
          add(rows, i, r, line, g);
        }
        for (int c = 0; c < columns.in; c++) {
          float[] acc = new float[1];
          for (int j = 0; j < columns.out; j++) {
            add(columns, j, c, Arrays.copyOfRange(g, j, j + 1), acc);
          }
          dx[(p * rows.in + r) * columns.in + c] = acc[0];
        }
      }
    }
    return dx;
  }

  /** acc = fma(weight, value, acc) for each way in which output cell j is made of the input cell. */
  private static void add(Axis axis, int j, int cell, float[] value, float[] acc) {
    int[] cells = axis.rounding != null ? new int[] {axis.nearest(j)} : axis.cells(j);
    float[] weights = axis.rounding != null ? new float[] {1} : axis.weights(j);
    for (int k = 0; k < cells.length; k++) {
      for (int e = 0; e < acc.length && cells[k] == cell; e++) {
        acc[e] = Math.fma(weights[k], value[e], acc[e]);
      }
    }
  }
}
