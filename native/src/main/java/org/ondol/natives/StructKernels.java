package org.ondol.natives;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.ondol.DType;
import org.ondol.Tensor;
import org.ondol.spi.AttentionArgs;
import org.ondol.spi.AttentionBackwardArgs;
import org.ondol.spi.BatchNormArgs;
import org.ondol.spi.BatchNormBackwardArgs;
import org.ondol.spi.CastArgs;
import org.ondol.spi.ConvArgs;
import org.ondol.spi.ConvWeightArgs;
import org.ondol.spi.ElementwiseArgs;
import org.ondol.spi.EmbeddingArgs;
import org.ondol.spi.EmbeddingBackwardArgs;
import org.ondol.spi.GemmArgs;
import org.ondol.spi.IouArgs;
import org.ondol.spi.IouBackwardArgs;
import org.ondol.spi.Kernels;
import org.ondol.spi.LayerNormArgs;
import org.ondol.spi.LayerNormBackwardArgs;
import org.ondol.spi.LstmArgs;
import org.ondol.spi.LstmBackwardArgs;
import org.ondol.spi.Memory;
import org.ondol.spi.NadeArgs;
import org.ondol.spi.NadeBackwardArgs;
import org.ondol.spi.NmsArgs;
import org.ondol.spi.PoolArgs;
import org.ondol.spi.PoolBackwardArgs;
import org.ondol.spi.PoolShape;
import org.ondol.spi.ReduceArgs;
import org.ondol.spi.ResizeArgs;
import org.ondol.spi.ResizeBackwardArgs;
import org.ondol.spi.RoiAlignArgs;
import org.ondol.spi.RoiAlignBackwardArgs;
import org.ondol.spi.RoiPoolArgs;
import org.ondol.spi.RoiPoolBackwardArgs;
import org.ondol.spi.RoiWarpArgs;
import org.ondol.spi.RoiWarpBackwardArgs;
import org.ondol.spi.SoftmaxArgs;
import org.ondol.spi.SoftmaxBackwardArgs;
import org.ondol.spi.TopKArgs;
import org.ondol.spi.UnpoolArgs;
import org.ondol.spi.UnpoolBackwardArgs;

/**
 * Writes the C ABI's argument structs, field by field in the order of ondol.h. The operations of every native device are
 * the same structs; a device says where it keeps them and how a written call is run.
 */
public abstract class StructKernels implements Kernels {
  private static final int BATCH_RANK = 4;
  private static final int MAX_RANK = 6;

  /** Memory of the calling thread for the arguments of one call, to be written from the start. */
  protected abstract Words begin();

  /** Runs a call of this thread whose arguments are written. */
  protected abstract void execute(Family family, Words args);

  @Override
  public void gemm(GemmArgs a) {
    Words w = begin();
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
    w.put(a.activation().ordinal()).put((double) a.alpha()).put(a.precision().ordinal());
    execute(Family.GEMM, w);
  }

  @Override
  public void attention(AttentionArgs a) {
    Words w = begin();
    try (Integers integers = new Integers(memory(), a)) {
      write(w, a, integers);
      execute(Family.ATTENTION, w);
    }
  }

  @Override
  public void attentionBackward(AttentionBackwardArgs a) {
    Words w = begin();
    try (Integers integers = new Integers(memory(), a.forward())) {
      write(w, a.forward(), integers);
      w.operand(a.dout(), 3).operand(a.dq(), 3).operand(a.dk(), 3).operand(a.dv(), 3).operand(a.dbias(), 4);
      execute(Family.ATTENTION_BACKWARD, w);
    }
  }

  private static void write(Words w, AttentionArgs a, Integers integers) {
    w.put(a.batch()).put(a.heads()).put(a.kvHeads()).put(a.qLength()).put(a.kvLength()).put(a.headDim()).put(a.valueDim());
    w.operand(a.q(), 3).operand(a.k(), 3).operand(a.v(), 3).operand(a.out(), 3).operand(a.lse(), 3);
    w.operand(a.mask(), 4).operand(a.bias(), 4).pointer(a.alibi());
    w.put(integers.kvLengths).put(integers.qOffsets).put(integers.kvOffsets).put(integers.pages);
    w.put(a.pagesPerItem()).put(a.pageSize()).put(a.k().size(0));
    w.put(a.bottomRight()).put(a.windowLeft()).put(a.windowRight()).put(a.scale()).put(a.softcap());
    w.put(a.dropout()).put(a.seed()).put(a.precision().ordinal());
  }

