package org.ondol.test.support;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.ondol.DType;
import org.ondol.Device;
import org.ondol.Tensor;
import org.ondol.test.support.GuardedMemory.Edge;

/**
 * Places operands of one call in memory in many ways (aligned or not, with gaps between rows, with dimensions in another
 * order, against a guard page) and checks afterwards that nothing but the outputs was written: inputs, gaps and surroundings
 * are filled with marked NaNs and compared bit by bit.
 */
public final class Operands implements AutoCloseable {
  /** A quiet NaN whose payload no arithmetic produces. */
  private static final float CANARY = Float.intBitsToFloat(0x7FD0_5EED);

  /** How free the operation is about an operand's strides; PLANES: those of the first two dimensions, the rest is dense. */
  public enum Freedom { CONTIGUOUS, PLANES, UNIT_LAST, ANY }

  private record Placed(String name, Tensor base, float[] before, boolean[] mayChange) {}

  /** The same of 16-bit numbers. */
  private record PlacedHalves(String name, Tensor base, short[] before, boolean[] mayChange) {}

  /** Bits of a NaN in both 16-bit types. */
  private static final short HALF_CANARY = 0x7FD5;

  private final Device device;
  private final Random random;
  private final List<Placed> placed = new ArrayList<>();
  private final List<PlacedHalves> halves = new ArrayList<>();
  private final List<Tensor> tensors = new ArrayList<>();
  private final List<GuardedMemory> guarded = new ArrayList<>();

  /** The placement follows from the seed alone, so that a failure can be repeated. */
  public Operands(Device device, long seed) {
    this.device = device;
    this.random = new Random(seed);
  }

  public Device device() {
    return device;
  }

  /** An input of row-major data; null stays null. */
  public Tensor input(String name, float[] data, Freedom freedom, long... shape) {
    return data == null ? null : place(name, data, freedom, shape);
  }

  /** An output full of NaN. */
  public Tensor output(String name, Freedom freedom, long... shape) {
    return place(name, null, freedom, shape);
  }

  /** An input of a 16-bit type. */
  public Tensor input(String name, short[] data, DType type, Freedom freedom, long... shape) {
    return placeHalves(name, data, type, freedom, shape);
  }

  /** An output of a 16-bit type, full of NaN. */
  public Tensor output(String name, DType type, Freedom freedom, long... shape) {
    return placeHalves(name, null, type, freedom, shape);
  }

  public Tensor longs(long[] data, long... shape) {
    return data == null ? null : adopt(Tensor.of(device, data, shape));
  }

  public Tensor ints(int[] data, long... shape) {
    return data == null ? null : adopt(Tensor.of(device, data, shape));
  }

  public Tensor booleans(boolean[] data, long... shape) {
    return data == null ? null : adopt(Tensor.of(device, data, shape));
  }

  /** Takes a result into the care of this object. */
  public Tensor adopt(Tensor t) {
    tensors.add(t);
    return t;
  }

  /**
   * Makes sure that a result tensor which the operation allocates itself starts out as NaN: host memory is recycled by size,
   * so a freed block full of NaN comes back. Harmless where it does not.
   */
  public void poison(long... shape) {
    long count = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    float[] nan = new float[(int) count];
    Arrays.fill(nan, CANARY);
    Tensor.of(device, nan, shape).close();
  }

  private Tensor place(String name, float[] data, Freedom freedom, long[] shape) {
    int kind = random.nextInt(6);
    long[] stride = strides(shape, freedom, kind);
    int count = (int) Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    int span = span(shape, stride, count);
    boolean guard = kind >= 4 && GuardedMemory.supported() && span > 0;
    int lead = kind == 0 || guard ? 0 : random.nextInt(18);
    float[] buffer = new float[lead + span + (guard ? 0 : random.nextInt(18))];
    Arrays.fill(buffer, CANARY);
    boolean[] mayChange = new boolean[buffer.length];
    for (int e = 0; e < count; e++) {
      int at = lead + position(e, shape, stride);
      mayChange[at] = data == null;
      buffer[at] = data == null ? CANARY : data[e];
    }
    Tensor base = guard ? guarded(MemorySegment.ofArray(buffer), DType.FLOAT32, kind == 4 ? Edge.END : Edge.START) : Tensor.of(device, buffer, buffer.length);
    tensors.add(base);
    placed.add(new Placed(name, base, buffer, mayChange));
    return adopt(count == 0 ? Tensor.empty(device, shape) : base.view(lead, shape, stride));
  }

