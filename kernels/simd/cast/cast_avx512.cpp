#include "cast/cast_body.h"
#include "simd_avx512.h"

ONDOL_DEFINE_KERNEL(cast, avx512, Cast<Avx512>)
