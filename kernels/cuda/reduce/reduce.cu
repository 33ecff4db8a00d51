// Sum, mean, maximum and sum of squares over the middle of [outer, n, inner], in the two shapes of softmax.cu.
#include "../common/lanes.cuh"

namespace ondol::cuda {
namespace {

constexpr int THREADS = 256;

template <class Row>
ONDOL_DEVICE float reduce_row(const Row& row, const float* x, int64_t step, int64_t op) {
  switch (op) {
    case ONDOL_MAX:
      return row.fold(-infinity(), [=](float p, int64_t i) { return maximum(p, x[i * step]); }, Maximum());
    case ONDOL_SUMSQ:
      return row.fold(0.0f, [=](float p, int64_t i) { return fma(x[i * step], x[i * step], p); }, Add());
    default: {
      float sum = row.fold(0.0f, [=](float p, int64_t i) { return add(p, x[i * step]); }, Add());
      return op == ONDOL_MEAN ? div(sum, static_cast<float>(row.n)) : sum;
    }
  }
}

__global__ void __launch_bounds__(THREADS) reduce_lanes(ondol_reduce_args args) {
  int64_t index = (static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x) / LANES;
  bool live = index < args.outer;
  LaneRow row{live ? args.n : 0, static_cast<int>(threadIdx.x) % LANES};
  float value = reduce_row(row, args.x + (live ? index * args.n : 0), 1, args.op);
  if (live && row.lane == 0) args.y[index] = value;
}

__global__ void __launch_bounds__(THREADS) reduce_threads(ondol_reduce_args args) {
  int64_t index = static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x;
  if (index >= args.outer * args.inner) return;
  int64_t at = index / args.inner * args.n * args.inner + index % args.inner;
  args.y[index] = reduce_row(ThreadRow{args.n}, args.x + at, args.inner, args.op);
}

}  // namespace
}  // namespace ondol::cuda

using namespace ondol::cuda;

int64_t ondol_cuda_reduce_workspace(const ondol_reduce_args*) { return 0; }

int64_t ondol_cuda_reduce(const ondol_reduce_args* args, const ondol_cuda_queue* queue, ondol_error* error) {
  Launcher launcher(queue, error);
  if (args->inner == 1) {
    launcher.launch("reduce", reduce_lanes, ceil_div(args->outer * LANES, THREADS), THREADS, 0, *args);
  } else {
    launcher.launch("reduce", reduce_threads, ceil_div(args->outer * args->inner, THREADS), THREADS, 0, *args);
  }
  return launcher.status();
}
