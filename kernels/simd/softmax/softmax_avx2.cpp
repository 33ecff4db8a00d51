#include "softmax/softmax_body.h"
#include "simd_avx2.h"

ONDOL_DEFINE_KERNEL(softmax, avx2, Softmax<Avx2>)
ONDOL_DEFINE_KERNEL(softmax_backward, avx2, SoftmaxBackward<Avx2>)
