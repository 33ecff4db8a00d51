#include "resize/resize_body.h"
#include "simd_avx2.h"

ONDOL_DEFINE_KERNEL(resize, avx2, Resize<Avx2>)
ONDOL_DEFINE_KERNEL(resize_backward, avx2, ResizeBackward<Avx2>)
