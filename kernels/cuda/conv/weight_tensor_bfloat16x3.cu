#include "weight_tensor.cuh"

namespace ondol::cuda {

void launch_weight_bfloat16x3(Launcher& launcher, const WeightTensorProblem& problem) {
  launch_weight_format<Bfloat16x3>(launcher, problem);
}

}  // namespace ondol::cuda
