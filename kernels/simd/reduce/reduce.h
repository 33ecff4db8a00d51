// reduce: a contiguous [outer, n, inner] array over n, to [outer, inner].
//
//   sum = sum16(x);  mean = sum / n;  max = max16(x);  sumsq = sum16(x * x)
//
// y must not overlap x. One phase; a task is some rows or blocks of columns (slices.h).
#ifndef ONDOL_REDUCE_H
#define ONDOL_REDUCE_H

#include "kernel.h"

namespace ondol {

#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(extern const Kernel<ondol_reduce_args> reduce_##variant;)
#include "reduce/variants.inc"
#undef ONDOL_VARIANT

}  // namespace ondol

#endif
