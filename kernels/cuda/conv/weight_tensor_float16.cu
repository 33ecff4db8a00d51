#include "weight_tensor.cuh"

namespace ondol::cuda {

void launch_weight_float16(Launcher& launcher, const WeightTensorProblem& problem) {
  launch_weight_format<Float16>(launcher, problem);
}

}  // namespace ondol::cuda
