// batchnorm of contiguous [batch, channels, size], statistics per channel. chansum cuts each plane into segments of 4096
// elements: acc = acc + sum16(segment) over ascending (n, segment), from +0. m = batch * size.
//
//   training:   mean = chansum(x) / m;  d = x - mean;  var = chansum(d * d) / m;  rstd = 1 / sqrt(var + eps)
//               y = fma(d, gamma * rstd, beta)
//   inference:  scale = gamma / sqrt(var + eps);  y = fma(x, scale, fma(-mean, scale, beta))
//
// and relu where asked for. Gradient, with g = dy, or 0 where a relu gave no y > 0, and h = (x - mean) * rstd:
//
//   dbeta = chansum(g);  dgamma = chansum(g * h);  a = gamma * rstd
//   training:   dx = a * fma(-h, dgamma / m, g - dbeta / m)
//   inference:  dx = a * g
//
// gamma counts as 1 and beta as 0 where absent. y may be x. Where there are channels enough for all threads, a task is
// some channels from the first sum to the last store (so that a channel is found in the cache again); else segments are
// summed, folded and finished in phases of their own. Planes of one element are taken as columns, lanes across channels.
#ifndef ONDOL_BATCHNORM_H
#define ONDOL_BATCHNORM_H

#include "kernel.h"

namespace ondol {

#define ONDOL_VARIANT(variant, set)                                               \
  ONDOL_HAVE_##set(extern const Kernel<ondol_batchnorm_args> batchnorm_##variant; \
                   extern const Kernel<ondol_batchnorm_backward_args> batchnorm_backward_##variant;)
#include "batchnorm/variants.inc"
#undef ONDOL_VARIANT

}  // namespace ondol

#endif
