#include "reduce/reduce_body.h"
#include "simd_portable.h"

ONDOL_DEFINE_KERNEL(reduce, portable, Reduce<Portable>)
