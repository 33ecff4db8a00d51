#include "conv/conv_body.h"
#include "conv/weight_body.h"
#include "simd_avx2.h"

ONDOL_DEFINE_KERNEL(conv, avx2, Conv<Avx2>)
ONDOL_DEFINE_KERNEL(deconv, avx2, Deconv<Avx2>)
ONDOL_DEFINE_KERNEL(convweight, avx2, ConvWeight<Avx2>)
