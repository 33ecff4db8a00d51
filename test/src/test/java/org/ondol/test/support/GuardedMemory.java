package org.ondol.test.support;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * Memory between two pages that may not be touched: a kernel that reads or writes one element past its operand takes the
 * JVM down instead of passing by luck. Linux only.
 */
public final class GuardedMemory implements AutoCloseable {
  private static final long PAGE = 65536; // a multiple of every page size in use
  private static final int PROT_NONE = 0;
  private static final int PROT_READ_WRITE = 3;
  private static final int MAP_PRIVATE_ANONYMOUS = 0x22;
  private static final ValueLayout.OfLong WORD = ValueLayout.JAVA_LONG;
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;

  private final long base;
  private final long length;
  private final MemorySegment segment;

  /** Where the usable bytes touch a guard page. */
  public enum Edge { START, END }

  public GuardedMemory(long bytes, Edge edge) {
    long inner = Math.max(PAGE, (bytes + PAGE - 1) / PAGE * PAGE);
    length = inner + 2 * PAGE;
    base = call("mmap", FunctionDescriptor.of(WORD, WORD, WORD, INT, INT, INT, WORD),
        0L, length, PROT_NONE, MAP_PRIVATE_ANONYMOUS, -1, 0L);
    if (base == -1) {
      throw new IllegalStateException("mmap of " + length + " bytes failed");
    }
    long status = (int) call("mprotect", FunctionDescriptor.of(INT, WORD, WORD, INT), base + PAGE, inner, PROT_READ_WRITE);
    if (status != 0) {
      throw new IllegalStateException("mprotect failed");
    }
    long at = edge == Edge.START ? base + PAGE : base + PAGE + inner - bytes;
    segment = MemorySegment.ofAddress(at).reinterpret(bytes);
  }

  public static boolean supported() {
    return System.getProperty("os.name").equals("Linux");
  }

  public MemorySegment segment() {
    return segment;
  }

  @Override
  public void close() {
    call("munmap", FunctionDescriptor.of(INT, WORD, WORD), base, length);
  }

  private static long call(String function, FunctionDescriptor type, Object... arguments) {
    try {
      MethodHandle handle = Linker.nativeLinker().downcallHandle(
          Linker.nativeLinker().defaultLookup().findOrThrow(function), type);
      return ((Number) handle.invokeWithArguments(arguments)).longValue();
    } catch (Throwable e) {
      throw new IllegalStateException(function, e);
    }
  }
}
