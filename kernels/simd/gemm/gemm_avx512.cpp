#include "gemm/gemm_body.h"
#include "simd_avx512.h"

ONDOL_DEFINE_KERNEL(gemm, avx512, Gemm<Avx512>)
