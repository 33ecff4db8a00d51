// What the kernels of the gradient in bfloat16 and float16 share.
#ifndef ONDOL_CUDA_ATTENTION_GRADIENT_CUH
#define ONDOL_CUDA_ATTENTION_GRADIENT_CUH

#include "narrow.cuh"

namespace ondol::cuda {

struct Gradient {
  Problem forward;
  ondol_attention_backward_args args;
  float scale;
  float* delta;  // [batch, heads, q_len]
};

ONDOL_DEVICE float* delta_at(const Gradient& problem, const Item& item, int64_t h, int64_t i) {
  const ondol_attention_args& args = problem.forward.args;
  return problem.delta + (item.batch * args.heads + h) * args.q_len + i;
}

ONDOL_DEVICE const uint16_t* narrow(const float* data) { return reinterpret_cast<const uint16_t*>(data); }
ONDOL_DEVICE uint16_t* narrow(float* data) { return reinterpret_cast<uint16_t*>(data); }

struct Place {
  Item item;
  int64_t head, kv_head;
};

// What a query row brings: its log-sum-exp in units of log 2, +infinity where it sees nothing, and D_i.
struct RowValues {
  float lse, delta;
};

ONDOL_DEVICE RowValues row_values(const Gradient& problem, const Place& place, int64_t i) {
  const ondol_attention_args& args = problem.forward.args;
  if (i >= place.item.rows) return {infinity(), 0.0f};
  float lse = args.lse[row_at(args, place.item, args.lse_stride, place.head, i)];
  return {lse == -infinity() ? infinity() : mul(lse, LOG2E), *delta_at(problem, place.item, place.head, i)};
}

// Elements 8 j + 2 t of a row whose sums are sum[4 j + 2 r], times a factor; `pairs`: write_pair.
template <class T, int FLOATS>
ONDOL_DEVICE void write_line(uint16_t* line, const float (&sum)[FLOATS], int r, float factor, int64_t width,
                            bool pairs) {
  int column = lane_of_warp() % 4 * 2;
#pragma unroll
  for (int j = 0; j < FLOATS / 4; ++j) {
    write_pair<T>(line + 8 * j + column, mul(sum[4 * j + 2 * r], factor), mul(sum[4 * j + 2 * r + 1], factor),
                  width - (8 * j + column), pairs);
  }
}

}  // namespace ondol::cuda

#endif
