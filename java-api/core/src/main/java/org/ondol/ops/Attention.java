package org.ondol.ops;

import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;

/**
 * Scaled dot-product attention, softmax(scale · Q Kᵀ + bias) V (Vaswani et al. 2017, eq. 1), computed block by block with
 * the online softmax (Milakov and Gimelshein 2018; Dao et al. 2022): no Lq × Lk matrix exists at any time.
 *
 * <p>Operands: q [B,H,Lq,D], k [B,Hkv,Lk,D], v [B,Hkv,Lk,Dv]; H is a multiple of Hkv, and query head h reads key head
 * h / (H / Hkv) (multi-head, grouped-query and multi-query attention). The last dimension is dense, all other strides are
 * free, so heads split from [B,L,H·D] by {@code reshape} and {@code transpose} need no copy; the result has q's layout.
 * A row that may attend to nothing gives zeros and log-sum-exp -inf. Order and rounding: docs/arithmetic.md. Operands, result
 * and gradients are FLOAT32, or all BFLOAT16 or FLOAT16 where the device computes in that {@link Precision}; bias, slopes and
 * log-sum-exp are FLOAT32.
 */
public final class Attention {
  /** Where the diagonal lies when queries and keys differ in number. */
  public enum Alignment {
    /** Query i stands at key i. */
    TOP_LEFT,
    /** The last query stands at the last key in use: query i at key i + n - Lq. */
    BOTTOM_RIGHT
  }

  /**
   * What is attended to and how. {@link #DEFAULT} is plain full attention; each method returns a changed copy.
   *
   * @param scale factor of the scores; NaN stands for 1 / sqrt(D)
   * @param windowLeft keys visible to the left of the diagonal, -1 for all
   * @param windowRight keys visible to the right of it, -1 for all
   * @param mask UINT8, broadcast to [B,H,Lq,Lk]: nonzero may attend; or null
   * @param bias FLOAT32, broadcast likewise, added to the scaled (and soft-capped) score; or null
   * @param alibi slopes [H] (Press et al. 2022): adds -slope · distance from the diagonal; or null
   * @param softcap c > 0 replaces a score s by c tanh(s / c); 0 for none
   * @param kvLengths keys in use per item; or null for all
   * @param qOffsets packed sequences: item b is rows qOffsets[b] to qOffsets[b+1] of q [1,H,total,D]; or null
   * @param kvOffsets the same for k and v; given exactly with qOffsets
   * @param pages page numbers, pagesPerItem for each item, of k and v [pages,Hkv,pageSize,D]; needs kvLengths; or null
   * @param dropout probability with which a weight is dropped, by a counter-based generator
   * @param precision null for the one of the operands' type
   */
  public record Options(double scale, Alignment alignment, long windowLeft, long windowRight, Tensor mask, Tensor bias,
      Tensor alibi, double softcap, long[] kvLengths, long[] qOffsets, long[] kvOffsets, long[] pages, long pagesPerItem,
      double dropout, long seed, Precision precision) {
    public static final Options DEFAULT = new Options(Double.NaN, Alignment.TOP_LEFT, -1, -1, null, null, null, 0, null, null,
        null, null, 0, 0, 0);

    /** In the precision of the operands' type. */
    public Options(double scale, Alignment alignment, long windowLeft, long windowRight, Tensor mask, Tensor bias, Tensor alibi,
        double softcap, long[] kvLengths, long[] qOffsets, long[] kvOffsets, long[] pages, long pagesPerItem, double dropout,
        long seed) {
      this(scale, alignment, windowLeft, windowRight, mask, bias, alibi, softcap, kvLengths, qOffsets, kvOffsets, pages,
          pagesPerItem, dropout, seed, null);
    }

    public static Options causal(Alignment alignment) {
      return DEFAULT.window(alignment, -1, 0);
    }

    public Options window(Alignment alignment, long left, long right) {
      return new Options(scale, alignment, left, right, mask, bias, alibi, softcap, kvLengths, qOffsets, kvOffsets, pages,
          pagesPerItem, dropout, seed, precision);
    }

    public Options scale(double scale) {
      return new Options(scale, alignment, windowLeft, windowRight, mask, bias, alibi, softcap, kvLengths, qOffsets, kvOffsets,
          pages, pagesPerItem, dropout, seed, precision);
    }

    public Options mask(Tensor mask) {
      return new Options(scale, alignment, windowLeft, windowRight, mask, bias, alibi, softcap, kvLengths, qOffsets, kvOffsets,
          pages, pagesPerItem, dropout, seed, precision);
    }

    public Options bias(Tensor bias) {
      return new Options(scale, alignment, windowLeft, windowRight, mask, bias, alibi, softcap, kvLengths, qOffsets, kvOffsets,
          pages, pagesPerItem, dropout, seed, precision);
    }

    public Options alibi(Tensor slopes) {
      return new Options(scale, alignment, windowLeft, windowRight, mask, bias, slopes, softcap, kvLengths, qOffsets, kvOffsets,
          pages, pagesPerItem, dropout, seed, precision);
    }

    public Options softcap(double softcap) {
      return new Options(scale, alignment, windowLeft, windowRight, mask, bias, alibi, softcap, kvLengths, qOffsets, kvOffsets,
          pages, pagesPerItem, dropout, seed, precision);
    }

    public Options lengths(long... kvLengths) {
      return new Options(scale, alignment, windowLeft, windowRight, mask, bias, alibi, softcap, kvLengths, qOffsets, kvOffsets,
          pages, pagesPerItem, dropout, seed, precision);
    }

    public Options packed(long[] qOffsets, long[] kvOffsets) {
      return new Options(scale, alignment, windowLeft, windowRight, mask, bias, alibi, softcap, kvLengths, qOffsets, kvOffsets,
          pages, pagesPerItem, dropout, seed, precision);
    }

    public Options paged(long[] pages, long pagesPerItem, long... kvLengths) {
      return new Options(scale, alignment, windowLeft, windowRight, mask, bias, alibi, softcap, kvLengths, qOffsets, kvOffsets,
          pages, pagesPerItem, dropout, seed, precision);
    }

    public Options dropout(double probability, long seed) {
      return new Options(scale, alignment, windowLeft, windowRight, mask, bias, alibi, softcap, kvLengths, qOffsets, kvOffsets,
          pages, pagesPerItem, probability, seed, precision);
    }

    public Options precision(Precision precision) {
      return new Options(scale, alignment, windowLeft, windowRight, mask, bias, alibi, softcap, kvLengths, qOffsets, kvOffsets,
          pages, pagesPerItem, dropout, seed, precision);
    }
  }

