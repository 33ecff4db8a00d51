#include "simd_avx512.h"
#include "topk/topk_body.h"

ONDOL_DEFINE_KERNEL(topk, avx512, TopK<Avx512>)
