// attention: out[b,h,i,:] = sum_j softmax_j(scale * q[b,h,i,:] . k[b,h/group,j,:] + bias) v[b,h/group,j,:]
//
// Operands, options and layouts are those of ondol_attention_args; formula and order of every sum are in
// docs/arithmetic.md, Attention. Phases, each present only where a call needs it:
//   pack    K and V of a KEY_BLOCK of keys, once for all query rows;
//   attend  a tile of query rows against all their keys, or, for an item whose keys are split, against one chunk;
//   merge   the chunks of a query row.
#ifndef ONDOL_ATTENTION_H
#define ONDOL_ATTENTION_H

#include "kernel.h"

namespace ondol {

#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(extern const Kernel<ondol_attention_args> attention_##variant;)
#include "attention/variants.inc"
#undef ONDOL_VARIANT

}  // namespace ondol

#endif
