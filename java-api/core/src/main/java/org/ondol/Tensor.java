package org.ondol;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.Buffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;
import org.ondol.ops.Elementwise;

/**
 * A strided view of device memory. Views share memory and keep it alive; it is freed when the last of them is closed, by
 * its owner or by the {@link Scope} in which it was made. Every use of a closed tensor throws {@link ClosedException}.
 *
 * <p>Sizes and strides count elements. A tensor may be read by several threads at once; writing while another thread
 * reads gives undefined values, never a crash.
 */
public final class Tensor implements AutoCloseable {
  private final Storage storage;
  private final Device device;
  private final DType dtype;
  private final long offset;
  private final long[] shape;
  private final long[] stride;
  private final AtomicBoolean closed = new AtomicBoolean();

  private Tensor(Storage storage, Device device, DType dtype, long offset, long[] shape, long[] stride) {
    this.storage = storage;
    this.device = device;
    this.dtype = dtype;
    this.offset = offset;
    this.shape = shape;
    this.stride = stride;
    Scope.adopt(this);
  }

  // ---- creation

  /** A new tensor with undefined contents. */
  public static Tensor empty(Device device, DType dtype, long... shape) {
    present("device", device);
    present("dtype", dtype);
    long count = Shapes.count("shape", shape);
    Storage storage = Storage.allocate(device.memory(), count * dtype.bytes());
    return new Tensor(storage, device, dtype, 0, shape.clone(), Shapes.contiguous(shape));
  }

  /** A new FLOAT32 tensor with undefined contents. */
  public static Tensor empty(Device device, long... shape) {
    return empty(device, DType.FLOAT32, shape);
  }

  /** A new tensor of zeros. */
  public static Tensor zeros(Device device, DType dtype, long... shape) {
    Tensor t = empty(device, dtype, shape);
    long bytes = t.count() * dtype.bytes();
    if (device.memory().isHost()) {
      t.segment().asSlice(0, bytes).fill((byte) 0);
    } else if (bytes > 0) {
      try (Arena arena = Arena.ofConfined()) {
        device.memory().upload(arena.allocate(bytes), t.address(), bytes);
      }
    }
    return t;
  }

  /** A new FLOAT32 tensor of zeros. */
  public static Tensor zeros(Device device, long... shape) {
    return zeros(device, DType.FLOAT32, shape);
  }

  /** A new FLOAT32 tensor with a copy of the values. */
  public static Tensor of(Device device, float[] values, long... shape) {
    present("values", values);
    return copyOf(device, MemorySegment.ofArray(values), DType.FLOAT32, shape);
  }

  /** A new INT64 tensor with a copy of the values. */
  public static Tensor of(Device device, long[] values, long... shape) {
    present("values", values);
    return copyOf(device, MemorySegment.ofArray(values), DType.INT64, shape);
  }

  /** A new INT32 tensor with a copy of the values. */
  public static Tensor of(Device device, int[] values, long... shape) {
    present("values", values);
    return copyOf(device, MemorySegment.ofArray(values), DType.INT32, shape);
  }

  /** A new UINT8 tensor with a copy of the values. */
  public static Tensor of(Device device, byte[] values, long... shape) {
    present("values", values);
    return copyOf(device, MemorySegment.ofArray(values), DType.UINT8, shape);
  }

  /** A new UINT8 tensor, 1 where the value is true. */
  public static Tensor of(Device device, boolean[] values, long... shape) {
    present("values", values);
    byte[] bytes = new byte[values.length];
    for (int i = 0; i < values.length; i++) bytes[i] = (byte) (values[i] ? 1 : 0);
    return of(device, bytes, shape);
  }

  /** A new tensor with a copy of row-major data in native byte order. */
  public static Tensor copyOf(Device device, MemorySegment data, DType dtype, long... shape) {
    long bytes = checkSize(data, dtype, shape);
    Tensor t = empty(device, dtype, shape);
    if (device.memory().isHost()) {
      MemorySegment.copy(data, 0, t.segment(), 0, bytes);
    } else if (bytes > 0) {
      device.memory().upload(data, t.address(), bytes);
    }
    return t;
  }

