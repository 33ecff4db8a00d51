#include "resize/resize_body.h"
#include "simd_portable.h"

ONDOL_DEFINE_KERNEL(resize, portable, Resize<Portable>)
ONDOL_DEFINE_KERNEL(resize_backward, portable, ResizeBackward<Portable>)
