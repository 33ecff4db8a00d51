// Images of another size, one thread per element. The gradient first finds, for each input row and column, the range of
// output rows and columns that it is part of; then each thread gathers over its two ranges, in the order of the definition
// and without atomics.
#include "../common/math.cuh"

namespace ondol::cuda {
namespace {

constexpr int THREADS = 256;

// Tables lie in device memory, where nobody checks them: a cell outside the input reads its edge.
ONDOL_DEVICE int64_t cell(const int32_t* cells, int64_t i, int64_t in) {
  int64_t c = cells[i];
  return c < 0 ? 0 : c >= in ? in - 1 : c;
}

ONDOL_DEVICE float mix(float first_weight, float first, float second_weight, float second) {
  return fma(second_weight, second, mul(first_weight, first));
}

__global__ void __launch_bounds__(THREADS) resize_elements(ondol_resize_args args) {
  int64_t index = static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x;
  if (index >= args.planes * args.out_rows * args.out_columns) return;
  int64_t j = index % args.out_columns;
  int64_t i = index / args.out_columns % args.out_rows;
  const float* x = args.x + index / args.out_columns / args.out_rows * args.in_rows * args.in_columns;
  const float* row = x + cell(args.rows, i, args.in_rows) * args.in_columns;
  int64_t first = cell(args.columns, j, args.in_columns);
  if (args.row_weights == nullptr) {
    args.y[index] = row[first];
    return;
  }
  const float* other = x + cell(args.rows, args.out_rows + i, args.in_rows) * args.in_columns;
  int64_t second = cell(args.columns, args.out_columns + j, args.in_columns);
  float v0 = args.column_weights[j];
  float v1 = args.column_weights[args.out_columns + j];
  args.y[index] = mix(args.row_weights[i], mix(v0, row[first], v1, row[second]),
                      args.row_weights[args.out_rows + i], mix(v0, other[first], v1, other[second]));
}

// For each of `in` cells the first output position that it is part of, and the one after the last.
__global__ void __launch_bounds__(THREADS) resize_ranges(const int32_t* cells, bool linear, int64_t in, int64_t out,
                                                         int64_t* ranges) {
  int64_t c = static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x;
  if (c >= in) return;
  int64_t begin = 0;
  int64_t end = 0;
  for (int64_t i = 0; i < out; ++i) {
    if (cells[i] != c && !(linear && cells[out + i] == c)) continue;
    if (end == 0) begin = i;
    end = i + 1;
  }
  ranges[c] = begin;
  ranges[in + c] = end;
}

// One axis of the gradient: contributions of output positions to one cell.
struct Gather {
  const int32_t* cells;
  const float* weights;
  int64_t out, cell, begin, end;

  template <class Value>
  ONDOL_DEVICE float sum(Value value) const {
    float acc = 0.0f;
    for (int64_t i = begin; i < end; ++i) {
      bool first = cells[i] == cell;
      bool second = weights != nullptr && cells[out + i] == cell;
      if (!first && !second) continue;
      float v = value(i);
      if (first) acc = fma(weights == nullptr ? 1.0f : weights[i], v, acc);
      if (second) acc = fma(weights[out + i], v, acc);
    }
    return acc;
  }
};

__global__ void __launch_bounds__(THREADS) resize_gradient(ondol_resize_backward_args args, const int64_t* ranges) {
  int64_t index = static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x;
  if (index >= args.planes * args.in_rows * args.in_columns) return;
  int64_t c = index % args.in_columns;
  int64_t r = index / args.in_columns % args.in_rows;
  const float* dy = args.dy + index / args.in_columns / args.in_rows * args.out_rows * args.out_columns;
  const int64_t* column_ranges = ranges + 2 * args.in_rows;
  Gather rows{args.rows, args.row_weights, args.out_rows, r, ranges[r], ranges[args.in_rows + r]};
  Gather columns{args.columns, args.column_weights, args.out_columns, c, column_ranges[c],
                 column_ranges[args.in_columns + c]};
  int64_t width = args.out_columns;
  args.dx[index] = columns.sum([=](int64_t j) { return rows.sum([=](int64_t i) { return dy[i * width + j]; }); });
}

}  // namespace
}  // namespace ondol::cuda

using namespace ondol::cuda;

int64_t ondol_cuda_resize_workspace(const ondol_resize_args*) { return 0; }

int64_t ondol_cuda_resize(const ondol_resize_args* args, const ondol_cuda_queue* queue, ondol_error* error) {
  Launcher launcher(queue, error);
  launcher.launch("resize", resize_elements, ceil_div(args->planes * args->out_rows * args->out_columns, THREADS), THREADS,
                  0, *args);
  return launcher.status();
}

int64_t ondol_cuda_resize_backward_workspace(const ondol_resize_backward_args* args) {
  return 2 * (args->in_rows + args->in_columns) * 8;
}

int64_t ondol_cuda_resize_backward(const ondol_resize_backward_args* args, const ondol_cuda_queue* queue,
                                   ondol_error* error) {
  Launcher launcher(queue, error);
  int64_t* ranges = static_cast<int64_t*>(queue->workspace);
  bool linear = args->row_weights != nullptr;
  launcher.launch("resize_backward", resize_ranges, ceil_div(args->in_rows, THREADS), THREADS, 0, args->rows, linear,
                  args->in_rows, args->out_rows, ranges);
  launcher.launch("resize_backward", resize_ranges, ceil_div(args->in_columns, THREADS), THREADS, 0, args->columns, linear,
                  args->in_columns, args->out_columns, ranges + 2 * args->in_rows);
  launcher.launch("resize_backward", resize_gradient, ceil_div(args->planes * args->in_rows * args->in_columns, THREADS),
                  THREADS, 0, *args, const_cast<const int64_t*>(ranges));
  return launcher.status();
}
