#include "nms/nms_body.h"
#include "simd_avx512.h"

ONDOL_DEFINE_KERNEL(nms, avx512, Nms<Avx512>)
