package org.ondol;

import java.lang.foreign.MemorySegment;
import java.nio.Buffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;
import org.ondol.ops.Cast;

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
  private final Layout layout;
  private final AtomicBoolean closed = new AtomicBoolean();

  private Tensor(Storage storage, Device device, DType dtype, Layout layout) {
    this.storage = storage;
    this.device = device;
    this.dtype = dtype;
    this.layout = layout;
    Scope.adopt(this);
  }

  // ---- creation

  /** A new tensor with undefined contents. */
  public static Tensor empty(Device device, DType dtype, long... shape) {
    HostWrap.present("device", device);
    HostWrap.present("dtype", dtype);
    long count = Shapes.count("shape", shape);
    Storage storage = Storage.allocate(device.memory(), count * dtype.bytes());
    return new Tensor(storage, device, dtype, Layout.contiguous(shape));
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
      t.filled(() -> device.memory().zero(t.address(), bytes));
    }
    return t;
  }

  /** A new FLOAT32 tensor of zeros. */
  public static Tensor zeros(Device device, long... shape) {
    return zeros(device, DType.FLOAT32, shape);
  }

  /** A new FLOAT32 tensor with a copy of the values. */
  public static Tensor of(Device device, float[] values, long... shape) {
    HostWrap.present("values", values);
    return copyOf(device, MemorySegment.ofArray(values), DType.FLOAT32, shape);
  }

  /** A new INT64 tensor with a copy of the values. */
  public static Tensor of(Device device, long[] values, long... shape) {
    HostWrap.present("values", values);
    return copyOf(device, MemorySegment.ofArray(values), DType.INT64, shape);
  }

  /** A new INT32 tensor with a copy of the values. */
  public static Tensor of(Device device, int[] values, long... shape) {
    HostWrap.present("values", values);
    return copyOf(device, MemorySegment.ofArray(values), DType.INT32, shape);
  }

  /** A new UINT8 tensor with a copy of the values. */
  public static Tensor of(Device device, byte[] values, long... shape) {
    HostWrap.present("values", values);
    return copyOf(device, MemorySegment.ofArray(values), DType.UINT8, shape);
  }

  /** A new tensor of BFLOAT16 or FLOAT16 with a copy of the values' bits. */
  public static Tensor of(Device device, short[] bits, DType dtype, long... shape) {
    HostWrap.present("bits", bits);
    return copyOf(device, MemorySegment.ofArray(bits), HostWrap.half(dtype), shape);
  }

  /** A new UINT8 tensor, 1 where the value is true. */
  public static Tensor of(Device device, boolean[] values, long... shape) {
    HostWrap.present("values", values);
    byte[] bytes = new byte[values.length];
    for (int i = 0; i < values.length; i++) bytes[i] = (byte) (values[i] ? 1 : 0);
    return of(device, bytes, shape);
  }

  /** A new FLOAT32 tensor of bytes that are taken as 0 to 255: a picture's values. */
  public static Tensor ofUnsigned(Device device, byte[] values, long... shape) {
    HostWrap.present("values", values);
    HostWrap.checkSize(MemorySegment.ofArray(values), DType.UINT8, shape);
    Tensor t = empty(device, shape);
    try {
      HostCopies.fillUnsigned(t, values);
      return t;
    } catch (RuntimeException e) {
      t.close();
      throw e;
    }
  }

  /** A new tensor with a copy of row-major data in native byte order. */
  public static Tensor copyOf(Device device, MemorySegment data, DType dtype, long... shape) {
    long bytes = HostWrap.checkSize(data, dtype, shape);
    Tensor t = empty(device, dtype, shape);
    if (device.memory().isHost()) {
      MemorySegment.copy(data, 0, t.segment(), 0, bytes);
    } else if (bytes > 0) {
      t.filled(() -> device.memory().upload(data, t.address(), bytes));
    }
    return t;
  }

  /** Fills a new tensor, or closes it if that fails. */
  private void filled(Runnable filling) {
    boolean done = false;
    try {
      filling.run();
      done = true;
    } finally {
      if (!done) close();
    }
  }

  /** A FLOAT32 tensor on device {@code java} over a Java array, without a copy: both see each other's writes. */
  public static Tensor wrap(float[] values, long... shape) {
    HostWrap.present("values", values);
    return wrap(MemorySegment.ofArray(values), DType.FLOAT32, shape);
  }

  /** A tensor of BFLOAT16 or FLOAT16 on device {@code java} over a Java array of the values' bits, without a copy. */
  public static Tensor wrap(short[] bits, DType dtype, long... shape) {
    HostWrap.present("bits", bits);
    return wrap(MemorySegment.ofArray(bits), HostWrap.half(dtype), shape);
  }

  /** An INT64 tensor on device {@code java} over a Java array, without a copy. */
  public static Tensor wrap(long[] values, long... shape) {
    HostWrap.present("values", values);
    return wrap(MemorySegment.ofArray(values), DType.INT64, shape);
  }

  /** A FLOAT32 tensor on device {@code java} over a buffer's remaining elements in native order, without a copy. */
  public static Tensor wrap(FloatBuffer buffer, long... shape) {
    HostWrap.present("buffer", buffer);
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
    Storage storage = HostWrap.storage(data, dtype, shape);
    return new Tensor(storage, Devices.get("java"), dtype, Layout.contiguous(shape));
  }

  // ---- properties

  public Device device() {
    return device;
  }

  public DType dtype() {
    return dtype;
  }

  public int rank() {
    return layout.rank();
  }

  public long[] shape() {
    return layout.shape().clone();
  }

  public long[] strides() {
    return layout.stride().clone();
  }

  /** The size of a dimension, counted from the end where negative. */
  public long size(int dim) {
    return layout.shape()[Shapes.dim("dim", dim, rank())];
  }

  /** The stride of a dimension, counted from the end where negative. */
  public long stride(int dim) {
    return layout.stride()[Shapes.dim("dim", dim, rank())];
  }

  /** The number of elements. */
  public long count() {
    return layout.count();
  }

  /** Whether the elements lie in row-major order without gaps. */
  public boolean isContiguous() {
    return layout.isContiguous();
  }

  // ---- views: they share memory, and each is closed on its own

  /** A view of chosen geometry; every element must lie inside this tensor's memory. For operations' own code. */
  public Tensor view(long offset, long[] shape, long[] stride) {
    checkOpen();
    if (shape == null || stride == null || shape.length != stride.length) {
      throw new ShapeException("view", Arrays.toString(shape) + " strides " + Arrays.toString(stride), "as many strides as sizes");
    }
    Layout chosen = new Layout(offset, shape.clone(), stride.clone());
    if (Shapes.count("shape", shape) > 0 && !chosen.inside(storage.bytes / dtype.bytes())) {
      throw new ShapeException("view", Arrays.toString(shape) + " strides " + Arrays.toString(stride) + " at " + offset,
          "elements inside the tensor's memory");
    }
    return alias(chosen);
  }

  private Tensor alias(Layout view) {
    if (closed.get() || !storage.retain()) throw closedException();
    return new Tensor(storage, device, dtype, view);
  }

  /** A view of another shape with the same elements in order; one size may be -1. Copies only if strides demand it. */
  public Tensor reshape(long... shape) {
    HostWrap.present("shape", shape);
    long[] target = layout.reshaped(shape);
    if (isContiguous()) return alias(new Layout(layout.offset(), target, Shapes.contiguous(target)));
    try (Tensor copy = contiguous()) {
      return copy.alias(Layout.contiguous(target));
    }
  }

  /** The view with two dimensions exchanged. */
  public Tensor transpose(int a, int b) {
    return alias(layout.transpose(a, b));
  }

  /** The view with dimensions in the given order. */
  public Tensor permute(int... order) {
    HostWrap.present("order", order);
    return alias(layout.permute(order));
  }

  /** The view of elements from (inclusive) to (exclusive) along a dimension. */
  public Tensor slice(int dim, long from, long to) {
    return alias(layout.slice(dim, from, to));
  }

  /** The view at one index of a dimension, which disappears. */
  public Tensor select(int dim, long index) {
    return alias(layout.select(dim, index));
  }

  /** The view without a dimension of size 1. */
  public Tensor squeeze(int dim) {
    return alias(layout.squeeze(dim));
  }

  /** The view with a dimension of size 1 inserted. */
  public Tensor unsqueeze(int dim) {
    return alias(layout.unsqueeze(dim));
  }

  /** The view broadcast to a shape by NumPy's rules, with stride 0 where it stretches. */
  public Tensor expand(long... shape) {
    HostWrap.present("shape", shape);
    return alias(layout.expand(shape));
  }

  // ---- copies and devices

  /** This tensor's elements in row-major order: a view if they are, else a copy. */
  public Tensor contiguous() {
    if (isContiguous()) return alias(layout);
    return copy();
  }

  /** A contiguous copy on the same device. */
  public Tensor copy() {
    checkOpen();
    return Elements.copy(this);
  }

  /** Overwrites this tensor with the elements of another one of the same shape, type and device. */
  public void assign(Tensor source) {
    Elements.assign(source, this);
  }

  /** The same as {@code to(Device.of(name))}. */
  public Tensor to(String device) {
    return to(Device.of(device));
  }

  /**
   * This tensor on another device: host devices share the memory where the target can read it, and so do the precisions
   * of one device; else it is copied (then contiguous). On its own device it is a view.
   */
  public Tensor to(Device target) {
    checkOpen();
    if (target.equals(device)) return alias(layout);
    boolean shared = target.memory().isHost() && storage.memory.isHost()
        ? storage.nativeSafe || target.name().startsWith("java") : target.memory() == storage.memory;
    if (shared) {
      if (!storage.retain()) throw closedException();
      return new Tensor(storage, target, dtype, layout);
    }
    return HostCopies.of(this, target);
  }

  /**
   * This tensor's elements in another floating-point type, rounded to nearest even (see {@link Cast}): a contiguous copy on
   * the same device, or a view where they have it already.
   */
  public Tensor to(DType type) {
    checkOpen();
    HostWrap.present("type", type);
    return type == dtype ? alias(layout) : Cast.apply(this, type);
  }

  // ---- reading

  /** A copy of the elements in row-major order; FLOAT32, or BFLOAT16 and FLOAT16, which a float holds exactly. */
  public float[] toFloats() {
    return Elements.floats(this);
  }

  /** A copy of the elements in row-major order; INT32 or INT64. */
  public long[] toLongs() {
    return Elements.longs(this);
  }

  /** A copy of the elements in row-major order; UINT8 only. */
  public byte[] toBytes() {
    return Elements.bytes(this);
  }

  /** A copy of the bits of the elements in row-major order; BFLOAT16 or FLOAT16. */
  public short[] toShorts() {
    return Elements.shorts(this);
  }

  /** The only element of a floating-point tensor of one element. */
  public float item() {
    if (count() != 1) throw new ShapeException("tensor", Arrays.toString(layout.shape()), "one element");
    return toFloats()[0];
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
    return layout.offset();
  }

  /** The address of the first element, as this device's kernels take it. */
  public long address() {
    checkOpen();
    return storage.block.address() + layout.offset() * dtype.bytes();
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

  /**
   * Whether both tensors lie in the same memory and may share an element: exact for slices of one tensor, along whatever
   * dimension; of stranger views those count that lie between each other.
   */
  public boolean overlaps(Tensor other) {
    return storage.heap() == other.storage.heap() && Layout.overlap(layout, storage.start(), dtype.bytes(), other.layout,
        other.storage.start(), other.dtype.bytes());
  }

  /** Whether both tensors are exactly the same elements in the same order. */
  public boolean sameElements(Tensor other) {
    return storage.sameMemory(other.storage) && layout.sameElements(other.layout);
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
    return dtype + Arrays.toString(layout.shape()) + "@" + device;
  }
}
