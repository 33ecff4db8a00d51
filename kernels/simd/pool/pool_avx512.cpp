#include "pool/pool_backward.h"
#include "pool/pool_body.h"
#include "pool/unpool_body.h"
#include "simd_avx512.h"

ONDOL_DEFINE_KERNEL(pool, avx512, Pool<Avx512>)
ONDOL_DEFINE_KERNEL(pool_backward, avx512, PoolBackward<Avx512>)
ONDOL_DEFINE_KERNEL(unpool, avx512, Unpool<Avx512>)
ONDOL_DEFINE_KERNEL(unpool_backward, avx512, UnpoolBackward<Avx512>)
