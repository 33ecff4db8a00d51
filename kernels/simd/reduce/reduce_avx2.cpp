#include "reduce/reduce_body.h"
#include "simd_avx2.h"

ONDOL_DEFINE_KERNEL(reduce, avx2, Reduce<Avx2>)
