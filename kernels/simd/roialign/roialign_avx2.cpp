#include "roialign/roialign_backward.h"
#include "roialign/roialign_body.h"
#include "simd_avx2.h"

ONDOL_DEFINE_KERNEL(roialign, avx2, RoiAlign<Avx2>)
ONDOL_DEFINE_KERNEL(roialign_backward, avx2, RoiAlignBackward<Avx2>)
