// y = x in another type (docs/arithmetic.md, Types), one thread per element.
#include "../../simd/elementwise/index_space.h"
#include "../common/narrow.cuh"

namespace ondol::cuda {
namespace {

constexpr int THREADS = 256;

ONDOL_DEVICE float widen(int64_t type, const void* x, int64_t at) {
  if (type == ONDOL_TYPE_FLOAT32) return static_cast<const float*>(x)[at];
  uint16_t h = static_cast<const uint16_t*>(x)[at];
  return type == ONDOL_TYPE_BFLOAT16 ? __uint_as_float(static_cast<uint32_t>(h) << 16) : from_float16(h);
}

struct Operands {
  int64_t from, to;
  const void* x;
  void* y;
};

__global__ void __launch_bounds__(THREADS) cast_map(Operands o, IndexSpace space) {
  int64_t index = static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x;
  if (index >= space.total) return;
  int64_t x = 0;
  int64_t y = 0;
  for (int64_t d = space.rank - 1; d >= 0; --d) {
    const IndexSpace::Dimension& dimension = space.dimension[d];
    int64_t i = d > 0 ? index % dimension.size : index;
    if (d > 0) index /= dimension.size;
    x += i * dimension.x;
    y += i * dimension.out;
  }
  if (o.to == ONDOL_TYPE_FLOAT32) {
    static_cast<float*>(o.y)[y] = widen(o.from, o.x, x);
    return;
  }
  uint16_t h;
  if (o.from == o.to) {
    h = static_cast<const uint16_t*>(o.x)[x];
  } else {
    float wide = widen(o.from, o.x, x);
    h = o.to == ONDOL_TYPE_BFLOAT16 ? to_bfloat16(wide) : to_float16(wide);
  }
  static_cast<uint16_t*>(o.y)[y] = h;
}

}  // namespace
}  // namespace ondol::cuda

using namespace ondol::cuda;

int64_t ondol_cuda_cast_workspace(const ondol_cast_args*) { return 0; }

int64_t ondol_cuda_cast(const ondol_cast_args* args, const ondol_cuda_queue* queue, ondol_error* error) {
  Launcher launcher(queue, error);
  ondol_elementwise_args map = {};
  map.rank = args->rank;
  for (int64_t d = 0; d < args->rank; ++d) {
    map.shape[d] = args->shape[d];
    map.x_stride[d] = args->x_stride[d];
    map.out_stride[d] = args->y_stride[d];
  }
  ondol::IndexSpace space(map, 1);
  Operands operands{args->from, args->to, args->x, args->y};
  launcher.launch("cast", cast_map, ceil_div(space.total, THREADS), THREADS, 0, operands, space);
  return launcher.status();
}
