#include "tensor.cuh"

namespace ondol::cuda {

void launch_conv_bfloat16(Launcher& launcher, const ConvProblem& problem) {
  launch_conv_format<Bfloat16>(launcher, problem);
}

}  // namespace ondol::cuda
