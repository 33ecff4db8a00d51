package org.ondol.test.oracle;

import org.ondol.test.oracle.Bound.Values;
import org.ondol.test.page.PageResize;

/** Images of another size in float64: y = Σ of weight(row) weight(column) x, with the weights as functions of the distance. */
public final class ResizeOracle {
  /** Roundings on the way of a term: two weights, two products, two sums. */
  private static final int ROUNDINGS = 6;

  private ResizeOracle() {}

  /** Where output cell j of an axis lies in its input. */
  @FunctionalInterface
  public interface Positions {
    double of(int j);
  }

  /**
   * One axis.
   *
   * @param rounding of ONNX's names, or null for linear
   * @param cut whether positions outside the input are not taken at all
   */
  public record Axis(int in, int out, Positions positions, String rounding, boolean cut) {
    public static Axis of(PageResize.Axis a) {
      return new Axis(a.in(), a.out(), ResizeOracle.positions(a), a.rounding(), a.coordinates().equals("tf_crop_and_resize"));
    }

    boolean outside(int j) {
      return cut && (positions.of(j) < 0 || positions.of(j) > in - 1);
    }

    /** The part of input cell c in output cell j: a hat around its position, which does not leave the input. */
    double weight(int j, int c) {
      double p = positions.of(j);
      double inside = Math.min(Math.max(p, 0), in - 1);
      if (rounding == null) {
        return Math.max(0, 1 - Math.abs(inside - c));
      }
      double half = Math.rint(p) == p ? p : Math.floor(p) + 0.5;
      double nearest = switch (rounding) {
        case "floor" -> Math.floor(p);
        case "ceil" -> Math.ceil(p);
        case "round_prefer_floor" -> p > half ? Math.ceil(p) : Math.floor(p);
        default -> p >= half ? Math.ceil(p) : Math.floor(p);
      };
      return Math.min(Math.max(nearest, 0), in - 1) == c ? 1 : 0;
    }
  }

  /** The transformations as ONNX's Resize states them. */
  private static Positions positions(PageResize.Axis a) {
    double n = a.in();
    return switch (a.coordinates()) {
      case "asymmetric" -> j -> j / a.scale();
      case "align_corners" -> j -> a.out() == 1 ? 0 : j * (n - 1) / (a.length() - 1);
      case "half_pixel" -> j -> (j + 0.5) / a.scale() - 0.5;
      case "pytorch_half_pixel" -> j -> a.out() == 1 ? 0 : (j + 0.5) / a.scale() - 0.5;
      case "half_pixel_symmetric" -> j -> n / 2 * (1 - a.out() / a.length()) + (j + 0.5) / a.scale() - 0.5;
      case "tf_crop_and_resize" -> j -> a.start() * (n - 1) + (a.out() == 1 ? (a.end() - a.start()) * (n - 1) / 2
          : j * (a.end() - a.start()) * (n - 1) / (a.length() - 1));
      default -> throw new IllegalArgumentException("the oracle does not know the coordinates " + a.coordinates());
    };
  }

  public static Values resize(float[] x, int planes, Axis rows, Axis columns, double outside) {
    Values y = new Values(planes * rows.out * columns.out);
    for (int e = 0; e < y.value().length; e++) {
      int p = e / (rows.out * columns.out);
      int i = e / columns.out % rows.out;
      int j = e % columns.out;
      double magnitude = 0;
      for (int r = 0; r < rows.in; r++) {
        double u = rows.weight(i, r);
        for (int c = 0; c < columns.in && u != 0; c++) {
          double term = u * columns.weight(j, c) * x[(p * rows.in + r) * columns.in + c];
          y.value()[e] += term;
          magnitude += Math.abs(term);
        }
      }
      y.bound()[e] = rows.rounding == null ? Bound.gamma(ROUNDINGS) * magnitude * 1.01 + 1e-14 : 0;
      if (rows.outside(i) || columns.outside(j)) {
        y.value()[e] = (float) outside;
        y.bound()[e] = 0;
      }
    }
    return y;
  }

  public static Values backward(float[] dy, int planes, Axis rows, Axis columns) {
    Values dx = new Values(planes * rows.in * columns.in);
    for (int e = 0; e < dx.value().length; e++) {
      int p = e / (rows.in * columns.in);
      double magnitude = 0;
      int terms = 0;
      for (int i = 0; i < rows.out; i++) {
        double u = rows.weight(i, e / columns.in % rows.in);
        for (int j = 0; j < columns.out && u != 0; j++) {
          double term = u * columns.weight(j, e % columns.in) * dy[(p * rows.out + i) * columns.out + j];
          term = rows.outside(i) || columns.outside(j) ? 0 : term;
          dx.value()[e] += term;
          magnitude += Math.abs(term);
          terms++;
        }
      }
      dx.bound()[e] = Bound.gamma(terms + ROUNDINGS) * magnitude * 1.01 + 1e-14;
    }
    return dx;
  }
}
