package org.ondol.test.oracle;

import org.ondol.test.oracle.Bound.Values;

/** Rows of a table by index, and the sum of gradients per row of the table. */
public final class EmbeddingOracle {
  private EmbeddingOracle() {}

  public static float[] embedding(float[] table, int width, long[] ids) {
    float[] out = new float[ids.length * width];
    for (int i = 0; i < ids.length; i++) {
      System.arraycopy(table, (int) ids[i] * width, out, i * width, width);
    }
    return out;
  }

  public static Values backward(float[] dout, int vocabulary, int width, long[] ids) {
    Values dtable = new Values(vocabulary * width);
    for (int i = 0; i < ids.length; i++) {
      for (int d = 0; d < width; d++) {
        int at = (int) ids[i] * width + d;
        dtable.value()[at] += dout[i * width + d];
        dtable.bound()[at] += Math.abs(dout[i * width + d]) * Bound.gamma(ids.length);
      }
    }
    return dtable;
  }
}
