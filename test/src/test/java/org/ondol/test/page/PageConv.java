package org.ondol.test.page;

import org.ondol.spi.ConvShape;

/**
 * conv, maskedconv, deconv and their gradients as docs/arithmetic.md defines them, over contiguous maps [N, C, H, W]. A
 * null bias, residual or set of live entries is an absent one. Live entries lie like the weight they belong to.
 */
public final class PageConv {
  /**
   * What happens to a chain while it is stored.
   *
   * @param bias one for each channel of y, or null
   * @param residual of y's shape, or null
   * @param slope of relu; 0 is the plain one
   */
  public record Epilogue(float[] bias, float[] residual, String activation, float slope) {
    public static final Epilogue NONE = new Epilogue(null, null, "none", 0f);

    /** The element of y at {@code at}, in channel o, whose chain is v. */
    float finish(float v, int o, int at) {
      if (bias != null) {
        v = v + bias[o];
      }
      if (residual != null) {
        v = v + residual[at];
      }
      if (activation.equals("relu") && slope != 0f) {
        return v < 0f ? v * slope : v;
      }
      return PageGemm.activate(activation, v);
    }
  }

  private PageConv() {}

  /** Index into a contiguous [.., C, H, W]. */
  private static int at(long n, long c, long channels, long y, long height, long x, long width) {
    return Math.toIntExact(((n * channels + c) * height + y) * width + x);
  }

  /** An element of the map x of a shape, +0 outside it. */
  private static float padded(ConvShape s, float[] x, long n, long c, long iy, long ix) {
    boolean inside = iy >= 0 && iy < s.xHeight() && ix >= 0 && ix < s.xWidth();
    return inside ? x[at(n, c, s.xChannels(), iy, s.xHeight(), ix, s.xWidth())] : 0f;
  }

  /** conv, or maskedconv with {@code live}; w and live are [yChannels, xChannels / groups, kernelH, kernelW]. */
  public static float[] conv(ConvShape s, float[] x, float[] w, boolean[] live, Epilogue epilogue) {
    float[] y = new float[Math.toIntExact(s.batch() * s.yChannels() * s.yHeight() * s.yWidth())];
    int i = 0;
    for (long n = 0; n < s.batch(); n++) {
      for (long o = 0; o < s.yChannels(); o++) {
        for (long oy = 0; oy < s.yHeight(); oy++) {
          for (long ox = 0; ox < s.yWidth(); ox++, i++) {
            y[i] = epilogue.finish(convChain(s, x, w, live, n, o, oy, ox), (int) o, i);
          }
        }
      }
    }
    return y;
  }

  private static float convChain(ConvShape s, float[] x, float[] w, boolean[] live, long n, long o, long oy, long ox) {
    long first = o / s.yGroup() * s.xGroup();
    float acc = 0f;
    for (long c = 0; c < s.xGroup(); c++) {
      for (long ky = 0; ky < s.kernelH(); ky++) {
        for (long kx = 0; kx < s.kernelW(); kx++) {
          int k = at(o, c, s.xGroup(), ky, s.kernelH(), kx, s.kernelW());
          if (live == null || live[k]) {
            long iy = oy * s.strideH() - s.padTop() + ky * s.dilationH();
            long ix = ox * s.strideW() - s.padLeft() + kx * s.dilationW();
            acc = Math.fma(padded(s, x, n, first + c, iy, ix), w[k], acc);
          }
        }
      }
    }
    return acc;
  }

  /** deconv; w and live are [xChannels, yChannels / groups, kernelH, kernelW]. */
  public static float[] deconv(ConvShape s, float[] x, float[] w, boolean[] live, Epilogue epilogue) {
    float[] y = new float[Math.toIntExact(s.batch() * s.yChannels() * s.yHeight() * s.yWidth())];
    int i = 0;
    for (long n = 0; n < s.batch(); n++) {
      for (long o = 0; o < s.yChannels(); o++) {
        for (long oy = 0; oy < s.yHeight(); oy++) {
          for (long ox = 0; ox < s.yWidth(); ox++, i++) {
            y[i] = epilogue.finish(deconvChain(s, x, w, live, n, o, oy, ox), (int) o, i);
          }
        }
      }
    }
    return y;
  }

  private static float deconvChain(ConvShape s, float[] x, float[] w, boolean[] live, long n, long o, long oy,
      long ox) {
    long first = o / s.yGroup() * s.xGroup();
    float acc = 0f;
    for (long c = first; c < first + s.xGroup(); c++) {
      for (long ky = 0; ky < s.kernelH(); ky++) {
        for (long kx = 0; kx < s.kernelW(); kx++) {
          int k = at(c, o % s.yGroup(), s.yGroup(), ky, s.kernelH(), kx, s.kernelW());
          long dy = oy + s.padTop() - ky * s.dilationH();
          long dx = ox + s.padLeft() - kx * s.dilationW();
          boolean whole = dy % s.strideH() == 0 && dx % s.strideW() == 0;
          if (whole && (live == null || live[k])) {
            acc = Math.fma(padded(s, x, n, c, dy / s.strideH(), dx / s.strideW()), w[k], acc);
          }
        }
      }
    }
    return acc;
  }

  /** The gradient of conv's weight; s is the conv's shape. */
  public static float[] convweight(ConvShape s, float[] x, float[] dy, boolean[] live) {
    float[] dw = new float[Math.toIntExact(s.yChannels() * s.depth())];
    int i = 0;
    for (long o = 0; o < s.yChannels(); o++) {
      for (long c = 0; c < s.xGroup(); c++) {
        for (long ky = 0; ky < s.kernelH(); ky++) {
          for (long kx = 0; kx < s.kernelW(); kx++, i++) {
            for (long n = 0; n < s.batch() && (live == null || live[i]); n++) {
              dw[i] = dw[i] + weightChain(s, x, dy, n, o, o / s.yGroup() * s.xGroup() + c, ky, kx);
            }
          }
        }
      }
    }
    return dw;
  }

  private static float weightChain(ConvShape s, float[] x, float[] dy, long n, long o, long c, long ky, long kx) {
    float acc = 0f;
    for (long oy = 0; oy < s.yHeight(); oy++) {
      for (long ox = 0; ox < s.yWidth(); ox++) {
        long iy = oy * s.strideH() - s.padTop() + ky * s.dilationH();
        long ix = ox * s.strideW() - s.padLeft() + kx * s.dilationW();
        acc = Math.fma(dy[at(n, o, s.yChannels(), oy, s.yHeight(), ox, s.yWidth())], padded(s, x, n, c, iy, ix), acc);
      }
    }
    return acc;
  }

  /** The gradient of a bias: dy [batch, channels, positions] summed over images and positions. */
  public static float[] dbias(float[] dy, int batch, int channels, int positions) {
    float[] db = new float[channels];
    for (int o = 0; o < channels; o++) {
      float[] perImage = new float[batch];
      for (int n = 0; n < batch; n++) {
        perImage[n] = PageSums.sum16(dy, (n * channels + o) * positions, 1, positions);
      }
      db[o] = PageSums.sum16(perImage, 0, 1, batch);
    }
    return db;
  }
}
