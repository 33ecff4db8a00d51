#include "elementwise/elementwise_body.h"
#include "simd_portable.h"

ONDOL_DEFINE_KERNEL(elementwise, portable, Elementwise<Portable>)
