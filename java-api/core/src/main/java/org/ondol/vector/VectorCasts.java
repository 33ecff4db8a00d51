package org.ondol.vector;

import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.GE;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.I2S;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_S2I;
import static org.ondol.vector.VectorMath.INTS;
import static org.ondol.vector.VectorMath.LANES;
import static org.ondol.vector.VectorMath.SPECIES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorSpecies;
import org.ondol.DType;

/** {@link Casts} on vectors; every case is computed and one is chosen, as in {@link ScalarCasts}. */
final class VectorCasts implements Casts {
  private static final VectorSpecies<Short> SHORTS = LANES == 8 ? ShortVector.SPECIES_128 : ShortVector.SPECIES_64;
  private static final FloatVector HALF = FloatVector.broadcast(SPECIES, 0.5f);
  private static final FloatVector UNIT = FloatVector.broadcast(SPECIES, 0x1p-24f);
  private static final IntVector INFINITE = IntVector.broadcast(INTS, 0x7C00);
  private static final IntVector QUIET = IntVector.broadcast(INTS, 0x7E00);

  @Override
  public void widen(DType type, short[] from, float[] to, int n) {
    if (type == DType.BFLOAT16) {
      fromBfloat16(from, to, n);
    } else {
      fromFloat16(from, to, n);
    }
  }

  @Override
  public void narrow(DType type, float[] from, short[] to, int n) {
    if (type == DType.BFLOAT16) {
      toBfloat16(from, to, n);
    } else {
      toFloat16(from, to, n);
    }
  }

  private static void fromBfloat16(short[] from, float[] to, int n) {
    for (int i = 0; i < n; i += LANES) {
      IntVector s = (IntVector) ShortVector.fromArray(SHORTS, from, i).convertShape(ZERO_EXTEND_S2I, INTS, 0);
      s.lanewise(LSHL, 16).reinterpretAsFloats().intoArray(to, i);
    }
  }

  private static void toBfloat16(float[] from, short[] to, int n) {
    for (int i = 0; i < n; i += LANES) {
      IntVector b = FloatVector.fromArray(SPECIES, from, i).reinterpretAsInts();
      IntVector high = b.lanewise(ASHR, 16);
      IntVector rounded = b.add(0x7FFF).add(high.and(1)).lanewise(ASHR, 16);
      rounded.blend(high.or(0x40), b.and(0x7FFFFFFF).compare(GT, 0x7F800000)).convertShape(I2S, SHORTS, 0)
          .reinterpretAsShorts().intoArray(to, i);
    }
  }

  private static void fromFloat16(short[] from, float[] to, int n) {
    for (int i = 0; i < n; i += LANES) {
      IntVector s = (IntVector) ShortVector.fromArray(SHORTS, from, i).convertShape(ZERO_EXTEND_S2I, INTS, 0);
      IntVector m = s.and(0x7FFF);
      IntVector normal = m.lanewise(LSHL, 13).add(112 << 23);
      IntVector large = normal.blend(normal.add(112 << 23), m.compare(GE, 0x7C00));
      IntVector small = ((FloatVector) m.convertShape(I2F, SPECIES, 0)).mul(UNIT).reinterpretAsInts();
      large.blend(small, m.compare(LT, 0x400)).or(s.and(0x8000).lanewise(LSHL, 16)).reinterpretAsFloats().intoArray(to, i);
    }
  }

  private static void toFloat16(float[] from, short[] to, int n) {
    for (int i = 0; i < n; i += LANES) {
      IntVector b = FloatVector.fromArray(SPECIES, from, i).reinterpretAsInts();
      IntVector a = b.and(0x7FFFFFFF);
      IntVector small = a.reinterpretAsFloats().add(HALF).reinterpretAsInts().sub(0x3F000000);
      IntVector normal = a.add(0xFFF).add(a.lanewise(ASHR, 13).and(1)).lanewise(ASHR, 13).sub(112 << 10);
      IntVector h = normal.blend(small, a.compare(LT, 0x38800000)).blend(INFINITE, a.compare(GE, 0x477FF000))
          .blend(QUIET, a.compare(GT, 0x7F800000));
      h.or(b.lanewise(ASHR, 16).and(0x8000)).convertShape(I2S, SHORTS, 0).reinterpretAsShorts().intoArray(to, i);
    }
  }
}
