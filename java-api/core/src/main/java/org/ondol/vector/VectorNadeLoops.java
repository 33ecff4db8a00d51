package org.ondol.vector;

import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LT;
import static org.ondol.vector.VectorMath.LANES;
import static org.ondol.vector.VectorMath.ONE;
import static org.ondol.vector.VectorMath.SPECIES;
import static org.ondol.vector.VectorMath.ZERO;

import jdk.incubator.vector.FloatVector;

/** {@link NadeLoops} on vectors. */
final class VectorNadeLoops implements NadeLoops {
  @Override
  public void activate(boolean sigmoid, boolean scaled, float s, float[] a, int aAt, float[] h, int hAt, int n) {
    float[] from = a;
    int fromAt = aAt;
    if (scaled) {
      for (int i = 0; i < n; i += LANES) {
        fromArray(SPECIES, a, aAt + i).mul(s).intoArray(h, hAt + i);
      }
      from = h;
      fromAt = hAt;
    }
    if (sigmoid) {
      VectorMath.sigmoid(from, fromAt, h, hAt, n);
      return;
    }
    for (int i = 0; i < n; i += LANES) {
      FloatVector z = fromArray(SPECIES, from, fromAt + i);
      z.blend(ZERO, z.compare(LT, ZERO)).intoArray(h, hAt + i);
    }
  }

  @Override
  public void advance(float x, float[] w, int wAt, float[] a, int aAt, int n) {
    FloatVector b = broadcast(SPECIES, x);
    for (int i = 0; i < n; i += LANES) {
      b.fma(fromArray(SPECIES, w, wAt + i), fromArray(SPECIES, a, aAt + i)).intoArray(a, aAt + i);
    }
  }

  @Override
  public void dots(float[] v, int vAt, float[] h, int hAt, int stride, int n, float[] p) {
    for (int at = 0; at < 16; at += LANES) {
      quad(v, vAt + at, h, hAt + at, stride, n, p, at);
    }
  }

  /** One vector of the partial sums of four rows: with both, C2's limit for a loop's body is passed, and stores box. */
  private static void quad(float[] v, int vAt, float[] h, int first, int stride, int n, float[] p, int at) {
    int second = first + stride;
    int third = second + stride;
    int fourth = third + stride;
    FloatVector a = FloatVector.zero(SPECIES);
    FloatVector b = a;
    FloatVector c = a;
    FloatVector d = a;
    for (int i = 0; i < n; i += 16) {
      FloatVector weight = fromArray(SPECIES, v, vAt + i);
      a = weight.fma(fromArray(SPECIES, h, first + i), a);
      b = weight.fma(fromArray(SPECIES, h, second + i), b);
      c = weight.fma(fromArray(SPECIES, h, third + i), c);
      d = weight.fma(fromArray(SPECIES, h, fourth + i), d);
    }
    a.intoArray(p, at);
    b.intoArray(p, 16 + at);
    c.intoArray(p, 32 + at);
    d.intoArray(p, 48 + at);
  }

  @Override
  public void back(NadeStep t) {
    if (t.outputs == 1 && t.dv != null && !t.products) {
      if (t.sigmoid) {
        backSigmoid(t.rows, t.width, t.s, t.dy, t.slot, t.slotAt, t.h, t.v, t.dv, t.g);
      } else {
        backRelu(t.rows, t.width, t.s, t.dy, t.slot, t.slotAt, t.h, t.v, t.dv, t.g);
      }
      return;
    }
    for (int r = 0; r < t.rows; r++) {
      errors(t.dy, r * t.outputs, t.outputs, t.v, t.width, t.e, r * t.width);
    }
    for (int o = 0; t.dv != null && o < t.outputs; o++) {
      weights(t.dy, o, t.outputs, t.rows, t.slot, t.slotAt, t.h, t.width, t.dv, o * t.width);
    }
    for (int r = 0; r < t.rows; r++) {
      int h = t.slot[t.slotAt + r];
      if (t.sigmoid) {
        joinSigmoid(t.h, h, t.s, t.e, t.g, r * t.width, t.width, t.products);
      } else {
        joinRelu(t.h, h, t.s, t.e, t.g, r * t.width, t.width, t.products);
      }
    }
  }

