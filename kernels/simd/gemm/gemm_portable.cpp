#include "gemm/gemm_body.h"
#include "simd_portable.h"

ONDOL_DEFINE_KERNEL(gemm, portable, Gemm<Portable>)