  /** A FLOAT32 tensor on device {@code java} over a Java array, without a copy: both see each other's writes. */
  public static Tensor wrap(float[] values, long... shape) {
    present("values", values);
    return wrap(MemorySegment.ofArray(values), DType.FLOAT32, shape);
  }

  /** An INT64 tensor on device {@code java} over a Java array, without a copy. */
  public static Tensor wrap(long[] values, long... shape) {
    present("values", values);
    return wrap(MemorySegment.ofArray(values), DType.INT64, shape);
  }

  /** A FLOAT32 tensor on device {@code java} over a buffer's remaining elements in native order, without a copy. */
  public static Tensor wrap(FloatBuffer buffer, long... shape) {
    present("buffer", buffer);
    if (buffer.order() != ByteOrder.nativeOrder()) {
      throw new InvalidArgumentException("buffer", "of order " + buffer.order(), "native order " + ByteOrder.nativeOrder());
    }
    return wrap(MemorySegment.ofBuffer((Buffer) buffer), DType.FLOAT32, shape);
  }

  /**
   * A tensor on device {@code java} over a segment of row-major data, without a copy; {@link #to} another host device
   * shares it too where that device can read it safely.
   *
   * <p>The segment must be writable, aligned to its elements and accessible from every thread: a heap array, a direct
   * buffer, or a segment of the global, an automatic or a shared arena. A shared arena may be closed while a kernel runs;
   * the Vector API backend then throws, and native backends work on a copy.
   */
  public static Tensor wrap(MemorySegment data, DType dtype, long... shape) {
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
    Storage storage = Storage.wrap(HostMemory.INSTANCE, data, data.isNative() && !closeable(data));
    return new Tensor(storage, Devices.get("java"), dtype, 0, shape.clone(), Shapes.contiguous(shape));
  }

