package org.ondol.models.images;

import java.util.Arrays;
import org.ondol.models.detection.LabelledBox;

/**
 * What happens to one picture: a window of it, which may reach beyond it, becomes the whole.
 *
 * @param left of the window
 * @param top of the window
 * @param w width of the window
 * @param h height of the window
 */
record Variation(int width, int height, double left, double top, double w, double h, boolean flip,
    float brightness, float contrast, float saturation) {
  private static final float GREY = 128;

  /** Null where too little of it stays. */
  LabelledBox box(LabelledBox b) {
    double x = width / w;
    double y = height / h;
    double x1 = (b.x1() - left) * x;
    double x2 = (b.x2() - left) * x;
    double y1 = (b.y1() - top) * y;
    double y2 = (b.y2() - top) * y;
    double area = (x2 - x1) * (y2 - y1);
    x1 = Math.max(x1, 0);
    y1 = Math.max(y1, 0);
    x2 = Math.min(x2, width);
    y2 = Math.min(y2, height);
    if (!(x2 > x1 && y2 > y1 && (x2 - x1) * (y2 - y1) >= Augmentation.KEPT * area)) return null;
    float l = (float) (flip ? width - x2 : x1);
    float r = (float) (flip ? width - x1 : x2);
    if (!(r > l && (float) y2 > (float) y1)) return null;
    return new LabelledBox(b.label(), l, (float) y1, r, (float) y2, b.difficult());
  }

  /** For each column or row, where its centre lies in the picture; NaN where that is outside. */
  private static double[] positions(int n, double start, double length, boolean reversed) {
    double[] at = new double[n];
    for (int j = 0; j < n; j++) {
      double p = start + (j + 0.5) * (length / n);
      at[reversed ? n - 1 - j : j] = p >= 0 && p <= n ? p : Double.NaN;
    }
    return at;
  }

  byte[] map(byte[] map, byte ignored) {
    double[] columns = positions(width, left, w, flip);
    double[] rows = positions(height, top, h, false);
    byte[] out = new byte[map.length];
    for (int y = 0, i = 0; y < height; y++) {
      for (int x = 0; x < width; x++, i++) {
        boolean outside = Double.isNaN(columns[x]) || Double.isNaN(rows[y]);
        out[i] = outside ? ignored
            : map[Math.min((int) rows[y], height - 1) * width + Math.min((int) columns[x], width - 1)];
      }
    }
    return out;
  }

  void picture(byte[] in, int at, int channels, byte[] out) {
    int n = width * height;
    float[] planes = new float[channels * n];
    double[] columns = positions(width, left, w, flip);
    double[] rows = positions(height, top, h, false);
    for (int c = 0; c < channels; c++) plane(in, at + c * n, columns, rows, planes, c * n);
    light(planes, channels, n);
    for (int i = 0; i < planes.length; i++) out[at + i] = (byte) Math.clamp((int) (planes[i] + 0.5f), 0, 255);
  }

  /** Linear between the centres of pixels. */
  private void plane(byte[] in, int at, double[] columns, double[] rows, float[] out, int to) {
    for (int y = 0; y < height; y++) {
      int o = to + y * width;
      if (Double.isNaN(rows[y])) {
        Arrays.fill(out, o, o + width, GREY);
        continue;
      }
      double v = Math.clamp(rows[y] - 0.5, 0, height - 1.0);
      int y0 = at + (int) v * width;
      int y1 = at + Math.min((int) v + 1, height - 1) * width;
      float fy = (float) (v - (int) v);
      for (int x = 0; x < width; x++) {
        if (Double.isNaN(columns[x])) {
          out[o + x] = GREY;
          continue;
        }
        double u = Math.clamp(columns[x] - 0.5, 0, width - 1.0);
        int x0 = (int) u;
        int x1 = Math.min(x0 + 1, width - 1);
        float fx = (float) (u - x0);
        float upper = (1 - fx) * (in[y0 + x0] & 0xFF) + fx * (in[y0 + x1] & 0xFF);
        float lower = (1 - fx) * (in[y1 + x0] & 0xFF) + fx * (in[y1 + x1] & 0xFF);
        out[o + x] = (1 - fy) * upper + fy * lower;
      }
    }
  }

  private void light(float[] planes, int channels, int n) {
    if (brightness == 1 && contrast == 1 && saturation == 1) return;
    for (int i = 0; i < planes.length; i++) planes[i] = Math.min(planes[i] * brightness, 255);
    double sum = 0;
    for (int i = 0; i < n; i++) sum += shade(planes, channels, n, i);
    float mean = (float) (sum / n);
    for (int i = 0; i < planes.length; i++) planes[i] = Math.clamp(mean + (planes[i] - mean) * contrast, 0, 255);
    if (channels == 1) return;
    for (int i = 0; i < n; i++) {
      float grey = shade(planes, channels, n, i);
      for (int c = 0; c < channels; c++) {
        planes[c * n + i] = Math.clamp(grey + (planes[c * n + i] - grey) * saturation, 0, 255);
      }
    }
  }

  private static float shade(float[] planes, int channels, int n, int i) {
    return channels == 1 ? planes[i] : 0.299f * planes[i] + 0.587f * planes[n + i] + 0.114f * planes[2 * n + i];
  }
}
