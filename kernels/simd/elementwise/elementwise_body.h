// The body of every elementwise variant.
#ifndef ONDOL_ELEMENTWISE_BODY_H
#define ONDOL_ELEMENTWISE_BODY_H

#include "elementwise/elementwise.h"
#include "elementwise/index_space.h"
#include "elementwise/ops.h"

namespace ondol {
namespace {

template <class V>
class Elementwise {
  typedef typename V::F F;

 public:
  // 16 K elements are 64 KB an operand: some microseconds even for a copy, far above the cost of claiming a task.
  static constexpr int64_t TASK = 16384;

  static void plan(const ondol_elementwise_args* args, ondol_plan* plan) {
    int64_t total = 1;
    for (int64_t d = 0; d < args->rank; d++) total *= args->shape[d];
    plan->phases = 1;
    plan->tasks[0] = ceil_div(total, TASK);
    plan->workspace = 0;
    plan->scratch = 0;
  }

  static void run(const ondol_elementwise_args* args, const ondol_plan*, int64_t, int64_t begin, int64_t end, int64_t,
                  void*, void*) {
    const Op op = OPS[args->op];
    const IndexSpace space(*args, op.arity);
    const int64_t rank = space.rank;
    const IndexSpace::Dimension inner = space.inner();
    int64_t at = begin * TASK;
    int64_t left = min_of(end * TASK, space.total) - at;

    int64_t index[ONDOL_MAX_RANK];
    Row row = {args->x, args->y, args->out, inner.x, inner.y, inner.out, 0, (float)args->param};
    for (int64_t d = rank - 1; d >= 0; d--) {
      index[d] = at % space.dimension[d].size;
      at /= space.dimension[d].size;
      row.advance(space.dimension[d], index[d]);
    }
    while (left > 0) {
      row.n = min_of(inner.size - index[rank - 1], left);
      any_strides(op.row, row);
      left -= row.n;
      row.advance(inner, row.n);
      index[rank - 1] += row.n;
      for (int64_t d = rank - 1; d > 0 && index[d] == space.dimension[d].size; d--) {
        row.advance(space.dimension[d], -index[d]);
        index[d] = 0;
        row.advance(space.dimension[d - 1], 1);
        index[d - 1]++;
      }
    }
  }

 private:
  struct Row {
    const float* x;
    const float* y;
    float* out;
    int64_t x_stride, y_stride, out_stride;
    int64_t n;
    float param;

    ONDOL_INLINE void advance(const IndexSpace::Dimension& d, int64_t steps) {
      x += d.x * steps;
      y += d.y * steps;
      out += d.out * steps;
    }
  };

  typedef void (*RowFunction)(const Row& row);

  struct Op {
    RowFunction row;
    int64_t arity;
  };

  // Strides of x and y are 0 or 1, out's is 1. A broadcast operand is read over and over from a vector full of it, so
  // that one loop serves all four cases.
  template <int arity, F (*op)(F, F, F)>
  static void unit_strides(const Row& row) {
    alignas(64) float x_lanes[V::lanes], y_lanes[V::lanes];
    const float* x = arity < 1 ? x_lanes : row.x;
    const float* y = arity < 2 ? y_lanes : row.y;
    int64_t x_step = V::lanes, y_step = V::lanes;
    if (arity < 1 || row.x_stride == 0) x = broadcast(arity < 1 ? 0.0f : *row.x, x_lanes), x_step = 0;
    if (arity < 2 || row.y_stride == 0) y = broadcast(arity < 2 ? 0.0f : *row.y, y_lanes), y_step = 0;
    const F param = V::set(row.param);
    float* out = row.out;
    int64_t i = 0;
    for (; i + V::lanes <= row.n; i += V::lanes, x += x_step, y += y_step) {
      V::store(out + i, op(V::load(x), arity < 2 ? V::set(0.0f) : V::load(y), param));
    }
    const int64_t tail = row.n - i;
    if (tail > 0) V::store(out + i, op(V::load(x, tail), V::load(y, tail), param), tail);
  }

  static ONDOL_INLINE const float* broadcast(float value, float* lanes) {
    V::store(lanes, V::set(value));
    return lanes;
  }

  // Other strides go through buffers of contiguous elements.
  static void any_strides(RowFunction function, const Row& row) {
    const bool x_plain = row.x_stride == 0 || row.x_stride == 1;
    const bool y_plain = row.y_stride == 0 || row.y_stride == 1;
    if (x_plain && y_plain && row.out_stride == 1) {
      function(row);
      return;
    }
    constexpr int64_t CHUNK = 256;
    float x[CHUNK], y[CHUNK], out[CHUNK];
    Row rest = row;
    for (int64_t done = 0; done < row.n; done += rest.n) {
      rest.n = min_of(CHUNK, row.n - done);
      Row part = rest;
      if (!x_plain) part.x = gather(row.x + done * row.x_stride, row.x_stride, rest.n, x), part.x_stride = 1;
      if (!y_plain) part.y = gather(row.y + done * row.y_stride, row.y_stride, rest.n, y), part.y_stride = 1;
      if (x_plain) part.x = row.x + done * row.x_stride;
      if (y_plain) part.y = row.y + done * row.y_stride;
      float* target = row.out + done * row.out_stride;
      part.out = row.out_stride == 1 ? target : out;
      function(part);
      for (int64_t i = 0; row.out_stride != 1 && i < rest.n; i++) target[i * row.out_stride] = out[i];
    }
  }

  static const float* gather(const float* from, int64_t stride, int64_t n, float* to) {
    for (int64_t i = 0; i < n; i++) to[i] = from[i * stride];
    return to;
  }

  static constexpr Op OPS[] = {
#define ONDOL_OP(name, arity) {&unit_strides<arity, &ElementwiseOps<V>::name>, arity},
#include "elementwise/ops.inc"
#undef ONDOL_OP
  };
};

}  // namespace
}  // namespace ondol

#endif
