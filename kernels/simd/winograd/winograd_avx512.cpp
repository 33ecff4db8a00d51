#include "simd_avx512.h"
#include "winograd/winograd_body.h"

ONDOL_DEFINE_KERNEL(winograd, avx512, Winograd<Avx512>)
