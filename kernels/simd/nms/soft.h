// Soft suppression: repeated maximum, with decay.
#ifndef ONDOL_NMS_SOFT_H
#define ONDOL_NMS_SOFT_H

#include "math.h"
#include "nms/group.h"

namespace ondol {
namespace {

template <class V>
class SoftNms {
  typedef typename V::F F;
  typedef typename V::I I;

  static constexpr float GONE = -1.0f;       // the score of a candidate that was selected or removed
  static constexpr int64_t COMPACT = 64;     // selections between two removals of what is gone

 public:
  // Bytes for the words of candidates, which the prepared boxes, scores and positions then follow.
  static int64_t scratch(const ondol_nms_args* a) {
    return words(a) * (int64_t)sizeof(uint64_t) + 7 * room(a) * (int64_t)sizeof(float);
  }

  static void run(const ondol_nms_args* a, const Group& group, void* scratch) {
    SoftNms nms(a, group, scratch);
    nms.load(group.template collect<V>((uint64_t*)scratch, words(a)));
    if (a->method == ONDOL_NMS_GAUSSIAN) {
      group.end(nms.template select<ONDOL_NMS_GAUSSIAN, false>());
    } else {
      group.end(a->inclusive ? nms.template select<ONDOL_NMS_LINEAR, true>()
                             : nms.template select<ONDOL_NMS_LINEAR, false>());
    }
  }

 private:
  struct Best {
    float score;
    int64_t at;
  };

  static int64_t words(const ondol_nms_args* a) { return nms_candidates(a) + V::lanes; }
  static int64_t room(const ondol_nms_args* a) { return round_up(nms_candidates(a), V::lanes); }

  SoftNms(const ondol_nms_args* a, const Group& group, void* scratch)
      : group_(group), width_(a->width), threshold_((float)a->iou_threshold), floor_((float)a->soft_threshold),
        c_((float)(-1.0 / a->sigma)) {
    words_ = (const uint64_t*)scratch;
    boxes_ = {(float*)(words_ + words(a)), room(a)};
    scores_ = boxes_.row(5);
    positions_ = (int32_t*)boxes_.row(6);
  }

  void load(int64_t count) {
    n_ = count;
    for (int64_t i = 0; i < count; i++) {
      const int64_t position = word_position(words_[i]);
      const float score = group_.score(position);
      positions_[i] = (int32_t)position;
      scores_[i] = score >= floor_ ? score : GONE;
      boxes_.put(i, group_.box(position));
    }
    pad();
  }

  void pad() {
    for (int64_t i = n_; i < round_up(n_, V::lanes); i++) {
      scores_[i] = GONE;
      boxes_.put(i, {0, 0, 0, 0, 0});
    }
  }

  template <int64_t method, bool inclusive>
  int64_t select() {
    int64_t count = 0;
    Best best = pass<0, false>({0, 0, 0, 0, 0});
    while (count < width_ && best.score != GONE) {
      group_.select(count++, positions_[best.at], best.score);
      const Box box = boxes_.get(best.at);
      scores_[best.at] = GONE;
      if (count == width_) break;
      if (count % COMPACT == 0) compact();
      best = pass<method, inclusive>(box);
    }
    return count;
  }

  // Decays all scores by their overlap with a box (method 0: leaves them) and finds the greatest, of several the first.
  template <int64_t method, bool inclusive>
  Best pass(const Box& box) {
    const Overlap<V> overlap(box, group_.offset());
    F best = V::set(GONE);
    I at = V::set((int32_t)0);
    for (int64_t i = 0; i < n_; i += V::lanes) {
      F score = V::load(scores_ + i);
      if constexpr (method != 0) {
        score = decay<method, inclusive>(overlap, i, score);
        V::store(scores_ + i, score);
      }
      const typename V::M greater = V::gt(score, best);
      best = V::select(greater, score, best);
      at = V::select(greater, V::set((int32_t)i), at);
    }
    return first(best, at);
  }

  template <int64_t method, bool inclusive>
  ONDOL_INLINE F decay(const Overlap<V>& overlap, int64_t i, F score) const {
    F inter, join;
    overlap.template of<false>(boxes_, i, inter, join);
    const F iou = V::select(V::gt(join, V::set(0.0f)), inter / join, V::set(0.0f));
    F decayed;
    if (method == ONDOL_NMS_GAUSSIAN) {
      decayed = score * Math<V>::exp((iou * iou) * c_);
    } else {
      decayed = V::select(suppresses<V, inclusive>(inter, join, V::set(threshold_)), score * (1.0f - iou), score);
    }
    const F floor = V::set(floor_);
    return V::select(V::both(V::ge(score, floor), V::ge(decayed, floor)), decayed, V::set(GONE));
  }

  // Of each lane's greatest, which is the first in its lane.
  static Best first(F best, I at) {
    Best result = {GONE, 0};
    for (int l = 0; l < V::lanes; l++) {
      const int64_t here = at[l] + l;
      if (best[l] > result.score || (best[l] == result.score && here < result.at)) result = {best[l], here};
    }
    return result;
  }

  void compact() {
    int64_t n = 0;
    for (int64_t i = 0; i < n_; i++) {
      if (scores_[i] == GONE) continue;
      scores_[n] = scores_[i];
      positions_[n] = positions_[i];
      boxes_.put(n++, boxes_.get(i));
    }
    n_ = n;
    pad();
  }

  const Group& group_;
  int64_t width_, n_ = 0;
  float threshold_, floor_, c_;
  const uint64_t* words_;
  Boxes boxes_;
  float* scores_;
  int32_t* positions_;
};

}  // namespace
}  // namespace ondol

#endif
