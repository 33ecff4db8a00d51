#include "roialign/roialign_backward.h"
#include "roialign/roialign_body.h"
#include "simd_portable.h"

ONDOL_DEFINE_KERNEL(roialign, portable, RoiAlign<Portable>)
ONDOL_DEFINE_KERNEL(roialign_backward, portable, RoiAlignBackward<Portable>)
