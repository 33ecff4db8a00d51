package org.ondol.ops;

import java.util.Arrays;
import java.util.function.BiConsumer;
import org.ondol.DType;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.spi.AttentionArgs;
import org.ondol.spi.AttentionBackwardArgs;
import org.ondol.spi.Kernels;

/** Checks attention's arguments once and turns them into what backends take. */
final class AttentionContract {
  private static final int SIZE_LIMIT = 1 << 30;

  private final Tensor q;
  private final Tensor k;
  private final Tensor v;
  private final Attention.Options o;
  private final Device device;
  private final Precision precision;
  private final long batch;
  private final long qLength;
  private final long kvLength;
  private final long[] kvLengths;
  private final long[] qOffsets;
  private final long[] kvOffsets;
  private final long[] pages;

  AttentionContract(String op, Tensor q, Tensor k, Tensor v, Attention.Options options) {
    Check.present("q", q);
    Check.present("options", options);
    this.q = q;
    this.k = k;
    this.v = v;
    this.o = options;
    this.device = q.device();
    operands();
    this.precision = Precision.of(op, o.precision(), "q", q, device);
    // Private copies: another thread must not change them between the check and the kernel.
    this.kvLengths = clone(o.kvLengths());
    this.qOffsets = clone(o.qOffsets());
    this.kvOffsets = clone(o.kvOffsets());
    this.pages = clone(o.pages());
    boolean packed = qOffsets != null || kvOffsets != null;
    if (packed) offsets();
    this.batch = packed ? qOffsets.length - 1 : q.size(0);
    this.qLength = packed ? longest(qOffsets) : q.size(2);
    if (pages != null && (o.pagesPerItem() < 0 || o.pagesPerItem() > SIZE_LIMIT || pages.length != batch * o.pagesPerItem())) {
      throw new InvalidArgumentException("pages", "of length " + pages.length, "batch " + batch + " times pagesPerItem "
          + o.pagesPerItem());
    }
    this.kvLength = packed ? longest(kvOffsets) : pages != null ? o.pagesPerItem() * k.size(2) : k.size(2);
    if (kvLength > SIZE_LIMIT) throw new InvalidArgumentException("pages", "for " + kvLength + " keys", "up to 2^30 keys per item");
    if (!packed && pages == null && k.size(0) != batch) throw batchMismatch("k", k);
    if (pages != null) paged(packed);
    lengths(packed);
    numbers();
    scores();
  }

  Precision precision() {
    return precision;
  }

  private static long[] clone(long[] a) {
    return a == null ? null : a.clone();
  }

  private void operands() {
    Tensor[] all = {q, k, v};
    String[] names = {"q", "k", "v"};
    for (int i = 0; i < 3; i++) {
      Check.operand(names[i], all[i], device);
      Check.tensor(names[i], all[i], q.dtype(), device);
      Check.rank(names[i], all[i], 4, 4);
      Check.unitLast(names[i], all[i]);
      for (int d = 1; d < 4; d++) {
        if (all[i].size(d) > SIZE_LIMIT) throw new ShapeException(names[i], "of shape " + Arrays.toString(all[i].shape()), "sizes up to 2^30");
      }
    }
    if (q.size(3) < 1) throw new ShapeException("q", "of shape " + Arrays.toString(q.shape()), "a head size of at least 1");
    if (v.size(3) < 1) throw new ShapeException("v", "of shape " + Arrays.toString(v.shape()), "a head size of at least 1");
    if (k.size(3) != q.size(3)) {
      throw new ShapeException("k", "of shape " + Arrays.toString(k.shape()), "head size " + q.size(3) + " like q's");
    }
    for (int d = 0; d < 3; d++) {
      if (v.size(d) != k.size(d)) {
        throw new ShapeException("v", "of shape " + Arrays.toString(v.shape()), "the first three sizes of k, " + Arrays.toString(k.shape()));
      }
    }
    if (k.size(1) < 1 || q.size(1) < 1 || q.size(1) % k.size(1) != 0) {
      throw new ShapeException("q", "of " + q.size(1) + " heads", "a positive multiple of k's " + k.size(1) + " heads");
    }
  }

  private ShapeException batchMismatch(String argument, Tensor t) {
    return new ShapeException(argument, "of shape " + Arrays.toString(t.shape()), "batch " + batch + " like q's");
  }

