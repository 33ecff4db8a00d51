// lstm: steps of an LSTM whose state is a row of positions, and its gradient.
//
//   z[r] = x[t, r] + bias, and then one chain over ascending (tap, channel) of h'[r + tap - before] * K[tap]
//   i, f, g, o = sigmoid(z_i), sigmoid(z_f), tanh(z_g), sigmoid(z_o);  c = fma(f, c', i * g);  h = o * tanh(c)
//
// Gradient, from the last step to the first, dz' and dc' of the step after:
//
//   D[r] = dh[t, r], and then one chain over descending tap and ascending gate column of dz'[r - tap + before] * K[tap]
//   u = tanh(c);  s = dc' + tanh_grad(u, D * o);  dc = s * f
//   dz = sigmoid_grad(i, s * g), sigmoid_grad(f, s * c'), tanh_grad(g, s * i), sigmoid_grad(o, D * u)
//
// Outside the row h' and dz' are +0. Phase 0 brings K into panels, unless so few rows will pass over it that it is read
// as it is. A task of the last phase is a group of sequences from the first step to the last: no step waits for another
// thread, and the state stays in L1 or L2.
//
//   group.h      groups of sequences, and the rows of their states between zeros
//   lstm_body.h  forward
//   backward.h   backward
#ifndef ONDOL_LSTM_H
#define ONDOL_LSTM_H

#include "kernel.h"

namespace ondol {

#define ONDOL_VARIANT(variant, set)                                     \
  ONDOL_HAVE_##set(extern const Kernel<ondol_lstm_args> lstm_##variant; \
                   extern const Kernel<ondol_lstm_backward_args> lstm_backward_##variant;)
#include "lstm/variants.inc"
#undef ONDOL_VARIANT

}  // namespace ondol

#endif
