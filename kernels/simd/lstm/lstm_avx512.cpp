#include "lstm/backward.h"
#include "lstm/lstm_body.h"
#include "simd_avx512.h"

ONDOL_DEFINE_KERNEL(lstm, avx512, Lstm<Avx512>)
ONDOL_DEFINE_KERNEL(lstm_backward, avx512, LstmBackward<Avx512>)
