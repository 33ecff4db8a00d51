#include "simd_portable.h"
#include "winograd/winograd_body.h"

ONDOL_DEFINE_KERNEL(winograd, portable, Winograd<Portable>)
