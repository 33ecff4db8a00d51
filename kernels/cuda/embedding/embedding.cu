// Rows of a table by id, and the gradient of the table.
#include "../common/math.cuh"

namespace ondol::cuda {
namespace {

constexpr int THREADS = 256;

ONDOL_DEVICE int64_t id_at(const void* ids, int64_t bytes, int64_t i) {
  return bytes == 4 ? static_cast<const int32_t*>(ids)[i] : static_cast<const int64_t*>(ids)[i];
}

__global__ void __launch_bounds__(THREADS) embedding_gather(ondol_embedding_args args) {
  int64_t i = blockIdx.x;
  int64_t id = id_at(args.ids, args.id_bytes, i);
  bool known = id >= 0 && id < args.vocabulary;
  for (int64_t d = threadIdx.x; d < args.width; d += THREADS) {
    args.out[i * args.out_row + d] = known ? args.table[id * args.table_row + d] : 0.0f;
  }
}

// One block owns 256 columns of one table row. It reads all ids, 256 at a time, and adds the rows that match in
// ascending order: no atomics, whose order would differ from run to run. Most batches of ids hold no match, which one
// vote tells; the ids stay in the second-level cache, so the reads of the many blocks cost little.
__global__ void __launch_bounds__(THREADS) embedding_scatter(ondol_embedding_backward_args args, int64_t column_tiles) {
  struct Ids {
    int64_t at[THREADS];
  };
  Ids& ids = shared<Ids>();
  int64_t row = blockIdx.x / column_tiles;
  int64_t column = blockIdx.x % column_tiles * THREADS + threadIdx.x;
  float sum = 0.0f;
  for (int64_t first = 0; first < args.count; first += THREADS) {
    int64_t mine = first + threadIdx.x;
    int64_t id = mine < args.count ? id_at(args.ids, args.id_bytes, mine) : -1;
    ids.at[threadIdx.x] = id;
    if (__syncthreads_or(id == row) && column < args.width) {
      for (int i = 0; i < THREADS; ++i) {
        if (ids.at[i] == row) sum = add(sum, args.dout[(first + i) * args.out_row + column]);
      }
    }
    __syncthreads();
  }
  if (column < args.width) args.dtable[row * args.table_row + column] = sum;
}

}  // namespace
}  // namespace ondol::cuda

using namespace ondol::cuda;

int64_t ondol_cuda_embedding_workspace(const ondol_embedding_args*) { return 0; }

int64_t ondol_cuda_embedding(const ondol_embedding_args* args, const ondol_cuda_queue* queue, ondol_error* error) {
  Launcher launcher(queue, error);
  launcher.launch("embedding", embedding_gather, args->count, THREADS, 0, *args);
  return launcher.status();
}

int64_t ondol_cuda_embedding_backward_workspace(const ondol_embedding_backward_args*) { return 0; }

int64_t ondol_cuda_embedding_backward(const ondol_embedding_backward_args* args, const ondol_cuda_queue* queue,
                                      ondol_error* error) {
  Launcher launcher(queue, error);
  int64_t tiles = ceil_div(args->width, THREADS);
  launcher.launch("embedding_backward", embedding_scatter, args->vocabulary * tiles, THREADS, THREADS * sizeof(int64_t),
                  *args, tiles);
  return launcher.status();
}