  /**
   * A forward pass with what its gradient needs.
   *
   * @param out [B,H,Lq,Dv], or [1,H,total,Dv] packed
   * @param lse log Σ exp(score) per row, [B,H,Lq] or [1,H,total]
   */
  public record Result(Tensor out, Tensor lse) {}

  /** Gradients in the shapes of the operands; dbias is null unless asked for. */
  public record Gradients(Tensor dq, Tensor dk, Tensor dv, Tensor dbias) {}

  private Attention() {}

  /** The attention of q over k and v. */
  public static Tensor apply(Tensor q, Tensor k, Tensor v, Options options) {
    return compute(q, k, v, options, false).out;
  }

  /** The same with the log-sum-exp of the rows. */
  public static Result forward(Tensor q, Tensor k, Tensor v, Options options) {
    return compute(q, k, v, options, true);
  }

  static Result compute(Tensor q, Tensor k, Tensor v, Options o, boolean withLse) {
    AttentionContract contract = new AttentionContract("attention", q, k, v, o);
    Precision precision = contract.precision();
    if (precision.casts(q)) return Halves.attention(q, k, v, o, withLse, precision);
    Tensor out = contract.newLike(q, v.size(-1));
    Tensor lse = null;
    boolean done = false;
    try {
      if (withLse) lse = Tensor.empty(q.device(), q.size(0), q.size(1), q.size(2));
      contract.run(out, lse, (kernels, args) -> kernels.attention(args));
      done = true;
      return new Result(out, lse);
    } finally {
      if (!done) Outputs.closeAll(out, lse);
    }
  }

  /** Attention into out [B,H,Lq,Dv] of any strides with dense last dimension, overlapping no operand. */
  public static void into(Tensor q, Tensor k, Tensor v, Options options, Tensor out) {
    AttentionContract contract = new AttentionContract("attention", q, k, v, options);
    contract.checkOutput("out", out, q, v.size(-1));
    if (contract.precision().casts(q)) {
      try (Tensor made = Halves.attention(q, k, v, options, false, contract.precision()).out) {
        out.assign(made);
      }
      return;
    }
    contract.run(out, null, (kernels, args) -> kernels.attention(args));
  }

  /**
   * Gradients of q, k and v, and of the bias where wanted, recomputed from the log-sum-exp: memory linear in L, and the
   * same bits on every run.
   *
   * @param forward out and lse of {@link #forward} with the same operands and options
   * @param dout the gradient of out, of its shape, dense last dimension
   */
  public static Gradients backward(Tensor q, Tensor k, Tensor v, Options options, Result forward, Tensor dout,
      boolean biasGradient) {
    AttentionContract contract = new AttentionContract("attentionBackward", q, k, v, options);
    if (options.pages != null) throw new InvalidArgumentException("pages", "given", "contiguous keys for a gradient");
    Device device = q.device();
    Check.present("forward", forward);
    Check.tensor("out", forward.out, q.dtype(), device);
    Check.shape("out", forward.out, q.size(0), q.size(1), q.size(2), v.size(-1));
    Check.unitLast("out", forward.out);
    Check.tensor("dout", dout, q.dtype(), device);
    Check.shape("dout", dout, forward.out.shape());
    Check.unitLast("dout", dout);
    Check.present("lse", forward.lse);
    Check.optional("lse", forward.lse, device, q.size(0), q.size(1), q.size(2));
    if (biasGradient && options.bias == null) throw new InvalidArgumentException("biasGradient", true, "a bias in the options");
    if (contract.precision().casts(q)) {
      return Halves.attentionBackward(q, k, v, options, forward, dout, biasGradient, contract.precision());
    }
    Tensor dq = contract.newLike(q, q.size(-1));
    Tensor dk = contract.newLike(k, k.size(-1));
    Tensor dv = contract.newLike(v, v.size(-1));
    Tensor dbias = biasGradient ? Tensor.empty(device, contract.biasShape()) : null;
    boolean done = false;
    try {
      contract.runBackward(forward, dout, dq, dk, dv, dbias);
      done = true;
      return new Gradients(dq, dk, dv, dbias);
    } finally {
      if (!done) Outputs.closeAll(dq, dk, dv, dbias);
    }
  }
}
