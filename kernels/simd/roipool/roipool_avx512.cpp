#include "roipool/roipool_backward.h"
#include "roipool/roipool_body.h"
#include "simd_avx512.h"

ONDOL_DEFINE_KERNEL(roipool, avx512, RoiPool<Avx512>)
ONDOL_DEFINE_KERNEL(roipool_backward, avx512, RoiPoolBackward<Avx512>)
