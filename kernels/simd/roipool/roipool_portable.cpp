#include "roipool/roipool_backward.h"
#include "roipool/roipool_body.h"
#include "simd_portable.h"

ONDOL_DEFINE_KERNEL(roipool, portable, RoiPool<Portable>)
ONDOL_DEFINE_KERNEL(roipool_backward, portable, RoiPoolBackward<Portable>)