  private void offsets() {
    if (qOffsets == null || kvOffsets == null) {
      throw new InvalidArgumentException(qOffsets == null ? "qOffsets" : "kvOffsets", "null", "both offsets, or neither");
    }
    if (q.size(0) != 1 || k.size(0) != 1) {
      throw new ShapeException("q", "of shape " + Arrays.toString(q.shape()), "batch size 1 for packed sequences, and so k");
    }
    if (qOffsets.length < 1 || qOffsets.length != kvOffsets.length) {
      throw new InvalidArgumentException("kvOffsets", "of length " + kvOffsets.length, "the length of qOffsets, at least 1");
    }
    ascending("qOffsets", qOffsets, q.size(2));
    ascending("kvOffsets", kvOffsets, k.size(2));
  }

  private static void ascending(String argument, long[] offsets, long total) {
    long previous = 0;
    for (int i = 0; i < offsets.length; i++) {
      if (offsets[i] < previous || offsets[i] > total || i == 0 && offsets[0] != 0) {
        throw new InvalidArgumentException(argument, Arrays.toString(offsets), "ascending offsets from 0 to at most " + total);
      }
      previous = offsets[i];
    }
    if (previous != total) throw new InvalidArgumentException(argument, "ending at " + previous, "the total length " + total);
  }

  private static long longest(long[] offsets) {
    long longest = 0;
    for (int i = 1; i < offsets.length; i++) longest = Math.max(longest, offsets[i] - offsets[i - 1]);
    return longest;
  }

  private void paged(boolean packed) {
    if (packed) throw new InvalidArgumentException("pages", "given", "no packed offsets beside pages");
    if (kvLengths == null) throw new InvalidArgumentException("kvLengths", "null", "the keys in use of each item, with pages");
    if (kvLengths.length != batch) throw new InvalidArgumentException("kvLengths", "of length " + kvLengths.length, "" + batch);
    long pageSize = k.size(2);
    for (int b = 0; b < batch; b++) {
      long used = pageSize == 0 ? 0 : (Math.max(kvLengths[b], 0) + pageSize - 1) / pageSize;
      for (int p = 0; p < Math.min(used, o.pagesPerItem()); p++) {
        long page = pages[(int) (b * o.pagesPerItem() + p)];
        if (page < 0 || page >= k.size(0)) {
          throw new InvalidArgumentException("pages", page + " for item " + b + ", page " + p, "0 to " + (k.size(0) - 1));
        }
      }
    }
  }

  private void lengths(boolean packed) {
    if (kvLengths == null) return;
    if (packed) throw new InvalidArgumentException("kvLengths", "given", "null for packed sequences");
    if (kvLengths.length != batch) throw new InvalidArgumentException("kvLengths", "of length " + kvLengths.length, "" + batch);
    for (long length : kvLengths) {
      if (length < 0 || length > kvLength) throw new InvalidArgumentException("kvLengths", length, "0 to " + kvLength);
    }
  }

  private void numbers() {
    Check.present("alignment", o.alignment());
    if (o.windowLeft() < -1) throw new InvalidArgumentException("windowLeft", o.windowLeft(), "-1 or more");
    if (o.windowRight() < -1) throw new InvalidArgumentException("windowRight", o.windowRight(), "-1 or more");
    if (!Double.isNaN(o.scale())) Check.finite("scale", o.scale());
    Check.finite("softcap", o.softcap());
    if (o.softcap() < 0) throw new InvalidArgumentException("softcap", o.softcap(), "at least 0");
    if (!(o.dropout() >= 0 && o.dropout() < 1)) throw new InvalidArgumentException("dropout", o.dropout(), "in [0, 1)");
  }

  private void scores() {
    if (o.mask() != null) {
      Check.tensor("mask", o.mask(), DType.UINT8, device);
      broadcasts("mask", o.mask());
    }
    if (o.bias() != null) {
      Check.floats("bias", o.bias(), device);
      broadcasts("bias", o.bias());
    }
    Check.optional("alibi", o.alibi(), device, q.size(1));
  }

  private long[] scoreShape() {
    return new long[] {batch, q.size(1), qLength, kvLength};
  }

