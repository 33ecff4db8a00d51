#include "nms/nms_body.h"
#include "simd_portable.h"

ONDOL_DEFINE_KERNEL(nms, portable, Nms<Portable>)
