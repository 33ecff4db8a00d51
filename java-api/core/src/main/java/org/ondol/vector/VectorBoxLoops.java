package org.ondol.vector;

import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.GE;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.MAX;
import static jdk.incubator.vector.VectorOperators.MIN;
import static jdk.incubator.vector.VectorOperators.XOR;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link BoxLoops} on vectors, as wide as the machine has them: no sum depends on the lanes here. The greater and the
 * lesser are a comparison and a blend, which is less work than the Vector API's own, whose zeros and NaN nobody sees.
 * The overlap is written out in each loop, for the reason that {@link VectorMath} gives.
 */
final class VectorBoxLoops implements BoxLoops {
  private static final VectorSpecies<Float> SPECIES =
      FloatVector.SPECIES_PREFERRED.length() > LANES ? FloatVector.SPECIES_512 : FloatVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Integer> INTS = SPECIES.withLanes(int.class);
  private static final int WIDTH = SPECIES.length();
  private static final FloatVector ZERO = FloatVector.zero(SPECIES);
  private static final FloatVector ONE = broadcast(SPECIES, 1);
  private static final FloatVector ALL_GONE = broadcast(SPECIES, SoftNms.GONE);
  private static final IntVector LANE = IntVector.zero(INTS).addIndex(1);

  private static final FloatVector MAGIC = broadcast(SPECIES, ScalarMath.MAGIC);
  private static final FloatVector EXP_LOW = broadcast(SPECIES, -104);
  private static final FloatVector LOG2E = broadcast(SPECIES, 0x1.715476p+0f);
  private static final FloatVector LN2_HIGH = broadcast(SPECIES, -0x1.62e4p-1f);
  private static final FloatVector LN2_LOW = broadcast(SPECIES, -0x1.7f7d1cp-20f);
  private static final FloatVector X2 = broadcast(SPECIES, 0x1.fffffcp-2f);
  private static final FloatVector X3 = broadcast(SPECIES, 0x1.555492p-3f);
  private static final FloatVector X4 = broadcast(SPECIES, 0x1.5558f2p-5f);
  private static final FloatVector X5 = broadcast(SPECIES, 0x1.1239e4p-7f);
  private static final FloatVector X6 = broadcast(SPECIES, 0x1.6a243p-10f);
  private static final IntVector MAGIC_BITS = IntVector.broadcast(INTS, 0x4B400000);
  private static final IntVector BIAS = IntVector.broadcast(INTS, 127);

  private final ScalarBoxLoops scalar = new ScalarBoxLoops();

  @Override
  public int collect(float[] x, int begin, int end, int base, int floor, int flip, Order.Words words) {
    int i = floor == Order.NAN_KEY ? numbers(x, begin, end, base, flip, words)
        : above(x, begin, end, base, Order.value(floor ^ flip), flip, words);
    return i + WIDTH <= end ? i : scalar.collect(x, i, end, base, floor, flip, words);
  }

  /** All that are not NaN, which are many. */
  private static int numbers(float[] x, int begin, int end, int base, int flip, Order.Words words) {
    long[] out = words.words;
    int[] key = words.keys;
    int room = out.length - LANES;
    int n = words.count;
    int i = begin;
    for (; i + WIDTH <= end && n <= room; i += WIDTH) {
      FloatVector v = fromArray(SPECIES, x, i);
      IntVector b = v.add(ZERO).reinterpretAsInts();
      b.lanewise(ASHR, 31).and(0x7FFFFFFF).lanewise(XOR, b).lanewise(XOR, flip).intoArray(key, 0);
      for (long bits = v.compare(EQ, v).toLong(); bits != 0; bits &= bits - 1) {
        int lane = Long.numberOfTrailingZeros(bits);
        out[n++] = Order.word(key[lane], base + i + lane);
      }
    }
    words.count = n;
    return i;
  }

  /** Those beyond a number, four vectors at once: they are few. */
  private static int above(float[] x, int begin, int end, int base, float least, int flip, Order.Words words) {
    // x < least where the lesser ones are wanted: -x > -least.
    FloatVector sign = broadcast(SPECIES, flip == 0 ? 1 : -1);
    FloatVector t = broadcast(SPECIES, flip == 0 ? least : -least);
    int room = words.words.length - LANES;
    int i = begin;
    while (i + WIDTH <= end && words.count <= room) {
      if (i + 4 * WIDTH <= end && words.count <= room - 3 * LANES) {
        VectorMask<Float> m0 = fromArray(SPECIES, x, i).mul(sign).compare(GT, t);
        VectorMask<Float> m1 = fromArray(SPECIES, x, i + WIDTH).mul(sign).compare(GT, t);
        VectorMask<Float> m2 = fromArray(SPECIES, x, i + 2 * WIDTH).mul(sign).compare(GT, t);
        VectorMask<Float> m3 = fromArray(SPECIES, x, i + 3 * WIDTH).mul(sign).compare(GT, t);
        if (m0.or(m1).or(m2.or(m3)).anyTrue()) {
          add(x, i, m0.toLong() | m1.toLong() << WIDTH | m2.toLong() << 2 * WIDTH | m3.toLong() << 3 * WIDTH, base, flip, words);
        }
        i += 4 * WIDTH;
      } else {
        add(x, i, fromArray(SPECIES, x, i).mul(sign).compare(GT, t).toLong(), base, flip, words);
        i += WIDTH;
      }
    }
    return i;
  }

