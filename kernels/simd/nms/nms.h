// Non-maximum suppression: docs/arithmetic.md, Boxes.
//
// A task owns a group (an image's class, or the image). Hard: the candidates are sorted once; each is prepared when its
// turn comes and compared with the boxes kept so far, a vector of them at a time, until one suppresses it. The kept
// boxes lie in structure-of-arrays order and in the first-level cache: there is no matrix of pairs. Soft: one pass over
// the remaining candidates decays their scores and finds the next greatest.
//
//   boxes.h       prepared boxes and their overlap
//   group.h       the candidates of a group and the row of results
//   hard.h, soft.h
//   limit.h       the limit of an image, a phase of its own
//   nms_body.h    plan and run
#ifndef ONDOL_NMS_H
#define ONDOL_NMS_H

#include "kernel.h"

namespace ondol {

#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(extern const Kernel<ondol_nms_args> nms_##variant;)
#include "nms/variants.inc"
#undef ONDOL_VARIANT

}  // namespace ondol

#endif
