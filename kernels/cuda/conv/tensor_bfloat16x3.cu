#include "tensor.cuh"

namespace ondol::cuda {

void launch_conv_bfloat16x3(Launcher& launcher, const ConvProblem& problem) {
  launch_conv_format<Bfloat16x3>(launcher, problem);
}

}  // namespace ondol::cuda
