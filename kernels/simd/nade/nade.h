// nade: outputs y of D variables, each seeing the variables before it through H hidden units; everything is contiguous.
//
//   a = start;  for each variable d, in order:
//     h = act(scale[d] * a);  y[n,d,o] = sum16(V[d,o] * h) + bias[d,o];  a = x[n,d] == 0 ? a : fma(x[n,d], W[d], a)
//
// Sampling: x[n,d] = known ? given : u[n,d] < sigmoid(y[n,d,0]). Where x is 0, a stays, and h with it unless the scale
// changes: of binary pictures, most of the activations need not be computed.
//
// Gradient, for descending d, from g = dstate or 0:
//
//   dx = sum16(g * W[d]);  dW[d] = chain over rows of (x, g), x != 0;  dV[d,o] = chain over rows of (dy, h)
//   e = chain over o of (dy, V[d,o]);  dscale = sum16(e * act' * a);  g = fma(e, act' * scale[d], g)
//
// Forward: one phase, tasks of some rows (and, where rows are few, of some variables). Gradient: what is read across rows
// is transposed first; then tasks of some hidden units and all rows for dW, dV and dstart; then tasks of some rows and
// all hidden units for dx and dscale.
#ifndef ONDOL_NADE_H
#define ONDOL_NADE_H

#include "kernel.h"

namespace ondol {

#define ONDOL_VARIANT(variant, set)                                              \
  ONDOL_HAVE_##set(extern const Kernel<ondol_nade_args> nade_##variant;          \
                   extern const Kernel<ondol_nade_backward_args> nade_backward_##variant;)
#include "nade/variants.inc"
#undef ONDOL_VARIANT

}  // namespace ondol

#endif
