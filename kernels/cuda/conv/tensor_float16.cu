#include "tensor.cuh"

namespace ondol::cuda {

void launch_conv_float16(Launcher& launcher, const ConvProblem& problem) {
  launch_conv_format<Float16>(launcher, problem);
}

}  // namespace ondol::cuda
