package org.ondol.models.proposals;

/** What regions are compared in, besides {@link #RGB} itself. Every channel is scaled to [0, 255]. */
public enum ColourSpace {
  /** The image as it is. */
  RGB(3) {
    @Override
    void convert(float[] rgb, int n, float[][] to) {
      for (int c = 0; c < 3; c++) System.arraycopy(rgb, c * n, to[c], 0, n);
    }
  },

  /** Hue, saturation and value; the hue of a grey is 0. */
  HSV(3) {
    @Override
    void convert(float[] rgb, int n, float[][] to) {
      hue(rgb, n, to[0]);
      for (int i = 0; i < n; i++) {
        float high = Math.max(rgb[i], Math.max(rgb[n + i], rgb[2 * n + i]));
        float low = Math.min(rgb[i], Math.min(rgb[n + i], rgb[2 * n + i]));
        to[1][i] = high > 0 ? (high - low) / high * 255 : 0;
        to[2][i] = high;
      }
    }
  },

  /** CIE L*a*b* of sRGB under D65: 2.55 L*, a* + 128, b* + 128. */
  LAB(3) {
    @Override
    void convert(float[] rgb, int n, float[][] to) {
      Lab.convert(rgb, n, to);
    }
  },

  /** Red and green as shares of the sum, and the intensity. Black has equal shares. */
  RGI(3) {
    @Override
    void convert(float[] rgb, int n, float[][] to) {
      for (int i = 0; i < n; i++) {
        float sum = rgb[i] + rgb[n + i] + rgb[2 * n + i];
        to[0][i] = sum > 0 ? rgb[i] / sum * 255 : 85;
        to[1][i] = sum > 0 ? rgb[n + i] / sum * 255 : 85;
      }
      intensity(rgb, n, to[2]);
    }
  },

  /** The hue of HSV alone. */
  HUE(1) {
    @Override
    void convert(float[] rgb, int n, float[][] to) {
      hue(rgb, n, to[0]);
    }
  },

  /** Luma with the weights of BT.601. */
  INTENSITY(1) {
    @Override
    void convert(float[] rgb, int n, float[][] to) {
      intensity(rgb, n, to[0]);
    }
  };

  private final int channels;

  ColourSpace(int channels) {
    this.channels = channels;
  }

  /** How many channels it has. */
  public int channels() {
    return channels;
  }

  /** Converts n pixels, three planes one after another, to a plane a channel. */
  abstract void convert(float[] rgb, int n, float[][] to);

  /** The planes of an image of n pixels in this space. */
  float[][] planes(float[] rgb, int n) {
    float[][] planes = new float[channels][n];
    convert(rgb, n, planes);
    return planes;
  }

  private static void intensity(float[] rgb, int n, float[] to) {
    for (int i = 0; i < n; i++) to[i] = 0.299f * rgb[i] + 0.587f * rgb[n + i] + 0.114f * rgb[2 * n + i];
  }

  /** From red at 0 by way of green at 85 and blue at 170 back to red. */
  private static void hue(float[] rgb, int n, float[] to) {
    for (int i = 0; i < n; i++) {
      float r = rgb[i];
      float g = rgb[n + i];
      float b = rgb[2 * n + i];
      float high = Math.max(r, Math.max(g, b));
      float range = high - Math.min(r, Math.min(g, b));
      float sixth;
      if (range == 0) sixth = 0;
      else if (high == r) sixth = (g - b) / range + (g < b ? 6 : 0);
      else if (high == g) sixth = (b - r) / range + 2;
      else sixth = (r - g) / range + 4;
      to[i] = sixth * 42.5f;
    }
  }
}
