#include "simd_avx2.h"
#include "topk/topk_body.h"

ONDOL_DEFINE_KERNEL(topk, avx2, TopK<Avx2>)
