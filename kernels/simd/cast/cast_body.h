// The body of every cast variant.
#ifndef ONDOL_CAST_BODY_H
#define ONDOL_CAST_BODY_H

#include "cast/cast.h"
#include "cast/types.h"
#include "elementwise/index_space.h"

namespace ondol {
namespace {

// The index space of an operation on one operand with these sizes and strides.
ONDOL_INLINE IndexSpace cast_space(const ondol_cast_args& a) {
  ondol_elementwise_args map = {};
  map.rank = a.rank;
  for (int64_t d = 0; d < a.rank; d++) {
    map.shape[d] = a.shape[d];
    map.x_stride[d] = a.x_stride[d];
    map.out_stride[d] = a.y_stride[d];
  }
  return IndexSpace(map, 1);
}

template <class V>
class Cast {
  typedef Types<V> T;
  typedef typename V::I I;

 public:
  static constexpr int64_t TASK = 32768;

  static void plan(const ondol_cast_args* args, ondol_plan* plan) {
    int64_t total = 1;
    for (int64_t d = 0; d < args->rank; d++) total *= args->shape[d];
    plan->phases = 1;
    plan->tasks[0] = ceil_div(total, TASK);
    plan->workspace = 0;
    plan->scratch = 0;
  }

  static void run(const ondol_cast_args* args, const ondol_plan*, int64_t, int64_t begin, int64_t end, int64_t, void*,
                  void*) {
    const Way way = WAYS[args->from][args->to];
    const IndexSpace space = cast_space(*args);
    const int64_t rank = space.rank;
    const IndexSpace::Dimension inner = space.inner();
    int64_t at = begin * TASK;
    int64_t left = min_of(end * TASK, space.total) - at;

    int64_t index[ONDOL_MAX_RANK];
    int64_t x = 0, y = 0;
    for (int64_t d = rank - 1; d >= 0; d--) {
      index[d] = at % space.dimension[d].size;
      at /= space.dimension[d].size;
      x += index[d] * space.dimension[d].x;
      y += index[d] * space.dimension[d].out;
    }
    while (left > 0) {
      const int64_t n = min_of(inner.size - index[rank - 1], left);
      way(args->x, x, inner.x, args->y, y, inner.out, n);
      left -= n;
      x += n * inner.x;
      y += n * inner.out;
      index[rank - 1] += n;
      for (int64_t d = rank - 1; d > 0 && index[d] == space.dimension[d].size; d--) {
        const IndexSpace::Dimension& done = space.dimension[d];
        const IndexSpace::Dimension& outer = space.dimension[d - 1];
        x += outer.x - done.size * done.x;
        y += outer.out - done.size * done.out;
        index[d] = 0;
        index[d - 1]++;
      }
    }
  }

 private:
  // n elements from x[x_at] and y[y_at] on, x_step and y_step apart.
  typedef void (*Way)(const void* x, int64_t x_at, int64_t x_step, void* y, int64_t y_at, int64_t y_step, int64_t n);

  template <class X, class Y, I (*convert)(I)>
  static void way(const void* x, int64_t x_at, int64_t x_step, void* y, int64_t y_at, int64_t y_step, int64_t n) {
    const X* from = (const X*)x + x_at;
    Y* to = (Y*)y + y_at;
    if (x_step == 1 && y_step == 1) {
      dense<X, Y, convert>(from, to, n);
      return;
    }
    constexpr int64_t CHUNK = 256;
    X gathered[CHUNK];
    Y converted[CHUNK];
    for (int64_t done = 0; done < n; done += CHUNK) {
      const int64_t part = min_of(CHUNK, n - done);
      for (int64_t i = 0; i < part; i++) gathered[i] = from[(done + i) * x_step];
      dense<X, Y, convert>(gathered, converted, part);
      for (int64_t i = 0; i < part; i++) to[(done + i) * y_step] = converted[i];
    }
  }

  template <class X, class Y, I (*convert)(I)>
  static ONDOL_INLINE void dense(const X* x, Y* y, int64_t n) {
    int64_t i = 0;
    for (; i + V::lanes <= n; i += V::lanes) T::store(y + i, convert(T::load(x + i)));
    if (i == n) return;
    X rest[V::lanes] = {};
    Y last[V::lanes];
    __builtin_memcpy(rest, x + i, (n - i) * sizeof(X));
    T::store(last, convert(T::load(rest)));
    __builtin_memcpy(y + i, last, (n - i) * sizeof(Y));
  }

  static ONDOL_INLINE I same(I a) { return a; }
  static ONDOL_INLINE I bfloat16_to_float16(I h) { return T::to_float16(T::from_bfloat16(h)); }
  static ONDOL_INLINE I float16_to_bfloat16(I h) { return T::to_bfloat16(T::from_float16(h)); }

  // By ondol_type of x and of y.
  static constexpr Way WAYS[3][3] = {
      {way<float, float, same>, way<float, uint16_t, T::to_bfloat16>, way<float, uint16_t, T::to_float16>},
      {way<uint16_t, float, T::from_bfloat16>, way<uint16_t, uint16_t, same>,
       way<uint16_t, uint16_t, bfloat16_to_float16>},
      {way<uint16_t, float, T::from_float16>, way<uint16_t, uint16_t, float16_to_bfloat16>,
       way<uint16_t, uint16_t, same>}};
};

}  // namespace
}  // namespace ondol

#endif
