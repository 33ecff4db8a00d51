#include "elementwise/elementwise_body.h"
#include "simd_avx2.h"

ONDOL_DEFINE_KERNEL(elementwise, avx2, Elementwise<Avx2>)
