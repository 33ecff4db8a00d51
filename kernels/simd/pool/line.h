// A line: one value for each column of a row of windows.
#ifndef ONDOL_POOL_LINE_H
#define ONDOL_POOL_LINE_H

#include "pool/windows.h"

namespace ondol {
namespace {

constexpr int64_t POOL_LINE = 4096;                 // columns of a line
constexpr int64_t POOL_BUFFER = POOL_LINE + 64;     // floats of its memory: whole vectors may be read behind it

// Lanes 0, 2, 4, ... of two neighbouring vectors.
template <class V>
ONDOL_INLINE typename V::F pool_evens(typename V::F a, typename V::F b) {
  if constexpr (V::lanes == 16) {
    return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  } else if constexpr (V::lanes == 8) {
    return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
  } else {
    static_assert(V::lanes == 4, "portable");
    return __builtin_shufflevector(a, b, 0, 2, 4, 6);
  }
}

// p[0], p[stride], p[2 stride], ...
template <class V, int stride>
ONDOL_INLINE typename V::F pool_strided(const float* p) {
  return stride == 1 ? V::load(p) : pool_evens<V>(V::load(p), V::load(p + V::lanes));
}

// How maxima and sums are folded.
template <class V>
struct PoolMax {
  typedef typename V::F F;
  static ONDOL_INLINE float identity() { return -__builtin_inff(); }
  static ONDOL_INLINE F fold(F a, F b) { return vmax<V>(a, b); }
  static ONDOL_INLINE float fold1(float a, float b) { return a > b || a != a ? a : b; }
};

template <class V>
struct PoolSum {
  typedef typename V::F F;
  static ONDOL_INLINE float identity() { return 0.0f; }
  static ONDOL_INLINE F fold(F a, F b) { return a + b; }
  static ONDOL_INLINE float fold1(float a, float b) { return a + b; }
};

// Which columns of a line hold elements: [low, high) of n, the first at column `from + low` of the map.
struct PoolPart {
  int64_t low, high;

  PoolPart(int64_t from, int64_t n, int64_t width)
      : low(max_of<int64_t>(0, -from)), high(min_of(n, width - from)) {}
};

ONDOL_INLINE void pool_fill(float* p, int64_t from, int64_t to, float value) {
  for (int64_t i = from; i < to; i++) p[i] = value;
}

// Folds `count` rows, `stride` apart, into line[0, n). With ROWS the count is known.
template <class V, class Fold, int ROWS>
ONDOL_INLINE void pool_rows(const float* x, int64_t stride, int64_t count, int64_t n, float* line) {
  const int64_t rows = ROWS > 0 ? ROWS : count;
  each_vector<V>(n, [&](int64_t c, int64_t part) {
    typename V::F acc = Fold::fold(V::set(Fold::identity()), load_part<V>(x + c, part));
    for (int64_t r = 1; r < rows; r++) acc = Fold::fold(acc, load_part<V>(x + r * stride + c, part));
    V::store(line + c, acc);
  });
}

// The fold over the rows of window oy of columns [from, from + n): identities outside the map.
template <class V, class Fold>
ONDOL_INLINE void pool_vertical(const float* plane, const PoolAxis& rows, int64_t oy, int64_t width, int64_t from, int64_t n,
                                float* line) {
  const PoolPart part(from, n, width);
  const int64_t first = rows.first(oy), count = (rows.limit(oy) - 1 - first) / rows.step() + 1;
  const float* x = plane + first * width + from + part.low;
  const int64_t stride = rows.step() * width, inside = part.high - part.low;
  float* to = line + part.low;
  if (count == 3) {
    pool_rows<V, Fold, 3>(x, stride, count, inside, to);
  } else if (count == 2) {
    pool_rows<V, Fold, 2>(x, stride, count, inside, to);
  } else {
    pool_rows<V, Fold, 0>(x, stride, count, inside, to);
  }
  pool_fill(line, 0, part.low, Fold::identity());
  pool_fill(line, part.high, n, Fold::identity());
}

// A window wider than a line, piece by piece.
template <class V, class Fold>
float pool_wide(const float* plane, const PoolAxis& rows, int64_t oy, const PoolAxis& columns, int64_t ox, float* line) {
  float acc = Fold::identity();
  const int64_t limit = columns.limit(ox), step = columns.step();
  for (int64_t tap = columns.first(ox); tap < limit;) {
    const int64_t n = min_of(POOL_LINE, limit - tap);
    pool_vertical<V, Fold>(plane, rows, oy, columns.in, tap, n, line);
    for (int64_t i = 0; i < n; i += step) acc = Fold::fold1(acc, line[i]);
    tap += ceil_div(n, step) * step;
  }
  return acc;
}

// About 16 K elements a task, in rows of y.
struct PoolRows {
  int64_t all, per_task;

  explicit PoolRows(const ondol_pool_args& a) : all(a.batch * a.channels * a.y_height) {
    const int64_t row = max_of(a.y_width, a.x_width * max_of<int64_t>(1, a.x_height / a.y_height));
    per_task = max_of<int64_t>(1, 16384 / row);
  }

  int64_t tasks() const { return ceil_div(all, per_task); }
};

}  // namespace
}  // namespace ondol

#endif
