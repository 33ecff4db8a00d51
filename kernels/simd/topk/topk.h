// topk of rows: the first k in the order of docs/arithmetic.md, Selection.
//
// A task owns a row and keeps candidates as 64-bit words, the order's key above the position. Few are kept sorted: a
// vector is compared with the last of them, and what exceeds it is put in its place. More are kept in a buffer of twice k
// or more. For a large k a sample of the row tells about which key the last of them has; where more than k elements, and
// not too many, exceed it, these are collected at the speed of one comparison and sorted once. Else the row is read
// against the least of the best k so far: whenever the buffer is full it is sorted and cut to k. A row in the worst
// order then costs two sorts of k for every k elements.
//
//   order.h        keys and the sort, which nms uses too
//   topk_body.h    the above
#ifndef ONDOL_TOPK_H
#define ONDOL_TOPK_H

#include "kernel.h"

namespace ondol {

#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(extern const Kernel<ondol_topk_args> topk_##variant;)
#include "topk/variants.inc"
#undef ONDOL_VARIANT

}  // namespace ondol

#endif
