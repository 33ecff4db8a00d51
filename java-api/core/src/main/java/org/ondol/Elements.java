package org.ondol;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.ondol.ops.Cast;
import org.ondol.ops.Elementwise;

/** A tensor's elements by their type: as Java arrays, and from one tensor into another. */
final class Elements {
  private Elements() {}

  static float[] floats(Tensor t) {
    if (t.dtype().isHalf()) {
      try (Tensor wide = Cast.apply(t, DType.FLOAT32)) {
        return floats(wide);
      }
    }
    need(t, DType.FLOAT32);
    float[] out = new float[Math.toIntExact(t.count())];
    HostCopies.read(t, MemorySegment.ofArray(out));
    return out;
  }

  static long[] longs(Tensor t) {
    if (t.dtype() == DType.INT32) {
      int[] ints = new int[Math.toIntExact(t.count())];
      HostCopies.read(t, MemorySegment.ofArray(ints));
      return Arrays.stream(ints).asLongStream().toArray();
    }
    need(t, DType.INT64);
    long[] out = new long[Math.toIntExact(t.count())];
    HostCopies.read(t, MemorySegment.ofArray(out));
    return out;
  }

  static byte[] bytes(Tensor t) {
    need(t, DType.UINT8);
    byte[] out = new byte[Math.toIntExact(t.count())];
    HostCopies.read(t, MemorySegment.ofArray(out));
    return out;
  }

  /** The bits of elements of 16 bits. */
  static short[] shorts(Tensor t) {
    if (!t.dtype().isHalf()) throw new DTypeException("tensor", t.dtype(), "BFLOAT16 or FLOAT16");
    short[] out = new short[Math.toIntExact(t.count())];
    HostCopies.read(t, MemorySegment.ofArray(out));
    return out;
  }

  private static void need(Tensor t, DType expected) {
    if (t.dtype() != expected) throw new DTypeException("tensor", t.dtype(), expected.toString());
  }

  /** A contiguous copy on the same device. */
  static Tensor copy(Tensor t) {
    if (t.dtype() == DType.FLOAT32) return Elementwise.apply(Elementwise.Op.COPY, t);
    return t.dtype().isHalf() ? Cast.apply(t, t.dtype()) : HostCopies.of(t, t.device());
  }

  static void assign(Tensor source, Tensor target) {
    DType type = target.dtype();
    if (type == DType.FLOAT32) {
      Elementwise.run(Elementwise.Op.COPY, source, null, target, 0);
      return;
    }
    HostWrap.present("source", source);
    if (source.dtype() != type) throw new DTypeException("source", source.dtype(), type.toString());
    if (type.isHalf()) {
      Cast.into(source, target);
    } else {
      HostCopies.assign(source, target);
    }
  }
}
