// out = op(x, y) over broadcast strides, one thread per element. The operations are those of elementwise/ops.inc, in
// its order; one kernel serves them all, because the choice is the same for every thread and memory is what takes the
// time.
#include "../common/math.cuh"
#include "../../simd/elementwise/index_space.h"

namespace ondol::cuda {
namespace {

constexpr int THREADS = 256;

struct Ops {
  static ONDOL_DEVICE float copy(float x, float, float) { return x; }
  static ONDOL_DEVICE float neg(float x, float, float) { return __uint_as_float(__float_as_uint(x) ^ 0x80000000u); }
  static ONDOL_DEVICE float abs(float x, float, float) { return absolute(x); }
  static ONDOL_DEVICE float relu(float x, float, float) { return cuda::relu(x); }
  static ONDOL_DEVICE float gelu(float x, float, float) { return cuda::gelu(x); }
  static ONDOL_DEVICE float gelu_tanh(float x, float, float) { return cuda::gelu_tanh(x); }
  static ONDOL_DEVICE float sigmoid(float x, float, float) { return cuda::sigmoid(x); }
  static ONDOL_DEVICE float tanh(float x, float, float) { return cuda::tanh(x); }
  static ONDOL_DEVICE float silu(float x, float, float) { return cuda::silu(x); }
  static ONDOL_DEVICE float exp(float x, float, float) { return cuda::exp(x); }
  static ONDOL_DEVICE float log(float x, float, float) { return cuda::log(x); }
  static ONDOL_DEVICE float sqrt(float x, float, float) { return cuda::sqrt(x); }
  static ONDOL_DEVICE float erf(float x, float, float) { return cuda::erf(x); }
  static ONDOL_DEVICE float square(float x, float, float) { return cuda::mul(x, x); }
  static ONDOL_DEVICE float reciprocal(float x, float, float) { return cuda::div(1.0f, x); }
  static ONDOL_DEVICE float scale(float x, float, float param) { return cuda::mul(x, param); }
  static ONDOL_DEVICE float shift(float x, float, float param) { return cuda::add(x, param); }
  static ONDOL_DEVICE float fill(float, float, float param) { return param; }
  static ONDOL_DEVICE float add(float x, float y, float) { return cuda::add(x, y); }
  static ONDOL_DEVICE float sub(float x, float y, float) { return cuda::sub(x, y); }
  static ONDOL_DEVICE float mul(float x, float y, float) { return cuda::mul(x, y); }
  static ONDOL_DEVICE float div(float x, float y, float) { return cuda::div(x, y); }
  static ONDOL_DEVICE float max(float x, float y, float) { return maximum(x, y); }
  static ONDOL_DEVICE float min(float x, float y, float) { return minimum(x, y); }
  static ONDOL_DEVICE float relu_grad(float x, float y, float) { return cuda::relu_grad(x, y); }
  static ONDOL_DEVICE float sigmoid_grad(float x, float y, float) { return cuda::sigmoid_grad(x, y); }
  static ONDOL_DEVICE float tanh_grad(float x, float y, float) { return cuda::tanh_grad(x, y); }
  static ONDOL_DEVICE float silu_grad(float x, float y, float) { return cuda::silu_grad(x, y); }
  static ONDOL_DEVICE float gelu_grad(float x, float y, float) { return cuda::gelu_grad(x, y); }
  static ONDOL_DEVICE float gelu_tanh_grad(float x, float y, float) { return cuda::gelu_tanh_grad(x, y); }
  static ONDOL_DEVICE float axpy(float x, float y, float param) { return fma(param, x, y); }
};

enum Op : int64_t {
#define ONDOL_OP(name, arity) OP_##name,
#include "../../simd/elementwise/ops.inc"
#undef ONDOL_OP
};

ONDOL_DEVICE float apply(int64_t op, float x, float y, float param) {
  switch (op) {
#define ONDOL_OP(name, arity) \
  case OP_##name: return Ops::name(x, y, param);
#include "../../simd/elementwise/ops.inc"
#undef ONDOL_OP
    default: return not_a_number();
  }
}

int64_t arity_of(int64_t op) {
  static const int64_t arities[] = {
#define ONDOL_OP(name, arity) arity,
#include "../../simd/elementwise/ops.inc"
#undef ONDOL_OP
  };
  return arities[op];
}

struct Operation {
  int64_t op, arity;
  float param;
  const float* x;
  const float* y;
  float* out;
  const int64_t* shift;  // of all operands, in elements, as the third number there; null for none
};

__global__ void __launch_bounds__(THREADS) elementwise_map(Operation operation, IndexSpace space) {
  int64_t index = static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x;
  if (index >= space.total) return;
  int64_t x = operation.shift != nullptr ? operation.shift[2] : 0;
  int64_t y = x;
  int64_t out = x;
  for (int64_t d = space.rank - 1; d >= 0; --d) {
    const IndexSpace::Dimension& dimension = space.dimension[d];
    int64_t i = d > 0 ? index % dimension.size : index;
    if (d > 0) index /= dimension.size;
    x += i * dimension.x;
    y += i * dimension.y;
    out += i * dimension.out;
  }
  operation.out[out] = apply(operation.op, operation.arity > 0 ? operation.x[x] : 0.0f,
                             operation.arity > 1 ? operation.y[y] : 0.0f, operation.param);
}

}  // namespace
}  // namespace ondol::cuda

using namespace ondol::cuda;

int64_t ondol_cuda_elementwise_workspace(const ondol_elementwise_args*) { return 0; }

int64_t ondol_cuda_elementwise(const ondol_elementwise_args* args, const ondol_cuda_queue* queue, ondol_error* error) {
  Launcher launcher(queue, error);
  int64_t arity = arity_of(args->op);
  Operation operation{args->op, arity, static_cast<float>(args->param), args->x, args->y, args->out, queue->shift};
  ondol::IndexSpace space(*args, arity);
  launcher.launch("elementwise", elementwise_map, ceil_div(space.total, THREADS), THREADS, 0, operation, space);
  return launcher.status();
}