  private static void add(float[] x, int at, long lanes, int base, int flip, Order.Words words) {
    for (long bits = lanes; bits != 0; bits &= bits - 1) {
      int i = at + Long.numberOfTrailingZeros(bits);
      words.add(Order.key(x[i], flip), base + i);
    }
  }

  @Override
  public void best(float[] x, int begin, int end, int base, int flip, int k, Order.Words words) {
    FloatVector sign = broadcast(SPECIES, flip == 0 ? 1 : -1);
    float t = words.threshold(k, flip);
    int i = begin;
    for (; i + WIDTH <= end; i += WIDTH) {
      // Where NaN are among the first k, every element is looked at.
      long bits = t == t ? fromArray(SPECIES, x, i).mul(sign).compare(GT, t).toLong() : (1L << WIDTH) - 1;
      if (bits != 0) {
        insert(x, i, bits, base, flip, k, words);
        t = words.threshold(k, flip);
      }
    }
    scalar.best(x, i, end, base, flip, k, words);
  }

  private static void insert(float[] x, int at, long lanes, int base, int flip, int k, Order.Words words) {
    for (long bits = lanes; bits != 0; bits &= bits - 1) {
      int i = at + Long.numberOfTrailingZeros(bits);
      words.insert(Order.key(x[i], flip), base + i, k);
    }
  }

  @Override
  public boolean suppressed(BoxColumns kept, int n, float[] box, float offset, float threshold, boolean inclusive) {
    return inclusive ? atLeast(kept, n, box, offset, threshold) : above(kept, n, box, offset, threshold);
  }

  /**
   * Where only a greater one suppresses, one factor of the intersection may stay negative: then the product is not
   * above 0, which is all that is asked.
   */
  private static boolean above(BoxColumns kept, int n, float[] box, float offset, float threshold) {
    FloatVector bx1 = broadcast(SPECIES, box[0]);
    FloatVector by1 = broadcast(SPECIES, box[1]);
    FloatVector bx2 = broadcast(SPECIES, box[2]);
    FloatVector by2 = broadcast(SPECIES, box[3]);
    FloatVector area = broadcast(SPECIES, box[4]);
    FloatVector e = broadcast(SPECIES, offset);
    FloatVector t = broadcast(SPECIES, threshold);
    for (int i = 0; i < n; i += WIDTH) {
      FloatVector x1 = fromArray(SPECIES, kept.x1, i);
      FloatVector y1 = fromArray(SPECIES, kept.y1, i);
      FloatVector x2 = fromArray(SPECIES, kept.x2, i);
      FloatVector y2 = fromArray(SPECIES, kept.y2, i);
      FloatVector w = bx2.blend(x2, x2.compare(LT, bx2)).sub(bx1.blend(x1, x1.compare(GT, bx1))).add(e);
      FloatVector h = by2.blend(y2, y2.compare(LT, by2)).sub(by1.blend(y1, y1.compare(GT, by1))).add(e);
      FloatVector inter = ZERO.blend(w, w.compare(GT, ZERO)).mul(h);
      FloatVector union = fromArray(SPECIES, kept.area, i).add(area).sub(inter);
      if (inter.compare(GT, union.mul(t)).anyTrue()) {
        return true;
      }
    }
    return false;
  }

  private static boolean atLeast(BoxColumns kept, int n, float[] box, float offset, float threshold) {
    FloatVector bx1 = broadcast(SPECIES, box[0]);
    FloatVector by1 = broadcast(SPECIES, box[1]);
    FloatVector bx2 = broadcast(SPECIES, box[2]);
    FloatVector by2 = broadcast(SPECIES, box[3]);
    FloatVector area = broadcast(SPECIES, box[4]);
    FloatVector e = broadcast(SPECIES, offset);
    FloatVector t = broadcast(SPECIES, threshold);
    for (int i = 0; i < n; i += WIDTH) {
      FloatVector x1 = fromArray(SPECIES, kept.x1, i);
      FloatVector y1 = fromArray(SPECIES, kept.y1, i);
      FloatVector x2 = fromArray(SPECIES, kept.x2, i);
      FloatVector y2 = fromArray(SPECIES, kept.y2, i);
      FloatVector w = bx2.blend(x2, x2.compare(LT, bx2)).sub(bx1.blend(x1, x1.compare(GT, bx1))).add(e);
      FloatVector h = by2.blend(y2, y2.compare(LT, by2)).sub(by1.blend(y1, y1.compare(GT, by1))).add(e);
      FloatVector inter = ZERO.blend(w, w.compare(GT, ZERO)).mul(ZERO.blend(h, h.compare(GT, ZERO)));
      FloatVector union = fromArray(SPECIES, kept.area, i).add(area).sub(inter);
      if (inter.compare(GE, union.mul(t)).and(union.compare(GT, ZERO)).anyTrue()) {
        return true;
      }
    }
    return false;
  }

