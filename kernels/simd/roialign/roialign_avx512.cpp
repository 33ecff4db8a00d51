#include "roialign/roialign_backward.h"
#include "roialign/roialign_body.h"
#include "simd_avx512.h"

ONDOL_DEFINE_KERNEL(roialign, avx512, RoiAlign<Avx512>)
ONDOL_DEFINE_KERNEL(roialign_backward, avx512, RoiAlignBackward<Avx512>)
