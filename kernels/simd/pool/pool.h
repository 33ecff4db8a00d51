// pool, unpool and their gradients on [N, C, H, W] with contiguous planes. Formulas: docs/arithmetic.md, Pooling.
//
// A row of windows is folded over its rows first, whole vectors of columns at a time, into a line with one value for each
// column and identities where there is padding; then over the columns of each window. So strides and edges concern only a
// line in the first-level cache, and the map is read in order.
//
//   windows.h        where the windows of an axis begin and end
//   line.h           the line, and folding it
//   pool_body.h      max and average
//   pool_indices.h   max with the indices
//   pool_backward.h  gradients: a task owns some rows of dx and visits the windows over them in ascending order
//   unpool_body.h    unpool and its gradient: a task owns planes, as the last of equal indices must win
#ifndef ONDOL_POOL_H
#define ONDOL_POOL_H

#include "kernel.h"

namespace ondol {

#define ONDOL_VARIANT(variant, set)                                               \
  ONDOL_HAVE_##set(extern const Kernel<ondol_pool_args> pool_##variant;           \
                   extern const Kernel<ondol_pool_backward_args> pool_backward_##variant; \
                   extern const Kernel<ondol_unpool_args> unpool_##variant;       \
                   extern const Kernel<ondol_unpool_backward_args> unpool_backward_##variant;)
#include "pool/variants.inc"
#undef ONDOL_VARIANT

}  // namespace ondol

#endif
