#include "tensor.cuh"

namespace ondol::cuda {

void launch_gemm_float16(Launcher& launcher, const TensorProblem& problem, int64_t batches) {
  launch_gemm_order<Float16>(launcher, problem, batches);
}

}  // namespace ondol::cuda
