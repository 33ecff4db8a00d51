#include "softmax/softmax_body.h"
#include "simd_avx512.h"

ONDOL_DEFINE_KERNEL(softmax, avx512, Softmax<Avx512>)
ONDOL_DEFINE_KERNEL(softmax_backward, avx512, SoftmaxBackward<Avx512>)
