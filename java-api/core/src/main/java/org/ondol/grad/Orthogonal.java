package org.ondol.grad;

import java.util.Arrays;
import org.ondol.Device;
import org.ondol.ShapeException;
import org.ondol.Tensor;

/** Orthonormal rows by Gram and Schmidt, each row projected twice, in double. */
final class Orthogonal {
  private Orthogonal() {}

  static Tensor create(Device device, Generator generator, double gain, long... shape) {
    Require.finite("gain", gain);
    if (shape.length < 2) throw new ShapeException("shape", Arrays.toString(shape), "rank 2 or more");
    float[] drawn;
    try (Tensor normal = generator.normal(Device.of("java"), 0, 1, shape)) {
      drawn = normal.toFloats();
    }
    int rows = Math.toIntExact(shape[0]);
    if (rows > 0) {
      int columns = drawn.length / rows;
      boolean wide = rows <= columns;
      double[][] vectors = new double[wide ? rows : columns][wide ? columns : rows];
      move(drawn, vectors, wide, false, 1);
      for (int i = 0; i < vectors.length; i++) normalize(vectors, i);
      move(drawn, vectors, wide, true, gain);
    }
    return Tensor.of(device, drawn, shape);
  }

  /** Between a matrix and its rows (wide) or columns. */
  private static void move(float[] matrix, double[][] vectors, boolean wide, boolean back, double gain) {
    int columns = wide ? (vectors.length == 0 ? 0 : vectors[0].length) : vectors.length;
    for (int i = 0; i < vectors.length; i++) {
      for (int j = 0; j < vectors[i].length; j++) {
        int at = wide ? i * columns + j : j * columns + i;
        if (back) matrix[at] = (float) (gain * vectors[i][j]); else vectors[i][j] = matrix[at];
      }
    }
  }

  private static void normalize(double[][] vectors, int i) {
    double[] v = vectors[i];
    for (int pass = 0; pass < 2; pass++) {
      for (int j = 0; j < i; j++) {
        double projection = dot(v, vectors[j]);
        for (int k = 0; k < v.length; k++) v[k] -= projection * vectors[j][k];
      }
    }
    double length = StrictMath.sqrt(dot(v, v));
    for (int k = 0; k < v.length; k++) v[k] /= length;
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) sum += a[i] * b[i];
    return sum;
  }
}
