// gemm of lower precision, as the entry point in gemm.cu calls it.
#ifndef ONDOL_CUDA_GEMM_GEMM_CUH
#define ONDOL_CUDA_GEMM_GEMM_CUH

#include "../common/device.cuh"

namespace ondol::cuda {

int64_t gemm_tensor_workspace(const ondol_gemm_args& args);  // bytes
void launch_gemm_tensor(Launcher& launcher, const ondol_gemm_args& args, void* workspace);

}  // namespace ondol::cuda

#endif
