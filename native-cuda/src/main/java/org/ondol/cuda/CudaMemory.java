package org.ondol.cuda;

import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import org.ondol.OutOfMemoryException;
import org.ondol.RecordingException;
import org.ondol.spi.Memory;

/**
 * Memory of a CUDA device. Freed blocks are kept for the next: cudaMalloc takes longer than most kernels, and cudaFree waits
 * for the device. A block may be handed out again while kernels that use it are still queued, because everything that
 * touches it next is queued behind them on the device's one stream. What a recording allocates comes from a heap of its own,
 * because its work will run again.
 */
final class CudaMemory implements Memory {
  private final CudaContext context;
  private final CudaRuntime runtime;
  private final Uploads uploads;
  private final Downloads downloads;
  private final Heap common = new Heap();
  private final Map<Long, Heap.Block> inUse = new HashMap<>();
  private final TreeMap<Long, Heap.Piece> pieces = new TreeMap<>();
  /** Freed bytes kept at most. */
  private final long limit;
  /** Bytes of all pieces. */
  private long total;
  /** Bytes of the blocks in use. */
  private long used;

  CudaMemory(CudaContext context) {
    this.context = context;
    runtime = context.runtime;
    uploads = new Uploads(context.device, runtime, context.stream);
    downloads = new Downloads(context.device, runtime, context.stream);
    try {
      limit = Long.getLong("ondol.cuda.cache.bytes", runtime.capacity() / 4 * 3);
    } catch (CudaFailure e) {
      throw context.errors.of(e, "asking for the size of the memory");
    }
  }

  @Override
  public boolean isHost() {
    return false;
  }

  @Override
  public Block allocate(long bytes) {
    context.errors.check();
    CudaCapture capture = context.capture();
    try {
      return allocate(bytes, capture == null ? common : capture.heap);
    } catch (CudaFailure e) {
      throw context.errors.of(e, "allocating " + bytes + " bytes");
    }
  }

  private synchronized Block allocate(long bytes, Heap heap) {
    long size = Heap.rounded(bytes);
    Heap.Block block = heap.take(size);
    if (block == null) {
      grow(bytes, size, heap);
      block = heap.take(size);
    }
    used += block.bytes;
    inUse.put(block.address, block);
    return new Block(block.address, null, block.bytes);
  }

  /** Gets a piece for a block: what is kept is given back first where that is needed, and of a small one no more is taken. */
  private void grow(long bytes, long size, Heap heap) {
    long piece = Heap.pieceFor(size);
    long address = runtime.allocate(piece);
    if (address == 0) {
      release(Long.MAX_VALUE);
      address = runtime.allocate(piece);
    }
    if (address == 0) {
      piece = size;
      address = runtime.allocate(piece);
    }
    if (address == 0) {
      throw new OutOfMemoryException(context.device, bytes, runtime.available() + " bytes are free on the device, " + used
          + " are held by open tensors of this process, and " + (total - used) + " lie between them, at most "
          + Math.max(common.largest(), heap.largest()) + " together; close some or use a smaller batch");
    }
    pieces.put(address, heap.add(address, piece, size < Heap.SMALL));
    total += piece;
  }

  @Override
  public void free(Block block) {
    synchronized (this) {
      Heap.Block b = inUse.get(block.address());
      if (b.holds > 0) {
        b.left = true;
        return;
      }
      give(b);
    }
  }

  private void give(Heap.Block b) {
    inUse.remove(b.address);
    used -= b.bytes;
    b.piece.heap.give(b);
    if (total - used > limit && !context.errors.isLost()) {
      try {
        release(total - used - limit);
      } catch (CudaFailure e) {
        context.errors.of(e, "giving memory back"); // of what a closed tensor left nothing need be thrown
      }
    }
  }

  /** Gives unused pieces back to the driver until so many bytes are. */
  private long release(long bytes) {
    long given = 0;
    for (Heap.Piece piece : common.unused()) {
      if (given >= bytes) break;
      runtime.free(piece.address);
      common.remove(piece);
      pieces.remove(piece.address);
      total -= piece.bytes;
      given += piece.bytes;
    }
    return given;
  }

  @Override
  public synchronized long trim() {
    context.errors.check();
    try {
      return release(Long.MAX_VALUE);
    } catch (CudaFailure e) {
      throw context.errors.of(e, "giving memory back");
    }
  }

  /** The block in use that an address lies in, held for a recording that has not allocated it itself; else null. */
  synchronized Heap.Block hold(long address, CudaCapture capture) {
    Map.Entry<Long, Heap.Piece> entry = pieces.floorEntry(address);
    if (entry == null || address >= entry.getKey() + entry.getValue().bytes) return null;
    Heap.Piece piece = entry.getValue();
    if (piece.heap == capture.heap) return null;
    Heap.Block block = piece.block(address);
    if (block.free || capture.holds(block)) return null;
    block.holds++;
    return block;
  }

  /** Ends a recording's hold on memory: blocks that it kept are freed, and its own serve others. */
  synchronized void release(Iterable<Heap.Block> held, Heap heap) {
    for (Heap.Block block : held) {
      if (--block.holds == 0 && block.left) give(block);
    }
    heap.moveTo(common);
  }

  @Override
  public void upload(MemorySegment source, long target, long bytes) {
    context.errors.check();
    if (bytes == 0) return;
    CudaCapture capture = context.capture();
    try {
      if (capture != null) {
        capture.upload(source, target, bytes);
      } else {
        uploads.copy(source, target, bytes);
      }
    } catch (CudaFailure e) {
      throw context.errors.of(e, "copying " + bytes + " bytes to the device");
    }
  }

  @Override
  public void zero(long target, long bytes) {
    context.errors.check();
    CudaCapture capture = context.capture();
    try {
      if (capture != null) capture.hold(target);
      runtime.zero(target, bytes, capture == null ? context.stream : capture.stream);
    } catch (CudaFailure e) {
      throw context.errors.of(e, "filling " + bytes + " bytes");
    }
  }

  @Override
  public void download(long source, MemorySegment target, long bytes) {
    context.errors.check();
    if (bytes == 0) return;
    if (context.capture() != null) throw new RecordingException(context.device, "a copy from the device");
    try {
      downloads.copy(source, target, bytes);
    } catch (CudaFailure e) {
      throw context.errors.of(e, "copying " + bytes + " bytes from the device, or an operation before it");
    }
    context.errors.passed();
  }
}
