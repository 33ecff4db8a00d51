package org.ondol.models.recipes;

import java.util.Arrays;
import org.ondol.Tensor;
import org.ondol.models.data.DataException;
import org.ondol.models.training.Form;

/** Shapes of examples, as models take and give them. */
final class Shapes {
  private Shapes() {}

  /** A count before a shape. */
  static long[] with(long count, long... shape) {
    long[] all = new long[shape.length + 1];
    all[0] = count;
    System.arraycopy(shape, 0, all, 1, shape.length);
    return all;
  }

  /** So many numbers of examples, from one on. */
  static int[] numbers(int from, int count) {
    int[] numbers = new int[count];
    Arrays.setAll(numbers, i -> from + i);
    return numbers;
  }

  /** Rows as examples. */
  static Tensor examples(Tensor rows, Form form) {
    return rows.reshape(with(rows.size(0), form.shape()));
  }

  /** The shape of pictures that can be halved twice. */
  static long[] quarters(Form form) {
    long[] p = form.picture();
    if (p[1] % 4 != 0 || p[2] % 4 != 0) {
      throw new DataException("examples are " + p[1] + " x " + p[2] + ", expected multiples of 4");
    }
    return p;
  }
}
