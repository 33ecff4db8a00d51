package org.ondol.test.page;

import static org.ondol.test.page.PageSums.sum16;

import java.util.ArrayList;
import java.util.List;

/** Pooling and unpooling of contiguous [planes, H, W] as docs/arithmetic.md has them. */
public final class PagePool {
  private PagePool() {}

  /** The windows along an axis. */
  public record Axis(int in, int kernel, int stride, int dilation, int before, int behind, boolean ceil, int adaptive) {
    /** The outputs, or 0 where the kernel does not fit. */
    public int outputs() {
      if (adaptive > 0) {
        return adaptive;
      }
      int room = in + before + behind - dilation * (kernel - 1) - 1;
      if (room < 0) {
        return 0;
      }
      if (!ceil) {
        return room / stride + 1;
      }
      int count = (int) Math.ceil((double) room / stride) + 1;
      return (count - 1) * stride >= in + before ? count - 1 : count;
    }

    /** Positions of the taps of window o inside the map. */
    public List<Integer> taps(int o) {
      List<Integer> inside = new ArrayList<>();
      if (adaptive > 0) {
        int end = (int) Math.ceil((o + 1) * (double) in / adaptive);
        for (int i = (int) Math.floor(o * (double) in / adaptive); i < end; i++) {
          inside.add(i);
        }
        return inside;
      }
      for (int t = 0; t < kernel; t++) {
        int at = o * stride - before + t * dilation;
        if (at >= 0 && at < in) {
          inside.add(at);
        }
      }
      return inside;
    }

    /** What an average counts. */
    public int count(int o, boolean countPadding) {
      if (adaptive > 0 || !countPadding) {
        return taps(o).size();
      }
      int count = 0;
      for (int t = 0; t < kernel; t++) {
        if (o * stride - before + t * dilation < in + behind) {
          count++;
        }
      }
      return count;
    }
  }

  /** The greatest elements and where they are. */
  public record Max(float[] y, int[] indices) {}

  public static Max max(float[] x, int planes, Axis rows, Axis columns) {
    int outputs = rows.outputs() * columns.outputs();
    Max result = new Max(new float[planes * outputs], new int[planes * outputs]);
    for (int i = 0; i < planes * outputs; i++) {
      int plane = i / outputs * rows.in() * columns.in();
      boolean first = true;
      for (int iy : rows.taps(i % outputs / columns.outputs())) {
        for (int ix : columns.taps(i % columns.outputs())) {
          int at = iy * columns.in() + ix;
          float v = x[plane + at];
          if (first || v > result.y[i] || Float.isNaN(v) && !Float.isNaN(result.y[i])) {
            result.y[i] = v;
            result.indices[i] = at;
          }
          first = false;
        }
      }
      result.y[i] = result.y[i] + 0f;
    }
    return result;
  }

  public static float[] average(float[] x, int planes, Axis rows, Axis columns, boolean countPadding) {
    int outputs = rows.outputs() * columns.outputs();
    int size = rows.in() * columns.in();
    float[] y = new float[planes * outputs];
    for (int i = 0; i < y.length; i++) {
      int plane = i / outputs * size;
      if (rows.adaptive() == 1 && columns.adaptive() == 1) {
        y[i] = sum16(x, plane, 1, size) / size;
        continue;
      }
      int oy = i % outputs / columns.outputs();
      int ox = i % columns.outputs();
      float sum = 0f;
      for (int ix : columns.taps(ox)) {
        float u = 0f;
        for (int iy : rows.taps(oy)) {
          u = u + x[plane + iy * columns.in() + ix];
        }
        sum = sum + u;
      }
      y[i] = sum / (float) (rows.count(oy, countPadding) * columns.count(ox, countPadding));
    }
    return y;
  }

  public static float[] maxBackward(float[] dy, int[] indices, int planes, Axis rows, Axis columns) {
    int outputs = rows.outputs() * columns.outputs();
    int size = rows.in() * columns.in();
    float[] dx = new float[planes * size];
    for (int c = 0; c < dx.length; c++) {
      int iy = c % size / columns.in();
      int ix = c % columns.in();
      for (int o = 0; o < outputs; o++) {
        int at = c / size * outputs + o;
        if (indices[at] == c % size && rows.taps(o / columns.outputs()).contains(iy)
            && columns.taps(o % columns.outputs()).contains(ix)) {
          dx[c] = dx[c] + dy[at];
        }
      }
    }
    return dx;
  }

  public static float[] averageBackward(float[] dy, int planes, Axis rows, Axis columns, boolean countPadding) {
    int size = rows.in() * columns.in();
    int width = columns.outputs();
    float[] dx = new float[planes * size];
    for (int p = 0; p < planes; p++) {
      for (int oy = 0; oy < rows.outputs(); oy++) {
        float[] h = new float[columns.in()];
        for (int ox = 0; ox < width; ox++) {
          float count = rows.count(oy, countPadding) * columns.count(ox, countPadding);
          float g = dy[(p * rows.outputs() + oy) * width + ox] / count;
          for (int ix : columns.taps(ox)) {
            h[ix] = h[ix] + g;
          }
        }
        for (int iy : rows.taps(oy)) {
          for (int ix = 0; ix < columns.in(); ix++) {
            int at = p * size + iy * columns.in() + ix;
            dx[at] = dx[at] + h[ix];
          }
        }
      }
    }
    return dx;
  }

  /** Planes of {@code n} values to planes of {@code size}. */
  public static float[] unpool(float[] x, int[] indices, int planes, int n, int size) {
    float[] y = new float[planes * size];
    for (int i = 0; i < planes * n; i++) {
      y[i / n * size + indices[i]] = x[i];
    }
    return y;
  }

  public static float[] unpoolBackward(float[] dy, int[] indices, int planes, int n, int size) {
    float[] dx = new float[planes * n];
    for (int i = 0; i < planes * n; i++) {
      boolean counts = true;
      for (int later = i + 1; later < (i / n + 1) * n; later++) {
        counts &= indices[later] != indices[i];
      }
      dx[i] = counts ? dy[i / n * size + indices[i]] : 0f;
    }
    return dx;
  }
}
