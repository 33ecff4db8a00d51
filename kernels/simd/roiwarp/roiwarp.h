// roiwarp: boxes of images, each resized to [y_height, y_width] with some of its surroundings; positions, cells, weights and
// chains as in docs/arithmetic.md, Detection.
//
// Forward has one phase; a task is some channels of one RoI. An input row is taken through the columns once and kept while
// output rows need it, as in resize. Backward has one phase; a task is a block of image rows, as many as lanes, of some
// channels: it visits the RoIs of its image in ascending order, so no two tasks write one element.
#ifndef ONDOL_ROIWARP_H
#define ONDOL_ROIWARP_H

#include "kernel.h"

namespace ondol {

#define ONDOL_VARIANT(variant, set)                                              \
  ONDOL_HAVE_##set(extern const Kernel<ondol_roiwarp_args> roiwarp_##variant; \
                   extern const Kernel<ondol_roiwarp_backward_args> roiwarp_backward_##variant;)
#include "roiwarp/variants.inc"
#undef ONDOL_VARIANT

}  // namespace ondol

#endif
