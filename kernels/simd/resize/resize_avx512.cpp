#include "resize/resize_body.h"
#include "simd_avx512.h"

ONDOL_DEFINE_KERNEL(resize, avx512, Resize<Avx512>)
ONDOL_DEFINE_KERNEL(resize_backward, avx512, ResizeBackward<Avx512>)
