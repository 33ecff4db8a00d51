#include "roiwarp/roiwarp_body.h"
#include "roiwarp/roiwarp_gradient.h"
#include "simd_avx2.h"

ONDOL_DEFINE_KERNEL(roiwarp, avx2, RoiWarp<Avx2>)
ONDOL_DEFINE_KERNEL(roiwarp_backward, avx2, RoiWarpBackward<Avx2>)
