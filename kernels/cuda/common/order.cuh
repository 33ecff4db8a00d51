// The order of scores (docs/arithmetic.md, Selection) on integers: a candidate is a word that ascends as candidates are
// wanted, the key with its order turned round above the position. No two are equal, so no order of threads shows.
#ifndef ONDOL_CUDA_COMMON_ORDER_CUH
#define ONDOL_CUDA_COMMON_ORDER_CUH

#include "math.cuh"

namespace ondol::cuda {

constexpr uint64_t NO_WORD = ~uint64_t{0};
constexpr int32_t NAN_KEY = INT32_MIN;

// flip: -1 for the least elements first, else 0.
ONDOL_DEVICE int32_t order_key(float x, int32_t flip) {
  if (is_nan(x)) return NAN_KEY;
  int32_t b = static_cast<int32_t>(__float_as_uint(add(x, 0.0f)));
  return b ^ ((b >> 31) & 0x7FFFFFFF) ^ flip;
}

ONDOL_DEVICE uint64_t order_word(int32_t key, int64_t position) {
  return static_cast<uint64_t>(static_cast<uint32_t>(key ^ 0x7FFFFFFF)) << 32 | static_cast<uint32_t>(position);
}

ONDOL_DEVICE int64_t word_position(uint64_t word) { return static_cast<int64_t>(word & 0xFFFFFFFFu); }

ONDOL_DEVICE uint64_t shuffle_down(uint64_t value, unsigned delta) {
  uint32_t high = __shfl_down_sync(0xFFFFFFFFu, static_cast<uint32_t>(value >> 32), delta, WARP);
  uint32_t low = __shfl_down_sync(0xFFFFFFFFu, static_cast<uint32_t>(value), delta, WARP);
  return static_cast<uint64_t>(high) << 32 | low;
}

// Room for two reductions of a block in turn: a thread may begin the next while others still read this one.
template <int THREADS>
struct BlockReduction {
  uint64_t part[2][THREADS / WARP];

  // The combination of all threads' values, in every thread. `turn` alternates between 0 and 1 from call to call.
  template <class Combine>
  ONDOL_DEVICE uint64_t all(uint64_t value, int turn, Combine combine) {
    for (unsigned delta = WARP / 2; delta > 0; delta /= 2) value = combine(value, shuffle_down(value, delta));
    if (threadIdx.x % WARP == 0) part[turn][threadIdx.x / WARP] = value;
    __syncthreads();
    value = part[turn][0];
    for (int w = 1; w < THREADS / WARP; ++w) value = combine(value, part[turn][w]);
    return value;
  }
};

struct Least {
  ONDOL_DEVICE uint64_t operator()(uint64_t a, uint64_t b) const { return b < a ? b : a; }
};

struct Sum {
  ONDOL_DEVICE uint64_t operator()(uint64_t a, uint64_t b) const { return a + b; }
};

}  // namespace ondol::cuda

#endif
