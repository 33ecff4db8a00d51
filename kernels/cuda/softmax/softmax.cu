// Softmax and log softmax over the middle of [outer, n, inner], and their gradients.
//
// Rows that lie together (inner = 1) go to sixteen threads each, one partial a thread, so that a warp reads 64 bytes of
// two rows at a time. Other rows go to one thread each: its neighbours own the neighbouring rows, so reads coalesce.
#include "../common/lanes.cuh"

namespace ondol::cuda {
namespace {

constexpr int THREADS = 256;

template <class Row>
ONDOL_DEVICE void softmax_row(const Row& row, const float* x, float* y, int64_t step, bool logarithm) {
  float largest = row.fold(-infinity(), [=](float p, int64_t i) { return maximum(p, x[i * step]); }, Maximum());
  if (logarithm) {
    float sum = row.fold(0.0f, [=](float p, int64_t i) { return add(p, exp(sub(x[i * step], largest))); }, Add());
    float shift = log(sum);
    row.each([=](int64_t i) { y[i * step] = sub(sub(x[i * step], largest), shift); });
    return;
  }
  // e is kept in y, where only its own thread touches it: y may be x.
  float sum = row.fold(0.0f, [=](float p, int64_t i) {
    float e = exp(sub(x[i * step], largest));
    y[i * step] = e;
    return add(p, e);
  }, Add());
  float inverse = div(1.0f, sum);
  row.each([=](int64_t i) { y[i * step] = mul(y[i * step], inverse); });
}

template <class Row>
ONDOL_DEVICE void softmax_backward_row(const Row& row, const float* y, const float* dy, float* dx, int64_t step,
                                       bool logarithm) {
  if (logarithm) {
    float sum = row.fold(0.0f, [=](float p, int64_t i) { return add(p, dy[i * step]); }, Add());
    row.each([=](int64_t i) { dx[i * step] = fma(-exp(y[i * step]), sum, dy[i * step]); });
    return;
  }
  float sum = row.fold(0.0f, [=](float p, int64_t i) { return fma(y[i * step], dy[i * step], p); }, Add());
  row.each([=](int64_t i) { dx[i * step] = mul(y[i * step], sub(dy[i * step], sum)); });
}

__global__ void __launch_bounds__(THREADS) softmax_lanes(ondol_softmax_args args) {
  int64_t index = (static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x) / LANES;
  // A group past the last row keeps its warp company with an empty row.
  LaneRow row{index < args.outer ? args.n : 0, static_cast<int>(threadIdx.x) % LANES};
  int64_t at = index < args.outer ? index * args.n : 0;
  softmax_row(row, args.x + at, args.y + at, 1, args.log != 0);
}

__global__ void __launch_bounds__(THREADS) softmax_threads(ondol_softmax_args args) {
  int64_t index = static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x;
  if (index >= args.outer * args.inner) return;
  int64_t at = index / args.inner * args.n * args.inner + index % args.inner;
  softmax_row(ThreadRow{args.n}, args.x + at, args.y + at, args.inner, args.log != 0);
}

__global__ void __launch_bounds__(THREADS) softmax_backward_lanes(ondol_softmax_backward_args args) {
  int64_t index = (static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x) / LANES;
  LaneRow row{index < args.outer ? args.n : 0, static_cast<int>(threadIdx.x) % LANES};
  int64_t at = index < args.outer ? index * args.n : 0;
  softmax_backward_row(row, args.y + at, args.dy + at, args.dx + at, 1, args.log != 0);
}

__global__ void __launch_bounds__(THREADS) softmax_backward_threads(ondol_softmax_backward_args args) {
  int64_t index = static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x;
  if (index >= args.outer * args.inner) return;
  int64_t at = index / args.inner * args.n * args.inner + index % args.inner;
  softmax_backward_row(ThreadRow{args.n}, args.y + at, args.dy + at, args.dx + at, args.inner, args.log != 0);
}

}  // namespace
}  // namespace ondol::cuda

using namespace ondol::cuda;

int64_t ondol_cuda_softmax_workspace(const ondol_softmax_args*) { return 0; }

int64_t ondol_cuda_softmax(const ondol_softmax_args* args, const ondol_cuda_queue* queue, ondol_error* error) {
  Launcher launcher(queue, error);
  if (args->inner == 1) {
    launcher.launch("softmax", softmax_lanes, ceil_div(args->outer * LANES, THREADS), THREADS, 0, *args);
  } else {
    launcher.launch("softmax", softmax_threads, ceil_div(args->outer * args->inner, THREADS), THREADS, 0, *args);
  }
  return launcher.status();
}

int64_t ondol_cuda_softmax_backward_workspace(const ondol_softmax_backward_args*) { return 0; }

int64_t ondol_cuda_softmax_backward(const ondol_softmax_backward_args* args, const ondol_cuda_queue* queue,
                                    ondol_error* error) {
  Launcher launcher(queue, error);
  if (args->inner == 1) {
    launcher.launch("softmax_backward", softmax_backward_lanes, ceil_div(args->outer * LANES, THREADS), THREADS, 0,
                    *args);
  } else {
    launcher.launch("softmax_backward", softmax_backward_threads, ceil_div(args->outer * args->inner, THREADS), THREADS,
                    0, *args);
  }
  return launcher.status();
}
