#include "roiwarp/roiwarp_body.h"
#include "roiwarp/roiwarp_gradient.h"
#include "simd_avx512.h"

ONDOL_DEFINE_KERNEL(roiwarp, avx512, RoiWarp<Avx512>)
ONDOL_DEFINE_KERNEL(roiwarp_backward, avx512, RoiWarpBackward<Avx512>)
