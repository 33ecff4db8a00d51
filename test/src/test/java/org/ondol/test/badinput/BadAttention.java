package org.ondol.test.badinput;

import java.util.List;
import java.util.function.Function;
import org.ondol.ClosedException;
import org.ondol.DTypeException;
import org.ondol.Device;
import org.ondol.DeviceMismatchException;
import org.ondol.InvalidArgumentException;
import org.ondol.OndolException;
import org.ondol.OutOfMemoryException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.ops.Attention;
import org.ondol.ops.Attention.Alignment;
import org.ondol.ops.Attention.Options;
import org.ondol.ops.KvCache;
import org.ondol.ops.PagedKvCache;
import org.ondol.test.badinput.BadInputTest.Row;

/** Attention, its gradient and the caches. */
final class BadAttention {
  private static final int B = 2;
  private static final int H = 4;
  private static final int KV = 2;
  private static final int LQ = 3;
  private static final int LK = 5;
  private static final int D = 8;

  private static Tensor t(Device d, long... shape) {
    return Tensor.zeros(d, shape);
  }

  private static Device other(Device d) {
    return Device.of(d.name().equals("java:scalar") ? "java" : "java:scalar");
  }

  /** A call with good operands and bad options. */
  private static Row options(String name, Class<? extends OndolException> type, String argument, String message,
      Function<Device, Options> options) {
    return new Row("attention: " + name, type, argument, message, d ->
        Attention.apply(t(d, B, H, LQ, D), t(d, B, KV, LK, D), t(d, B, KV, LK, D), options.apply(d)));
  }

  /** A call with bad operands. */
  private static Row shapes(String name, Class<? extends OndolException> type, String argument, String message,
      long[] q, long[] k, long[] v) {
    return new Row("attention: " + name, type, argument, message, d ->
        Attention.apply(t(d, q), t(d, k), t(d, v), Options.DEFAULT));
  }

  private static long[] s(long... shape) {
    return shape;
  }

  private static Row packed(String name, String argument, String message, long[] qOffsets, long[] kvOffsets) {
    return new Row("attention: " + name, InvalidArgumentException.class, argument, message, d ->
        Attention.apply(t(d, 1, H, 6, D), t(d, 1, KV, 9, D), t(d, 1, KV, 9, D), Options.DEFAULT.packed(qOffsets, kvOffsets)));
  }

  private static Row paged(String name, Class<? extends OndolException> type, String argument, String message, long[] pages,
      long perItem, long... lengths) {
    return new Row("attention: " + name, type, argument, message, d -> Attention.apply(t(d, 2, H, 1, D),
        t(d, 4, KV, 16, D), t(d, 4, KV, 16, D), Options.DEFAULT.paged(pages, perItem, lengths)));
  }

  private static void backward(Device d, Options o, long[] out, long[] lse, long[] dout, boolean biasGradient) {
    Attention.backward(t(d, B, H, LQ, D), t(d, B, KV, LK, D), t(d, B, KV, LK, D), o,
        new Attention.Result(t(d, out), t(d, lse)), t(d, dout), biasGradient);
  }

