package org.ondol.test.parity;

import static org.ondol.test.parity.ParityCase.results;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.ops.Iou;
import org.ondol.ops.Pixels;
import org.ondol.test.oracle.Bound;
import org.ondol.test.oracle.IouOracle;
import org.ondol.test.page.PageIou;
import org.ondol.test.support.Operands;
import org.ondol.test.support.Operands.Freedom;

/** Overlaps of boxes, all pairs or one by one, and the latter's gradient. */
final class IouCases implements ParityCase {
  private final boolean backward;
  private final boolean paired;
  private final Iou.Kind kind;
  private final Pixels pixels;
  private final Draw.Fill fill;
  private final int n;
  private final int m;
  private final float[] a;
  private final float[] b;
  private final float[] dout;

  IouCases(Draw d, boolean backward) {
    this(d, backward, backward || d.oneIn(3), d.sizeOrZero(60), d.sizeOrZero(150));
  }

  private IouCases(Draw d, boolean backward, boolean paired, int n, int m) {
    this.backward = backward;
    this.paired = paired;
    this.n = n;
    this.m = paired ? n : m;
    kind = backward ? d.of(Iou.Kind.IOU, Iou.Kind.GIOU) : d.of(Iou.Kind.values());
    pixels = d.of(Pixels.values());
    fill = d.fill();
    a = boxes(d, fill, this.n);
    b = boxes(d, fill, this.m);
    for (int i = 0; paired && i < a.length; i++) {
      b[i] = d.oneIn(5) ? a[i] : b[i]; // equal corners
    }
    dout = backward ? d.floats(fill, n) : null;
  }

  /** Cases large enough for several tasks. */
  static ParityCase[] large(Draw d) {
    return new ParityCase[] {new IouCases(d, false, false, 500, 117), new IouCases(d, false, false, 3, 20_001),
        new IouCases(d, true, true, 5000, 0)};
  }

  /** One in eight is left as it was drawn, mostly reversed; the others have their corners in order. */
  static float[] boxes(Draw d, Draw.Fill fill, int count) {
    float[] boxes = d.floats(fill, 4 * count);
    for (int i = 0; i < boxes.length; i += 4) {
      for (int k = i; k < i + 2; k++) {
        float low = Math.min(boxes[k], boxes[k + 2]);
        float high = Math.max(boxes[k], boxes[k + 2]);
        if (!d.oneIn(8)) {
          boxes[k] = low;
          boxes[k + 2] = high;
        }
      }
    }
    return boxes;
  }

  private String kind() {
    return kind.name().toLowerCase(Locale.ROOT);
  }

  private static float[] box(float[] boxes, int i) {
    return Arrays.copyOfRange(boxes, 4 * i, 4 * i + 4);
  }

  private int[][] pairs() {
    List<int[]> pairs = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      for (int j = paired ? i : 0; j < (paired ? i + 1 : m); j++) {
        pairs.add(new int[] {i, j});
      }
    }
    return pairs.toArray(int[][]::new);
  }

  @Override
  public String describe() {
    return (backward ? "gradient of " : "") + kind + " " + pixels + (paired ? " of " + n + " pairs " : " of " + n + " x " + m + " ") + fill;
  }

  @Override
  public Map<String, float[]> page() {
    int[][] pairs = pairs();
    if (!backward) {
      float[] out = new float[pairs.length];
      for (int k = 0; k < out.length; k++) {
        out[k] = PageIou.value(kind(), box(a, pairs[k][0]), box(b, pairs[k][1]), pixels.offset());
      }
      return results("out", out);
    }
    float[] da = new float[4 * n];
    float[] db = new float[4 * n];
    for (int i = 0; i < n; i++) {
      float[][] d = PageIou.gradient(kind(), box(a, i), box(b, i), dout[i], pixels.offset());
      System.arraycopy(d[0], 0, da, 4 * i, 4);
      System.arraycopy(d[1], 0, db, 4 * i, 4);
    }
    return results("da", da, "db", db);
  }

  /** Gradients have a test of their own. */
  @Override
  public Map<String, Bound.Values> oracle() {
    return backward || !fill.finite() ? Map.of() : Map.of("out", IouOracle.pairs(kind(), a, b, pixels.offset(), pairs()));
  }

  @Override
  public Map<String, float[]> run(Operands o) {
    Tensor ta = o.input("a", a, Freedom.ANY, n, 4);
    Tensor tb = o.input("b", b, Freedom.ANY, m, 4);
    if (backward) {
      o.poison(n, 4);
      Iou.Gradients g = Iou.backward(kind, ta, tb, o.input("dout", dout, Freedom.ANY, n), pixels);
      return results("da", o.adopt(g.da()), "db", o.adopt(g.db()));
    }
    o.poison(paired ? new long[] {n} : new long[] {n, m});
    return results("out", o.adopt(paired ? Iou.paired(kind, ta, tb, pixels) : Iou.pairwise(kind, ta, tb, pixels)));
  }
}
