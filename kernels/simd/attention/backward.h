// attention_backward: gradients of q, k, v and of the bias, recomputed from the log-sum-exp of the forward pass.
//
// The definition is docs/arithmetic.md, Gradient. One phase with up to three kinds of tasks:
//   items    a whole item and key head: key blocks outside, query blocks inside, five matrix products a pair of blocks;
//            where batch * kv_heads gives too few of these, or dq or dk and dv are not wanted:
//   keys     dk and dv of a block of keys, walking over the query rows of its group (four products), and
//   queries  dq of a block of query rows, walking over its keys (three products);
//   biases   elements of dbias, walking over the items, heads and rows that share them.
#ifndef ONDOL_ATTENTION_BACKWARD_H
#define ONDOL_ATTENTION_BACKWARD_H

#include "kernel.h"

namespace ondol {

#define ONDOL_VARIANT(variant, set) \
  ONDOL_HAVE_##set(extern const Kernel<ondol_attention_backward_args> attention_backward_##variant;)
#include "attention/variants.inc"
#undef ONDOL_VARIANT

}  // namespace ondol

#endif
