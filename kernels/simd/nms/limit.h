// The limit of an image: each group keeps its first results, so only counts are cut. The least key that remains is
// found bit by bit; how many results of a group reach a key, by bisection, as its scores descend.
#ifndef ONDOL_NMS_LIMIT_H
#define ONDOL_NMS_LIMIT_H

#include "nms/group.h"

namespace ondol {
namespace {

class ImageLimit {
 public:
  static void apply(const ondol_nms_args* a, int64_t image) {
    const int64_t groups = nms_groups(a);
    int32_t* counts = a->counts + image * groups;
    const ImageLimit limit(a, image);
    int64_t total = 0;
    for (int64_t g = 0; g < groups; g++) total += limit.count(g);
    if (total <= a->image_limit) return;
    const uint32_t least = limit.least_key();
    int64_t ties = a->image_limit;
    for (int64_t g = 0; g < groups; g++) ties -= limit.above(g, least);
    for (int64_t g = 0; g < groups; g++) {
      const int64_t above = limit.above(g, least), equal = limit.reach(g, least) - above;
      const int64_t taken = max_of<int64_t>(0, min_of(equal, ties));
      limit.cut(g, above + taken);
      counts[g] = (int32_t)(above + taken);
      ties -= taken;
    }
  }

 private:
  ImageLimit(const ondol_nms_args* a, int64_t image) : a_(a), first_(image * nms_groups(a)) {}

  // Counts and scores are results that another thread may have changed: no index depends on them.
  int64_t count(int64_t g) const {
    const int64_t count = __atomic_load_n(a_->counts + first_ + g, __ATOMIC_RELAXED);
    return max_of<int64_t>(0, min_of(count, a_->width));
  }

  // Keys that ascend as unsigned numbers.
  uint32_t key(int64_t g, int64_t i) const {
    return (uint32_t)order_key(a_->selected[(first_ + g) * a_->width + i], 0) ^ 0x80000000u;
  }

  // Results of a group with at least this key.
  int64_t reach(int64_t g, uint32_t least) const {
    int64_t low = 0, high = count(g);
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      if (key(g, middle) >= least) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  int64_t above(int64_t g, uint32_t least) const { return least == UINT32_MAX ? 0 : reach(g, least + 1); }

  // The greatest key that image_limit results reach.
  uint32_t least_key() const {
    uint32_t least = 0;
    for (uint32_t bit = 0x80000000u; bit != 0; bit >>= 1) {
      int64_t reached = 0;
      for (int64_t g = 0; g < nms_groups(a_); g++) reached += reach(g, least | bit);
      if (reached >= a_->image_limit) least |= bit;
    }
    return least;
  }

  void cut(int64_t g, int64_t from) const {
    const int64_t row = (first_ + g) * a_->width;
    for (int64_t i = from; i < a_->width; i++) {
      a_->indices[row + i] = -1;
      a_->selected[row + i] = 0.0f;
    }
  }

  const ondol_nms_args* a_;
  int64_t first_;
};

}  // namespace
}  // namespace ondol

#endif
