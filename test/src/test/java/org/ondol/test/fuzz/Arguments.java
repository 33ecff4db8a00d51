package org.ondol.test.fuzz;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.ondol.DType;
import org.ondol.Device;
import org.ondol.Tensor;

/**
 * Draws arguments of one call. What is asked for is mostly given; now and then it is something else: another shape, type or
 * device, a closed tensor, null, odd strides, extreme numbers. The same seed gives the same call on any device.
 */
final class Arguments {
  /** Nothing between a few and 2^44: a size of some gigabytes would be granted, and be slow. */
  private static final long[] LONGS = {-1, 0, 1, 2, 3, 5, 17, -2, 1L << 44, (1L << 44) + 1, 1L << 62, Long.MAX_VALUE,
    Long.MIN_VALUE};
  private static final double[] DOUBLES = {0, -0.0, 1, -1, 0.5, 1e-300, 1e300, -1e300, Double.NaN, Double.POSITIVE_INFINITY,
    Double.NEGATIVE_INFINITY, Double.MIN_VALUE};
  private static final float[] FLOATS = {0, -0f, 1, -1, Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY,
    Float.MAX_VALUE, Float.MIN_VALUE};

  private final Random random;
  private final Device device;
  private final Device other;
  private final int garbage;
  private final List<Tensor> made = new ArrayList<>();
  private final List<Object> log = new ArrayList<>();

  /**
   * @param garbage one argument in so many is not what was asked for; 0 for none
   */
  Arguments(long seed, Device device, Device other, int garbage) {
    this.random = new Random(seed);
    this.device = device;
    this.other = other;
    this.garbage = garbage;
  }

  Device device() {
    return device;
  }

  int below(int n) {
    return random.nextInt(n);
  }

  boolean oneIn(int n) {
    return random.nextInt(n) == 0;
  }

  /** A small size, now and then 0. */
  int size() {
    return random.nextInt(12) == 0 ? 0 : 1 + random.nextInt(5);
  }

  private boolean spoil() {
    return garbage > 0 && random.nextInt(garbage) == 0;
  }

  private <T> T logged(T value) {
    log.add(value instanceof long[] a ? Arrays.toString(a) : value instanceof int[] a ? Arrays.toString(a) : value);
    return value;
  }

  /** What was drawn, for a failure's message. */
  String drawn() {
    return log.toString();
  }

  @SafeVarargs
  final <T> T of(T... choices) {
    T chosen = choices[random.nextInt(choices.length)];
    return logged(spoil() ? null : chosen);
  }

  long integer(long wanted) {
    return logged(spoil() ? LONGS[random.nextInt(LONGS.length)] : wanted);
  }

  int smallInteger(int wanted) {
    return logged(spoil() ? (int) LONGS[random.nextInt(LONGS.length)] : wanted);
  }

  double number(double wanted) {
    return logged(spoil() ? DOUBLES[random.nextInt(DOUBLES.length)] : wanted);
  }

  boolean flag() {
    return logged(random.nextBoolean());
  }

  long[] integers(long... wanted) {
    if (!spoil()) {
      return logged(wanted);
    }
    if (random.nextInt(4) == 0) {
      return logged(null);
    }
    long[] other = random.nextBoolean() ? wanted.clone() : new long[random.nextInt(6)];
    for (int i = 0; i < other.length; i++) {
      other[i] = random.nextInt(3) == 0 ? LONGS[random.nextInt(LONGS.length)] : other[i];
    }
    return logged(other);
  }

  long[] anyShape() {
    long[] shape = new long[random.nextInt(6)];
    Arrays.setAll(shape, i -> size());
    return shape;
  }

  /** A float32 tensor of the shape, laid out somehow; rarely anything else. */
  Tensor tensor(long... shape) {
    return logged(spoil() ? anything() : keep(layout(floats(device, shape))));
  }

  /** The same with a dense last dimension. */
  Tensor rows(long... shape) {
    return logged(spoil() ? anything() : keep(floats(device, shape)));
  }

  Tensor indices(int count, int bound) {
    if (spoil()) {
      return logged(anything());
    }
    long[] ids = random.longs(count, 0, Math.max(bound, 1)).toArray();
    return logged(keep(random.nextBoolean() ? Tensor.of(device, ids, count)
        : Tensor.of(device, Arrays.stream(ids).mapToInt(i -> (int) i).toArray(), count)));
  }

  Tensor mask(long... shape) {
    if (spoil()) {
      return logged(anything());
    }
    byte[] bytes = new byte[(int) Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
    random.nextBytes(bytes);
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] &= (byte) (bytes[i] >> 1); // more zeros than ones
    }
    return logged(keep(Tensor.of(device, bytes, shape)));
  }

  private Tensor keep(Tensor t) {
    made.add(t);
    return t;
  }

  private Tensor floats(Device where, long... shape) {
    float[] data = new float[(int) Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
    boolean extreme = random.nextInt(6) == 0;
    for (int i = 0; i < data.length; i++) {
      data[i] = extreme && random.nextInt(4) == 0 ? FLOATS[random.nextInt(FLOATS.length)] : random.nextInt(9) - 4;
    }
    return Tensor.of(where, data, shape);
  }

  /** The same elements with other strides, by transposing a copy there and back. */
  private Tensor layout(Tensor t) {
    if (t.rank() < 2 || random.nextInt(3) > 0) {
      return t;
    }
    int a = random.nextInt(t.rank());
    int b = random.nextInt(t.rank());
    try (t; Tensor there = t.transpose(a, b); Tensor dense = there.copy()) {
      return dense.transpose(a, b);
    }
  }

  /** Something that is probably not wanted. */
  private Tensor anything() {
    Tensor t = floats(device, anyShape());
    switch (random.nextInt(10)) {
      case 0 -> {
        t.close();
        return null;
      }
      case 1 -> {
        t.close();
        return t;
      }
      case 2 -> {
        t.close();
        return keep(Tensor.of(device, new long[] {0, 1}, 2));
      }
      case 3 -> {
        try (t) {
          return keep(t.to(other));
        }
      }
      case 4 -> {
        try (t) {
          return keep(t.rank() == 0 ? t.expand(3) : t.transpose(0, t.rank() - 1));
        }
      }
      case 5 -> {
        long[] shape = {1 + random.nextInt(4), 1 + random.nextInt(4)};
        try (t; Tensor base = floats(device, 64)) {
          return keep(base.view(random.nextInt(8), shape, new long[] {random.nextInt(5), random.nextInt(5)}));
        }
      }
      case 6 -> {
        t.close();
        return keep(Tensor.wrap(MemorySegment.ofArray(new float[6]), DType.FLOAT32, 2, 3));
      }
      case 7 -> {
        t.close();
        return keep(Tensor.wrap(Arena.ofAuto().allocate(24, 8), DType.FLOAT32, 2, 3));
      }
      default -> {
        return keep(t);
      }
    }
  }

  void close() {
    made.forEach(Tensor::close);
  }
}