  private void broadcasts(String argument, Tensor t) {
    long[] full = scoreShape();
    boolean fits = t.rank() <= 4;
    for (int i = 1; fits && i <= t.rank(); i++) fits = t.size(-i) == 1 || t.size(-i) == full[4 - i];
    if (!fits) {
      throw new ShapeException(argument, "of shape " + Arrays.toString(t.shape()), "a shape that broadcasts to " + Arrays.toString(full));
    }
  }

  long[] biasShape() {
    return o.bias().shape();
  }

  /** A new tensor of a's first three sizes and the given last one, in a's memory layout: heads outside or inside. */
  Tensor newLike(Tensor a, long last) {
    boolean headsInside = a.size(1) > 1 && a.size(2) > 1 && a.stride(1) < a.stride(2);
    if (!headsInside) return Tensor.empty(device, a.dtype(), a.size(0), a.size(1), a.size(2), last);
    try (Tensor base = Tensor.empty(device, a.dtype(), a.size(0), a.size(2), a.size(1), last)) {
      return base.transpose(1, 2);
    }
  }

  void checkOutput(String argument, Tensor out, Tensor like, long last) {
    Check.tensor(argument, out, q.dtype(), device);
    Check.shape(argument, out, like.size(0), like.size(1), like.size(2), last);
    Check.unitLast(argument, out);
    Check.writable(argument, out);
    for (Tensor t : new Tensor[] {q, k, v, o.mask(), o.bias(), o.alibi()}) Check.disjoint(argument, out, "an operand", t);
  }

  void run(Tensor out, Tensor lse, BiConsumer<Kernels, AttentionArgs> kernel) {
    if (out.count() == 0) return;
    try (Tensor mask = expanded(o.mask()); Tensor bias = expanded(o.bias()); Tensor alibi = dense(o.alibi())) {
      AttentionArgs args = args(out, lse, mask, bias, alibi);
      Check.launch(device, kernels -> kernel.accept(kernels, args), q, k, v, out, lse, mask, bias, alibi);
    }
  }

  /** No window is wider than twice the longest sequence; sums with positions then fit, whatever the caller wrote for "all". */
  private static long window(long keys) {
    return Math.min(keys, 2L * SIZE_LIMIT);
  }

  void runBackward(Attention.Result forward, Tensor dout, Tensor dq, Tensor dk, Tensor dv, Tensor dbias) {
    if (q.count() == 0 || k.count() == 0) { // no pair contributes to any gradient
      for (Tensor t : new Tensor[] {dq, dk, dv, dbias}) if (t != null) clear(t);
      return;
    }
    try (Tensor mask = expanded(o.mask()); Tensor bias = expanded(o.bias()); Tensor alibi = dense(o.alibi());
        Tensor lse = forward.lse().contiguous(); Tensor wideBias = expanded(dbias)) {
      AttentionArgs args = args(forward.out(), lse, mask, bias, alibi);
      var backward = new AttentionBackwardArgs(args, dout, dq, dk, dv, wideBias);
      Check.launch(device, kernels -> kernels.attentionBackward(backward), q, k, v, forward.out(), lse, mask, bias, alibi, dout,
          dq, dk, dv, wideBias);
    }
  }

  private static void clear(Tensor t) {
    try (Tensor zeros = Tensor.zeros(t.device(), t.dtype(), t.shape())) {
      t.assign(zeros);
    }
  }

  private Tensor expanded(Tensor t) {
    return t == null ? null : t.expand(scoreShape());
  }

  private static Tensor dense(Tensor t) {
    return t == null ? null : t.contiguous();
  }

  private AttentionArgs args(Tensor out, Tensor lse, Tensor mask, Tensor bias, Tensor alibi) {
    double scale = Double.isNaN(o.scale()) ? 1 / Math.sqrt(q.size(3)) : o.scale();
    return new AttentionArgs(q, k, v, out, lse, mask, bias, alibi, batch, q.size(1), k.size(1), qLength, kvLength, q.size(3),
        v.size(3), kvLengths, qOffsets, kvOffsets, pages, o.pagesPerItem(), k.size(2), o.alignment() == Attention.Alignment.BOTTOM_RIGHT,
        window(o.windowLeft()), window(o.windowRight()), scale, o.softcap(), o.dropout(), o.seed(), precision);
  }
}
