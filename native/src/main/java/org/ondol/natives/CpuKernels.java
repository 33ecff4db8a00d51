package org.ondol.natives;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.ondol.DType;
import org.ondol.HostMemory;
import org.ondol.Tensor;
import org.ondol.spi.AttentionArgs;
import org.ondol.spi.AttentionBackwardArgs;
import org.ondol.spi.ElementwiseArgs;
import org.ondol.spi.EmbeddingArgs;
import org.ondol.spi.EmbeddingBackwardArgs;
import org.ondol.spi.GemmArgs;
import org.ondol.spi.Kernels;
import org.ondol.spi.LayerNormArgs;
import org.ondol.spi.LayerNormBackwardArgs;
import org.ondol.spi.Memory;
import org.ondol.spi.ReduceArgs;
import org.ondol.spi.SoftmaxArgs;
import org.ondol.spi.SoftmaxBackwardArgs;

/** Writes the C ABI's argument structs, field by field in the order of ondol.h, and runs the kernels. */
final class CpuKernels implements Kernels {
  private static final int BATCH_RANK = 4;
  private static final int MAX_RANK = 6;

  private final String device;
  private final Stem gemm;
  private final Stem attention;
  private final Stem attentionBackward;
  private final Stem softmax;
  private final Stem softmaxBackward;
  private final Stem layernorm;
  private final Stem layernormBackward;
  private final Stem elementwise;
  private final Stem reduce;
  private final Stem embedding;
  private final Stem embeddingBackward;

  /**
   * @param variant the variant that every kernel must use, or null for the best of each
   */
  CpuKernels(String device, String variant) {
    this.device = device;
    gemm = Stem.of(Stem.Kind.GEMM, variant);
    attention = Stem.of(Stem.Kind.ATTENTION, variant);
    attentionBackward = Stem.of(Stem.Kind.ATTENTION_BACKWARD, variant);
    softmax = Stem.of(Stem.Kind.SOFTMAX, variant);
    softmaxBackward = Stem.of(Stem.Kind.SOFTMAX_BACKWARD, variant);
    layernorm = Stem.of(Stem.Kind.LAYERNORM, variant);
    layernormBackward = Stem.of(Stem.Kind.LAYERNORM_BACKWARD, variant);
    elementwise = Stem.of(Stem.Kind.ELEMENTWISE, variant);
    reduce = Stem.of(Stem.Kind.REDUCE, variant);
    embedding = Stem.of(Stem.Kind.EMBEDDING, variant);
    embeddingBackward = Stem.of(Stem.Kind.EMBEDDING_BACKWARD, variant);
  }

  @Override
  public String device() {
    return device;
  }

  @Override
  public Memory memory() {
    return HostMemory.INSTANCE;
  }

  @Override
  public void gemm(GemmArgs a) {
    Call call = Call.begin();
    Words w = call.args;
    Tensor c = a.c();
    int row = c.rank() - 2;
    w.batchSizes(c, BATCH_RANK).put(a.m()).put(a.n()).put(a.k());
    w.pointer(a.a()).batchStrides(a.a(), BATCH_RANK).put(a.a().stride(row)).put(a.a().stride(row + 1));
    w.pointer(a.b()).batchStrides(a.b(), BATCH_RANK);
    w.put(a.b() == null ? 0 : a.b().stride(row)).put(a.b() == null ? 0 : a.b().stride(row + 1));
    w.pointer(a.packed());
    w.pointer(c).batchStrides(c, BATCH_RANK).put(c.stride(row));
    w.pointer(a.bias());
    w.pointer(a.residual()).batchStrides(a.residual(), BATCH_RANK).put(a.residual() == null ? 0 : a.residual().stride(row));
    w.put(a.activation().ordinal()).put((double) a.alpha());
    call.execute(gemm);
  }

  @Override
  public void attention(AttentionArgs a) {
    Call call = Call.begin();
    try (Integers integers = new Integers(a)) {
      write(call.args, a, integers);
      call.execute(attention);
    }
  }

  @Override
  public void attentionBackward(AttentionBackwardArgs a) {
    Call call = Call.begin();
    try (Integers integers = new Integers(a.forward())) {
      write(call.args, a.forward(), integers);
      call.args.operand(a.dout(), 3).operand(a.dq(), 3).operand(a.dk(), 3).operand(a.dv(), 3).operand(a.dbias(), 4);
      call.execute(attentionBackward);
    }
  }

