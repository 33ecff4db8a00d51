package org.ondol.vector;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.ondol.Tensor;

/**
 * The elements of a FLOAT32 tensor, or the bits of an INT32 one, by their position in its memory. The loops run on arrays
 * only (faster than segments under C2 and the same code for heap and native memory); this is the way in and out, in runs.
 */
final class Floats {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

  private final MemorySegment memory;
  /** Position of the first element. */
  final long start;
  final long[] strides;

  private Floats(MemorySegment memory, long start, long[] strides) {
    this.memory = memory;
    this.start = start;
    this.strides = strides;
  }

  /** Null for null. */
  static Floats of(Tensor t) {
    return t == null ? null : new Floats(t.segment(), t.offset(), t.strides());
  }

  /** The stride of a dimension, counted from the end where negative. */
  long stride(int dim) {
    return strides[dim < 0 ? dim + strides.length : dim];
  }

  float get(long at) {
    return memory.getAtIndex(FLOAT, at);
  }

  void set(long at, float value) {
    memory.setAtIndex(FLOAT, at, value);
  }

  void read(long at, float[] to, int toAt, int n) {
    MemorySegment.copy(memory, FLOAT, at * Float.BYTES, to, toAt, n);
  }

  void write(float[] from, int fromAt, long at, int n) {
    MemorySegment.copy(from, fromAt, memory, FLOAT, at * Float.BYTES, n);
  }

  /** Reads n elements that lie {@code step} apart. */
  void read(long at, long step, float[] to, int toAt, int n) {
    if (step == 1) {
      read(at, to, toAt, n);
      return;
    }
    for (int i = 0; i < n; i++) {
      to[toAt + i] = memory.getAtIndex(FLOAT, at + i * step);
    }
  }

  /** Writes n elements that lie {@code step} apart. */
  void write(float[] from, int fromAt, long at, long step, int n) {
    if (step == 1) {
      write(from, fromAt, at, n);
      return;
    }
    for (int i = 0; i < n; i++) {
      memory.setAtIndex(FLOAT, at + i * step, from[fromAt + i]);
    }
  }

  /** Reads rows of n elements, {@code rowStride} apart, into rows {@code toStride} apart. */
  void readRows(long at, long rowStride, int rows, float[] to, int toAt, int toStride, int n) {
    if (rowStride == n && toStride == n) {
      read(at, to, toAt, rows * n);
      return;
    }
    for (int r = 0; r < rows; r++) {
      read(at + r * rowStride, to, toAt + r * toStride, n);
    }
  }

  /** The array under the memory, where it is one that can be written and begins with element 0; else null. */
  float[] array() {
    return memory.address() == 0 && memory.heapBase().orElse(null) instanceof float[] array ? array : null;
  }
}
