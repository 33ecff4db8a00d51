// topk of rows: the first k in the order of docs/arithmetic.md, Selection.
//
// A task owns a row and reads it once. It keeps candidates as 64-bit words, the order's key above the position, in a
// buffer of twice k or more. Whenever the buffer is full it is sorted and cut to k; from then on only elements above
// the least of these enter. In a row in random order few do, and the row is read at the speed of one comparison; a row
// in the worst order costs two sorts of k for every k elements.
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
