#include "pool/pool_backward.h"
#include "pool/pool_body.h"
#include "pool/unpool_body.h"
#include "simd_avx2.h"

ONDOL_DEFINE_KERNEL(pool, avx2, Pool<Avx2>)
ONDOL_DEFINE_KERNEL(pool_backward, avx2, PoolBackward<Avx2>)
ONDOL_DEFINE_KERNEL(unpool, avx2, Unpool<Avx2>)
ONDOL_DEFINE_KERNEL(unpool_backward, avx2, UnpoolBackward<Avx2>)