  /** Attention's integer arrays in the device's memory during a call. */
  private static final class Integers implements AutoCloseable {
    private final Memory memory;
    private final Memory.Block block;
    final long kvLengths;
    final long qOffsets;
    final long kvOffsets;
    final long pages;

    Integers(Memory memory, AttentionArgs a) {
      this.memory = memory;
      long[][] arrays = {a.kvLengths(), a.qOffsets(), a.kvOffsets(), a.pages()};
      long[] at = new long[arrays.length];
      long count = 0;
      for (long[] array : arrays) count += array == null ? 0 : array.length;
      block = count == 0 ? null : memory.allocate(count * Long.BYTES);
      if (block != null) store(arrays, at, count);
      kvLengths = at[0];
      qOffsets = at[1];
      kvOffsets = at[2];
      pages = at[3];
    }

    /** Writes the arrays one after the other and notes their addresses. */
    private void store(long[][] arrays, long[] at, long count) {
      if (memory.isHost()) {
        write(arrays, at, block.segment());
        return;
      }
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment staged = arena.allocate(count * Long.BYTES, Long.BYTES);
        write(arrays, at, staged);
        memory.upload(staged, block.address(), count * Long.BYTES);
      }
    }

    private void write(long[][] arrays, long[] at, MemorySegment target) {
      long position = 0;
      for (int i = 0; i < arrays.length; i++) {
        if (arrays[i] == null) continue;
        MemorySegment.copy(arrays[i], 0, target, ValueLayout.JAVA_LONG, position, arrays[i].length);
        at[i] = block.address() + position;
        position += (long) arrays[i].length * Long.BYTES;
      }
    }

