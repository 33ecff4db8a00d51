#include "nms/nms_body.h"
#include "simd_avx2.h"

ONDOL_DEFINE_KERNEL(nms, avx2, Nms<Avx2>)
