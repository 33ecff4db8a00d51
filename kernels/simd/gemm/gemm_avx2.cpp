#include "gemm/gemm_body.h"
#include "simd_avx2.h"

ONDOL_DEFINE_KERNEL(gemm, avx2, Gemm<Avx2>)
