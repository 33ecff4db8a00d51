package org.ondol;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Memory of the host that somebody gives: whether it holds a tensor's elements, and whether a tensor can lie in it. */
final class HostWrap {
  private HostWrap() {}

  static void present(String argument, Object value) {
    if (value == null) throw new InvalidArgumentException(argument, "null", "a value");
  }

  static DType half(DType dtype) {
    present("dtype", dtype);
    if (!dtype.isHalf()) throw new DTypeException("dtype", dtype, "BFLOAT16 or FLOAT16");
    return dtype;
  }

  /** The size of row-major data of a shape, which it must have. */
  static long checkSize(MemorySegment data, DType dtype, long[] shape) {
    present("data", data);
    present("dtype", dtype);
    if (!data.scope().isAlive()) throw new InvalidArgumentException("data", "of a closed arena", "an open segment");
    long bytes = Shapes.count("shape", shape) * dtype.bytes();
    if (data.byteSize() != bytes) {
      throw new ShapeException("shape", Arrays.toString(shape), "a shape of " + data.byteSize() / dtype.bytes()
          + " elements of " + dtype + " like the data");
    }
    return bytes;
  }

  /** The memory under a tensor without a copy. */
  static Storage storage(MemorySegment data, DType dtype, long[] shape) {
    checkSize(data, dtype, shape);
    if (data.isReadOnly()) throw new InvalidArgumentException("data", "read-only", "a writable segment");
    if (!data.isAccessibleBy(new Thread())) {
      throw new InvalidArgumentException("data", "a segment of a confined arena", "a segment that every thread may access");
    }
    if (data.address() % dtype.bytes() != 0) {
      throw new InvalidArgumentException("data", "at " + (data.isNative() ? "address " : "offset ") + data.address(),
          "alignment to " + dtype.bytes() + " bytes");
    }
    if (data.heapBase().isPresent() && !elementArray(data.heapBase().get(), dtype)) {
      throw new InvalidArgumentException("data", "over a " + data.heapBase().get().getClass().getSimpleName(),
          "an array of elements of " + dtype);
    }
    return Storage.wrap(HostMemory.INSTANCE, data, data.isNative() && !closeable(data));
  }

  private static boolean elementArray(Object array, DType dtype) {
    return switch (dtype) {
      case FLOAT32 -> array instanceof float[];
      case INT32 -> array instanceof int[];
      case INT64 -> array instanceof long[];
      case UINT8 -> array instanceof byte[];
      case BFLOAT16, FLOAT16 -> array instanceof short[];
    };
  }

  /**
   * Whether somebody could close the segment's arena during a native call. The platform has no question for it, but the
   * sessions of automatic arenas, direct buffers and the global arena are of two known classes; any other is taken as
   * closeable, which costs a copy and is never wrong.
   */
  private static boolean closeable(MemorySegment data) {
    String session = data.scope().getClass().getSimpleName();
    return !session.equals("ImplicitSession") && !session.equals("GlobalSession");
  }
}
