// iou: how much boxes overlap, all pairs of a [n, 4] and b [m, 4] or pair by pair, and the gradient of the latter; the
// formulas stand in docs/arithmetic.md, Detection. Nothing is summed, so only the roundings of one pair matter.
//
// All pairs: the first phase lays b out coordinate by coordinate, with its areas, as one task; in the second a task is some
// rows of the result. Pairs: one phase, a task is some pairs.
#ifndef ONDOL_IOU_H
#define ONDOL_IOU_H

#include "kernel.h"

namespace ondol {

#define ONDOL_VARIANT(variant, set)                                      \
  ONDOL_HAVE_##set(extern const Kernel<ondol_iou_args> iou_##variant; \
                   extern const Kernel<ondol_iou_backward_args> iou_backward_##variant;)
#include "iou/variants.inc"
#undef ONDOL_VARIANT

}  // namespace ondol

#endif
