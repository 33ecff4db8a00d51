#include "softmax/softmax_body.h"
#include "simd_portable.h"

ONDOL_DEFINE_KERNEL(softmax, portable, Softmax<Portable>)
ONDOL_DEFINE_KERNEL(softmax_backward, portable, SoftmaxBackward<Portable>)
