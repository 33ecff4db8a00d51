// unpool and its gradient. Which value a place gets is the greatest position that names it: a maximum of integers, whose
// order does not show, found by atomics in a map with one integer for each place. Places without one hold -1.
#include "windows.cuh"

namespace ondol::cuda {
namespace {

constexpr int THREADS = 256;

ONDOL_DEVICE int64_t global_thread() { return static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x; }

__global__ void __launch_bounds__(THREADS) unpool_clear(int32_t* winners, int64_t places) {
  int64_t i = global_thread();
  if (i < places) winners[i] = -1;
}

__global__ void __launch_bounds__(THREADS)
unpool_claim(const int32_t* indices, int32_t* winners, int64_t values, int64_t x_plane, int64_t y_plane) {
  int64_t i = global_thread();
  if (i >= values) return;
  int32_t index = indices[i];
  if (index < 0 || index >= y_plane) return;
  atomicMax(winners + i / x_plane * y_plane + index, static_cast<int32_t>(i % x_plane));
}

__global__ void __launch_bounds__(THREADS) unpool_place(ondol_unpool_args a, const int32_t* winners, int64_t places) {
  int64_t i = global_thread();
  if (i >= places) return;
  int64_t plane = i / a.y_plane;
  int32_t winner = winners[i];
  a.y[pool_plane(plane, a.channels, a.y_batch, a.y_channel) + i % a.y_plane] =
      winner < 0 ? 0.0f : a.x[pool_plane(plane, a.channels, a.x_batch, a.x_channel) + winner];
}

__global__ void __launch_bounds__(THREADS)
unpool_backward_values(ondol_unpool_backward_args a, const int32_t* winners, int64_t values) {
  int64_t i = global_thread();
  if (i >= values) return;
  int64_t plane = i / a.x_plane, at = i % a.x_plane;
  int32_t index = a.indices[i];
  bool counts = index >= 0 && index < a.y_plane && winners[plane * a.y_plane + index] == at;
  a.dx[pool_plane(plane, a.channels, a.dx_batch, a.dx_channel) + at] =
      counts ? a.dy[pool_plane(plane, a.channels, a.dy_batch, a.dy_channel) + index] : 0.0f;
}

template <class Args>
int64_t winners_size(const Args* a) {
  return a->batch * a->channels * a->y_plane * static_cast<int64_t>(sizeof(int32_t));
}

template <class Args>
int32_t* find_winners(Launcher& launcher, const char* name, const Args* a, const ondol_cuda_queue* queue) {
  int32_t* winners = static_cast<int32_t*>(queue->workspace);
  int64_t places = a->batch * a->channels * a->y_plane, values = a->batch * a->channels * a->x_plane;
  launcher.launch(name, unpool_clear, ceil_div(places, THREADS), THREADS, 0, winners, places);
  launcher.launch(name, unpool_claim, ceil_div(values, THREADS), THREADS, 0, a->indices, winners, values, a->x_plane,
                  a->y_plane);
  return winners;
}

}  // namespace
}  // namespace ondol::cuda

using namespace ondol::cuda;

int64_t ondol_cuda_unpool_workspace(const ondol_unpool_args* args) { return winners_size(args); }

int64_t ondol_cuda_unpool(const ondol_unpool_args* args, const ondol_cuda_queue* queue, ondol_error* error) {
  Launcher launcher(queue, error);
  const int32_t* winners = find_winners(launcher, "unpool", args, queue);
  int64_t places = args->batch * args->channels * args->y_plane;
  launcher.launch("unpool", unpool_place, ceil_div(places, THREADS), THREADS, 0, *args, winners, places);
  return launcher.status();
}

int64_t ondol_cuda_unpool_backward_workspace(const ondol_unpool_backward_args* args) { return winners_size(args); }

int64_t ondol_cuda_unpool_backward(const ondol_unpool_backward_args* args, const ondol_cuda_queue* queue,
                                   ondol_error* error) {
  Launcher launcher(queue, error);
  const int32_t* winners = find_winners(launcher, "unpool_backward", args, queue);
  int64_t values = args->batch * args->channels * args->x_plane;
  launcher.launch("unpool_backward", unpool_backward_values, ceil_div(values, THREADS), THREADS, 0, *args, winners, values);
  return launcher.status();
}