  private static void write(Words w, AttentionArgs a, Integers integers) {
    w.put(a.batch()).put(a.heads()).put(a.kvHeads()).put(a.qLength()).put(a.kvLength()).put(a.headDim()).put(a.valueDim());
    w.operand(a.q(), 3).operand(a.k(), 3).operand(a.v(), 3).operand(a.out(), 3).operand(a.lse(), 3);
    w.operand(a.mask(), 4).operand(a.bias(), 4).pointer(a.alibi());
    w.put(integers.kvLengths).put(integers.qOffsets).put(integers.kvOffsets).put(integers.pages);
    w.put(a.pagesPerItem()).put(a.pageSize()).put(a.k().size(0));
    w.put(a.bottomRight()).put(a.windowLeft()).put(a.windowRight()).put(a.scale()).put(a.softcap());
    w.put(a.dropout()).put(a.seed());
  }

  /** Attention's integer arrays in native memory during a call. */
  private static final class Integers implements AutoCloseable {
    private final Memory.Block block;
    private long at;
    final long kvLengths;
    final long qOffsets;
    final long kvOffsets;
    final long pages;

    Integers(AttentionArgs a) {
      long count = length(a.kvLengths()) + length(a.qOffsets()) + length(a.kvOffsets()) + length(a.pages());
      block = count == 0 ? null : HostMemory.INSTANCE.allocate(count * 8);
      kvLengths = store(a.kvLengths());
      qOffsets = store(a.qOffsets());
      kvOffsets = store(a.kvOffsets());
      pages = store(a.pages());
    }

    private static long length(long[] array) {
      return array == null ? 0 : array.length;
    }

    private long store(long[] array) {
      if (array == null || block == null) return 0;
      MemorySegment.copy(array, 0, block.segment(), ValueLayout.JAVA_LONG, at * 8, array.length);
      long address = block.address() + at * 8;
      at += array.length;
      return address;
    }

    @Override
    public void close() {
      if (block != null) HostMemory.INSTANCE.free(block);
    }
  }

  @Override
  public void softmax(SoftmaxArgs a) {
    Call call = Call.begin();
    call.args.put(a.outer()).put(a.n()).put(a.inner()).pointer(a.x()).pointer(a.y()).put(a.log());
    call.execute(softmax);
  }

  @Override
  public void softmaxBackward(SoftmaxBackwardArgs a) {
    Call call = Call.begin();
    call.args.put(a.outer()).put(a.n()).put(a.inner()).pointer(a.y()).pointer(a.dy()).pointer(a.dx()).put(a.log());
    call.execute(softmaxBackward);
  }

  @Override
  public void layernorm(LayerNormArgs a) {
    Call call = Call.begin();
    call.args.put(a.rows()).put(a.n()).put(a.n()).put(a.n()).pointer(a.x()).pointer(a.gamma()).pointer(a.beta()).pointer(a.y())
        .pointer(a.mean()).pointer(a.rstd()).put((double) a.eps());
    call.execute(layernorm);
  }

  @Override
  public void layernormBackward(LayerNormBackwardArgs a) {
    Call call = Call.begin();
    call.args.put(a.rows()).put(a.n()).put(a.n()).put(a.n()).put(a.n()).pointer(a.x()).pointer(a.gamma()).pointer(a.dy())
        .pointer(a.mean()).pointer(a.rstd()).pointer(a.dx()).pointer(a.dgamma()).pointer(a.dbeta());
    call.execute(layernormBackward);
  }

  @Override
  public void elementwise(ElementwiseArgs a) {
    Call call = Call.begin();
    Words w = call.args;
    Tensor out = a.out();
    w.put(a.op().ordinal()).put(out.rank());
    for (int i = 0; i < MAX_RANK; i++) w.put(i < out.rank() ? out.size(i) : 1);
    padded(w, a.x(), out.rank());
    padded(w, a.y(), out.rank());
    padded(w, out, out.rank());
    w.put((double) a.param());
    call.execute(elementwise);
  }

  private static void padded(Words w, Tensor t, int rank) {
    w.operand(t, rank);
    for (int i = rank; i < MAX_RANK; i++) w.put(0);
  }

  @Override
  public void reduce(ReduceArgs a) {
    Call call = Call.begin();
    call.args.put(a.op().ordinal()).put(a.outer()).put(a.n()).put(a.inner()).pointer(a.x()).pointer(a.y());
    call.execute(reduce);
  }

  @Override
  public void embedding(EmbeddingArgs a) {
    Call call = Call.begin();
    call.args.put(a.count()).put(a.vocabulary()).put(a.width()).put(a.width()).put(a.width()).pointer(a.table()).pointer(a.ids())
        .put(idBytes(a.ids())).pointer(a.out());
    call.execute(embedding);
  }

  @Override
  public void embeddingBackward(EmbeddingBackwardArgs a) {
    Call call = Call.begin();
    call.args.put(a.count()).put(a.vocabulary()).put(a.width()).put(a.width()).put(a.width()).pointer(a.dout()).pointer(a.ids())
        .put(idBytes(a.ids())).pointer(a.dtable());
    call.execute(embeddingBackward);
  }

  private static long idBytes(Tensor ids) {
    return ids.dtype() == DType.INT32 ? 4 : 8;
  }
}
