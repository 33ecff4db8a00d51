// Max and average pooling.
#ifndef ONDOL_POOL_BODY_H
#define ONDOL_POOL_BODY_H

#include "pool/line.h"
#include "pool/pool_indices.h"

namespace ondol {
namespace {

template <class V>
class Pool {
  typedef typename V::F F;
  typedef ondol_pool_args Args;

 public:
  static void plan(const Args* a, ondol_plan* plan) {
    plan->phases = 1;
    plan->tasks[0] = PoolRows(*a).tasks();
    plan->workspace = 0;
    plan->scratch = 4 * POOL_BUFFER * (int64_t)sizeof(float);
  }

  static void run(const Args* a, const ondol_plan*, int64_t, int64_t begin, int64_t end, int64_t, void*, void* scratch) {
    const PoolRows rows(*a);
    const int64_t first = begin * rows.per_task, last = min_of(end * rows.per_task, rows.all);
    if (a->indices != nullptr) {
      PoolIndices<V>(*a, scratch).run(first, last);
    } else if (a->op == ONDOL_POOL_MAX) {
      Pool(*a, scratch).each_row<PoolMax<V>>(first, last);
    } else {
      Pool(*a, scratch).each_row<PoolSum<V>>(first, last);
    }
  }

 private:
  const Args& a;
  const PoolAxis rows, columns;
  float* const line;
  float* const divisors;      // of the windows [divided, ...) where the rows count divided_rows
  int64_t divided = -1, divided_rows = -1;

  Pool(const Args& args, void* scratch)
      : a(args), rows(PoolAxis::rows(args)), columns(PoolAxis::columns(args)), line((float*)scratch), divisors(line + POOL_BUFFER) {}

  template <class Fold>
  void each_row(int64_t first, int64_t last) {
    for (int64_t row = first; row < last; row++) {
      const int64_t plane = row / a.y_height, oy = row % a.y_height;
      const float* x = a.x + pool_plane(plane, a.channels, a.x_batch, a.x_channel);
      this->row<Fold>(x, oy, a.y + pool_plane(plane, a.channels, a.y_batch, a.y_channel) + oy * a.y_width);
    }
  }

  template <class Fold>
  void row(const float* x, int64_t oy, float* y) {
    const bool sum = a.op != ONDOL_POOL_MAX;
    for (int64_t ox = 0; ox < a.y_width;) {
      const int64_t n = columns.block(ox, POOL_LINE);
      if (n == 0) {
        const float value = pool_wide<V, Fold>(x, rows, oy, columns, ox, line);
        y[ox] = sum ? value / (float)(rows.count(oy) * columns.count(ox)) : value + 0.0f;
        ox++;
        continue;
      }
      pool_vertical<V, Fold>(x, rows, oy, a.x_width, columns.start(ox), columns.span(ox, ox + n), line);
      if (sum) divide_by(oy, ox, n);
      horizontal<Fold>(ox, n, y + ox);
      ox += n;
    }
  }

  void divide_by(int64_t oy, int64_t ox, int64_t n) {
    const int64_t count = rows.count(oy);
    if (divided == ox && divided_rows == count) return;
    for (int64_t i = 0; i < n; i++) divisors[i] = (float)(count * columns.count(ox + i));
    for (int64_t i = n; i < n + V::lanes; i++) divisors[i] = 1.0f;
    divided = ox;
    divided_rows = count;
  }

  template <class Fold>
  void horizontal(int64_t ox, int64_t n, float* y) const {
    if (columns.adaptive() || columns.stride > 2) return scalar<Fold>(ox, n, y);
    const int64_t taps = columns.kernel, step = columns.dilation;
    if (columns.stride == 1) {
      if (taps == 3) return vectors<Fold, 1, 3>(taps, step, n, y);
      return taps == 2 ? vectors<Fold, 1, 2>(taps, step, n, y) : vectors<Fold, 1, 0>(taps, step, n, y);
    }
    if (taps == 3) return vectors<Fold, 2, 3>(taps, step, n, y);
    return taps == 2 ? vectors<Fold, 2, 2>(taps, step, n, y) : vectors<Fold, 2, 0>(taps, step, n, y);
  }

  template <class Fold, int stride, int TAPS>
  ONDOL_INLINE void vectors(int64_t count, int64_t step, int64_t n, float* y) const {
    const int64_t taps = TAPS > 0 ? TAPS : count;
    const bool sum = a.op != ONDOL_POOL_MAX;
    each_vector<V>(n, [&](int64_t i, int64_t part) {
      const float* at = line + i * stride;
      F acc = Fold::fold(V::set(Fold::identity()), pool_strided<V, stride>(at));
      for (int64_t k = 1; k < taps; k++) acc = Fold::fold(acc, pool_strided<V, stride>(at + k * step));
      store_part<V>(y + i, sum ? acc / V::load(divisors + i) : acc + V::set(0.0f), part);
    });
  }

  template <class Fold>
  void scalar(int64_t ox, int64_t n, float* y) const {
    const int64_t from = columns.start(ox), step = columns.step();
    const bool sum = a.op != ONDOL_POOL_MAX;
    for (int64_t i = 0; i < n; i++) {
      float acc = Fold::identity();
      const int64_t limit = columns.limit(ox + i) - from;
      for (int64_t c = columns.first(ox + i) - from; c < limit; c += step) acc = Fold::fold1(acc, line[c]);
      y[i] = sum ? acc / divisors[i] : acc + 0.0f;
    }
  }
};

}  // namespace
}  // namespace ondol

#endif
