package org.ondol.test.oracle;

import org.ondol.test.oracle.Bound.Values;
import org.ondol.test.page.PageRoiPool;
import org.ondol.test.page.PageRoiPool.Call;

/**
 * Pooling of regions in float64. Which whole elements a bin holds is decided by float32 roundings, so the bins are those of the
 * page; what becomes of their elements is computed here.
 */
public final class RoiPoolOracle {
  private RoiPoolOracle() {}

  private static int plane(Call c, int level, int image, int channel) {
    return (image * c.channels() + channel) * c.levels()[level].height() * c.levels()[level].width();
  }

  public static Values forward(Call c, float[][] x) {
    Values y = new Values(c.regions() * c.row());
    PageRoiPool.each(c, (o, level, image, channel, rows, columns) -> {
      int n = 0;
      double greatest = Double.NEGATIVE_INFINITY;
      double sum = 0;
      double magnitude = 0;
      for (int iy = rows[0]; iy < rows[1]; iy++) {
        for (int ix = columns[0]; ix < columns[1]; ix++) {
          double v = x[level][plane(c, level, image, channel) + iy * c.levels()[level].width() + ix];
          greatest = Math.max(greatest, v);
          sum += v;
          magnitude += Math.abs(v);
          n++;
        }
      }
      y.value()[o] = n == 0 ? 0 : c.average() ? sum / n : greatest;
      y.bound()[o] = n == 0 || !c.average() ? 0 : magnitude * Bound.gamma(n + 1) / n;
    });
    return y;
  }

  /** dx of a level; indices that name no element of their bin count nowhere. */
  public static Values backward(Call c, int wanted, float[] dy, int[] indices) {
    Values dx = new Values(c.batch() * c.channels() * c.levels()[wanted].height() * c.levels()[wanted].width());
    int terms = c.regions() * c.row() + 1;
    PageRoiPool.each(c, (o, level, image, channel, rows, columns) -> {
      int n = (rows[1] - rows[0]) * (columns[1] - columns[0]);
      for (int iy = rows[0]; level == wanted && iy < rows[1]; iy++) {
        for (int ix = columns[0]; ix < columns[1]; ix++) {
          int at = iy * c.levels()[level].width() + ix;
          if (c.average() || indices[o] == at) {
            double g = c.average() ? dy[o] / (double) n : dy[o];
            dx.value()[plane(c, level, image, channel) + at] += g;
            dx.bound()[plane(c, level, image, channel) + at] += Math.abs(g) * Bound.gamma(terms);
          }
        }
      }
    });
    return dx;
  }
}
