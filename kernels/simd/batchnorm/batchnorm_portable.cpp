#include "batchnorm/batchnorm_body.h"
#include "simd_portable.h"

ONDOL_DEFINE_KERNEL(batchnorm, portable, BatchNorm<Portable>)
ONDOL_DEFINE_KERNEL(batchnorm_backward, portable, BatchNormBackward<Portable>)
