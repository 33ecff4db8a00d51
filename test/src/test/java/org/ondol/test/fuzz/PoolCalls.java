package org.ondol.test.fuzz;

import java.util.List;
import org.ondol.Tensor;
import org.ondol.ops.Pool;
import org.ondol.ops.PoolGeometry;
import org.ondol.ops.Unpool;
import org.ondol.test.fuzz.Calls.Call;

/** The fuzzer's calls of pooling and unpooling. */
final class PoolCalls {
  static final List<Call> POOL = List.of(PoolCalls::pool, PoolCalls::into, PoolCalls::indices, PoolCalls::adaptive,
      PoolCalls::backward, PoolCalls::adaptiveBackward);
  static final List<Call> GEOMETRY = List.of(PoolCalls::same);
  static final List<Call> UNPOOL = List.of(PoolCalls::unpool, PoolCalls::unpoolBackward, PoolCalls::thereAndBack);

  private PoolCalls() {}

  private static Tensor[] list(Tensor... tensors) {
    return tensors;
  }

  /** A map that is at least as large as the windows, whose padding is smaller than they are. */
  private static final class Shape {
    final long[] x;
    final long[] y;
    final PoolGeometry geometry;

    Shape(Arguments a) {
      int kernelH = 1 + a.below(4);
      int kernelW = 1 + a.below(4);
      int strideH = 1 + a.below(3);
      int strideW = 1 + a.below(3);
      int top = a.below(kernelH);
      int right = a.below(kernelW);
      int height = kernelH + a.below(6);
      int width = kernelW + a.below(30);
      boolean flat = a.oneIn(4);
      int n = a.size();
      int c = a.size();
      long oh = (height + top - kernelH) / strideH + 1;
      long ow = (width + right - kernelW) / strideW + 1;
      x = flat ? new long[] {n, c, width} : new long[] {n, c, height, width};
      y = flat ? new long[] {n, c, ow} : new long[] {n, c, oh, ow};
      geometry = PoolGeometry.window(a.integer(kernelH), a.integer(kernelW)).stride(a.integer(strideH), a.integer(strideW))
          .padding(a.integer(top), 0, 0, a.integer(right)).dilation(a.integer(1), a.integer(1)).countPadding(a.flag());
    }
  }

  private static Tensor[] pool(Arguments a) {
    Shape s = new Shape(a);
    PoolGeometry g = s.geometry.ceil(a.flag());
    return list(a.flag() ? Pool.max(a.tensor(s.x), g) : Pool.average(a.tensor(s.x), g));
  }

  private static Tensor[] into(Arguments a) {
    Shape s = new Shape(a);
    Tensor y = a.rows(s.y);
    if (a.flag()) {
      Pool.maxInto(a.tensor(s.x), s.geometry, y);
    } else {
      Pool.averageInto(a.tensor(s.x), s.geometry, y);
    }
    return list(y.reshape(y.shape()));
  }

  private static Tensor[] indices(Arguments a) {
    Shape s = new Shape(a);
    try (Pool.Max max = Pool.maxWithIndices(a.tensor(s.x), s.geometry);
        Tensor flat = Pool.flatIndices(max.indices(), a.flag(), a.integers(s.x))) {
      return list(max.y().copy(), Pool.maxBackward(max.y(), max.indices(), s.geometry, a.integers(s.x)));
    }
  }

  private static Tensor[] adaptive(Arguments a) {
    Tensor x = a.tensor(a.size(), a.size(), 1 + a.below(6), 1 + a.below(20));
    return switch (a.below(4)) {
      case 0 -> list(Pool.globalMax(x));
      case 1 -> list(Pool.globalAverage(x));
      case 2 -> list(Pool.adaptiveMax(x, a.integer(1 + a.below(4)), a.integer(1 + a.below(9))));
      default -> list(Pool.adaptiveAverage(x, a.integer(1 + a.below(4)), a.integer(1 + a.below(9))));
    };
  }

  private static Tensor[] backward(Arguments a) {
    Shape s = new Shape(a);
    return list(Pool.averageBackward(a.tensor(s.y), s.geometry, a.integers(s.x)));
  }

  private static Tensor[] adaptiveBackward(Arguments a) {
    long n = a.size();
    long c = a.size();
    long h = 1 + a.below(6);
    long w = 1 + a.below(20);
    if (a.flag()) {
      return list(Pool.adaptiveAverageBackward(a.tensor(n, c, 1 + a.below(4), 1 + a.below(9)), a.integers(n, c, h, w)));
    }
    try (Pool.Max max = Pool.adaptiveMaxWithIndices(a.tensor(n, c, h, w), 1 + a.below(4), 1 + a.below(9))) {
      return list(Pool.adaptiveMaxBackward(max.y(), max.indices(), a.integers(n, c, h, w)));
    }
  }

  private static Tensor[] same(Arguments a) {
    Shape s = new Shape(a);
    PoolGeometry g = s.geometry.same(a.integer(s.x.length == 3 ? 1 : s.x[2]), a.integer(s.x[s.x.length - 1]), a.flag());
    return list(Pool.max(a.tensor(s.x), g));
  }

  private static Tensor[] unpool(Arguments a) {
    int n = a.size();
    int c = a.size();
    int w = 1 + a.below(9);
    int height = 1 + a.below(5);
    int width = 1 + a.below(20);
    Tensor indices = a.indices(n * c * w, height * width);
    try (Tensor at = indices == null ? null : indices.rank() == 1 && indices.count() == (long) n * c * w
        ? indices.reshape(n, c, 1, w) : indices.reshape(indices.shape())) {
      return list(Unpool.apply(a.tensor(n, c, 1, w), at, a.integer(height), a.integer(width)));
    }
  }

  private static Tensor[] unpoolBackward(Arguments a) {
    int n = a.size();
    int c = a.size();
    int w = 1 + a.below(9);
    int size = 1 + a.below(20);
    Tensor indices = a.indices(n * c * w, size);
    try (Tensor at = indices == null ? null : indices.rank() == 1 && indices.count() == (long) n * c * w
        ? indices.reshape(n, c, w) : indices.reshape(indices.shape())) {
      return list(Unpool.backward(a.tensor(n, c, size), at));
    }
  }

  private static Tensor[] thereAndBack(Arguments a) {
    Shape s = new Shape(a);
    try (Pool.Max max = Pool.maxWithIndices(a.tensor(s.x), s.geometry);
        Tensor flat = Pool.flatIndices(max.indices(), false, s.x);
        Tensor plane = Unpool.planeIndices(flat, a.integers(s.x))) {
      return list(Unpool.apply(max.y(), plane, s.x.length == 3 ? 1 : s.x[2], s.x[s.x.length - 1]));
    }
  }
}