  private static boolean elementArray(Object array, DType dtype) {
    return switch (dtype) {
      case FLOAT32 -> array instanceof float[];
      case INT32 -> array instanceof int[];
      case INT64 -> array instanceof long[];
      case UINT8 -> array instanceof byte[];
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

  private static void present(String argument, Object value) {
    if (value == null) throw new InvalidArgumentException(argument, "null", "a value");
  }

  private static long checkSize(MemorySegment data, DType dtype, long[] shape) {
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

  // ---- properties

  public Device device() {
    return device;
  }

  public DType dtype() {
    return dtype;
  }

  public int rank() {
    return shape.length;
  }

  public long[] shape() {
    return shape.clone();
  }

  public long[] strides() {
    return stride.clone();
  }

  /** The size of a dimension, counted from the end where negative. */
  public long size(int dim) {
    return shape[Shapes.dim("dim", dim, shape.length)];
  }

  /** The stride of a dimension, counted from the end where negative. */
  public long stride(int dim) {
    return stride[Shapes.dim("dim", dim, shape.length)];
  }

  /** The number of elements. */
  public long count() {
    long n = 1;
    for (long size : shape) n *= size;
    return n;
  }

  /** Whether the elements lie in row-major order without gaps. */
  public boolean isContiguous() {
    long next = 1;
    for (int i = shape.length - 1; i >= 0; i--) {
      if (shape[i] != 1 && stride[i] != next) return count() == 0;
      next *= shape[i];
    }
    return true;
  }

  // ---- views: they share memory, and each is closed on its own

  /** A view of chosen geometry; every element must lie inside this tensor's memory. For operations' own code. */
  public Tensor view(long offset, long[] shape, long[] stride) {
    checkOpen();
    if (shape == null || stride == null || shape.length != stride.length) {
      throw new ShapeException("view", Arrays.toString(shape) + " strides " + Arrays.toString(stride), "as many strides as sizes");
    }
    if (Shapes.count("shape", shape) > 0 && !inside(offset, shape, stride, storage.bytes / dtype.bytes())) {
      throw new ShapeException("view", Arrays.toString(shape) + " strides " + Arrays.toString(stride) + " at " + offset,
          "elements inside the tensor's memory");
    }
    return alias(offset, shape.clone(), stride.clone());
  }

  /** Whether all elements lie in [0, limit), whatever overflows. */
  private static boolean inside(long offset, long[] shape, long[] stride, long limit) {
    try {
      long low = offset;
      long high = offset;
      for (int i = 0; i < shape.length; i++) {
        long reach = Math.multiplyExact(shape[i] - 1, stride[i]);
        if (reach > 0) high = Math.addExact(high, reach); else low = Math.addExact(low, reach);
      }
      return low >= 0 && high < limit;
    } catch (ArithmeticException e) {
      return false;
    }
  }

  private Tensor alias(long offset, long[] shape, long[] stride) {
    if (closed.get() || !storage.retain()) throw closedException();
    return new Tensor(storage, device, dtype, offset, shape, stride);
  }

  /** A view of another shape with the same elements in order; one size may be -1. Copies only if strides demand it. */
  public Tensor reshape(long... shape) {
    present("shape", shape);
    long[] target = shape.clone();
    int unknown = -1;
    long known = 1;
    for (int i = 0; i < target.length; i++) {
      if (target[i] == -1 && unknown < 0) unknown = i;
      else known *= target[i];
    }
    if (unknown >= 0) target[unknown] = known == 0 || count() % known != 0 ? -1 : count() / known;
    if (unknown >= 0 && target[unknown] < 0 || Shapes.count("shape", target) != count()) {
      throw new ShapeException("shape", Arrays.toString(shape), "a shape of " + count() + " elements like "
          + Arrays.toString(this.shape));
    }
    if (isContiguous()) return alias(offset, target, Shapes.contiguous(target));
    try (Tensor copy = contiguous()) {
      return copy.alias(copy.offset, target, Shapes.contiguous(target));
    }
  }

  /** The view with two dimensions exchanged. */
  public Tensor transpose(int a, int b) {
    int x = Shapes.dim("a", a, rank());
    int y = Shapes.dim("b", b, rank());
    long[] s = shape.clone();
    long[] t = stride.clone();
    s[x] = shape[y];
    s[y] = shape[x];
    t[x] = stride[y];
    t[y] = stride[x];
    return alias(offset, s, t);
  }

  /** The view with dimensions in the given order. */
  public Tensor permute(int... order) {
    present("order", order);
    boolean[] seen = new boolean[rank()];
    if (order.length != rank()) throw new ShapeException("order", Arrays.toString(order), rank() + " dimensions");
    long[] s = new long[rank()];
    long[] t = new long[rank()];
    for (int i = 0; i < order.length; i++) {
      int d = Shapes.dim("order", order[i], rank());
      if (seen[d]) throw new ShapeException("order", Arrays.toString(order), "each dimension once");
      seen[d] = true;
      s[i] = shape[d];
      t[i] = stride[d];
    }
    return alias(offset, s, t);
  }

  /** The view of elements from (inclusive) to (exclusive) along a dimension. */
  public Tensor slice(int dim, long from, long to) {
    int d = Shapes.dim("dim", dim, rank());
    if (from < 0 || to < from || to > shape[d]) {
      throw new InvalidArgumentException("range", from + ".." + to, "a range inside 0.." + shape[d]);
    }
    long[] s = shape.clone();
    s[d] = to - from;
    return alias(offset + from * stride[d], s, stride.clone());
  }

  /** The view at one index of a dimension, which disappears. */
  public Tensor select(int dim, long index) {
    int d = Shapes.dim("dim", dim, rank());
    if (index < 0 || index >= shape[d]) throw new InvalidArgumentException("index", index, "0 to " + (shape[d] - 1));
    return alias(offset + index * stride[d], without(shape, d), without(stride, d));
  }

  /** The view without a dimension of size 1. */
  public Tensor squeeze(int dim) {
    int d = Shapes.dim("dim", dim, rank());
    if (shape[d] != 1) throw new ShapeException("dim", dim, "a dimension of size 1 in " + Arrays.toString(shape));
    return alias(offset, without(shape, d), without(stride, d));
  }

  /** The view with a dimension of size 1 inserted. */
  public Tensor unsqueeze(int dim) {
    int d = Shapes.dim("dim", dim, rank() + 1);
    if (rank() == Shapes.MAX_RANK) throw new ShapeException("rank", rank(), "less than " + Shapes.MAX_RANK);
    return alias(offset, with(shape, d, 1), with(stride, d, d < rank() ? shape[d] * stride[d] : 1));
  }

  /** The view broadcast to a shape by NumPy's rules, with stride 0 where it stretches. */
  public Tensor expand(long... shape) {
    present("shape", shape);
    Shapes.count("shape", shape);
    int lead = shape.length - rank();
    boolean fits = lead >= 0;
    long[] t = new long[shape.length];
    for (int i = 0; i < shape.length && fits; i++) {
      long have = i < lead ? 1 : this.shape[i - lead];
      fits = have == shape[i] || have == 1;
      t[i] = i < lead || have != shape[i] || have == 1 ? 0 : stride[i - lead];
    }
    if (!fits) {
      throw new ShapeException("shape", Arrays.toString(shape), "a shape that " + Arrays.toString(this.shape) + " broadcasts to");
    }
    return alias(offset, shape.clone(), t);
  }

  private static long[] without(long[] a, int d) {
    long[] r = new long[a.length - 1];
    System.arraycopy(a, 0, r, 0, d);
    System.arraycopy(a, d + 1, r, d, r.length - d);
    return r;
  }

  private static long[] with(long[] a, int d, long value) {
    long[] r = new long[a.length + 1];
    System.arraycopy(a, 0, r, 0, d);
    r[d] = value;
    System.arraycopy(a, d, r, d + 1, a.length - d);
    return r;
  }

  // ---- copies and devices

  /** This tensor's elements in row-major order: a view if they are, else a copy. */
  public Tensor contiguous() {
    if (isContiguous()) return alias(offset, shape.clone(), stride.clone());
    return copy();
  }

  /** A contiguous copy on the same device. */
  public Tensor copy() {
    checkOpen();
    return dtype == DType.FLOAT32 ? Elementwise.apply(Elementwise.Op.COPY, this) : HostCopies.of(this, device);
  }

  /** Overwrites this tensor with the elements of another one of the same shape, type and device. */
  public void assign(Tensor source) {
    if (dtype == DType.FLOAT32) {
      Elementwise.run(Elementwise.Op.COPY, source, null, this, 0);
    } else {
      present("source", source);
      HostCopies.assign(source, this);
    }
  }

  /** The same as {@code to(Device.of(name))}. */
  public Tensor to(String device) {
    return to(Device.of(device));
  }

  /**
   * This tensor on another device: host devices share the memory where the target can read it, else it is copied (then
   * contiguous). On its own device it is a view.
   */
  public Tensor to(Device target) {
    checkOpen();
    if (target.equals(device)) return alias(offset, shape.clone(), stride.clone());
    boolean shared = target.memory().isHost() && storage.memory.isHost()
        && (storage.nativeSafe || target.name().startsWith("java"));
    if (shared) {
      if (!storage.retain()) throw closedException();
      return new Tensor(storage, target, dtype, offset, shape.clone(), stride.clone());
    }
    return HostCopies.of(this, target);
  }

  // ---- reading

  /** A copy of the elements in row-major order; FLOAT32 only. */
  public float[] toFloats() {
    need(DType.FLOAT32);
    float[] out = new float[Math.toIntExact(count())];
    HostCopies.read(this, MemorySegment.ofArray(out));
    return out;
  }

  /** A copy of the elements in row-major order; INT32 or INT64. */
  public long[] toLongs() {
    if (dtype == DType.INT32) {
      int[] ints = new int[Math.toIntExact(count())];
      HostCopies.read(this, MemorySegment.ofArray(ints));
      return Arrays.stream(ints).asLongStream().toArray();
    }
    need(DType.INT64);
    long[] out = new long[Math.toIntExact(count())];
    HostCopies.read(this, MemorySegment.ofArray(out));
    return out;
  }

  /** A copy of the elements in row-major order; UINT8 only. */
  public byte[] toBytes() {
    need(DType.UINT8);
    byte[] out = new byte[Math.toIntExact(count())];
    HostCopies.read(this, MemorySegment.ofArray(out));
    return out;
  }

  /** The only element of a FLOAT32 tensor of one element. */
  public float item() {
    if (count() != 1) throw new ShapeException("tensor", Arrays.toString(shape), "one element");
    return toFloats()[0];
  }

  private void need(DType expected) {
    if (dtype != expected) throw new DTypeException("tensor", dtype, expected.toString());
  }

  // ---- for backends and operations

  /** The whole memory under this tensor, readable by the JVM; host devices only. Element 0 is at {@link #offset}. */
  public MemorySegment segment() {
    checkOpen();
    if (storage.block.segment() == null) {
      throw new InvalidArgumentException("tensor", "on device " + device, "a host device");
    }
    return storage.block.segment();
  }

  /** The position of the first element in the memory, in elements. */
  public long offset() {
    return offset;
  }

  /** The address of the first element, as this device's kernels take it. */
  public long address() {
    checkOpen();
    return storage.block.address() + offset * dtype.bytes();
  }

  /**
   * Holds the memory open although the tensor may be closed meanwhile. Every acquire needs one {@link #release}.
   *
   * @throws ClosedException if it is closed already
   */
  public void acquire() {
    if (closed.get() || !storage.retain()) throw closedException();
  }

  /** Ends an {@link #acquire}. */
  public void release() {
    storage.release();
  }

  /** Whether both tensors lie in the same memory and their ranges of elements touch. */
  public boolean overlaps(Tensor other) {
    if (count() == 0 || other.count() == 0) return false;
    Memory a = range();
    Memory b = other.range();
    return a.base == b.base && a.low < b.high && b.low < a.high;
  }

  /** Whether both tensors are exactly the same elements in the same order. */
  public boolean sameElements(Tensor other) {
    return storage.block.segment() == other.storage.block.segment() && storage.block.address() == other.storage.block.address()
        && offset == other.offset && Arrays.equals(shape, other.shape) && sameStrides(other);
  }

  /** Whether both step alike wherever there is a step to take; expanding sets the stride of a size of 1 to 0. */
  private boolean sameStrides(Tensor other) {
    for (int i = 0; i < shape.length; i++) {
      if (shape[i] > 1 && stride[i] != other.stride[i]) return false;
    }
    return true;
  }

  private record Memory(Object base, long low, long high) {}

  /** First byte and byte after the last, in the heap array or in the address space (of the device). */
  private Memory range() {
    long low = offset;
    long high = offset;
    for (int i = 0; i < shape.length; i++) {
      if (stride[i] > 0) high += (shape[i] - 1) * stride[i]; else low += (shape[i] - 1) * stride[i];
    }
    MemorySegment segment = storage.block.segment();
    Object base = segment != null && segment.heapBase().isPresent() ? segment.heapBase().get() : null;
    long start = base != null ? segment.address() : storage.block.address();
    return new Memory(base, start + low * dtype.bytes(), start + (high + 1) * dtype.bytes());
  }

  // ---- lifetime

  public boolean isClosed() {
    return closed.get();
  }

  private void checkOpen() {
    if (closed.get()) throw closedException();
  }

  private ClosedException closedException() {
    return new ClosedException("the tensor " + this + " is closed");
  }

  /** Ends this view; the memory is freed with the last view of it, after running operations. Idempotent. */
  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) storage.release();
  }

  @Override
  public String toString() {
    return dtype + Arrays.toString(shape) + "@" + device;
  }
}