  static final List<Row> ROWS = List.of(
      shapes("q of rank 3", ShapeException.class, "q", "rank 4", s(4, 3, 8), s(1, 1, 3, 8), s(1, 1, 3, 8)),
      shapes("head sizes differ", ShapeException.class, "k", "head size 8", s(1, 1, 3, 8), s(1, 1, 3, 9), s(1, 1, 3, 8)),
      shapes("head size 0", ShapeException.class, "q", "head size", s(1, 1, 3, 0), s(1, 1, 3, 0), s(1, 1, 3, 8)),
      shapes("value size 0", ShapeException.class, "v", "head size", s(1, 1, 3, 8), s(1, 1, 3, 8), s(1, 1, 3, 0)),
      shapes("v with fewer keys", ShapeException.class, "v", "[1, 1, 5, 8]", s(1, 1, 3, 8), s(1, 1, 5, 8), s(1, 1, 4, 8)),
      shapes("heads not a multiple", ShapeException.class, "q", "3 heads", s(1, 3, 3, 8), s(1, 2, 3, 8), s(1, 2, 3, 8)),
      shapes("no key heads", ShapeException.class, "q", "heads", s(1, 3, 3, 8), s(1, 0, 3, 8), s(1, 0, 3, 8)),
      shapes("batches differ", ShapeException.class, "k", "batch 2", s(2, 1, 3, 8), s(3, 1, 3, 8), s(3, 1, 3, 8)),
      new Row("attention: null k", InvalidArgumentException.class, "k", "null", d ->
          Attention.apply(t(d, 1, 1, 1, 1), null, t(d, 1, 1, 1, 1), Options.DEFAULT)),
      new Row("attention: null options", InvalidArgumentException.class, "options", "null", d ->
          Attention.apply(t(d, 1, 1, 1, 1), t(d, 1, 1, 1, 1), t(d, 1, 1, 1, 1), null)),
      new Row("attention: q strided", ShapeException.class, "q", "last stride", d ->
          Attention.apply(t(d, 1, 1, 4, 4).transpose(2, 3), t(d, 1, 1, 4, 4), t(d, 1, 1, 4, 4), Options.DEFAULT)),
      new Row("attention: closed v", ClosedException.class, null, "closed", d -> {
        Tensor v = t(d, 1, 1, 1, 1);
        v.close();
        Attention.apply(t(d, 1, 1, 1, 1), t(d, 1, 1, 1, 1), v, Options.DEFAULT);
      }),
      new Row("attention: v elsewhere", DeviceMismatchException.class, "v", "to(\"", d ->
          Attention.apply(t(d, 1, 1, 1, 1), t(d, 1, 1, 1, 1), t(other(d), 1, 1, 1, 1), Options.DEFAULT)),
      new Row("attention: integer q", DTypeException.class, "q", "INT64", d -> Attention.apply(
          Tensor.of(d, new long[1], 1, 1, 1, 1), t(d, 1, 1, 1, 1), t(d, 1, 1, 1, 1), Options.DEFAULT)),

      options("infinite scale", InvalidArgumentException.class, "scale", "Infinity", d ->
          Options.DEFAULT.scale(Double.NEGATIVE_INFINITY)),
      options("negative window", InvalidArgumentException.class, "windowLeft", "-2", d ->
          Options.DEFAULT.window(Alignment.TOP_LEFT, -2, 0)),
      options("negative right window", InvalidArgumentException.class, "windowRight", "-7", d ->
          Options.DEFAULT.window(Alignment.TOP_LEFT, 0, -7)),
      options("null alignment", InvalidArgumentException.class, "alignment", "null", d ->
          Options.DEFAULT.window(null, 0, 0)),
      options("negative softcap", InvalidArgumentException.class, "softcap", "-1", d -> Options.DEFAULT.softcap(-1)),
      options("NaN softcap", InvalidArgumentException.class, "softcap", "NaN", d -> Options.DEFAULT.softcap(Double.NaN)),
      options("dropout 1", InvalidArgumentException.class, "dropout", "1.0", d -> Options.DEFAULT.dropout(1, 0)),
      options("NaN dropout", InvalidArgumentException.class, "dropout", "NaN", d -> Options.DEFAULT.dropout(Double.NaN, 0)),
      options("float mask", DTypeException.class, "mask", "FLOAT32", d -> Options.DEFAULT.mask(t(d, LQ, LK))),
      options("mask of another shape", ShapeException.class, "mask", "[3, 4]", d ->
          Options.DEFAULT.mask(Tensor.of(d, new boolean[12], 3, 4))),
      options("mask of rank 5", ShapeException.class, "mask", "broadcasts", d ->
          Options.DEFAULT.mask(Tensor.of(d, new boolean[15], 1, 1, 1, 3, 5))),
      options("closed mask", ClosedException.class, null, "closed", d -> {
        Tensor mask = Tensor.of(d, new boolean[15], 3, 5);
        mask.close();
        return Options.DEFAULT.mask(mask);
      }),
      options("bias of another shape", ShapeException.class, "bias", "[3, 1, 3, 5]", d ->
          Options.DEFAULT.bias(t(d, 3, 1, 3, 5))),
      options("bias elsewhere", DeviceMismatchException.class, "bias", "to(\"", d ->
          Options.DEFAULT.bias(t(other(d), 3, 5))),
      options("alibi per key head", ShapeException.class, "alibi", "[2]", d -> Options.DEFAULT.alibi(t(d, KV))),
      options("lengths for another batch", InvalidArgumentException.class, "kvLengths", "length 3", d ->
          Options.DEFAULT.lengths(1, 2, 3)),
      options("length beyond the keys", InvalidArgumentException.class, "kvLengths", "6", d -> Options.DEFAULT.lengths(5, 6)),
      options("negative length", InvalidArgumentException.class, "kvLengths", "-1", d -> Options.DEFAULT.lengths(-1, 5)),

      packed("key offsets missing", "kvOffsets", "null", s(0, 6), null),
      packed("query offsets missing", "qOffsets", "null", null, s(0, 9)),
      packed("offsets of different number", "kvOffsets", "length 3", s(0, 6), s(0, 5, 9)),
      packed("no offsets at all", "kvOffsets", "at least 1", s(), s()),
      packed("offsets not from 0", "qOffsets", "[1, 6]", s(1, 6), s(0, 9)),
      packed("offsets descending", "qOffsets", "ascending", s(0, 5, 3, 6), s(0, 3, 6, 9)),
      packed("offsets beyond the end", "kvOffsets", "at most 9", s(0, 6), s(0, 10)),
      packed("offsets before the end", "kvOffsets", "ending at 8", s(0, 6), s(0, 8)),
      new Row("attention: packed with a batch", ShapeException.class, "q", "batch size 1", d -> Attention.apply(t(d, 2, H, 3, D),
          t(d, 1, KV, 9, D), t(d, 1, KV, 9, D), Options.DEFAULT.packed(s(0, 3), s(0, 9)))),
      new Row("attention: packed with lengths", InvalidArgumentException.class, "kvLengths", "given", d ->
          Attention.apply(t(d, 1, H, 6, D), t(d, 1, KV, 9, D), t(d, 1, KV, 9, D),
              Options.DEFAULT.packed(s(0, 6), s(0, 9)).lengths(5))),

      paged("pages without lengths", InvalidArgumentException.class, "kvLengths", "null", s(0, 1, 2, 3), 2, (long[]) null),
      paged("too few pages", InvalidArgumentException.class, "pages", "length 3", s(0, 1, 2), 2, 20, 20),
      paged("page beyond the pool", InvalidArgumentException.class, "pages", "4 for item 1", s(0, 1, 2, 4), 2, 20, 20),
      paged("unused page in use", InvalidArgumentException.class, "pages", "-1 for item 0", s(0, -1, 2, 3), 2, 20, 20),
      paged("length beyond the pages", InvalidArgumentException.class, "kvLengths", "33", s(0, 1, 2, 3), 2, 20, 33),
      paged("negative pages per item", InvalidArgumentException.class, "pages", "-1", s(), -1, 0, 0),
      paged("pages per item that overflow", InvalidArgumentException.class, "pages", "length 4", s(0, 1, 2, 3),
          Long.MAX_VALUE, 20, 20),

      new Row("attention into: out of another shape", ShapeException.class, "out", "[2, 4, 3, 7]", d ->
          Attention.into(t(d, B, H, LQ, D), t(d, B, KV, LK, D), t(d, B, KV, LK, D), Options.DEFAULT, t(d, B, H, LQ, 7))),
      new Row("attention into: out is q", InvalidArgumentException.class, "out", "overlapping", d -> {
        Tensor q = t(d, B, H, LQ, D);
        Attention.into(q, t(d, B, KV, LK, D), t(d, B, KV, LK, D), Options.DEFAULT, q);
      }),
      new Row("attention into: out is bias", InvalidArgumentException.class, "out", "overlapping", d -> {
        Tensor out = t(d, 1, 1, 5, 5);
        Attention.into(t(d, 1, 1, 5, 5), t(d, 1, 1, 5, 5), t(d, 1, 1, 5, 5), Options.DEFAULT.bias(out), out);
      }),
      new Row("attention into: out expanded", ShapeException.class, "out", "distinct", d -> Attention.into(
          t(d, B, H, LQ, D), t(d, B, KV, LK, D), t(d, B, KV, LK, D), Options.DEFAULT, t(d, B, 1, LQ, D).expand(B, H, LQ, D))),
      new Row("attention into: null out", InvalidArgumentException.class, "out", "null", d ->
          Attention.into(t(d, B, H, LQ, D), t(d, B, KV, LK, D), t(d, B, KV, LK, D), Options.DEFAULT, null)),

      new Row("attention backward: lse", ShapeException.class, "lse", "[2, 4, 4]", d ->
          backward(d, Options.DEFAULT, s(B, H, LQ, D), s(B, H, 4), s(B, H, LQ, D), false)),
      new Row("attention backward: out", ShapeException.class, "out", "[2, 4, 3, 9]", d ->
          backward(d, Options.DEFAULT, s(B, H, LQ, 9), s(B, H, LQ), s(B, H, LQ, 9), false)),
      new Row("attention backward: dout", ShapeException.class, "dout", "[2, 4, 3, 9]", d ->
          backward(d, Options.DEFAULT, s(B, H, LQ, D), s(B, H, LQ), s(B, H, LQ, 9), false)),
      new Row("attention backward: gradient of no bias", InvalidArgumentException.class, "biasGradient", "bias", d ->
          backward(d, Options.DEFAULT, s(B, H, LQ, D), s(B, H, LQ), s(B, H, LQ, D), true)),
      new Row("attention backward: pages", InvalidArgumentException.class, "pages", "gradient", d -> Attention.backward(
          t(d, 2, H, 1, D), t(d, 4, KV, 16, D), t(d, 4, KV, 16, D), Options.DEFAULT.paged(s(0, 1), 1, 5, 5),
          new Attention.Result(t(d, 2, H, 1, D), t(d, 2, H, 1)), t(d, 2, H, 1, D), false)),
      new Row("attention backward: null forward", InvalidArgumentException.class, "forward", "null", d -> Attention.backward(
          t(d, B, H, LQ, D), t(d, B, KV, LK, D), t(d, B, KV, LK, D), Options.DEFAULT, null, t(d, B, H, LQ, D), false)),
      new Row("attention backward: null options", InvalidArgumentException.class, "options", "null", d -> Attention.backward(
          t(d, B, H, LQ, D), t(d, B, KV, LK, D), t(d, B, KV, LK, D), null,
          new Attention.Result(t(d, B, H, LQ, D), t(d, B, H, LQ)), t(d, B, H, LQ, D), false)),

      new Row("cache: capacity", InvalidArgumentException.class, "capacity", "0", d -> new KvCache(d, 1, 1, 1, 1, 0)),
      new Row("cache: other heads", ShapeException.class, "k", "[1, 3, 1, 8]", d -> {
        try (KvCache cache = new KvCache(d, 1, 2, 8, 8, 4)) {
          cache.append(t(d, 1, 3, 1, 8), t(d, 1, 3, 1, 8));
        }
      }),
      new Row("cache: truncate to more", InvalidArgumentException.class, "length", "1", d -> {
        try (KvCache cache = new KvCache(d, 1, 2, 8, 8, 4)) {
          cache.truncate(1);
        }
      }),
      new Row("cache: used after close", ClosedException.class, null, "closed", d -> {
        KvCache cache = new KvCache(d, 1, 2, 8, 8, 4);
        cache.close();
        cache.append(t(d, 1, 2, 1, 8), t(d, 1, 2, 1, 8));
      }),
      new Row("paged cache: full", OutOfMemoryException.class, null, "pages of the cache", d -> {
        try (PagedKvCache cache = new PagedKvCache(d, 2, 4, 2, 8, 8)) {
          cache.append(cache.open(), t(d, 2, 9, 8), t(d, 2, 9, 8));
        }
      }),
      new Row("paged cache: released sequence", InvalidArgumentException.class, "sequence", "0", d -> {
        try (PagedKvCache cache = new PagedKvCache(d, 2, 4, 2, 8, 8)) {
          cache.release(cache.open());
          cache.length(0);
        }
      }),
      new Row("paged cache: unknown sequence", InvalidArgumentException.class, "sequence", "7", d -> {
        try (PagedKvCache cache = new PagedKvCache(d, 2, 4, 2, 8, 8)) {
          cache.attend(t(d, 1, 2, 1, 8), new int[] {7}, Options.DEFAULT);
        }
      }),
      new Row("paged cache: no such order", InvalidArgumentException.class, "kvLengths", "", d -> {
        try (PagedKvCache cache = new PagedKvCache(d, 2, 4, 2, 8, 8)) {
          cache.attend(t(d, 2, 2, 1, 8), new int[] {cache.open()}, Options.DEFAULT);
        }
      }));

  private BadAttention() {}
}
