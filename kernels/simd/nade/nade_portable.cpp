#include "nade/nade_body.h"
#include "nade/nade_gradient.h"
#include "simd_portable.h"

ONDOL_DEFINE_KERNEL(nade, portable, Nade<Portable>)
ONDOL_DEFINE_KERNEL(nade_backward, portable, NadeBackward<Portable>)
