#include "attention/attention_body.h"
#include "attention/backward_body.h"
#include "simd_avx512.h"

ONDOL_DEFINE_KERNEL(attention, avx512, Attention<Avx512>)
ONDOL_DEFINE_KERNEL(attention_backward, avx512, AttentionBackward<Avx512>)
