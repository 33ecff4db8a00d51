#include "nade/nade_body.h"
#include "nade/nade_gradient.h"
#include "simd_avx512.h"

ONDOL_DEFINE_KERNEL(nade, avx512, Nade<Avx512>)
ONDOL_DEFINE_KERNEL(nade_backward, avx512, NadeBackward<Avx512>)
