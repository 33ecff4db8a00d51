package org.ondol.test.parity;

import static org.ondol.test.parity.ParityCase.results;

import java.util.Map;
import java.util.stream.IntStream;
import org.ondol.Tensor;
import org.ondol.ops.TopK;
import org.ondol.test.oracle.Bound;
import org.ondol.test.page.PageNms;
import org.ondol.test.support.Operands;
import org.ondol.test.support.Operands.Freedom;

/** topk along any dimension of [outer, n, inner], with ties and NaN. */
final class TopKCases implements ParityCase {
  private final int outer;
  private final int n;
  private final int inner;
  private final int k;
  private final boolean largest;
  private final boolean finite;
  private final float[] x;

  TopKCases(Draw d) {
    this(d, d.sizeOrZero(6), d.sizeOrZero(d.oneIn(4) ? 900 : 100), d.oneIn(3) ? d.size(4) : 1);
  }

  private TopKCases(Draw d, int outer, int n, int inner) {
    this.outer = outer;
    this.n = n;
    this.inner = inner;
    k = n == 0 ? 0 : d.oneIn(3) ? n : d.between(0, d.oneIn(2) ? Math.min(n, 20) : n); // few are kept in another way
    largest = d.oneIn(2) || d.oneIn(2);
    Draw.Fill fill = d.fill();
    finite = fill.finite();
    x = d.oneIn(5) ? d.anyBits(outer * n * inner) : d.floats(fill, outer * n * inner);
  }

  /** Rows as long as those of a region proposal network. */
  static TopKCases large(Draw d, int n) {
    return new TopKCases(d, 2, n, 1);
  }

  @Override
  public String describe() {
    return "topk of [" + outer + ", " + n + ", " + inner + "], " + k + (largest ? " greatest" : " least");
  }

  private float[] row(int r) {
    float[] row = new float[n];
    for (int i = 0; i < n; i++) {
      row[i] = x[at(r, i, n)];
    }
    return row;
  }

  private int at(int row, int i, int size) {
    return (row / inner * size + i) * inner + row % inner;
  }

  @Override
  public Map<String, float[]> page() {
    float[] values = new float[outer * k * inner];
    float[] indices = new float[values.length];
    for (int r = 0; r < outer * inner; r++) {
      float[] row = row(r);
      int[] first = PageNms.topk(row, k, largest);
      for (int i = 0; i < k; i++) {
        values[at(r, i, k)] = row[first[i]];
        indices[at(r, i, k)] = first[i];
      }
    }
    return results("values", values, "indices", indices);
  }

  /** Sorted values alone, where none is a NaN: they are exact. */
  @Override
  public Map<String, Bound.Values> oracle() {
    if (!finite || IntStream.range(0, x.length).anyMatch(i -> Float.isNaN(x[i]))) {
      return Map.of();
    }
    Bound.Values values = new Bound.Values(outer * k * inner);
    for (int r = 0; r < outer * inner; r++) {
      float[] row = row(r);
      double[] sorted = IntStream.range(0, n).mapToDouble(i -> row[i]).sorted().toArray();
      for (int i = 0; i < k; i++) {
        values.value()[at(r, i, k)] = sorted[largest ? n - 1 - i : i];
      }
    }
    return Map.of("values", values);
  }

  @Override
  public Map<String, float[]> run(Operands o) {
    long[] shape = inner == 1 ? new long[] {outer, n} : new long[] {outer, n, inner};
    long[] out = shape.clone();
    out[1] = k;
    o.poison(out);
    TopK.Result r = TopK.apply(o.input("x", x, Freedom.ANY, shape), k, 1, largest);
    return results("values", o.adopt(r.values()), "indices", integers(o.adopt(r.indices())));
  }

  /** As floats, which hold these integers exactly. */
  static float[] integers(Tensor t) {
    long[] values = t.toLongs();
    float[] floats = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      floats[i] = values[i];
    }
    return floats;
  }
}
