package org.ondol.test.badinput;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.ondol.ClosedException;
import org.ondol.DType;
import org.ondol.DTypeException;
import org.ondol.DeviceUnavailableException;
import org.ondol.Devices;
import org.ondol.InvalidArgumentException;
import org.ondol.OutOfMemoryException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.Threads;
import org.ondol.test.badinput.BadInputTest.Row;

/** Tensors, views, wraps, scopes and devices. */
final class BadTensors {
  static final List<Row> ROWS = List.of(
      new Row("negative size", ShapeException.class, "shape", "[2, -1]", d -> Tensor.empty(d, 2, -1)),
      new Row("rank 9", ShapeException.class, "shape", "rank 8", d -> Tensor.empty(d, 1, 1, 1, 1, 1, 1, 1, 1, 1)),
      new Row("sizes whose product overflows", ShapeException.class, "shape", "2^48",
          d -> Tensor.empty(d, 1L << 32, 1L << 32)),
      new Row("more memory than there is", OutOfMemoryException.class, null, "could not allocate",
          d -> Tensor.empty(d, 1L << 44)),
      new Row("null shape", ShapeException.class, "shape", "null", d -> Tensor.empty(d, (long[]) null)),
      new Row("null device", InvalidArgumentException.class, "device", "null", d -> Tensor.empty(null, 2)),
      new Row("null data type", InvalidArgumentException.class, "dtype", "null", d -> Tensor.empty(d, (DType) null, 2)),
      new Row("null array", InvalidArgumentException.class, "values", "null", d -> Tensor.of(d, (float[]) null, 2)),
      new Row("array of another size", ShapeException.class, "shape", "[2, 2]", d -> Tensor.of(d, new float[3], 2, 2)),
      new Row("wrap of another size", ShapeException.class, "shape", "[4]", d -> Tensor.wrap(new float[3], 4)),
      new Row("wrap of a read-only segment", InvalidArgumentException.class, "data", "read-only",
          d -> Tensor.wrap(MemorySegment.ofArray(new float[2]).asReadOnly(), DType.FLOAT32, 2)),
      new Row("wrap of an array of another type", InvalidArgumentException.class, "data", "array",
          d -> Tensor.wrap(MemorySegment.ofArray(new byte[8]), DType.FLOAT32, 2)),
      new Row("wrap of a confined arena's segment", InvalidArgumentException.class, "data", "confined", d -> {
        try (Arena arena = Arena.ofConfined()) {
          Tensor.wrap(arena.allocate(8), DType.FLOAT32, 2);
        }
      }),
      new Row("wrap of a closed arena's segment", InvalidArgumentException.class, "data", "closed", d -> {
        Arena arena = Arena.ofShared();
        MemorySegment data = arena.allocate(8);
        arena.close();
        Tensor.wrap(data, DType.FLOAT32, 2);
      }),
      new Row("wrap of a misaligned native segment", InvalidArgumentException.class, "data", "alignment",
          d -> Tensor.wrap(Arena.ofAuto().allocate(16, 8).asSlice(2, 8), DType.FLOAT32, 2)),
      new Row("wrap of a misaligned slice of an array", InvalidArgumentException.class, "data", "alignment",
          d -> Tensor.wrap(MemorySegment.ofArray(new float[4]).asSlice(2, 8), DType.FLOAT32, 2)),
      new Row("wrap of a buffer in foreign byte order", InvalidArgumentException.class, "buffer", "order",
          d -> Tensor.wrap(ByteBuffer.allocateDirect(8).order(ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN
              ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN).asFloatBuffer(), 2)),
      new Row("view beyond the end", ShapeException.class, "view", "inside", d ->
          Tensor.empty(d, 64).view(0, new long[] {2}, new long[] {1 << 20})),
      new Row("view into the slack after the tensor", ShapeException.class, "view", "inside",
          d -> Tensor.empty(d, 3).view(3, new long[] {1}, new long[] {1})),
      new Row("view before the beginning", ShapeException.class, "view", "inside", d ->
          Tensor.empty(d, 8).view(-1, new long[] {2}, new long[] {1})),
      new Row("view with a stride that leads before the beginning", ShapeException.class, "view", "inside", d ->
          Tensor.empty(d, 8).view(0, new long[] {2}, new long[] {-1})),
      new Row("view at an offset that overflows", ShapeException.class, "view", "inside", d ->
          Tensor.empty(d, 8).view(1L << 62, new long[] {1}, new long[] {1})),
      new Row("view with a stride that overflows", ShapeException.class, "view", "inside", d ->
          Tensor.empty(d, 8).view(0, new long[] {3}, new long[] {Long.MAX_VALUE})),
      new Row("view with fewer strides than sizes", ShapeException.class, "view", "stride", d ->
          Tensor.empty(d, 8).view(0, new long[] {2, 2}, new long[] {1})),
      new Row("reshape to another count", ShapeException.class, "shape", "[5]", d -> Tensor.empty(d, 4).reshape(5)),
      new Row("reshape with two unknowns", ShapeException.class, "shape", "-1", d -> Tensor.empty(d, 4).reshape(-1, -1)),
      new Row("reshape that leaves a remainder", ShapeException.class, "shape", "[3, -1]",
          d -> Tensor.empty(d, 4).reshape(3, -1)),
      new Row("transpose of a missing dimension", InvalidArgumentException.class, "b", "2",
          d -> Tensor.empty(d, 2, 2).transpose(0, 2)),
      new Row("permute with one dimension twice", ShapeException.class, "order", "[0, 0]",
          d -> Tensor.empty(d, 2, 2).permute(0, 0)),
      new Row("slice beyond the end", InvalidArgumentException.class, "range", "1..5",
          d -> Tensor.empty(d, 4).slice(0, 1, 5)),
      new Row("slice backwards", InvalidArgumentException.class, "range", "3..1", d -> Tensor.empty(d, 4).slice(0, 3, 1)),
      new Row("select beyond the end", InvalidArgumentException.class, "index", "4", d -> Tensor.empty(d, 4).select(0, 4)),
      new Row("squeeze of a longer dimension", ShapeException.class, "dim", "0", d -> Tensor.empty(d, 4).squeeze(0)),
      new Row("expand of a longer dimension", ShapeException.class, "shape", "[8]", d -> Tensor.empty(d, 4).expand(8)),
      new Row("expand to fewer dimensions", ShapeException.class, "shape", "[4]", d -> Tensor.empty(d, 1, 4).expand(4)),
      new Row("expand of a vector to a scalar", ShapeException.class, "shape", "[]", d -> Tensor.empty(d, 4).expand()),
      new Row("unsqueeze at rank 8", ShapeException.class, "rank", "8",
          d -> Tensor.empty(d, 1, 1, 1, 1, 1, 1, 1, 1).unsqueeze(0)),
      new Row("floats of integers", DTypeException.class, "tensor", "INT64", d -> Tensor.of(d, new long[2], 2).toFloats()),
      new Row("longs of floats", DTypeException.class, "tensor", "FLOAT32", d -> Tensor.of(d, new float[2], 2).toLongs()),
      new Row("item of two", ShapeException.class, "tensor", "one element", d -> Tensor.of(d, new float[2], 2).item()),
      new Row("assign from another shape", ShapeException.class, "x", "[3]",
          d -> Tensor.empty(d, 2).assign(Tensor.empty(d, 3))),
      new Row("read after close", ClosedException.class, null, "closed", d -> {
        Tensor t = Tensor.empty(d, 2);
        t.close();
        t.toFloats();
      }),
      new Row("view after close", ClosedException.class, null, "closed", d -> {
        Tensor t = Tensor.empty(d, 2, 2);
        t.close();
        t.transpose(0, 1);
      }),
      new Row("move after close", ClosedException.class, null, "closed", d -> {
        Tensor t = Tensor.empty(d, 2, 2);
        t.close();
        t.to("java");
      }),
      new Row("read after the scope", ClosedException.class, null, "closed", d -> {
        Tensor t;
        try (Scope scope = Scope.open()) {
          t = Tensor.empty(d, 2);
        }
        t.toFloats();
      }),
      new Row("keep in a closed scope", ClosedException.class, null, "scope", d -> {
        Scope scope = Scope.open();
        Tensor t = Tensor.empty(d, 2);
        scope.close();
        scope.keep(t);
      }),
      new Row("unknown device", DeviceUnavailableException.class, null, "abacus", d -> Devices.get("abacus")),
      new Row("unknown variant", DeviceUnavailableException.class, null, "cpu:sse1", d -> Devices.get("cpu:sse1")),
      new Row("device number beyond the last", DeviceUnavailableException.class, null, "cuda:99",
          d -> Devices.get("cuda:99")),
      new Row("move to an unknown device", DeviceUnavailableException.class, null, "abacus",
          d -> Tensor.empty(d, 2).to("abacus")),
      new Row("prefer nothing", DeviceUnavailableException.class, null, "no name", d -> Devices.prefer()),
      new Row("no threads", InvalidArgumentException.class, "threads", "0", d -> Threads.set(0)),
      new Row("too many threads", InvalidArgumentException.class, "threads", "2000000", d -> Threads.set(2_000_000)));

  private BadTensors() {}
}
