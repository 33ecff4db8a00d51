#include "cast/cast_body.h"
#include "simd_avx2.h"

ONDOL_DEFINE_KERNEL(cast, avx2, Cast<Avx2>)
