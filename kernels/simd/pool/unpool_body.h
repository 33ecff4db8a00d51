// unpool and its gradient. Each index is read once and checked as read: a caller that changes indices during the call
// gets some mixture of values, never a bad address.
#ifndef ONDOL_POOL_UNPOOL_BODY_H
#define ONDOL_POOL_UNPOOL_BODY_H

#include "pool/windows.h"

namespace ondol {
namespace {

// Index i, or -1 where it is outside a plane of `size`.
ONDOL_INLINE int64_t unpool_index(const int32_t* indices, int64_t i, int64_t size) {
  const int64_t index = __atomic_load_n(indices + i, __ATOMIC_RELAXED);
  return index >= 0 && index < size ? index : -1;
}

// V is in no code, only in the name: each instruction set has symbols of its own.
template <class V>
class Unpool {
 public:
  // Few planes are cut into ranges of y, each of which looks at all values of its plane.
  static void plan(const ondol_unpool_args* a, ondol_plan* plan) {
    const int64_t planes = a->batch * a->channels;
    plan->phases = 1;
    plan->choice[0] = planes < plan->threads && a->y_plane > 16384 ? plan->threads : 1;
    plan->tasks[0] = planes * plan->choice[0];
    plan->workspace = 0;
    plan->scratch = 0;
  }

  static void run(const ondol_unpool_args* a, const ondol_plan* plan, int64_t, int64_t begin, int64_t end, int64_t, void*,
                  void*) {
    const int64_t ranges = plan->choice[0], range = ceil_div(a->y_plane, ranges);
    for (int64_t task = begin; task < end; task++) {
      const int64_t plane = task / ranges, low = min_of(a->y_plane, task % ranges * range);
      const int64_t size = min_of(range, a->y_plane - low);
      const float* x = a->x + pool_plane(plane, a->channels, a->x_batch, a->x_channel);
      const int32_t* indices = a->indices + plane * a->x_plane;
      float* y = a->y + pool_plane(plane, a->channels, a->y_batch, a->y_channel) + low;
      __builtin_memset(y, 0, size * sizeof(float));
      for (int64_t i = 0; i < a->x_plane; i++) {
        const int64_t index = __atomic_load_n(indices + i, __ATOMIC_RELAXED) - low;
        if (index >= 0 && index < size) y[index] = x[i];
      }
    }
  }
};

// Downwards, so that the first who names a place is the one who counts; a bit for each place says whether it is taken.
template <class V>
class UnpoolBackward {
 public:
  static void plan(const ondol_unpool_backward_args* a, ondol_plan* plan) {
    plan->phases = 1;
    plan->tasks[0] = a->batch * a->channels;
    plan->workspace = 0;
    plan->scratch = ceil_div(a->y_plane, 64) * 8;
  }

  static void run(const ondol_unpool_backward_args* a, const ondol_plan* plan, int64_t, int64_t begin, int64_t end, int64_t,
                  void*, void* scratch) {
    uint64_t* taken = (uint64_t*)scratch;
    for (int64_t plane = begin; plane < end; plane++) {
      const float* dy = a->dy + pool_plane(plane, a->channels, a->dy_batch, a->dy_channel);
      const int32_t* indices = a->indices + plane * a->x_plane;
      float* dx = a->dx + pool_plane(plane, a->channels, a->dx_batch, a->dx_channel);
      __builtin_memset(taken, 0, plan->scratch);
      for (int64_t i = a->x_plane - 1; i >= 0; i--) {
        const int64_t index = unpool_index(indices, i, a->y_plane);
        const uint64_t bit = uint64_t(1) << (index & 63);
        const bool counts = index >= 0 && (taken[index / 64] & bit) == 0;
        dx[i] = counts ? dy[index] : 0.0f;
        if (counts) taken[index / 64] |= bit;
      }
    }
  }
};

}  // namespace
}  // namespace ondol

#endif
