package org.ondol.bench.stems;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.ondol.bench.Check;

/**
 * Samples of a convolution's answers in float64, each a loop over what its definition sums. Both directions relate a large
 * map and a small one: conv reads the large and writes the small, deconv the other way round, and filters are
 * [small channel, large channel of the group, ky, kx] for both.
 */
final class ConvReference {
  private static final int SAMPLES = 600; // of each answer, beside its first and last element

  private final ConvCase c;
  private final ConvCase.Sizes s;
  private final int large, small; // sizes
  private final int largeChannels, smallChannels;
  private final List<Sample> samples = new ArrayList<>();

  /** The float64 sum of a value, of how many products, and the sum of their magnitudes. */
  private record Sample(String answer, int index, double sum, double magnitude, int terms) {
    /** (terms + 2) eps sum |a||b|, the bound of any order of float32 sums. */
    String check(float[] values) {
      return Check.within(answer, index, sum, values[index], (terms + 2) * 0x1p-24 * magnitude);
    }
  }

  private static final class Sum {
    private double sum, magnitude;
    private int terms;

    void add(double a, double b) {
      sum += a * b;
      magnitude += Math.abs(a * b);
      terms++;
    }

    Sample at(String answer, int index) {
      return new Sample(answer, index, sum, magnitude, terms);
    }
  }

  private interface Definition {
    Sum at(int index);
  }

  ConvReference(ConvCase testCase) {
    c = testCase;
    s = c.s;
    large = c.transposed ? c.outSize() : s.size();
    small = c.transposed ? s.size() : c.outSize();
    largeChannels = c.transposed ? s.out() : s.in();
    smallChannels = c.transposed ? s.in() : s.out();
    float[] x = c.x();
    float[] dy = c.backward ? c.dy() : null;
    int places = c.outSize() * c.outSize();
    take("y", s.batch() * s.out() * places, i -> {
      Sum sum = c.transposed ? onLarge(x, i) : onSmall(x, i);
      if (!c.backward) {
        sum.add(c.bias()[i / places % s.out()], 1);
      }
      return sum;
    });
    if (c.backward) {
      take("dx", x.length, i -> c.transposed ? onSmall(dy, i) : onLarge(dy, i));
      take("dw", c.weightCount(), i -> c.transposed ? onFilter(dy, x, i) : onFilter(x, dy, i));
      take("db", s.out(), i -> onBias(dy, i));
    }
  }

  String check(Map<String, float[]> answer) {
    for (Sample sample : samples) {
      float[] values = answer.get(sample.answer);
      String wrong = values == null ? null : sample.check(values);
      if (wrong != null) {
        return wrong;
      }
    }
    return null;
  }

  private void take(String answer, int count, Definition definition) {
    SplittableRandom random = new SplittableRandom(5);
    samples.add(definition.at(0).at(answer, 0));
    samples.add(definition.at(count - 1).at(answer, count - 1));
    for (int i = 0; i < SAMPLES; i++) {
      int index = random.nextInt(count);
      samples.add(definition.at(index).at(answer, index));
    }
  }

  private int filterIndex(int smallChannel, int largeInGroup, int ky, int kx) {
    return ((smallChannel * (largeChannels / s.groups()) + largeInGroup) * s.kernel() + ky) * s.kernel() + kx;
  }

  private int firstLarge(int smallChannel) {
    return smallChannel / (smallChannels / s.groups()) * (largeChannels / s.groups());
  }

  /** An element of the small map: what the filters see of the large one. */
  private Sum onSmall(float[] map, int i) {
    int column = i % small, row = i / small % small, o = i / small / small % smallChannels;
    int n = i / small / small / smallChannels;
    Sum sum = new Sum();
    for (int inGroup = 0; inGroup < largeChannels / s.groups(); inGroup++) {
      int plane = (n * largeChannels + firstLarge(o) + inGroup) * large * large;
      for (int ky = 0; ky < s.kernel(); ky++) {
        for (int kx = 0; kx < s.kernel(); kx++) {
          int y = row * s.stride() - s.pad() + ky, x = column * s.stride() - s.pad() + kx;
          int w = filterIndex(o, inGroup, ky, kx);
          if (inside(y, large) && inside(x, large) && c.live(w)) {
            sum.add(map[plane + y * large + x], c.w()[w]);
          }
        }
      }
    }
    return sum;
  }

  /** An element of the large map: what the small map's elements strew over it. */
  private Sum onLarge(float[] map, int i) {
    int column = i % large, row = i / large % large, channel = i / large / large % largeChannels;
    int n = i / large / large / largeChannels;
    int perGroup = smallChannels / s.groups();
    int group = channel / (largeChannels / s.groups());
    Sum sum = new Sum();
    for (int o = group * perGroup; o < (group + 1) * perGroup; o++) {
      for (int ky = 0; ky < s.kernel(); ky++) {
        for (int kx = 0; kx < s.kernel(); kx++) {
          int y = row + s.pad() - ky, x = column + s.pad() - kx;
          int w = filterIndex(o, channel - firstLarge(o), ky, kx);
          if (y % s.stride() == 0 && x % s.stride() == 0 && inside(y / s.stride(), small) && inside(x / s.stride(), small)
              && c.live(w)) {
            sum.add(map[((n * smallChannels + o) * small + y / s.stride()) * small + x / s.stride()], c.w()[w]);
          }
        }
      }
    }
    return sum;
  }

  /** An element of the filters' gradient: nothing where it is dead. */
  private Sum onFilter(float[] largeMap, float[] smallMap, int i) {
    int kx = i % s.kernel(), ky = i / s.kernel() % s.kernel();
    int inGroup = i / s.kernel() / s.kernel() % (largeChannels / s.groups());
    int o = i / s.kernel() / s.kernel() / (largeChannels / s.groups());
    Sum sum = new Sum();
    for (int n = 0; n < s.batch() && c.live(i); n++) {
      int largePlane = (n * largeChannels + firstLarge(o) + inGroup) * large * large;
      int smallPlane = (n * smallChannels + o) * small * small;
      for (int row = 0; row < small; row++) {
        for (int column = 0; column < small; column++) {
          int y = row * s.stride() - s.pad() + ky, x = column * s.stride() - s.pad() + kx;
          if (inside(y, large) && inside(x, large)) {
            sum.add(largeMap[largePlane + y * large + x], smallMap[smallPlane + row * small + column]);
          }
        }
      }
    }
    return sum;
  }

  private Sum onBias(float[] dy, int o) {
    int places = c.outSize() * c.outSize();
    Sum sum = new Sum();
    for (int n = 0; n < s.batch(); n++) {
      for (int i = 0; i < places; i++) {
        sum.add(dy[(n * s.out() + o) * places + i], 1);
      }
    }
    return sum;
  }

  private static boolean inside(int i, int size) {
    return i >= 0 && i < size;
  }
}
