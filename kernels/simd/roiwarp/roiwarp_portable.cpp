#include "roiwarp/roiwarp_body.h"
#include "roiwarp/roiwarp_gradient.h"
#include "simd_portable.h"

ONDOL_DEFINE_KERNEL(roiwarp, portable, RoiWarp<Portable>)
ONDOL_DEFINE_KERNEL(roiwarp_backward, portable, RoiWarpBackward<Portable>)
