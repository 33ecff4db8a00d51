#include "layernorm/layernorm_body.h"
#include "simd_avx2.h"

ONDOL_DEFINE_KERNEL(layernorm, avx2, LayerNorm<Avx2>)
ONDOL_DEFINE_KERNEL(layernorm_backward, avx2, LayerNormBackward<Avx2>)
