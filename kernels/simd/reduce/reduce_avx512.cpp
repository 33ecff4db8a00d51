#include "reduce/reduce_body.h"
#include "simd_avx512.h"

ONDOL_DEFINE_KERNEL(reduce, avx512, Reduce<Avx512>)
