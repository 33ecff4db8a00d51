// roipool and its gradient: maxima or averages of the bins of regions. Formulas: docs/arithmetic.md, Regions.
//
// Vectors run across channels: the bins of a region are the same for all of them, and every sum keeps its order. A task
// owns a block of channels of one map and visits the regions of that map; it lays the planes out as [cell][channels]
// once, as far as regions reach, and turns the bins' results back into rows.
//
//   bins.h              the bins of a region, and where its results lie
//   planes.h            planes as [cell][channels] and back
//   roipool_body.h      the operation
//   roipool_backward.h  its gradients: a task owns a tile of some planes of dx and visits the regions in ascending order
#ifndef ONDOL_ROIPOOL_H
#define ONDOL_ROIPOOL_H

#include "kernel.h"

namespace ondol {

#define ONDOL_VARIANT(variant, set)                                                   \
  ONDOL_HAVE_##set(extern const Kernel<ondol_roipool_args> roipool_##variant;         \
                   extern const Kernel<ondol_roipool_backward_args> roipool_backward_##variant;)
#include "roipool/variants.inc"
#undef ONDOL_VARIANT

}  // namespace ondol

#endif
