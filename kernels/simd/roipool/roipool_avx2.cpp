#include "roipool/roipool_backward.h"
#include "roipool/roipool_body.h"
#include "simd_avx2.h"

ONDOL_DEFINE_KERNEL(roipool, avx2, RoiPool<Avx2>)
ONDOL_DEFINE_KERNEL(roipool_backward, avx2, RoiPoolBackward<Avx2>)
