// sum16 and max16 of docs/arithmetic.md in its two shapes on a GPU: sixteen neighbouring threads that hold one partial
// each (rows that lie together in memory), or one thread that holds all sixteen (rows that run across memory, where
// neighbouring threads own neighbouring rows).
#ifndef ONDOL_CUDA_COMMON_LANES_CUH
#define ONDOL_CUDA_COMMON_LANES_CUH

#include "math.cuh"

namespace ondol::cuda {

constexpr unsigned ALL_LANES = 0xFFFFFFFFu;

// The result reaches all sixteen threads. Every thread of the warp must take part. The upper half of each step adds
// values that nobody reads; the lower half keeps the operands in the order of the definition, which max needs (+0, -0).
template <class Combine>
ONDOL_DEVICE float tree16(float partial, Combine combine) {
#pragma unroll
  for (int step = LANES / 2; step > 0; step /= 2) {
    partial = combine(partial, __shfl_down_sync(ALL_LANES, partial, step, LANES));
  }
  return __shfl_sync(ALL_LANES, partial, 0, LANES);
}

// One step of the tree. The count is a template argument so that every index is known and the partials stay in
// registers.
template <int COUNT, class Combine>
ONDOL_DEVICE void halve(float (&partial)[LANES], Combine combine) {
#pragma unroll
  for (int j = 0; j < COUNT; ++j) partial[j] = combine(partial[j], partial[j + COUNT]);
}

template <class Combine>
ONDOL_DEVICE float tree16(float (&partial)[LANES], Combine combine) {
  halve<8>(partial, combine);
  halve<4>(partial, combine);
  halve<2>(partial, combine);
  halve<1>(partial, combine);
  return partial[0];
}

struct Add {
  ONDOL_DEVICE float operator()(float a, float b) const { return add(a, b); }
};

struct Maximum {
  ONDOL_DEVICE float operator()(float a, float b) const { return maximum(a, b); }
};

// One row of n elements owned by sixteen threads. accumulate(partial, i) takes element i into this thread's partial.
struct LaneRow {
  int64_t n;
  int lane;

  template <class Accumulate, class Combine>
  ONDOL_DEVICE float fold(float start, Accumulate accumulate, Combine combine) const {
    float partial = start;
    for (int64_t i = lane; i < n; i += LANES) partial = accumulate(partial, i);
    return tree16(partial, combine);
  }

  template <class Visit>
  ONDOL_DEVICE void each(Visit visit) const {
    for (int64_t i = lane; i < n; i += LANES) visit(i);
  }
};

// The same row owned by one thread.
struct ThreadRow {
  int64_t n;

  template <class Accumulate, class Combine>
  ONDOL_DEVICE float fold(float start, Accumulate accumulate, Combine combine) const {
    float partial[LANES];
#pragma unroll
    for (int j = 0; j < LANES; ++j) partial[j] = start;
    for (int64_t first = 0; first < n; first += LANES) {
#pragma unroll
      for (int j = 0; j < LANES; ++j) {
        if (first + j < n) partial[j] = accumulate(partial[j], first + j);
      }
    }
    return tree16(partial, combine);
  }

  template <class Visit>
  ONDOL_DEVICE void each(Visit visit) const {
    for (int64_t i = 0; i < n; ++i) visit(i);
  }
};

}  // namespace ondol::cuda

#endif
