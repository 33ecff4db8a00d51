// What the kernels of the gradient in bfloat16 and float16 share.
#ifndef ONDOL_CUDA_ATTENTION_GRADIENT_CUH
#define ONDOL_CUDA_ATTENTION_GRADIENT_CUH

#include "narrow.cuh"

namespace ondol::cuda {

// What a query row brings: its log-sum-exp in units of log 2, +infinity where it sees nothing or is none, and D_i.
struct alignas(8) RowValues {
  float lse, delta;
};

struct Gradient {
  Problem forward;
  ondol_attention_backward_args args;
  float scale;
  RowValues* rows;  // [batch, heads, padded_rows]
  int64_t padded_rows;
  // hopper_backward.cu's: sums of dq by tiles of rows, the number of the next block, and how many blocks have added to
  // each tile. Number and counts are `zeros` integers that launch_rows makes zero.
  float* dq_sums;
  int* numbers;
  int* counts;
  int64_t zeros;
};

constexpr int64_t ROW_PADDING = 128;  // rows of the workspace are whole tiles of any kernel

// Rows of a tile of hopper_backward.cu.
constexpr int hopper_gradient_rows(int d) { return d <= 64 ? 128 : 64; }

inline int64_t widest_of(const ondol_attention_args& args) {
  return args.head_dim > args.value_dim ? args.head_dim : args.value_dim;
}

// The parts of the workspace in their order, in bytes.
struct GradientMemory {
  int64_t dq_sums = 0, rows = 0, integers = 0;

  GradientMemory(const ondol_attention_backward_args& args, bool hopper) {
    int64_t count = args.forward.batch * args.forward.heads * padded_rows(args);
    rows = count * static_cast<int64_t>(sizeof(RowValues));
    if (!hopper) return;
    int d = widest_of(args.forward) <= 64 ? 64 : 128;
    if (args.dq != nullptr) dq_sums = count * d * static_cast<int64_t>(sizeof(float));
    integers = (1 + count / hopper_gradient_rows(d)) * static_cast<int64_t>(sizeof(int));
  }

  static int64_t padded_rows(const ondol_attention_backward_args& args) {
    return ceil_div(args.forward.q_len, ROW_PADDING) * ROW_PADDING;
  }

  int64_t total() const { return dq_sums + rows + integers; }
};

inline Gradient gradient_of(const ondol_attention_backward_args& args, bool hopper, void* workspace) {
  GradientMemory memory(args, hopper);
  auto bytes = static_cast<unsigned char*>(workspace);
  Gradient problem{problem_of(args.forward), args, static_cast<float>(args.forward.scale), nullptr,
                   GradientMemory::padded_rows(args), nullptr, nullptr, nullptr, 0};
  if (memory.total() == 0) return problem;
  problem.dq_sums = reinterpret_cast<float*>(bytes);
  problem.rows = reinterpret_cast<RowValues*>(bytes + memory.dq_sums);
  problem.numbers = reinterpret_cast<int*>(bytes + memory.dq_sums + memory.rows);
  problem.counts = problem.numbers + 1;
  problem.zeros = memory.integers / static_cast<int64_t>(sizeof(int));
  return problem;
}

ONDOL_DEVICE RowValues* rows_of(const Gradient& problem, const Item& item, int64_t h) {
  return problem.rows + (item.batch * problem.forward.args.heads + h) * problem.padded_rows;
}

ONDOL_DEVICE const uint16_t* narrow(const float* data) { return reinterpret_cast<const uint16_t*>(data); }
ONDOL_DEVICE uint16_t* narrow(float* data) { return reinterpret_cast<uint16_t*>(data); }

struct Place {
  Item item;
  int64_t head, kv_head;
};

ONDOL_DEVICE RowValues row_values(const Gradient& problem, const Place& place, int64_t i) {
  if (i >= place.item.rows) return {infinity(), 0.0f};
  return rows_of(problem, place.item, place.head)[i];
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
