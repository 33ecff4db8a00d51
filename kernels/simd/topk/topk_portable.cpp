#include "simd_portable.h"
#include "topk/topk_body.h"

ONDOL_DEFINE_KERNEL(topk, portable, TopK<Portable>)
