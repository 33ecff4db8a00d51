#include "elementwise/elementwise_body.h"
#include "simd_avx512.h"

ONDOL_DEFINE_KERNEL(elementwise, avx512, Elementwise<Avx512>)
