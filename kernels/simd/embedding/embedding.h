// embedding: out[i, :] = table[ids[i], :], zeros for an id outside [0, vocabulary). One phase; a task is some rows of
// out.
//
// Gradient: dtable[v, :] = the sum from +0 of dout[i, :] over ascending i with ids[i] = v; ids outside are ignored.
// Phase 0 sorts the positions by id (a counting sort, one task); in phase 1 a task is some rows of dtable, each written
// once.
#ifndef ONDOL_EMBEDDING_H
#define ONDOL_EMBEDDING_H

#include "kernel.h"

namespace ondol {

#define ONDOL_VARIANT(variant, set)                                            \
  ONDOL_HAVE_##set(extern const Kernel<ondol_embedding_args> embedding_##variant; \
                   extern const Kernel<ondol_embedding_backward_args> embedding_backward_##variant;)
#include "embedding/variants.inc"
#undef ONDOL_VARIANT

}  // namespace ondol

#endif
