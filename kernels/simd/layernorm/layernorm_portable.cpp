#include "layernorm/layernorm_body.h"
#include "simd_portable.h"

ONDOL_DEFINE_KERNEL(layernorm, portable, LayerNorm<Portable>)
ONDOL_DEFINE_KERNEL(layernorm_backward, portable, LayerNormBackward<Portable>)
