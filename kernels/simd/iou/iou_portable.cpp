#include "iou/iou_body.h"
#include "iou/iou_gradient.h"
#include "simd_portable.h"

ONDOL_DEFINE_KERNEL(iou, portable, Iou<Portable>)
ONDOL_DEFINE_KERNEL(iou_backward, portable, IouBackward<Portable>)
