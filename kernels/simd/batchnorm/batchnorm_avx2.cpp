#include "batchnorm/batchnorm_body.h"
#include "simd_avx2.h"

ONDOL_DEFINE_KERNEL(batchnorm, avx2, BatchNorm<Avx2>)
ONDOL_DEFINE_KERNEL(batchnorm_backward, avx2, BatchNormBackward<Avx2>)
