// The index space of an elementwise call: dimensions ordered so that out's strides descend, size-1 dimensions dropped,
// neighbours merged where every operand steps through both as through one. The result does not depend on any of it.
#ifndef ONDOL_INDEX_SPACE_H
#define ONDOL_INDEX_SPACE_H

#include "ondol.h"

namespace ondol {
namespace {

struct IndexSpace {
  struct Dimension {
    int64_t size, x, y, out;  // strides of the three operands
  };

  int64_t rank;  // at least 1
  int64_t total;
  Dimension dimension[ONDOL_MAX_RANK];

  IndexSpace(const ondol_elementwise_args& args, int64_t arity) : rank(0), total(1) {
    for (int64_t d = 0; d < args.rank; d++) {
      total *= args.shape[d];
      if (args.shape[d] == 1) continue;
      insert({args.shape[d], arity > 0 ? args.x_stride[d] : 0, arity > 1 ? args.y_stride[d] : 0, args.out_stride[d]});
    }
    if (rank == 0) dimension[rank++] = {1, 1, 1, 1};
    merge();
  }

  const Dimension& inner() const { return dimension[rank - 1]; }

 private:
  static int64_t magnitude(int64_t stride) { return stride < 0 ? -stride : stride; }

  void insert(Dimension added) {
    int64_t at = rank++;
    while (at > 0 && magnitude(dimension[at - 1].out) < magnitude(added.out)) {
      dimension[at] = dimension[at - 1];
      at--;
    }
    dimension[at] = added;
  }

  void merge() {
    int64_t last = 0;
    for (int64_t d = 1; d < rank; d++) {
      Dimension& outer = dimension[last];
      const Dimension inner = dimension[d];
      bool one = outer.x == inner.x * inner.size && outer.y == inner.y * inner.size &&
                 outer.out == inner.out * inner.size;
      if (one) {
        outer = {outer.size * inner.size, inner.x, inner.y, inner.out};
      } else {
        dimension[++last] = inner;
      }
    }
    rank = last + 1;
  }
};

}  // namespace
}  // namespace ondol

#endif
