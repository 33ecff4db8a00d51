#include "iou/iou_body.h"
#include "iou/iou_gradient.h"
#include "simd_avx2.h"

ONDOL_DEFINE_KERNEL(iou, avx2, Iou<Avx2>)
ONDOL_DEFINE_KERNEL(iou_backward, avx2, IouBackward<Avx2>)
