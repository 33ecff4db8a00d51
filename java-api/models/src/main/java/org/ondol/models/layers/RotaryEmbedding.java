package org.ondol.models.layers;

import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Elementwise.Op;

/**
 * Rotary positions (Su et al. 2021, section 3.2.2): the elements of a head are taken in pairs of neighbours, and pair
 * i, from 0, of a token at position p is turned by the angle p · base^(-2i / size), so that the product of a query and
 * a key depends on how far apart they are and not on where:
 *
 * <pre>
 *   (a, b) becomes (a cos - b sin, b cos + a sin)
 * </pre>
 *
 * The sines and cosines are computed in float64 once for all positions.
 */
public final class RotaryEmbedding implements Layer {
  private final Tensor cos;
  private final Tensor sin;

  private RotaryEmbedding(Tensor cos, Tensor sin) {
    this.cos = cos;
    this.sin = sin;
  }

  /**
   * The angles of positions 0 to positions - 1.
   *
   * @param size elements of a head, an even number
   * @param base of the angles' geometric sequence, 10000 in the paper
   */
  public static RotaryEmbedding of(Device device, int positions, int size, double base) {
    if (size < 2 || size % 2 != 0) throw new InvalidArgumentException("size", size, "an even number of at least 2");
    if (positions < 1 || (long) positions * size > Integer.MAX_VALUE) {
      throw new InvalidArgumentException("positions", positions, "1 to " + Integer.MAX_VALUE / size);
    }
    if (!(base > 0 && base <= Double.MAX_VALUE)) {
      throw new InvalidArgumentException("base", base, "a finite number above 0");
    }
    int pairs = size / 2;
    float[] c = new float[positions * pairs];
    float[] s = new float[positions * pairs];
    for (int i = 0; i < pairs; i++) {
      double frequency = StrictMath.pow(base, -2.0 * i / size);
      for (int p = 0; p < positions; p++) {
        c[p * pairs + i] = (float) StrictMath.cos(p * frequency);
        s[p * pairs + i] = (float) StrictMath.sin(p * frequency);
      }
    }
    try (Assembly parts = new Assembly()) {
      return parts.done(new RotaryEmbedding(parts.add(Scope.detach(Tensor.of(device, c, positions, 1, pairs, 1))),
          parts.add(Scope.detach(Tensor.of(device, s, positions, 1, pairs, 1)))));
    }
  }

  /**
   * Turns tokens at consecutive positions, in place.
   *
   * @param x [tokens, heads, size / 2, 2]: a view of the heads with their elements in pairs
   * @param first the position of the first token
   */
  public void rotate(Tensor x, long first) {
    long tokens = x.size(0);
    if (x.rank() != 4 || x.size(2) != cos.size(2) || x.size(3) != 2) {
      throw new ShapeException("x", x, "shape [tokens, heads, " + cos.size(2) + ", 2]");
    }
    if (first < 0 || first > positions() - tokens) {
      throw new InvalidArgumentException("first", first, "0 to " + (positions() - tokens) + ", as " + tokens
          + " tokens must end within " + positions() + " positions");
    }
    try (Tensor c = cos.slice(0, first, first + tokens); Tensor s = sin.slice(0, first, first + tokens);
        Tensor along = Elementwise.mul(x, c); Tensor across = Elementwise.mul(x, s);
        Tensor a = x.slice(3, 0, 1); Tensor b = x.slice(3, 1, 2);
        Tensor aCos = along.slice(3, 0, 1); Tensor bCos = along.slice(3, 1, 2);
        Tensor aSin = across.slice(3, 0, 1); Tensor bSin = across.slice(3, 1, 2)) {
      Elementwise.run(Op.SUB, aCos, bSin, a, 0);
      Elementwise.run(Op.ADD, bCos, aSin, b, 0);
    }
  }

  /** How many positions there are angles for. */
  public int positions() {
    return Math.toIntExact(cos.size(0));
  }

  /** Elements of a head. */
  public int size() {
    return Math.toIntExact(2 * cos.size(2));
  }

  @Override
  public Device device() {
    return cos.device();
  }

  @Override
  public RotaryEmbedding to(Device device) {
    try (Assembly parts = new Assembly()) {
      return parts.done(new RotaryEmbedding(parts.add(Scope.detach(cos.to(device))),
          parts.add(Scope.detach(sin.to(device)))));
    }
  }

  @Override
  public void close() {
    cos.close();
    sin.close();
  }
}
