#include "lstm/backward.h"
#include "lstm/lstm_body.h"
#include "simd_avx2.h"

ONDOL_DEFINE_KERNEL(lstm, avx2, Lstm<Avx2>)
ONDOL_DEFINE_KERNEL(lstm_backward, avx2, LstmBackward<Avx2>)
