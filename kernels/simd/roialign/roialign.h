// roialign: bins of interpolated samples of boxes, from one map or the levels of a feature pyramid; docs/arithmetic.md,
// Regions, has the formulas. Boxes may hold anything, and images and levels that are not there make a box void.
//
// Both directions have two phases. The first, one task, sorts the regions by level and image. In the second a task
// owns 16 channels of one level and image, which it lays side by side ([cell][16]) so that vectors run over channels:
// forward it writes what its regions say of them, backward it adds up dx of them, regions ascending.
#ifndef ONDOL_ROIALIGN_H
#define ONDOL_ROIALIGN_H

#include "kernel.h"

namespace ondol {

#define ONDOL_VARIANT(variant, set)                                                \
  ONDOL_HAVE_##set(extern const Kernel<ondol_roialign_args> roialign_##variant; \
                   extern const Kernel<ondol_roialign_backward_args> roialign_backward_##variant;)
#include "roialign/variants.inc"
#undef ONDOL_VARIANT

}  // namespace ondol

#endif
