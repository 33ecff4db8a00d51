#include "attention/attention_body.h"
#include "attention/backward_body.h"
#include "simd_avx2.h"

ONDOL_DEFINE_KERNEL(attention, avx2, Attention<Avx2>)
ONDOL_DEFINE_KERNEL(attention_backward, avx2, AttentionBackward<Avx2>)
