#include "weight_tensor.cuh"

namespace ondol::cuda {

void launch_weight_bfloat16(Launcher& launcher, const WeightTensorProblem& problem) {
  launch_weight_format<Bfloat16>(launcher, problem);
}

}  // namespace ondol::cuda
