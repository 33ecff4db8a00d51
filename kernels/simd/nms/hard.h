// Greedy suppression of sorted candidates.
#ifndef ONDOL_NMS_HARD_H
#define ONDOL_NMS_HARD_H

#include "nms/group.h"

namespace ondol {
namespace {

template <class V>
class HardNms {
 public:
  // Bytes for two buffers of candidates and the kept boxes.
  static int64_t scratch(const ondol_nms_args* a) {
    return 2 * words(a) * (int64_t)sizeof(uint64_t) + 5 * kept(a) * (int64_t)sizeof(float);
  }

  static void run(const ondol_nms_args* a, const Group& group, void* scratch) {
    uint64_t* buffer = (uint64_t*)scratch;
    const int64_t count = group.template collect<V>(buffer, words(a));
    const uint64_t* sorted = order_sort(buffer, buffer + words(a), count);
    const Boxes boxes = {(float*)(buffer + 2 * words(a)), kept(a)};
    const float threshold = (float)a->iou_threshold;
    group.end(a->inclusive ? select<true>(group, sorted, count, boxes, a->width, threshold)
                           : select<false>(group, sorted, count, boxes, a->width, threshold));
  }

 private:
  static int64_t words(const ondol_nms_args* a) { return nms_candidates(a) + V::lanes; }
  static int64_t kept(const ondol_nms_args* a) { return round_up(a->width, V::lanes); }

  template <bool inclusive>
  static int64_t select(const Group& group, const uint64_t* sorted, int64_t count, const Boxes& kept, int64_t width,
                        float threshold) {
    int64_t n = 0;
    for (int64_t i = 0; i < count && n < width; i++) {
      const int64_t position = word_position(sorted[i]);
      const Box box = group.box(position);
      if (suppressed<inclusive>(box, kept, n, group.offset(), threshold)) continue;
      group.select(n, position, group.score(position));
      kept.put(n++, box);
    }
    return n;
  }

  // By one of the n kept boxes. Lanes beyond them hold anything.
  template <bool inclusive>
  static ONDOL_INLINE bool suppressed(const Box& box, const Boxes& kept, int64_t n, float offset, float threshold) {
    const Overlap<V> overlap(box, offset);
    const typename V::F t = V::set(threshold);
    typename V::F inter, join;
    int64_t i = 0;
    for (; i + V::lanes <= n; i += V::lanes) {
      overlap.of(kept, i, inter, join);
      if (V::lane_bits(suppresses<V, inclusive>(inter, join, t)) != 0) return true;
    }
    if (i == n) return false;
    overlap.of(kept, i, inter, join);
    return (V::lane_bits(suppresses<V, inclusive>(inter, join, t)) & ((1u << (n - i)) - 1)) != 0;
  }
};

}  // namespace
}  // namespace ondol

#endif
