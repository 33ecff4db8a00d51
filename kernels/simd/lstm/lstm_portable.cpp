#include "lstm/backward.h"
#include "lstm/lstm_body.h"
#include "simd_portable.h"

ONDOL_DEFINE_KERNEL(lstm, portable, Lstm<Portable>)
ONDOL_DEFINE_KERNEL(lstm_backward, portable, LstmBackward<Portable>)
