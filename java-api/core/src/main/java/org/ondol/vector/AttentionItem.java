package org.ondol.vector;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.ondol.Tensor;
import org.ondol.spi.AttentionArgs;

/** Attention's operands, and where the parts of each batch item lie in them. */
final class AttentionItem {
  /** What all items share. */
  static final class Operands {
    final AttentionArgs args;
    final Floats q;
    final Floats k;
    final Floats v;
    final Floats out;
    final Floats lse;
    final Floats bias;
    final Bytes mask;
    final Floats alibi;
    /** Query heads that read one key head. */
    final int group;
    final int headDim;
    final int valueDim;
    /** Brings q k to units of log 2. */
    final float scale;
    final float capIn;
    final float capOut;
    final float keepFactor;
    final long dropBelow;

    Operands(AttentionArgs args) {
      this.args = args;
      this.q = Floats.of(args.q());
      this.k = Floats.of(args.k());
      this.v = Floats.of(args.v());
      this.out = Floats.of(args.out());
      this.lse = Floats.of(args.lse());
      this.bias = Floats.of(args.bias());
      this.mask = Bytes.of(args.mask());
      this.alibi = Floats.of(args.alibi());
      this.group = (int) (args.heads() / args.kvHeads());
      this.headDim = (int) args.headDim();
      this.valueDim = (int) args.valueDim();
      this.scale = (float) (args.scale() * 1.4426950408889634);
      this.capIn = (float) (0.6931471805599453 / args.softcap());
      this.capOut = (float) (args.softcap() * 1.4426950408889634);
      this.keepFactor = (float) (1 / (1 - args.dropout()));
      this.dropBelow = (long) (args.dropout() * 4294967296.0);
    }

    AttentionItem item(long b) {
      return new AttentionItem(this, b);
    }
  }

  final Operands operands;
  final long b;
  /** Query rows of each head. */
  final int queries;
  /** Keys in use. */
  final int keys;
  /** The diagonal: query i stands at key i + diagonal. */
  final int diagonal;
  private final long firstQuery;
  private final long firstKey;
  private final long batch;

  private AttentionItem(Operands operands, long b) {
    AttentionArgs args = operands.args;
    boolean packed = args.qOffsets() != null;
    int i = (int) b;
    this.operands = operands;
    this.b = b;
    this.batch = packed ? 0 : b;
    this.firstQuery = packed ? args.qOffsets()[i] : 0;
    this.firstKey = packed ? args.kvOffsets()[i] : 0;
    this.queries = (int) (packed ? args.qOffsets()[i + 1] - firstQuery : args.qLength());
    this.keys = (int) (packed ? args.kvOffsets()[i + 1] - firstKey
        : args.kvLengths() != null ? args.kvLengths()[i] : args.kvLength());
    this.diagonal = args.bottomRight() ? keys - queries : 0;
  }

  /** The first visible key of query row i as far as windows say. */
  int low(int i) {
    long left = operands.args.windowLeft();
    return left < 0 ? 0 : (int) Math.max(0, i + (long) diagonal - left);
  }

  /** The key after the last visible one. */
  int high(int i) {
    long right = operands.args.windowRight();
    return right < 0 ? keys : (int) Math.max(0, Math.min(keys, i + (long) diagonal + right + 1));
  }

  /** Position of row i of a head in a tensor shaped like q. */
  long query(Floats x, int head, int i) {
    return x.start + batch * x.stride(0) + head * x.stride(1) + (firstQuery + i) * x.stride(2);
  }

  /** Position of key j of a key head in a tensor shaped like k. */
  long key(Floats x, int kvHead, int j) {
    AttentionArgs args = operands.args;
    if (args.pages() == null) {
      return x.start + batch * x.stride(0) + kvHead * x.stride(1) + (firstKey + j) * x.stride(2);
    }
    long page = args.pages()[(int) (b * args.pagesPerItem() + j / args.pageSize())];
    return x.start + page * x.stride(0) + kvHead * x.stride(1) + j % args.pageSize() * x.stride(2);
  }

  /** Reads keys j to j + n - 1 of k or v into rows of {@code width}. */
  void readKeys(Floats x, int kvHead, int j, int n, int width, float[] to) {
    long pageSize = operands.args.pages() == null ? Long.MAX_VALUE : operands.args.pageSize();
    for (int done = 0; done < n; ) {
      int run = (int) Math.min(n - done, pageSize - (j + done) % pageSize);
      x.readRows(key(x, kvHead, j + done), x.stride(2), run, to, done * width, width, width);
      done += run;
    }
  }

  /** Position of score (i, j) in an operand of the scores' shape. */
  long score(long start, long[] strides, int head, int i, int j) {
    return start + b * strides[0] + head * strides[1] + i * strides[2] + j * strides[3];
  }

  /** The elements of a UINT8 tensor. */
  record Bytes(MemorySegment memory, long start, long[] strides) {
    static Bytes of(Tensor t) {
      return t == null ? null : new Bytes(t.segment(), t.offset(), t.strides());
    }

    boolean isZero(long at) {
      return memory.get(ValueLayout.JAVA_BYTE, at) == 0;
    }
  }
}
