package org.ondol.test.parity;

import static org.ondol.test.parity.ParityCase.results;

import java.util.Arrays;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.ops.Attention;
import org.ondol.test.oracle.AttentionCase;
import org.ondol.test.oracle.AttentionOracle;
import org.ondol.test.oracle.Bound;
import org.ondol.test.page.PageAttention;
import org.ondol.test.page.PageAttentionGradient;
import org.ondol.test.support.Operands;
import org.ondol.test.support.Operands.Freedom;

/** Random attention calls, forward and gradient. */
public final class AttentionCases {
  private AttentionCases() {}

  static ParityCase forward(Draw d) {
    Draw.Fill fill = d.fill();
    return forward(AttentionDraw.draw(d, fill, false), fill, d.below(3));
  }

  /** form 0 also wants the log-sum-exp, form 2 writes into a given output. */
  static ParityCase forward(AttentionCase p, Draw.Fill fill, int form) {
    return new ParityCase() {
      @Override
      public String describe() {
        return p + " " + fill;
      }

      @Override
      public Map<String, float[]> page() {
        PageAttention.Result r = PageAttention.forward(p);
        return results("out", r.out(), "lse", form == 0 ? r.lse() : null);
      }

      @Override
      public Map<String, Bound.Values> oracle() {
        if (!fill.finite() || fill == Draw.Fill.WIDE) {
          return Map.of();
        }
        AttentionOracle.Forward f = AttentionOracle.forward(p);
        return form == 0 ? Map.of("out", f.out(), "lse", f.lse()) : Map.of("out", f.out());
      }

      @Override
      public Map<String, float[]> run(Operands o) {
        Operands3 t = new Operands3(o, p);
        Attention.Options options = options(o, p);
        long[] shape = outShape(p);
        o.poison(shape);
        o.poison(shape[0], shape[1], shape[2]);
        if (form == 0) {
          Attention.Result r = Attention.forward(t.q, t.k, t.v, options);
          return results("out", o.adopt(r.out()), "lse", o.adopt(r.lse()));
        }
        if (form == 1) {
          return results("out", o.adopt(Attention.apply(t.q, t.k, t.v, options)));
        }
        Tensor out = o.output("out", Freedom.UNIT_LAST, shape);
        Attention.into(t.q, t.k, t.v, options, out);
        return results("out", out);
      }
    };
  }

  static ParityCase backward(Draw d) {
    // The gradient leaves open whether a hidden pair is skipped or multiplied by zero, so no infinities here, except where
    // no key is in use.
    Draw.Fill drawn = d.fill();
    Draw.Fill fill = drawn == Draw.Fill.EXTREME ? Draw.Fill.TAME : drawn;
    return backward(AttentionDraw.draw(d, fill, true), fill);
  }

  static ParityCase backward(AttentionCase p, Draw.Fill fill) {
    PageAttention.Result forward = PageAttention.forward(p);
    return new ParityCase() {
      @Override
      public String describe() {
        return "gradient of " + p + " " + fill;
      }

      @Override
      public Map<String, float[]> page() {
        PageAttentionGradient.Result g = PageAttentionGradient.backward(p, forward.out(), forward.lse());
        return results("dq", g.dq(), "dk", g.dk(), "dv", g.dv(), "dbias", g.dbias());
      }

      @Override
      public Map<String, Bound.Values> oracle() {
        if (!fill.finite() || fill == Draw.Fill.WIDE) {
          return Map.of();
        }
        AttentionOracle.Backward g = AttentionOracle.backward(p);
        return p.bias == null ? Map.of("dq", g.dq(), "dk", g.dk(), "dv", g.dv())
            : Map.of("dq", g.dq(), "dk", g.dk(), "dv", g.dv(), "dbias", g.dbias());
      }

      @Override
      public Map<String, float[]> run(Operands o) {
        Operands3 t = new Operands3(o, p);
        long[] shape = outShape(p);
        Tensor out = o.input("out", forward.out(), Freedom.UNIT_LAST, shape);
        Tensor lse = o.input("lse", forward.lse(), Freedom.ANY, shape[0], shape[1], shape[2]);
        Tensor dout = o.input("dout", p.dout, Freedom.UNIT_LAST, shape);
        o.poison(p.q.length);
        o.poison(p.k.length);
        o.poison(p.v.length);
        Attention.Gradients g = Attention.backward(t.q, t.k, t.v, options(o, p), new Attention.Result(out, lse), dout,
            p.bias != null);
        return results("dq", o.adopt(g.dq()), "dk", o.adopt(g.dk()), "dv", o.adopt(g.dv()),
            "dbias", g.dbias() == null ? null : o.adopt(g.dbias()));
      }
    };
  }

  /** q, k and v as tensors. */
  private static final class Operands3 {
    final Tensor q;
    final Tensor k;
    final Tensor v;

    Operands3(Operands o, AttentionCase p) {
      q = o.input("q", p.q, Freedom.UNIT_LAST, p.packed() ? 1 : p.batch, p.heads, p.storedRows(), p.headDim);
      long[] keys = p.pages != null ? new long[] {p.pageCount, p.kvHeads, p.pageSize}
          : new long[] {p.packed() ? 1 : p.batch, p.kvHeads, p.storedKeys()};
      k = o.input("k", p.k, Freedom.UNIT_LAST, keys[0], keys[1], keys[2], p.headDim);
      v = o.input("v", p.v, Freedom.UNIT_LAST, keys[0], keys[1], keys[2], p.valueDim);
    }
  }

  private static long[] outShape(AttentionCase p) {
    return new long[] {p.packed() ? 1 : p.batch, p.heads, p.storedRows(), p.valueDim};
  }

  /** The problem's options as the library takes them. */
  public static Attention.Options options(Operands o, AttentionCase p) {
    Attention.Options options = Attention.Options.DEFAULT
        .window(p.bottomRight ? Attention.Alignment.BOTTOM_RIGHT : Attention.Alignment.TOP_LEFT, p.windowLeft, p.windowRight)
        .scale(p.scale).softcap(p.softcap).dropout(p.dropout, p.seed);
    if (p.mask != null) {
      options = options.mask(o.booleans(p.mask, longs(p.maskShape)));
    }
    if (p.bias != null) {
      options = options.bias(o.input("bias", p.bias, Freedom.ANY, longs(p.biasShape)));
    }
    if (p.alibi != null) {
      options = options.alibi(o.input("alibi", p.alibi, Freedom.ANY, p.heads));
    }
    if (p.packed()) {
      return options.packed(p.qOffsets, p.kvOffsets);
    }
    if (p.pages != null) {
      return options.paged(p.pages, p.pagesPerItem, p.kvLengths);
    }
    return p.kvLengths == null ? options : options.lengths(p.kvLengths);
  }

  private static long[] longs(int[] shape) {
    return Arrays.stream(shape).asLongStream().toArray();
  }
}