    @Override
    public void close() {
      if (block != null) memory.free(block);
    }
  }

  @Override
  public void softmax(SoftmaxArgs a) {
    Words w = begin();
    w.put(a.outer()).put(a.n()).put(a.inner()).pointer(a.x()).pointer(a.y()).put(a.log());
    execute(Family.SOFTMAX, w);
  }

  @Override
  public void softmaxBackward(SoftmaxBackwardArgs a) {
    Words w = begin();
    w.put(a.outer()).put(a.n()).put(a.inner()).pointer(a.y()).pointer(a.dy()).pointer(a.dx()).put(a.log());
    execute(Family.SOFTMAX_BACKWARD, w);
  }

  @Override
  public void layernorm(LayerNormArgs a) {
    Words w = begin();
    w.put(a.rows()).put(a.n()).put(a.n()).put(a.n()).pointer(a.x()).pointer(a.gamma()).pointer(a.beta()).pointer(a.y())
        .pointer(a.mean()).pointer(a.rstd()).put((double) a.eps());
    execute(Family.LAYERNORM, w);
  }

  @Override
  public void layernormBackward(LayerNormBackwardArgs a) {
    Words w = begin();
    w.put(a.rows()).put(a.n()).put(a.n()).put(a.n()).put(a.n()).pointer(a.x()).pointer(a.gamma()).pointer(a.dy())
        .pointer(a.mean()).pointer(a.rstd()).pointer(a.dx()).pointer(a.dgamma()).pointer(a.dbeta());
    execute(Family.LAYERNORM_BACKWARD, w);
  }

  @Override
  public void elementwise(ElementwiseArgs a) {
    Words w = begin();
    Tensor out = a.out();
    w.put(a.op().ordinal()).put(out.rank());
    for (int i = 0; i < MAX_RANK; i++) w.put(i < out.rank() ? out.size(i) : 1);
    padded(w, a.x(), out.rank());
    padded(w, a.y(), out.rank());
    padded(w, out, out.rank());
    w.put((double) a.param());
    execute(Family.ELEMENTWISE, w);
  }

  private static void padded(Words w, Tensor t, int rank) {
    w.operand(t, rank);
    for (int i = rank; i < MAX_RANK; i++) w.put(0);
  }

  @Override
  public void cast(CastArgs a) {
    Words w = begin();
    Tensor y = a.y();
    w.put(type(a.x().dtype())).put(type(y.dtype())).put(y.rank());
    for (int i = 0; i < MAX_RANK; i++) w.put(i < y.rank() ? y.size(i) : 1);
    padded(w, a.x(), y.rank());
    padded(w, y, y.rank());
    execute(Family.CAST, w);
  }

  /** The number that ondol.h gives a floating-point type. */
  private static int type(DType type) {
    return switch (type) {
      case FLOAT32 -> 0;
      case BFLOAT16 -> 1;
      case FLOAT16 -> 2;
      default -> throw new AssertionError(type);
    };
  }

  @Override
  public void reduce(ReduceArgs a) {
    Words w = begin();
    w.put(a.op().ordinal()).put(a.outer()).put(a.n()).put(a.inner()).pointer(a.x()).pointer(a.y());
    execute(Family.REDUCE, w);
  }

  @Override
  public void embedding(EmbeddingArgs a) {
    Words w = begin();
    w.put(a.count()).put(a.vocabulary()).put(a.width()).put(a.width()).put(a.width()).pointer(a.table()).pointer(a.ids())
        .put(idBytes(a.ids())).pointer(a.out());
    execute(Family.EMBEDDING, w);
  }

  @Override
  public void embeddingBackward(EmbeddingBackwardArgs a) {
    Words w = begin();
    w.put(a.count()).put(a.vocabulary()).put(a.width()).put(a.width()).put(a.width()).pointer(a.dout()).pointer(a.ids())
        .put(idBytes(a.ids())).pointer(a.dtable());
    execute(Family.EMBEDDING_BACKWARD, w);
  }

  @Override
  public void conv(ConvArgs a) {
    execute(Family.CONV, ConvStructs.write(begin(), a));
  }

  @Override
  public void deconv(ConvArgs a) {
    execute(Family.DECONV, ConvStructs.write(begin(), a));
  }

  @Override
  public void winograd(ConvArgs a) {
    execute(Family.WINOGRAD, ConvStructs.write(begin(), a));
  }

  @Override
  public void convweight(ConvWeightArgs a) {
    execute(Family.CONVWEIGHT, ConvStructs.write(begin(), a));
  }

  @Override
  public void resize(ResizeArgs a) {
    Words w = begin();
    w.put(a.planes()).put(a.inRows()).put(a.inColumns()).put(a.outRows()).put(a.outColumns()).pointer(a.x()).pointer(a.y())
        .pointer(a.rows()).pointer(a.rowWeights()).pointer(a.columns()).pointer(a.columnWeights());
    execute(Family.RESIZE, w);
  }

  @Override
  public void resizeBackward(ResizeBackwardArgs a) {
    Words w = begin();
    w.put(a.planes()).put(a.inRows()).put(a.inColumns()).put(a.outRows()).put(a.outColumns()).pointer(a.dy()).pointer(a.dx())
        .pointer(a.rows()).pointer(a.rowWeights()).pointer(a.columns()).pointer(a.columnWeights());
    execute(Family.RESIZE_BACKWARD, w);
  }

  @Override
  public void batchnorm(BatchNormArgs a) {
    Words w = begin();
    w.put(a.batch()).put(a.channels()).put(a.size()).put(a.training()).pointer(a.x()).pointer(a.gamma()).pointer(a.beta())
        .pointer(a.mean()).pointer(a.variance()).pointer(a.rstd()).pointer(a.y()).put(a.relu()).put((double) a.eps());
    execute(Family.BATCHNORM, w);
  }

  @Override
  public void batchnormBackward(BatchNormBackwardArgs a) {
    Words w = begin();
    w.put(a.batch()).put(a.channels()).put(a.size()).put(a.training()).pointer(a.x()).pointer(a.dy()).pointer(a.y())
        .pointer(a.gamma()).pointer(a.mean()).pointer(a.rstd()).pointer(a.dx()).pointer(a.dgamma()).pointer(a.dbeta());
    execute(Family.BATCHNORM_BACKWARD, w);
  }

  @Override
  public void pool(PoolArgs a) {
    Words w = begin();
    write(w.put(a.op().ordinal()), a.shape());
    w.operand(a.x(), 2).operand(a.y(), 2).pointer(a.indices());
    execute(Family.POOL, w);
  }

  @Override
  public void poolBackward(PoolBackwardArgs a) {
    Words w = begin();
    write(w.put(a.op().ordinal()), a.shape());
    for (int i = 0; i < 6; i++) w.put(0); // x and y
    w.pointer(a.indices()).operand(a.dy(), 2).operand(a.dx(), 2);
    execute(Family.POOL_BACKWARD, w);
  }

  private static void write(Words w, PoolShape s) {
    w.put(s.batch()).put(s.channels()).put(s.xHeight()).put(s.xWidth()).put(s.yHeight()).put(s.yWidth());
    w.put(s.kernelH()).put(s.kernelW()).put(s.strideH()).put(s.strideW()).put(s.dilationH()).put(s.dilationW());
    w.put(s.padTop()).put(s.padLeft()).put(s.padBottom()).put(s.padRight()).put(s.countPadding());
  }

  @Override
  public void unpool(UnpoolArgs a) {
    Words w = begin();
    write(w, a.x(), a.y());
    w.operand(a.x(), 2).pointer(a.indices()).operand(a.y(), 2);
    execute(Family.UNPOOL, w);
  }

  @Override
  public void unpoolBackward(UnpoolBackwardArgs a) {
    Words w = begin();
    write(w, a.dx(), a.dy());
    w.operand(a.dy(), 2).pointer(a.indices()).operand(a.dx(), 2);
    execute(Family.UNPOOL_BACKWARD, w);
  }

  @Override
  public void roialign(RoiAlignArgs a) {
    execute(Family.ROIALIGN, RoiStructs.write(begin(), a));
  }

  @Override
  public void roialignBackward(RoiAlignBackwardArgs a) {
    execute(Family.ROIALIGN_BACKWARD, RoiStructs.write(begin(), a));
  }

  private static void write(Words w, Tensor small, Tensor large) {
    w.put(small.size(0)).put(small.size(1)).put(small.size(2) * small.size(3)).put(large.size(2) * large.size(3));
  }

  @Override
  public void iou(IouArgs a) {
    execute(Family.IOU, BoxStructs.write(begin(), a));
  }

  @Override
  public void iouBackward(IouBackwardArgs a) {
    execute(Family.IOU_BACKWARD, BoxStructs.write(begin(), a));
  }

  @Override
  public void roiwarp(RoiWarpArgs a) {
    execute(Family.ROIWARP, BoxStructs.write(begin(), a));
  }

  @Override
  public void roiwarpBackward(RoiWarpBackwardArgs a) {
    execute(Family.ROIWARP_BACKWARD, BoxStructs.write(begin(), a));
  }

  @Override
  public void topk(TopKArgs a) {
    execute(Family.TOPK, BoxStructs.write(begin(), a));
  }

  @Override
  public void nms(NmsArgs a) {
    execute(Family.NMS, BoxStructs.write(begin(), a));
  }

  @Override
  public void roipool(RoiPoolArgs a) {
    execute(Family.ROIPOOL, RoiStructs.write(begin(), a));
  }

  @Override
  public void roipoolBackward(RoiPoolBackwardArgs a) {
    execute(Family.ROIPOOL_BACKWARD, RoiStructs.write(begin(), a));
  }

  @Override
  public void nade(NadeArgs a) {
    Words w = begin();
    write(w, a);
    execute(Family.NADE, w);
  }

  @Override
  public void nadeBackward(NadeBackwardArgs a) {
    Words w = begin();
    write(w, a.forward());
    w.pointer(a.dy()).pointer(a.dstate()).pointer(a.dx()).pointer(a.dscale()).pointer(a.dw()).pointer(a.dv()).pointer(a.dstart());
    execute(Family.NADE_BACKWARD, w);
  }

  private static void write(Words w, NadeArgs a) {
    boolean drawn = a.uniform() != null;
    w.put(a.rows()).put(a.variables()).put(a.outputs()).put(a.hidden()).put(a.activation().ordinal());
    w.pointer(drawn ? null : a.x()).pointer(a.w()).pointer(a.v()).pointer(a.bias()).pointer(a.scale());
    w.pointer(a.start()).put(a.startRow()).pointer(a.y()).pointer(a.state());
    w.pointer(a.uniform()).pointer(a.known()).pointer(a.given()).pointer(drawn ? a.x() : null);
  }

  private static long idBytes(Tensor ids) {
    return ids.dtype() == DType.INT32 ? 4 : 8;
  }

  @Override
  public void lstm(LstmArgs a) {
    Words w = begin();
    w.put(a.steps()).put(a.sequences()).put(a.positions()).put(a.hidden()).put(a.taps()).put(a.before()).put(a.reverse());
    w.put(a.halo()).operand(a.x(), 3).pointer(a.weight()).pointer(a.bias()).operand(a.h0(), 2).operand(a.c0(), 2);
    w.operand(a.h(), 3).operand(a.c(), 2).pointer(a.gates()).pointer(a.cells());
    execute(Family.LSTM, w);
  }

  @Override
  public void lstmBackward(LstmBackwardArgs a) {
    Words w = begin();
    w.put(a.steps()).put(a.sequences()).put(a.positions()).put(a.hidden()).put(a.taps()).put(a.before()).put(a.reverse());
    w.pointer(a.weight()).pointer(a.gates()).pointer(a.cells()).pointer(a.c0()).pointer(a.dh()).pointer(a.dc());
    w.pointer(a.dx()).pointer(a.dh0()).pointer(a.dc0());
    execute(Family.LSTM_BACKWARD, w);
  }
}
