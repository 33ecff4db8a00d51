#include "tensor.cuh"

namespace ondol::cuda {

void launch_conv_tf32(Launcher& launcher, const ConvProblem& problem) {
  launch_conv_format<Tf32>(launcher, problem);
}

}  // namespace ondol::cuda
