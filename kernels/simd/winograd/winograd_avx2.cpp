#include "simd_avx2.h"
#include "winograd/winograd_body.h"

ONDOL_DEFINE_KERNEL(winograd, avx2, Winograd<Avx2>)
