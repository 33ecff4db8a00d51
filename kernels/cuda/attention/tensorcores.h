// The attention kernels of lower precision, as attention.cu calls them.
#ifndef ONDOL_CUDA_ATTENTION_TENSORCORES_H
#define ONDOL_CUDA_ATTENTION_TENSORCORES_H

#include "problem.cuh"

namespace ondol::cuda {

// hopper.cu: whether this call is one for it, on a device that has the units; and the call.
bool hopper_takes(const ondol_attention_args& args);
void launch_hopper(Launcher& launcher, const Problem& problem);

}  // namespace ondol::cuda

#endif
