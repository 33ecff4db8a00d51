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
      append(kept, n++, box);
    }
    return n;
  }

  // Adds a kept box. Lanes behind it get a NaN area, by which no comparison finds them: loops take whole vectors.
  static void append(const Boxes& kept, int64_t n, const Box& box) {
    if (n % V::lanes == 0) V::store(kept.row(4) + n, V::set(__builtin_nanf("")));
    kept.put(n, box);
  }

  // By one of the n kept boxes.
  template <bool inclusive>
  static ONDOL_INLINE bool suppressed(const Box& box, const Boxes& kept, int64_t n, float offset, float threshold) {
    const Overlap<V> overlap(box, offset);
    const typename V::F t = V::set(threshold);
    for (int64_t i = 0; i < n; i += V::lanes) {
      typename V::F inter, join;
      overlap.template of<!inclusive>(kept, i, inter, join);
      if (V::lane_bits(suppresses<V, inclusive>(inter, join, t)) != 0) return true;
    }
    return false;
  }
};

}  // namespace
}  // namespace ondol

#endif
