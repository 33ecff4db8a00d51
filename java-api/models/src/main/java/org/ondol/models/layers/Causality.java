package org.ondol.models.layers;

import org.ondol.ops.FilterMask;
import org.ondol.ops.PackedFilter;

/**
 * When a map of a {@link PixelNetwork} can be computed, and what it sees of the pixel that is being generated.
 *
 * @param kind what must be known first
 * @param own for each channel the latest colour of its own pixel that it sees, and where; null for none
 */
record Causality(Kind kind, Own[] own) {
  /** In the order in which a row's maps become known. */
  enum Kind {
    /** Depends on rows above only, and is computed for a whole row when the row begins: the vertical stack. */
    ROW,
    /** Can be computed at a pixel before the pixel is known, but for the colours it may see. */
    PIXEL,
    /** The image: known at a pixel only after it was chosen. */
    IMAGE
  }

  /** A colour of the pixel itself, and the layer and tap that read it. */
  record Own(int colour, int layer, long ky, long kx) {}

  static Causality image(int colours) {
    Own[] own = new Own[colours];
    for (int c = 0; c < colours; c++) own[c] = new Own(c, 0, -1, -1);
    return new Causality(Kind.IMAGE, own);
  }

  boolean seesOwnPixel() {
    for (Own o : own) if (o != null) return true;
    return false;
  }

  /** What a convolution of this map sees; {@code residual} may be null. */
  Causality conv(int layer, int colours, PackedFilter f, Causality residual) {
    Own[] seen = new Own[(int) f.outChannels()];
    boolean above = true; // whether all live taps are in rows above
    for (long ky = 0; ky < f.kernelH(); ky++) {
      for (long kx = 0; kx < f.kernelW(); kx++) {
        if (!live(f, ky, kx)) continue;
        long dy = ky * f.geometry().dilationH() - f.geometry().padTop();
        long dx = kx * f.geometry().dilationW() - f.geometry().padLeft();
        above &= dy < 0;
        boolean known = kind == Kind.ROW ? dy <= 0 : dy < 0 || dy == 0 && dx <= 0;
        if (!known) throw unknown(layer, ky, kx, dy, dx);
        if (dy == 0 && dx == 0) look(layer, f, ky, kx, seen);
      }
    }
    Kind result = above || kind == Kind.ROW ? Kind.ROW : Kind.PIXEL;
    if (residual != null) {
      merge(layer, seen, residual.own);
      if (residual.kind != Kind.ROW) result = Kind.PIXEL;
    }
    return checked(result, seen, layer, colours);
  }

  private static boolean live(PackedFilter f, long ky, long kx) {
    if (f.mask() == null) return true;
    for (long o = 0; o < f.outChannels(); o++) {
      for (long c = 0; c < f.inChannels() / f.geometry().groups(); c++) if (f.mask().live(o, c, ky, kx)) return true;
    }
    return false;
  }

  private CausalityException unknown(int layer, long ky, long kx, long dy, long dx) {
    return new CausalityException(layer, ky, kx, "a filter whose tap (ky = " + ky + ", kx = " + kx + ") looks " + dy
        + " rows down and " + dx + " columns to the right", kind == Kind.ROW
        ? "live taps in rows above and the pixel's own"
        : "live taps in rows above and to the left: what comes later is not known yet");
  }

  /** Adds what the tap on the pixel itself shows. */
  private void look(int layer, PackedFilter f, long ky, long kx, Own[] seen) {
    FilterMask mask = f.mask();
    int outGroup = (int) (f.outChannels() / f.geometry().groups());
    int inGroup = (int) (f.inChannels() / f.geometry().groups());
    for (int o = 0; o < seen.length; o++) {
      for (int c = 0; c < inGroup; c++) {
        Own from = own[o / outGroup * inGroup + c];
        if (from == null || mask != null && !mask.live(o, c, ky, kx)) continue;
        seen[o] = later(seen[o], from.layer == 0 ? new Own(from.colour, layer, ky, kx) : from);
      }
    }
  }

  private static Own later(Own a, Own b) {
    return a == null || b != null && b.colour > a.colour ? b : a;
  }

  private static void merge(int layer, Own[] seen, Own[] other) {
    for (int i = 0; i < seen.length; i++) seen[i] = later(seen[i], through(layer, other[i]));
  }

  /** Where the image itself is an operand, the layer that reads it is at fault. */
  private static Own through(int layer, Own o) {
    return o != null && o.layer == 0 ? new Own(o.colour, layer, -1, -1) : o;
  }

  Causality gate(int layer, int colours) {
    Own[] seen = new Own[own.length / 2];
    for (int i = 0; i < seen.length; i++) {
      seen[i] = later(through(layer, own[i]), through(layer, own[i + seen.length]));
    }
    return checked(kind, seen, layer, colours);
  }

  Causality unary(int layer, int colours) {
    Own[] seen = new Own[own.length];
    merge(layer, seen, own);
    return checked(kind, seen, layer, colours);
  }

  Causality add(int layer, int colours, Causality other) {
    Own[] seen = new Own[own.length];
    merge(layer, seen, own);
    merge(layer, seen, other.own);
    return checked(kind.compareTo(other.kind) > 0 ? kind : other.kind, seen, layer, colours);
  }

  /** A channel that sees the last colour could help to choose none: by then the pixel is known. */
  private static Causality checked(Kind kind, Own[] seen, int layer, int colours) {
    for (Own o : seen) {
      if (o == null || o.colour < colours - 1) continue;
      String tap = o.ky < 0 ? "the image itself" : "a filter whose tap (ky = " + o.ky + ", kx = " + o.kx + ") looks at the pixel itself";
      throw new CausalityException(o.layer, o.ky, o.kx, "reading " + tap + ", colour " + o.colour + " of " + colours,
          "at most the colours before the last, with a mask that orders them");
    }
    return new Causality(kind == Kind.IMAGE ? Kind.PIXEL : kind, seen);
  }

  /** Checks the map that colours are chosen from: channel i of n belongs to colour i * colours / n and sees earlier ones. */
  void output(int layer, int colours) {
    for (int i = 0; i < own.length; i++) {
      Own o = own[i];
      int colour = (int) ((long) i * colours / own.length);
      if (o == null || o.colour < colour) continue;
      throw new CausalityException(o.layer, o.ky, o.kx, "showing colour " + o.colour + " of a pixel, through tap (ky = " + o.ky
          + ", kx = " + o.kx + "), to channel " + i + " of the result (layer " + layer + "), which belongs to colour " + colour,
          "only colours before the one that is chosen");
    }
  }
}
