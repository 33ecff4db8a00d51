#include "iou/iou_body.h"
#include "iou/iou_gradient.h"
#include "simd_avx512.h"

ONDOL_DEFINE_KERNEL(iou, avx512, Iou<Avx512>)
ONDOL_DEFINE_KERNEL(iou_backward, avx512, IouBackward<Avx512>)