  @Override
  public void overlap(BoxColumns boxes, int n, float[] box, float offset, float[] inter, float[] union) {
    FloatVector bx1 = broadcast(SPECIES, box[0]);
    FloatVector by1 = broadcast(SPECIES, box[1]);
    FloatVector bx2 = broadcast(SPECIES, box[2]);
    FloatVector by2 = broadcast(SPECIES, box[3]);
    FloatVector area = broadcast(SPECIES, box[4]);
    FloatVector e = broadcast(SPECIES, offset);
    for (int i = 0; i < n; i += WIDTH) {
      FloatVector x1 = fromArray(SPECIES, boxes.x1, i);
      FloatVector y1 = fromArray(SPECIES, boxes.y1, i);
      FloatVector x2 = fromArray(SPECIES, boxes.x2, i);
      FloatVector y2 = fromArray(SPECIES, boxes.y2, i);
      FloatVector w = bx2.blend(x2, x2.compare(LT, bx2)).sub(bx1.blend(x1, x1.compare(GT, bx1))).add(e);
      FloatVector h = by2.blend(y2, y2.compare(LT, by2)).sub(by1.blend(y1, y1.compare(GT, by1))).add(e);
      FloatVector both = ZERO.blend(w, w.compare(GT, ZERO)).mul(ZERO.blend(h, h.compare(GT, ZERO)));
      both.intoArray(inter, i);
      fromArray(SPECIES, boxes.area, i).add(area).sub(both).intoArray(union, i);
    }
  }

  @Override
  public void linear(float[] inter, float[] union, int n, float threshold, boolean inclusive) {
    FloatVector t = broadcast(SPECIES, threshold);
    for (int i = 0; i < n; i += WIDTH) {
      FloatVector both = fromArray(SPECIES, inter, i);
      FloatVector join = fromArray(SPECIES, union, i);
      VectorMask<Float> some = join.compare(GT, ZERO);
      VectorMask<Float> above = both.compare(GT, join.mul(t));
      VectorMask<Float> hit = inclusive ? both.compare(GE, join.mul(t)).and(some) : above;
      ONE.blend(ONE.sub(ZERO.blend(both.div(join), some)), hit).intoArray(inter, i);
    }
  }

  @Override
  public void gaussian(float[] inter, float[] union, int n, float c) {
    FloatVector scale = broadcast(SPECIES, c);
    for (int i = 0; i < n; i += WIDTH) {
      FloatVector join = fromArray(SPECIES, union, i);
      FloatVector iou = ZERO.blend(fromArray(SPECIES, inter, i).div(join), join.compare(GT, ZERO));
      iou.mul(iou).mul(scale).intoArray(inter, i);
    }
    exp(inter, n);
  }

  /** x = exp(x) of numbers that are not positive, as in {@link VectorMath#exp} but as wide as the rest here. */
  private static void exp(float[] x, int n) {
    for (int i = 0; i < n; i += WIDTH) {
      FloatVector v = fromArray(SPECIES, x, i);
      v = v.blend(EXP_LOW, v.compare(LT, EXP_LOW));
      FloatVector t = v.fma(LOG2E, MAGIC);
      FloatVector whole = t.sub(MAGIC);
      FloatVector r = whole.fma(LN2_LOW, whole.fma(LN2_HIGH, v));
      FloatVector p = X6.fma(r, X5).fma(r, X4).fma(r, X3).fma(r, X2).fma(r, ONE).fma(r, ONE);
      IntVector e = t.reinterpretAsInts().sub(MAGIC_BITS);
      IntVector half = e.lanewise(ASHR, 1);
      FloatVector a = half.add(BIAS).lanewise(LSHL, 23).reinterpretAsFloats();
      FloatVector b = e.sub(half).add(BIAS).lanewise(LSHL, 23).reinterpretAsFloats();
      p.mul(a).mul(b).intoArray(x, i);
    }
  }

  @Override
  public int decay(float[] scores, float[] factor, int n, float floor) {
    FloatVector least = broadcast(SPECIES, floor);
    FloatVector best = broadcast(SPECIES, SoftNms.GONE);
    IntVector at = IntVector.zero(INTS).addIndex(1);
    for (int i = 0; i < n; i += WIDTH) {
      FloatVector score = fromArray(SPECIES, scores, i);
      FloatVector decayed = score.mul(fromArray(SPECIES, factor, i));
      score = ALL_GONE.blend(decayed, score.compare(GE, least).and(decayed.compare(GE, least)));
      score.intoArray(scores, i);
      VectorMask<Float> greater = score.compare(GT, best);
      best = best.blend(score, greater);
      at = at.blend(LANE.add(i), greater.cast(INTS));
    }
    return first(best, at);
  }

  /** Of each lane's greatest, which is the first in its lane. */
  private static int first(FloatVector best, IntVector at) {
    float greatest = best.reduceLanes(MAX);
    VectorMask<Float> others = best.compare(LT, greatest);
    return greatest == SoftNms.GONE ? -1 : at.blend(Integer.MAX_VALUE, others.cast(INTS)).reduceLanes(MIN);
  }
}
