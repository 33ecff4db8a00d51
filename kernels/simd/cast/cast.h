// cast: y[i] = x[i] in another type (float32, bfloat16, float16) over an index space of rank 0 to 6; equal types copy bits.
//
// Each operand has its own strides (0 broadcasts x); y's may not make two elements share an address, and y overlaps nothing.
// One phase; a task is TASK consecutive elements of the index space after its dimensions are ordered by y's strides and
// merged. Formulas: docs/arithmetic.md, Types.
#ifndef ONDOL_CAST_H
#define ONDOL_CAST_H

#include "kernel.h"

namespace ondol {

#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(extern const Kernel<ondol_cast_args> cast_##variant;)
#include "cast/variants.inc"
#undef ONDOL_VARIANT

}  // namespace ondol

#endif
