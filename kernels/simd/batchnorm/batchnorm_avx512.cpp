#include "batchnorm/batchnorm_body.h"
#include "simd_avx512.h"

ONDOL_DEFINE_KERNEL(batchnorm, avx512, BatchNorm<Avx512>)
ONDOL_DEFINE_KERNEL(batchnorm_backward, avx512, BatchNormBackward<Avx512>)
