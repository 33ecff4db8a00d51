#include "nade/nade_body.h"
#include "nade/nade_gradient.h"
#include "simd_avx2.h"

ONDOL_DEFINE_KERNEL(nade, avx2, Nade<Avx2>)
ONDOL_DEFINE_KERNEL(nade_backward, avx2, NadeBackward<Avx2>)
