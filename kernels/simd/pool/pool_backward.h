// Gradients of pooling. A task owns rows [low, high) of a plane of dx.
#ifndef ONDOL_POOL_BACKWARD_H
#define ONDOL_POOL_BACKWARD_H

#include "pool/windows.h"

namespace ondol {
namespace {

// Quotients by one divisor of numbers below 2^32: the high word of a product with 2^64 / divisor, rounded up (exact, as
// its error times the number is below 2^64 / divisor).
class PoolQuotient {
 public:
  explicit PoolQuotient(int64_t divisor) : factor(divisor == 1 ? 0 : ~uint64_t(0) / (uint64_t)divisor + 1) {}

  ONDOL_INLINE int64_t of(uint32_t n) const {
    return factor == 0 ? (int64_t)n : (int64_t)(((unsigned __int128)factor * n) >> 64);
  }

 private:
  uint64_t factor;
};

template <class V>
class PoolBackward {
  typedef typename V::F F;
  typedef ondol_pool_backward_args Args;

  static constexpr int64_t COLUMNS = 2048;  // of dx that averages are spread over at once

  static int64_t band(const ondol_pool_args& s) {
    return min_of(s.x_height, max_of<int64_t>(1, 16384 / s.x_width));
  }

 public:
  static void plan(const Args* a, ondol_plan* plan) {
    const ondol_pool_args& s = a->forward;
    plan->phases = 1;
    plan->tasks[0] = s.batch * s.channels * ceil_div(s.x_height, band(s));
    plan->workspace = 0;
    plan->scratch = (3 * COLUMNS + 4 * V::lanes) * (int64_t)sizeof(float);
  }

  static void run(const Args* a, const ondol_plan*, int64_t, int64_t begin, int64_t end, int64_t, void*, void* scratch) {
    const ondol_pool_args& s = a->forward;
    const int64_t rows = band(s), bands = ceil_div(s.x_height, rows);
    for (int64_t task = begin; task < end; task++) {
      const int64_t low = task % bands * rows;
      const PoolBackward band(*a, task / bands, low, min_of(s.x_height, low + rows), (float*)scratch);
      if (s.op == ONDOL_POOL_MAX) {
        band.scatter();
      } else {
        for (int64_t from = 0; from < s.x_width; from += COLUMNS) band.spread(from, min_of(COLUMNS, s.x_width - from));
      }
    }
  }

 private:
  const ondol_pool_args& s;
  const PoolAxis rows, columns;
  const int64_t low, high;
  const float* const dy;
  const int32_t* const indices;
  float* const dx;
  float* const line;
  float* const averages;

  PoolBackward(const Args& a, int64_t plane, int64_t low, int64_t high, float* scratch)
      : s(a.forward), rows(PoolAxis::rows(s)), columns(PoolAxis::columns(s)), low(low), high(high),
        dy(a.dy + pool_plane(plane, s.channels, a.dy_batch, a.dy_channel)),
        indices(s.indices == nullptr ? nullptr : s.indices + plane * s.y_height * s.y_width),
        dx(a.dx + pool_plane(plane, s.channels, a.dx_batch, a.dx_channel)), line(scratch), averages(scratch + COLUMNS + V::lanes) {}

  // Max pooling: dy to the cells that indices name, where they lie in the task's rows and in their window.
  void scatter() const {
    const int64_t width = s.x_width, limit = rows.limit_over(high);
    __builtin_memset(dx + low * width, 0, (high - low) * width * sizeof(float));
    const PoolQuotient row_of(width);
    for (int64_t oy = rows.first_over(low); oy < limit; oy++) {
      if (columns.adaptive()) {
        scatter_row(oy, row_of, [&](int64_t ox, int64_t ix) { return ix >= columns.first(ox) && ix < columns.limit(ox); });
      } else if (columns.dilation == 1) {
        scatter_row(oy, row_of, [&](int64_t ox, int64_t ix) {
          return (uint64_t)(ix - columns.start(ox)) < (uint64_t)columns.kernel;
        });
      } else {
        scatter_row(oy, row_of, [&](int64_t ox, int64_t ix) {
          const int64_t tap = ix - columns.start(ox);
          return tap >= 0 && tap % columns.dilation == 0 && tap / columns.dilation < columns.kernel;
        });
      }
    }
  }

  template <class Holds>
  ONDOL_INLINE void scatter_row(int64_t oy, const PoolQuotient& row_of, Holds holds) const {
    const int64_t first = rows.first(oy), limit = rows.limit(oy), step = rows.step();
    const int64_t begin = max_of(first, low), span = min_of(limit, high) - begin;
    for (int64_t ox = 0; ox < s.y_width; ox++) {
      const uint32_t index = (uint32_t)__atomic_load_n(indices + oy * s.y_width + ox, __ATOMIC_RELAXED);
      const int64_t iy = row_of.of(index), ix = index - iy * s.x_width;
      const bool inside = span > 0 && (uint64_t)(iy - begin) < (uint64_t)span && (step == 1 || (iy - first) % step == 0);
      if (inside && holds(ox, ix)) dx[index] = dx[index] + dy[oy * s.y_width + ox];
    }
  }

  // Averages, to columns [from, from + n).
  void spread(int64_t from, int64_t n) const {
    for (int64_t iy = low; iy < high; iy++) __builtin_memset(dx + iy * s.x_width + from, 0, n * sizeof(float));
    const int64_t limit = rows.limit_over(high), step = rows.step();
    for (int64_t oy = rows.first_over(low); oy < limit; oy++) {
      spread_line(oy, from, n);
      const int64_t last = min_of(high, rows.limit(oy));
      for (int64_t iy = rows.first(oy); iy < last; iy += step) {
        if (iy < low) continue;
        float* row = dx + iy * s.x_width + from;
        each_vector<V>(n, [&](int64_t c, int64_t part) {
          store_part<V>(row + c, load_part<V>(row + c, part) + V::load(line + c), part);
        });
      }
    }
  }

  // A row of dy over its counts, spread over the columns.
  void spread_line(int64_t oy, int64_t from, int64_t n) const {
    const float* g = dy + oy * s.y_width;
    const int64_t count = rows.count(oy), reach = (columns.kernel - 1) * columns.dilation;
    if (!columns.adaptive() && columns.stride == 1 && reach <= COLUMNS) return slide(g, count, from, n, reach);
    for (int64_t c = 0; c < n; c++) line[c] = 0.0f;
    const int64_t limit = columns.limit_over(from + n), step = columns.step();
    for (int64_t ox = columns.first_over(from); ox < limit; ox++) {
      const float average = g[ox] / (float)(count * columns.count(ox));
      const int64_t last = min_of(from + n, columns.limit(ox));
      for (int64_t ix = columns.first(ox); ix < last; ix += step) {
        if (ix >= from) line[ix - from] = line[ix - from] + average;
      }
    }
  }

  // Stride 1: the windows over a column are neighbours, the one that holds it as its last tap first.
  void slide(const float* g, int64_t count, int64_t from, int64_t n, int64_t reach) const {
    const int64_t ox = from + columns.begin - reach, end = n + reach;
    for (int64_t i = 0; i < end; i++) {
      averages[i] = ox + i >= 0 && ox + i < s.y_width ? g[ox + i] / (float)(count * columns.count(ox + i)) : 0.0f;
    }
    each_vector<V>(n, [&](int64_t c, int64_t) {
      F acc = V::set(0.0f);
      for (int64_t shift = 0; shift <= reach; shift += columns.dilation) acc = acc + V::load(averages + c + shift);
      V::store(line + c, acc);
    });
  }
};

}  // namespace
}  // namespace ondol

#endif
