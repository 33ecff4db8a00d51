// NVIDIA's cuBLAS for gemm in bfloat16 and float16, where it is installed: nothing is linked, it is looked for when the
// first such call comes. ONDOL_CUBLAS in the environment names another file, or is "off". Not run on a device yet.
#ifndef ONDOL_CUDA_GEMM_CUBLAS_CUH
#define ONDOL_CUDA_GEMM_CUBLAS_CUH

#include "../common/device.cuh"

namespace ondol::cuda {

// Bytes of device memory that the call needs if cuBLAS takes it; 0 where cuBLAS is not for it.
int64_t gemm_cublas_workspace(const ondol_gemm_args& args);

// False where cuBLAS is not for the call and nothing was done.
bool launch_gemm_cublas(Launcher& launcher, const ondol_gemm_args& args, void* workspace);

}  // namespace ondol::cuda

#endif