  /** kind 0 and 4 are dense, 1 gapped, 2 and 5 permuted, 3 permuted with gaps; only as far as the operation allows. */
  private long[] strides(long[] shape, Freedom freedom, int kind) {
    int rank = shape.length;
    Integer[] order = new Integer[rank];
    Arrays.setAll(order, i -> i);
    int free = switch (freedom) {
      case CONTIGUOUS -> 0;
      case PLANES -> 2;
      case UNIT_LAST -> rank - 1;
      case ANY -> rank;
    };
    if (freedom != Freedom.CONTIGUOUS && (kind == 2 || kind == 3 || kind == 5)) {
      for (int i = free - 1; i > 0; i--) {
        int j = random.nextInt(i + 1);
        Integer t = order[i];
        order[i] = order[j];
        order[j] = t;
      }
    }
    boolean gaps = freedom != Freedom.CONTIGUOUS && (kind == 1 || kind == 3);
    long[] stride = new long[rank];
    long next = 1;
    for (int i = rank - 1; i >= 0; i--) {
      if (gaps && i < free) {
        next += random.nextInt(i == rank - 1 ? 2 : 20);
      }
      stride[order[i]] = next;
      next *= Math.max(1, shape[order[i]]);
    }
    return stride;
  }

  /** Elements from the first to the last one of a view. */
  private static int span(long[] shape, long[] stride, int count) {
    int span = 1;
    for (int i = 0; i < shape.length; i++) {
      span += (int) ((shape[i] - 1) * stride[i]);
    }
    return count == 0 ? 0 : span;
  }

  /** Where element e in row-major order lies. */
  private static int position(int e, long[] shape, long[] stride) {
    long at = 0;
    for (int i = shape.length - 1; i >= 0; i--) {
      at += e % shape[i] * stride[i];
      e /= (int) shape[i];
    }
    return (int) at;
  }

  private Tensor placeHalves(String name, short[] data, DType type, Freedom freedom, long[] shape) {
    int kind = random.nextInt(6);
    long[] stride = strides(shape, freedom, kind);
    int count = (int) Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    int span = span(shape, stride, count);
    boolean guard = kind >= 4 && GuardedMemory.supported() && span > 0;
    int lead = kind == 0 || guard ? 0 : random.nextInt(18);
    short[] buffer = new short[lead + span + (guard ? 0 : random.nextInt(18))];
    Arrays.fill(buffer, HALF_CANARY);
    boolean[] mayChange = new boolean[buffer.length];
    for (int e = 0; e < count; e++) {
      int at = lead + position(e, shape, stride);
      mayChange[at] = data == null;
      buffer[at] = data == null ? HALF_CANARY : data[e];
    }
    Tensor base = guard ? guarded(MemorySegment.ofArray(buffer), type, kind == 4 ? Edge.END : Edge.START)
        : Tensor.of(device, buffer, type, buffer.length);
    tensors.add(base);
    halves.add(new PlacedHalves(name, base, buffer, mayChange));
    return adopt(count == 0 ? Tensor.empty(device, type, shape) : base.view(lead, shape, stride));
  }

  /** Host devices compute from the guarded memory itself, others from a copy. */
  private Tensor guarded(MemorySegment contents, DType type, Edge edge) {
    GuardedMemory memory = new GuardedMemory(contents.byteSize(), edge);
    guarded.add(memory);
    MemorySegment.copy(contents, 0, memory.segment(), 0, contents.byteSize());
    Tensor wrapped = adopt(Tensor.wrap(memory.segment(), type, contents.byteSize() / type.bytes()));
    return wrapped.to(device);
  }

  /** Null if only outputs were written, else what was. */
  public String damage() {
    for (Placed p : placed) {
      float[] after = p.base.toFloats();
      for (int i = 0; i < after.length; i++) {
        int was = Float.floatToRawIntBits(p.before[i]);
        int is = Float.floatToRawIntBits(after[i]);
        if (was != is && !p.mayChange[i]) {
          return "memory of " + p.name + " was written at element " + i + ": " + p.before[i] + " became " + after[i];
        }
      }
    }
    for (PlacedHalves p : halves) {
      short[] after = p.base.toShorts();
      for (int i = 0; i < after.length; i++) {
        if (p.before[i] != after[i] && !p.mayChange[i]) {
          return "memory of " + p.name + " was written at element " + i + ": %04x became %04x".formatted(p.before[i], after[i]);
        }
      }
    }
    return null;
  }

  @Override
  public void close() {
    for (int i = tensors.size() - 1; i >= 0; i--) {
      tensors.get(i).close();
    }
    guarded.forEach(GuardedMemory::close);
  }
}
