#include "conv/conv_body.h"
#include "conv/weight_body.h"
#include "simd_portable.h"

ONDOL_DEFINE_KERNEL(conv, portable, Conv<Portable>)
ONDOL_DEFINE_KERNEL(deconv, portable, Deconv<Portable>)
ONDOL_DEFINE_KERNEL(convweight, portable, ConvWeight<Portable>)
