package org.ondol;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/** Copies of any element type between devices and layouts, byte by byte the same. */
final class HostCopies {
  /** Bytes of a task. */
  private static final int PIECE = 1 << 16;

  private HostCopies() {}

  /** A contiguous copy on a device. */
  static Tensor of(Tensor source, Device target) {
    source.acquire();
    try {
      Tensor out = Tensor.empty(target, source.dtype(), source.shape());
      try {
        fill(out, source);
        return out;
      } catch (RuntimeException e) {
        out.close();
        throw e;
      }
    } finally {
      source.release();
    }
  }

  private static void fill(Tensor out, Tensor source) {
    long bytes = source.count() * source.dtype().bytes();
    if (bytes == 0) return;
    if (out.device().memory().isHost()) {
      read(source, out.segment().asSlice(0, bytes));
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment staged = arena.allocate(bytes, 64);
      read(source, staged);
      out.device().memory().upload(staged, out.address(), bytes);
    }
  }

  /** Fills a new FLOAT32 tensor with bytes of 0 to 255. */
  static void fillUnsigned(Tensor out, byte[] values) {
    if (values.length == 0) return;
    if (out.device().memory().isHost()) {
      widen(values, out.segment());
      return;
    }
    try (Arena arena = Arena.ofShared()) {
      MemorySegment staged = arena.allocate(4L * values.length, 64);
      widen(values, staged);
      out.device().memory().upload(staged, out.address(), staged.byteSize());
    }
  }

  /** Straight to where they go: by way of an array of floats it takes twice as long and a garbage collection now and then. */
  private static void widen(byte[] values, MemorySegment to) {
    long pieces = (values.length + PIECE - 1L) / PIECE;
    Threads.pool().run(pieces, (begin, end, thread) -> {
      int last = (int) Math.min(end * PIECE, values.length);
      for (int i = (int) begin * PIECE; i < last; i++) to.setAtIndex(ValueLayout.JAVA_FLOAT, i, values[i] & 0xFF);
    });
  }

  /** Writes the elements in row-major order into a segment of exactly their size. */
  static void read(Tensor source, MemorySegment target) {
    Recording.refuseReading(source);
    source.acquire();
    try {
      if (source.device().memory().isHost()) {
        gather(source, source.segment(), source.offset(), target);
      } else if (source.isContiguous()) {
        source.device().memory().download(source.address(), target, target.byteSize());
      } else {
        downloadStrided(source, target);
      }
    } finally {
      source.release();
    }
  }

  /** Fetches the range of memory that the elements span and gathers on the host. */
  private static void downloadStrided(Tensor source, MemorySegment target) {
    if (source.count() == 0) return;
    long low = 0;
    long high = 0;
    for (int i = 0; i < source.rank(); i++) {
      long reach = (source.size(i) - 1) * source.stride(i);
      if (reach > 0) high += reach; else low += reach;
    }
    int width = source.dtype().bytes();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment span = arena.allocate((high - low + 1) * width, 64);
      source.device().memory().download(source.address() + low * width, span, span.byteSize());
      gather(source, span, -low, target);
    }
  }

  private static void gather(Tensor source, MemorySegment from, long offset, MemorySegment to) {
    int width = source.dtype().bytes();
    long run = 1;
    int outer = source.rank();
    while (outer > 0 && (source.stride(outer - 1) == run || source.size(outer - 1) == 1)) run *= source.size(--outer);
    if (source.count() == 0) return;
    long[] index = new long[outer];
    long position = 0;
    while (true) {
      long at = offset;
      for (int i = 0; i < outer; i++) at += index[i] * source.stride(i);
      MemorySegment.copy(from, at * width, to, position * width, run * width);
      position += run;
      int d = outer - 1;
      while (d >= 0 && ++index[d] == source.size(d)) index[d--] = 0;
      if (d < 0) return;
    }
  }

  /** Overwrites elements of a host tensor. */
  static void assign(Tensor source, Tensor target) {
    if (!Arrays.equals(source.shape(), target.shape())) {
      throw new ShapeException("source", Arrays.toString(source.shape()), Arrays.toString(target.shape()));
    }
    if (source.dtype() != target.dtype()) throw new DTypeException("source", source.dtype(), target.dtype().toString());
    if (!target.isContiguous()) throw new ShapeException("target", target.toString(), "a contiguous tensor");
    long bytes = source.count() * source.dtype().bytes();
    if (bytes == 0) return;
    if (source.device().memory().isHost() && target.device().memory().isHost() && !source.overlaps(target)) {
      target.acquire();
      try {
        read(source, target.segment().asSlice(target.offset() * target.dtype().bytes(), bytes));
      } finally {
        target.release();
      }
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment staged = arena.allocate(bytes, 64);
      read(source, staged);
      target.acquire();
      try {
        if (target.device().memory().isHost()) {
          MemorySegment.copy(staged, 0, target.segment(), target.offset() * target.dtype().bytes(), bytes);
        } else {
          target.device().memory().upload(staged, target.address(), bytes);
        }
      } finally {
        target.release();
      }
    }
  }
}