  /** One output: the weights and their gradient stay in registers over the rows. */
  private static void backSigmoid(int rows, int width, float s, float[] dy, int[] slot, int slotAt, float[] h,
      float[] v, float[] dv, float[] g) {
    FloatVector scale = broadcast(SPECIES, s);
    for (int c = 0; c < width; c += LANES) {
      FloatVector weight = fromArray(SPECIES, v, c);
      FloatVector sum = fromArray(SPECIES, dv, c);
      int at = c;
      for (int r = 0; r < rows; r++, at += width) {
        FloatVector d = broadcast(SPECIES, dy[r]);
        FloatVector unit = fromArray(SPECIES, h, slot[slotAt + r] + c);
        sum = d.fma(unit, sum);
        FloatVector q = unit.mul(ONE.sub(unit)).mul(scale);
        d.fma(weight, ZERO).fma(q, fromArray(SPECIES, g, at)).intoArray(g, at);
      }
      sum.intoArray(dv, c);
    }
  }

  private static void backRelu(int rows, int width, float s, float[] dy, int[] slot, int slotAt, float[] h, float[] v,
      float[] dv, float[] g) {
    FloatVector scale = broadcast(SPECIES, s);
    for (int c = 0; c < width; c += LANES) {
      FloatVector weight = fromArray(SPECIES, v, c);
      FloatVector sum = fromArray(SPECIES, dv, c);
      int at = c;
      for (int r = 0; r < rows; r++, at += width) {
        FloatVector d = broadcast(SPECIES, dy[r]);
        FloatVector unit = fromArray(SPECIES, h, slot[slotAt + r] + c);
        sum = d.fma(unit, sum);
        FloatVector q = ZERO.blend(ONE, unit.compare(GT, ZERO)).mul(scale);
        d.fma(weight, ZERO).fma(q, fromArray(SPECIES, g, at)).intoArray(g, at);
      }
      sum.intoArray(dv, c);
    }
  }

  /** e = chain over the outputs of (dy, v). */
  private static void errors(float[] dy, int dyAt, int outputs, float[] v, int width, float[] e, int eAt) {
    for (int c = 0; c < width; c += 2 * LANES) {
      FloatVector e0 = FloatVector.zero(SPECIES);
      FloatVector e1 = FloatVector.zero(SPECIES);
      int at = c;
      for (int o = 0; o < outputs; o++, at += width) {
        FloatVector d = broadcast(SPECIES, dy[dyAt + o]);
        e0 = d.fma(fromArray(SPECIES, v, at), e0);
        e1 = d.fma(fromArray(SPECIES, v, at + LANES), e1);
      }
      e0.intoArray(e, eAt + c);
      e1.intoArray(e, eAt + c + LANES);
    }
  }

  /** dv = chain over the rows of (dy, h), gone on with. */
  private static void weights(float[] dy, int dyAt, int step, int rows, int[] slot, int slotAt, float[] h, int width,
      float[] dv, int dvAt) {
    for (int c = 0; c < width; c += 2 * LANES) {
      FloatVector dv0 = fromArray(SPECIES, dv, dvAt + c);
      FloatVector dv1 = fromArray(SPECIES, dv, dvAt + c + LANES);
      for (int r = 0; r < rows; r++) {
        FloatVector d = broadcast(SPECIES, dy[dyAt + r * step]);
        int from = slot[slotAt + r] + c;
        dv0 = d.fma(fromArray(SPECIES, h, from), dv0);
        dv1 = d.fma(fromArray(SPECIES, h, from + LANES), dv1);
      }
      dv0.intoArray(dv, dvAt + c);
      dv1.intoArray(dv, dvAt + c + LANES);
    }
  }

  /** g = fma(e, q s, g) and, for the scale's gradient, e = e q. */
  private static void joinSigmoid(float[] h, int hAt, float s, float[] e, float[] g, int at, int n, boolean products) {
    FloatVector scale = broadcast(SPECIES, s);
    for (int i = 0; i < n; i += LANES) {
      FloatVector y = fromArray(SPECIES, h, hAt + i);
      FloatVector q = y.mul(ONE.sub(y));
      FloatVector error = fromArray(SPECIES, e, at + i);
      error.fma(q.mul(scale), fromArray(SPECIES, g, at + i)).intoArray(g, at + i);
      if (products) {
        error.mul(q).intoArray(e, at + i);
      }
    }
  }

  private static void joinRelu(float[] h, int hAt, float s, float[] e, float[] g, int at, int n, boolean products) {
    FloatVector scale = broadcast(SPECIES, s);
    for (int i = 0; i < n; i += LANES) {
      FloatVector q = ZERO.blend(ONE, fromArray(SPECIES, h, hAt + i).compare(GT, ZERO));
      FloatVector error = fromArray(SPECIES, e, at + i);
      error.fma(q.mul(scale), fromArray(SPECIES, g, at + i)).intoArray(g, at + i);
      if (products) {
        error.mul(q).intoArray(e, at + i);
      }
    }
  }
}
