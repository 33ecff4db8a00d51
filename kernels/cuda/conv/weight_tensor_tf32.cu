#include "weight_tensor.cuh"

namespace ondol::cuda {

void launch_weight_tf32(Launcher& launcher, const WeightTensorProblem& problem) {
  launch_weight_format<Tf32>(launcher, problem);
}

}  // namespace ondol::cuda
