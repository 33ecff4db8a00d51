// elementwise: out[i] = op(x[i], y[i]) over an index space of rank 0 to 6.
//
// Each operand has its own strides (0 broadcasts); out's strides may not make two elements share an address. out may be
// exactly x or y, with the same strides. One phase; a task is TASK consecutive elements of the index space after its
// dimensions are ordered by out's strides and merged.
#ifndef ONDOL_ELEMENTWISE_H
#define ONDOL_ELEMENTWISE_H

#include "kernel.h"

namespace ondol {

#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(extern const Kernel<ondol_elementwise_args> elementwise_##variant;)
#include "elementwise/variants.inc"
#undef ONDOL_VARIANT

}  // namespace ondol

#endif
