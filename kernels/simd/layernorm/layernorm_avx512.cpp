#include "layernorm/layernorm_body.h"
#include "simd_avx512.h"

ONDOL_DEFINE_KERNEL(layernorm, avx512, LayerNorm<Avx512>)
ONDOL_DEFINE_KERNEL(layernorm_backward, avx512, LayerNormBackward<Avx512>)
