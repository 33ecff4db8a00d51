#include "pool/pool_backward.h"
#include "pool/pool_body.h"
#include "pool/unpool_body.h"
#include "simd_portable.h"

ONDOL_DEFINE_KERNEL(pool, portable, Pool<Portable>)
ONDOL_DEFINE_KERNEL(pool_backward, portable, PoolBackward<Portable>)
ONDOL_DEFINE_KERNEL(unpool, portable, Unpool<Portable>)
ONDOL_DEFINE_KERNEL(unpool_backward, portable, UnpoolBackward<Portable>)
