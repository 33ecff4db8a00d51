#include "attention/attention_body.h"
#include "attention/backward_body.h"
#include "simd_portable.h"

ONDOL_DEFINE_KERNEL(attention, portable, Attention<Portable>)
ONDOL_DEFINE_KERNEL(attention_backward, portable, AttentionBackward<Portable>)
