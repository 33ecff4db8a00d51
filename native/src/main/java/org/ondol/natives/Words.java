package org.ondol.natives;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.ondol.Tensor;

/** Writes a struct of the C ABI field by field: each is one 64-bit word. */
public final class Words {
  private final MemorySegment memory;
  private long count;

  public Words(MemorySegment memory) {
    this.memory = memory;
  }

  /** Starts over. */
  public Words begin() {
    count = 0;
    return this;
  }

  /** How many words were written since. */
  public long written() {
    return count;
  }

  /** Where the struct begins. */
  public long address() {
    return memory.address();
  }

  /** The next field. */
  public Words put(long value) {
    memory.setAtIndex(ValueLayout.JAVA_LONG, count++, value);
    return this;
  }

  /** The next field, 1 or 0. */
  public Words put(boolean value) {
    return put(value ? 1 : 0);
  }

  /** The next field. */
  public Words put(double value) {
    memory.setAtIndex(ValueLayout.JAVA_DOUBLE, count++, value);
    return this;
  }

  /** The address of the first element, or null. */
  Words pointer(Tensor t) {
    return put(t == null ? 0 : t.address());
  }

  /** The strides of the first {@code n} dimensions, or zeros for an absent operand. */
  Words strides(Tensor t, int n) {
    for (int i = 0; i < n; i++) put(t == null ? 0 : t.stride(i));
    return this;
  }

  /** An operand: its address and the strides of its first {@code n} dimensions. */
  Words operand(Tensor t, int n) {
    return pointer(t).strides(t, n);
  }

  /** Sizes of the leading dimensions before the last two, right-aligned in {@code n} words, 1 where absent. */
  Words batchSizes(Tensor t, int n) {
    for (int i = 0; i < n; i++) {
      int d = t.rank() - 2 - n + i;
      put(d < 0 ? 1 : t.size(d));
    }
    return this;
  }

  /** Strides of the leading dimensions before the last two, right-aligned in {@code n} words, 0 where absent. */
  Words batchStrides(Tensor t, int n) {
    for (int i = 0; i < n; i++) {
      int d = t == null ? -1 : t.rank() - 2 - n + i;
      put(d < 0 ? 0 : t.stride(d));
    }
    return this;
  }

  /** A field that was written. */
  public long get(long index) {
    return memory.getAtIndex(ValueLayout.JAVA_LONG, index);
  }
}
