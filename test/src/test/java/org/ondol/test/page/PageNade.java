package org.ondol.test.page;

import static org.ondol.test.page.PageSums.sum16;

import java.util.Arrays;
import org.ondol.test.oracle.NadeCase;

/** nade of docs/arithmetic.md: the pass, sampling and the gradient. */
public final class PageNade {
  private PageNade() {}

  public record Forward(float[] x, float[] y, float[] state) {}

  public record Gradient(float[] dx, float[] dw, float[] dv, float[] dbias, float[] dscale, float[] dstart) {}

  private static float act(NadeCase c, int d, float a) {
    float z = c.scale == null ? a : c.scale[d] * a;
    return c.relu ? PageMath.relu(z) : PageMath.sigmoid(z);
  }

  private static float[] start(NadeCase c, int n) {
    float[] a = new float[c.hidden];
    for (int h = 0; h < c.hidden; h++) {
      a[h] = c.start(n, h);
    }
    return a;
  }

  private static float[] hidden(NadeCase c, int d, float[] a) {
    float[] units = new float[c.hidden];
    for (int h = 0; h < c.hidden; h++) {
      units[h] = act(c, d, a[h]);
    }
    return units;
  }

  /** With uniform numbers x is drawn, or given where known is not 0; else it is the case's. */
  public static Forward forward(NadeCase c, float[] uniform, boolean[] known, float[] given) {
    Forward f = new Forward(new float[c.rows * c.variables], new float[c.rows * c.variables * c.outputs],
        new float[c.rows * c.hidden]);
    for (int n = 0; n < c.rows; n++) {
      float[] a = start(c, n);
      for (int d = 0; d < c.variables; d++) {
        int at = n * c.variables + d;
        float[] units = hidden(c, d, a);
        for (int o = 0; o < c.outputs; o++) {
          int k = d * c.outputs + o;
          float sum = sum16(c.v, k * c.hidden, units, 0, 1, c.hidden);
          f.y[at * c.outputs + o] = c.bias == null ? sum : sum + c.bias[k];
        }
        if (uniform == null) {
          f.x[at] = c.x[at];
        } else if (known != null && known[at]) {
          f.x[at] = given[at];
        } else {
          f.x[at] = uniform[at] < PageMath.sigmoid(f.y[at]) ? 1f : 0f;
        }
        advance(c, d, f.x[at], a);
      }
      System.arraycopy(a, 0, f.state, n * c.hidden, c.hidden);
    }
    return f;
  }

  private static void advance(NadeCase c, int d, float x, float[] a) {
    for (int h = 0; x != 0f && h < c.hidden; h++) {
      a[h] = Math.fma(x, c.w[d * c.hidden + h], a[h]);
    }
  }

  public static Gradient backward(NadeCase c) {
    float[] rowScale = new float[c.rows * c.variables];
    Gradient r = new Gradient(new float[c.rows * c.variables], new float[c.w.length], new float[c.v.length],
        new float[c.variables * c.outputs], c.scale == null ? null : new float[c.variables], new float[c.start.length]);
    for (int n = 0; n < c.rows; n++) {
      row(c, n, r, rowScale);
    }
    for (int k = 0; k < c.variables * c.outputs; k++) {
      r.dbias[k] = sum16(c.dy, k, c.variables * c.outputs, c.rows);
    }
    for (int d = 0; c.scale != null && d < c.variables; d++) {
      r.dscale[d] = sum16(rowScale, d, c.variables, c.rows);
    }
    return r;
  }

  private static void row(NadeCase c, int n, Gradient r, float[] rowScale) {
    float[][] a = new float[c.variables + 1][];
    a[0] = start(c, n);
    for (int d = 0; d < c.variables; d++) {
      a[d + 1] = a[d].clone();
      advance(c, d, c.x[n * c.variables + d], a[d + 1]);
    }
    float[] g = c.dstate == null ? new float[c.hidden] : Arrays.copyOfRange(c.dstate, n * c.hidden, (n + 1) * c.hidden);
    float[] product = new float[c.hidden];
    for (int d = c.variables - 1; d >= 0; d--) {
      int at = n * c.variables + d;
      float[] units = hidden(c, d, a[d]);
      r.dx[at] = sum16(g, 0, c.w, d * c.hidden, 1, c.hidden);
      for (int h = 0; h < c.hidden; h++) {
        int w = d * c.hidden + h;
        r.dw[w] = c.x[at] == 0f ? r.dw[w] : Math.fma(c.x[at], g[h], r.dw[w]);
        float e = 0f;
        for (int o = 0; o < c.outputs; o++) {
          int v = (d * c.outputs + o) * c.hidden + h;
          float dy = c.dy[at * c.outputs + o];
          r.dv[v] = Math.fma(dy, units[h], r.dv[v]);
          e = Math.fma(dy, c.v[v], e);
        }
        float q = c.relu ? units[h] > 0f ? 1f : 0f : units[h] * (1f - units[h]);
        product[h] = e * q;
        g[h] = Math.fma(e, c.scale == null ? q : q * c.scale[d], g[h]);
      }
      rowScale[at] = sum16(product, 0, a[d], 0, 1, c.hidden);
    }
    for (int h = 0; h < c.hidden; h++) {
      int at = (c.ownStart ? n * c.hidden : 0) + h;
      r.dstart[at] = c.ownStart ? g[h] : r.dstart[at] + g[h];
    }
  }
}
