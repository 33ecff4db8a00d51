// Float32 operands come rewritten, along k alone.
#include "tensor.cuh"

namespace ondol::cuda {

void launch_gemm_tf32(Launcher& launcher, const TensorProblem& problem, int64_t batches) {
  launch_gemm_shape<Tf32, false, false>(launcher, problem, batches);
}

}  // namespace ondol::cuda
