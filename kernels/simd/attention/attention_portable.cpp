#include "attention/attention_body.h"
#include "simd_portable.h"

ONDOL_DEFINE_KERNEL(attention, portable, Attention<Portable>)
