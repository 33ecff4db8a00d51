// Max and average pooling, a thread for each output, and their gradients, a thread for each input: it visits the windows
// over its cell in ascending order, so nothing is added atomically.
#include "windows.cuh"

namespace ondol::cuda {
namespace {

constexpr int THREADS = 256;

ONDOL_DEVICE int64_t global_thread() { return static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x; }

__global__ void __launch_bounds__(THREADS, 1) pool_max(ondol_pool_args a, int64_t outputs) {
  int64_t i = global_thread();
  if (i >= outputs) return;
  PoolAxis rows = pool_rows(a), columns = pool_columns(a);
  int64_t size = a.y_height * a.y_width, plane = i / size, at = i % size;
  const float* x = a.x + pool_plane(plane, a.channels, a.x_batch, a.x_channel);
  int64_t oy = at / a.y_width, ox = at % a.y_width;
  int64_t low_y = rows.first(oy), high_y = rows.limit(oy), low_x = columns.first(ox), high_x = columns.limit(ox);
  int64_t best = low_y * a.x_width + low_x;
  float m = x[best];
  for (int64_t iy = low_y; iy < high_y; iy += rows.step()) {
    for (int64_t ix = low_x; ix < high_x; ix += columns.step()) {
      float v = x[iy * a.x_width + ix];
      if (v > m || (is_nan(v) && !is_nan(m))) {
        m = v;
        best = iy * a.x_width + ix;
      }
    }
  }
  a.y[pool_plane(plane, a.channels, a.y_batch, a.y_channel) + at] = add(m, 0.0f);
  if (a.indices != nullptr) a.indices[i] = static_cast<int32_t>(best);
}

__global__ void __launch_bounds__(THREADS, 1) pool_average(ondol_pool_args a, int64_t outputs) {
  int64_t i = global_thread();
  if (i >= outputs) return;
  PoolAxis rows = pool_rows(a), columns = pool_columns(a);
  int64_t size = a.y_height * a.y_width, plane = i / size, at = i % size;
  const float* x = a.x + pool_plane(plane, a.channels, a.x_batch, a.x_channel);
  int64_t oy = at / a.y_width, ox = at % a.y_width;
  int64_t low_y = rows.first(oy), high_y = rows.limit(oy), high_x = columns.limit(ox);
  float sum = 0.0f;
  for (int64_t ix = columns.first(ox); ix < high_x; ix += columns.step()) {
    float u = 0.0f;
    for (int64_t iy = low_y; iy < high_y; iy += rows.step()) u = add(u, x[iy * a.x_width + ix]);
    sum = add(sum, u);
  }
  a.y[pool_plane(plane, a.channels, a.y_batch, a.y_channel) + at] =
      div(sum, static_cast<float>(rows.count(oy) * columns.count(ox)));
}

// Calls visit(o) for the windows [first, limit) of an axis that hold `at`, in ascending order.
template <class Visit>
ONDOL_DEVICE void each_window(const PoolAxis& axis, int64_t at, Visit visit) {
  int64_t limit = axis.limit_over(at);
  for (int64_t o = axis.first_over(at); o < limit; ++o) {
    if (axis.holds(o, at)) visit(o);
  }
}

__global__ void __launch_bounds__(THREADS, 1) pool_max_backward(ondol_pool_backward_args args, int64_t cells) {
  int64_t i = global_thread();
  if (i >= cells) return;
  const ondol_pool_args& a = args.forward;
  PoolAxis rows = pool_rows(a), columns = pool_columns(a);
  int64_t size = a.x_height * a.x_width, plane = i / size, cell = i % size;
  const float* dy = args.dy + pool_plane(plane, a.channels, args.dy_batch, args.dy_channel);
  const int32_t* indices = a.indices + plane * a.y_height * a.y_width;
  float sum = 0.0f;
  each_window(rows, cell / a.x_width, [&](int64_t oy) {
    each_window(columns, cell % a.x_width, [&](int64_t ox) {
      int64_t o = oy * a.y_width + ox;
      if (indices[o] == cell) sum = add(sum, dy[o]);
    });
  });
  args.dx[pool_plane(plane, a.channels, args.dx_batch, args.dx_channel) + cell] = sum;
}

__global__ void __launch_bounds__(THREADS, 1) pool_average_backward(ondol_pool_backward_args args, int64_t cells) {
  int64_t i = global_thread();
  if (i >= cells) return;
  const ondol_pool_args& a = args.forward;
  PoolAxis rows = pool_rows(a), columns = pool_columns(a);
  int64_t size = a.x_height * a.x_width, plane = i / size, cell = i % size;
  const float* dy = args.dy + pool_plane(plane, a.channels, args.dy_batch, args.dy_channel);
  float sum = 0.0f;
  each_window(rows, cell / a.x_width, [&](int64_t oy) {
    int64_t count = rows.count(oy);
    float row = 0.0f;
    each_window(columns, cell % a.x_width, [&](int64_t ox) {
      row = add(row, div(dy[oy * a.y_width + ox], static_cast<float>(count * columns.count(ox))));
    });
    sum = add(sum, row);
  });
  args.dx[pool_plane(plane, a.channels, args.dx_batch, args.dx_channel) + cell] = sum;
}

}  // namespace
}  // namespace ondol::cuda

using namespace ondol::cuda;

int64_t ondol_cuda_pool_workspace(const ondol_pool_args*) { return 0; }

int64_t ondol_cuda_pool(const ondol_pool_args* args, const ondol_cuda_queue* queue, ondol_error* error) {
  Launcher launcher(queue, error);
  int64_t outputs = args->batch * args->channels * args->y_height * args->y_width;
  launcher.launch("pool", args->op == ONDOL_POOL_MAX ? pool_max : pool_average, ceil_div(outputs, THREADS), THREADS, 0,
                  *args, outputs);
  return launcher.status();
}

int64_t ondol_cuda_pool_backward_workspace(const ondol_pool_backward_args*) { return 0; }

int64_t ondol_cuda_pool_backward(const ondol_pool_backward_args* args, const ondol_cuda_queue* queue, ondol_error* error) {
  Launcher launcher(queue, error);
  const ondol_pool_args& a = args->forward;
  int64_t cells = a.batch * a.channels * a.x_height * a.x_width;
  launcher.launch("pool_backward", a.op == ONDOL_POOL_MAX ? pool_max_backward : pool_average_backward,
                  ceil_div(cells, THREADS), THREADS, 0, *args, cells);
  return launcher.status();
}
