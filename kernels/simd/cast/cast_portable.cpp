#include "cast/cast_body.h"
#include "simd_portable.h"

ONDOL_DEFINE_KERNEL(cast, portable, Cast<Portable>)
