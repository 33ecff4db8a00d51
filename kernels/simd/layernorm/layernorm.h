// layernorm over rows of [rows, n], unit stride inside a row.
//
//   mean = sum16(x) / n;  d = x - mean;  rstd = 1 / sqrt(sum16(d * d) / n + eps);  y = fma(d * rstd, gamma, beta)
//
// Gradient, with h = (x - mean) * rstd and g = dy * gamma:
//
//   s1 = sum16(g) / n;  s2 = sum16(g * h) / n;  dx = rstd * fma(-h, s2, g - s1)
//   dgamma = chain over ascending rows of (dy, h);  dbeta = sum over ascending rows of dy
//
// gamma counts as 1 and beta as 0 where absent. y may be x. One phase. Forward tasks are some rows; backward tasks are
// first those of dx, by rows, then those of dgamma and dbeta, by columns.
#ifndef ONDOL_LAYERNORM_H
#define ONDOL_LAYERNORM_H

#include "kernel.h"

namespace ondol {

#define ONDOL_VARIANT(variant, set)                                            \
  ONDOL_HAVE_##set(extern const Kernel<ondol_layernorm_args> layernorm_##variant; \
                   extern const Kernel<ondol_layernorm_backward_args> layernorm_backward_##variant;)
#include "layernorm/variants.inc"
#undef ONDOL_VARIANT

}  // namespace ondol

#endif
