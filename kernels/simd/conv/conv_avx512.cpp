#include "conv/conv_body.h"
#include "conv/weight_body.h"
#include "simd_avx512.h"

ONDOL_DEFINE_KERNEL(conv, avx512, Conv<Avx512>)
ONDOL_DEFINE_KERNEL(deconv, avx512, Deconv<Avx512>)
ONDOL_DEFINE_KERNEL(convweight, avx512, ConvWeight<Avx512>)
