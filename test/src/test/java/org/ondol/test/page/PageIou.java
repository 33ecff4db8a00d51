package org.ondol.test.page;

/** iou of docs/arithmetic.md, one pair of boxes at a time, and its gradient. */
public final class PageIou {
  private static final int X = 0;
  private static final int Y = 1;

  private PageIou() {}

  private static float max(float a, float b) {
    return a > b || Float.isNaN(a) ? a : b;
  }

  private static float min(float a, float b) {
    return a < b || Float.isNaN(a) ? a : b;
  }

  private static float relu(float x) {
    return x < 0 ? 0 : x;
  }

  private static float d(float x, float y) {
    return y == 0 ? 0 : x / y;
  }

  /** e(a, b): an extent before it is cut. */
  private static float e(float a, float b, float p) {
    return (b - a) + p;
  }

  /** The numbers of one pair, by axis where there are two. */
  private static final class Pair {
    final float[] i = new float[2];
    final float[] k = new float[2];
    final float areaA;
    final float areaB;
    final float both;
    final float union;
    final float hull;

    Pair(float[] a, float[] b, float p) {
      for (int axis = X; axis <= Y; axis++) {
        i[axis] = e(max(a[axis], b[axis]), min(a[axis + 2], b[axis + 2]), p);
        k[axis] = e(min(a[axis], b[axis]), max(a[axis + 2], b[axis + 2]), p);
      }
      areaA = relu(e(a[0], a[2], p)) * relu(e(a[1], a[3], p));
      areaB = relu(e(b[0], b[2], p)) * relu(e(b[1], b[3], p));
      both = relu(i[X]) * relu(i[Y]);
      union = (areaA + areaB) - both;
      hull = relu(k[X]) * relu(k[Y]);
    }
  }

  /** kind: iou, giou or ioa. */
  public static float value(String kind, float[] a, float[] b, float p) {
    Pair pair = new Pair(a, b, p);
    float v = d(pair.both, pair.union);
    return switch (kind) {
      case "iou" -> v;
      case "giou" -> v - d(pair.hull - pair.union, pair.hull);
      case "ioa" -> d(pair.both, pair.areaA);
      default -> throw new IllegalArgumentException("no page entry for " + kind);
    };
  }

  private static float s(float u, float v, float d) {
    return u < v ? d : u == v ? 0.5f * d : 0;
  }

  private static float g(float u, float d) {
    return u > 0 ? d : 0;
  }

  /** da, then db. */
  public static float[][] gradient(String kind, float[] a, float[] b, float dy, float p) {
    Pair pair = new Pair(a, b, p);
    float v = d(pair.both, pair.union);
    float q = d(dy, pair.union);
    float u = -(q * v);
    float c = 0;
    if (kind.equals("giou")) {
      float r = d(dy, pair.hull);
      u = u + r;
      c = -(r * d(pair.union, pair.hull));
    }
    return new float[][] {corners(a, b, pair, u, q - u, c, p), corners(b, a, pair, u, q - u, c, p)};
  }

  private static float[] corners(float[] a, float[] b, Pair pair, float u, float g, float c, float p) {
    float[] da = new float[4];
    for (int axis = X; axis <= Y; axis++) {
      int other = 1 - axis;
      float wide = g(e(a[axis], a[axis + 2], p), u * relu(e(a[other], a[other + 2], p)));
      float inner = g(pair.i[axis], g * relu(pair.i[other]));
      float outer = g(pair.k[axis], c * relu(pair.k[other]));
      da[axis + 2] = (wide + s(a[axis + 2], b[axis + 2], inner)) + s(b[axis + 2], a[axis + 2], outer);
      da[axis] = -((wide + s(b[axis], a[axis], inner)) + s(a[axis], b[axis], outer));
    }
    return da;
  }
}
