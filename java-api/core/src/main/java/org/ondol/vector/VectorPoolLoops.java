package org.ondol.vector;

import static jdk.incubator.vector.FloatVector.fromArray;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.NE;
import static org.ondol.vector.VectorMath.LANES;
import static org.ondol.vector.VectorMath.SPECIES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/** {@link PoolLoops} on vectors. */
final class VectorPoolLoops implements PoolLoops {
  private static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, SPECIES.vectorShape());

  /** Lanes 0, 2, 4, ... twice. */
  private static final VectorShuffle<Float> EVEN = VectorShuffle.fromOp(SPECIES, i -> 2 * i % LANES);

  private static final VectorMask<Float> LOWER = SPECIES.indexInRange(0, LANES / 2);

  @Override
  public void later(float[] values, int[] at, float[] row, int base, int n) {
    int i = 0;
    IntVector position = IntVector.zero(INTS).addIndex(1).add(base);
    for (; i + LANES <= n; i += LANES) {
      FloatVector m = fromArray(SPECIES, values, i);
      FloatVector v = fromArray(SPECIES, row, i);
      VectorMask<Float> takes = v.compare(GT, m).or(v.compare(NE, v).and(m.compare(EQ, m)));
      m.blend(v, takes).intoArray(values, i);
      IntVector.fromArray(INTS, at, i).blend(position.add(i), takes.cast(INTS)).intoArray(at, i);
    }
    ScalarPoolLoops.later(values, at, row, base, i, n);
  }

  @Override
  public void evens(float[] from, int fromAt, float[] to, int toAt, int n) {
    int i = 0;
    for (; i + LANES <= n; i += LANES) {
      FloatVector low = fromArray(SPECIES, from, fromAt + 2 * i).rearrange(EVEN);
      FloatVector high = fromArray(SPECIES, from, fromAt + 2 * i + LANES).rearrange(EVEN);
      high.blend(low, LOWER).intoArray(to, toAt + i);
    }
    for (; i < n; i++) {
      to[toAt + i] = from[fromAt + 2 * i];
    }
  }
}
