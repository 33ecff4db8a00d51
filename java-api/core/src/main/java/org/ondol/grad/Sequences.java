package org.ondol.grad;

import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;
import org.ondol.ops.Attention;
import org.ondol.ops.Embedding;
import org.ondol.ops.LayerNorm;
import org.ondol.ops.Lstm;

/**
 * Attention, embeddings, layer normalisation and recurrences on a tape; the contracts of {@link org.ondol.ops} say what they
 * compute.
 */
public final class Sequences {
  private Sequences() {}

  /** Attention of q [B, H, Lq, D] over k and v; see {@link Attention}. */
  public static Value attention(Value q, Value k, Value v, Attention.Options options) {
    return attention(q, k, v, null, options);
  }

  /**
   * The same with a bias that is trained.
   *
   * @param bias takes the place of the options' bias; or null
   * @param options without pages: those have no gradient
   */
  public static Value attention(Value q, Value k, Value v, Value bias, Attention.Options options) {
    Require.present("q", q);
    Require.present("k", k);
    Require.present("v", v);
    Require.present("options", options);
    if (bias != null && options.bias() != null) {
      throw new InvalidArgumentException("options", "with a bias", "none beside the given bias");
    }
    return Tape.apply("attention", r -> {
      Attention.Options o = bias == null ? options : options.bias(bias.tensor());
      if (!r.needed() || o.pages() != null) return Attention.apply(q.tensor(), k.tensor(), v.tensor(), o);
      Attention.Result f = Attention.forward(q.tensor(), k.tensor(), v.tensor(), o);
      r.save(f.lse());
      r.backward((dy, g) -> {
        Attention.Gradients all = Attention.backward(q.tensor(), k.tensor(), v.tensor(), o, f, dense(dy), g.needs(3));
        g.add(0, all.dq());
        g.add(1, all.dk());
        g.add(2, all.dv());
        if (g.needs(3)) g.add(3, all.dbias());
      });
      return f.out();
    }, q, k, v, bias);
  }

  /** With a dense last dimension. */
  private static Tensor dense(Tensor t) {
    return t.size(-1) == 1 || t.stride(-1) == 1 ? t : t.contiguous();
  }

  /**
   * Rows of a table by their numbers.
   *
   * @param ids INT32 or INT64; the tape keeps their memory open
   */
  public static Value embedding(Value table, Tensor ids) {
    Require.present("table", table);
    Require.open("ids", ids);
    return Tape.apply("embedding", r -> {
      Tensor mine = ids.view(ids.offset(), ids.shape(), ids.strides());
      r.save(mine);
      r.backward((dy, g) -> g.add(0, Embedding.backward(dy, mine, table.size(0))));
      return Embedding.lookup(table.tensor(), mine);
    }, table);
  }

  /**
   * Layer normalisation over the last dimension.
   *
   * @param gamma [n], or null for 1
   * @param beta [n], or null for 0
   */
  public static Value layerNorm(Value x, Value gamma, Value beta, double eps) {
    Require.present("x", x);
    return Tape.apply("layernorm", r -> {
      Tensor in = x.tensor();
      Tensor scale = gamma == null ? null : gamma.tensor();
      LayerNorm.Result f = LayerNorm.forward(in, scale, beta == null ? null : beta.tensor(), eps);
      r.save(f.mean(), f.rstd());
      r.backward((dy, g) -> {
        LayerNorm.Gradients all = LayerNorm.backward(in, scale, dy, f.mean(), f.rstd());
        g.add(0, all.dx());
        if (gamma != null) g.add(1, all.dgamma());
        if (beta != null) g.add(2, all.dbeta());
      });
      return f.y();
    }, x, gamma, beta);
  }

  /**
   * All steps of an LSTM over rows of positions; see {@link Lstm}. The result is h of all steps, [T, N, W, H].
   *
   * @param x [T, N, W, 4H]
   * @param weight [taps, H, 4H]
   * @param bias [4H], or null
   * @param h0 [N, W, H], or null for 0
   * @param c0 [N, W, H], or null for 0
   * @param before how many positions the first tap lies to the left of its output
   * @param reverse whether steps go from the last to the first
   */
  public static Value lstm(Value x, Value weight, Value bias, Value h0, Value c0, int before, boolean reverse) {
    Require.present("x", x);
    Require.present("weight", weight);
    return Tape.apply("lstm", r -> {
      Tensor k = weight.tensor();
      Lstm.Options o = new Lstm.Options(tensor(bias), tensor(h0), tensor(c0), before, reverse);
      if (!r.needed()) return Lstm.apply(x.tensor(), k, o).h();
      Lstm.Training f = Lstm.forward(x.tensor(), k, o);
      r.save(f.gates(), f.cells());
      r.backward((dy, g) -> {
        Tensor[] dx = Lstm.inputGradients(k, o, f, dy, null, g.needs(3) || g.needs(4));
        g.add(0, dx[0]);
        if (g.needs(1) || g.needs(2)) {
          Tensor[] d = Lstm.weightGradients((int) k.size(0), o, f, dx[0]);
          g.add(1, d[0]);
          if (bias != null) g.add(2, d[1]);
        }
        if (h0 != null && g.needs(3)) g.add(3, dx[1]);
        if (c0 != null && g.needs(4)) g.add(4, dx[2]);
      });
      return f.h();
    }, x, weight, bias, h0, c0);
  }

  private static Tensor tensor(Value v) {
    return v == null ? null : v.tensor();
  }
}
