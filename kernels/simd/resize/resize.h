// resize: planes [in_rows, in_columns] to [out_rows, out_columns] through tables of cells and weights, y0 y1 u0 u1 for an
// output row i and x0 x1 v0 v1 for an output column j:
//
//   nearest (no weights): y_ij = x[y0, x0]
//   linear:               h(r, j) = fma(v1, x[r, x1], v0 * x[r, x0]);  y_ij = fma(u1, h(y1, j), u0 * h(y0, j))
//
// Gradient, chains from +0 over ascending i, then j, the first cell of each before the second:
//
//   g(r, j) = chain of (u, dy_ij) where y0 or y1 of i is r;  dx[r, c] = chain of (v, g(r, j)) where x0 or x1 of j is c
//
// Nothing overlaps. Forward has one phase; a task is some output rows. Backward first finds the output rows that each
// input row is part of (one task), then computes blocks of input rows, as many as lanes.
#ifndef ONDOL_RESIZE_H
#define ONDOL_RESIZE_H

#include "kernel.h"

namespace ondol {

#define ONDOL_VARIANT(variant, set)                                            \
  ONDOL_HAVE_##set(extern const Kernel<ondol_resize_args> resize_##variant; \
                   extern const Kernel<ondol_resize_backward_args> resize_backward_##variant;)
#include "resize/variants.inc"
#undef ONDOL_VARIANT

}  // namespace ondol

#endif
