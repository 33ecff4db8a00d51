// softmax over n of a contiguous [outer, n, inner] array, and log softmax.
//
//   softmax      m = max16(x);  e = exp(x - m);  y = e * (1 / sum16(e))
//   log softmax  y = (x - m) - log(sum16(e))
//
// Gradient from the result y:
//
//   softmax      s = sum16(y * dy);  dx = y * (dy - s)
//   log softmax  s = sum16(dy);      dx = fma(-exp(y), s, dy)
//
// y may be x, and dx may be dy. One phase; a task is some rows or blocks of columns (slices.h).
#ifndef ONDOL_SOFTMAX_H
#define ONDOL_SOFTMAX_H

#include "kernel.h"

namespace ondol {

#define ONDOL_VARIANT(variant, set)                                        \
  ONDOL_HAVE_##set(extern const Kernel<ondol_softmax_args> softmax_##variant; \
                   extern const Kernel<ondol_softmax_backward_args> softmax_backward_##variant;)
#include "softmax/variants.inc"
#undef ONDOL_VARIANT

}  // namespace ondol

#endif
