// The candidates of a group and its row of results.
#ifndef ONDOL_NMS_GROUP_H
#define ONDOL_NMS_GROUP_H

#include "nms/boxes.h"
#include "topk/order.h"

namespace ondol {
namespace {

ONDOL_INLINE int64_t nms_groups(const ondol_nms_args* a) { return a->agnostic ? 1 : a->classes; }

ONDOL_INLINE int64_t nms_candidates(const ondol_nms_args* a) {
  return a->agnostic ? a->classes * a->boxes_count : a->boxes_count;
}

// Keys above this one are candidates.
ONDOL_INLINE int32_t nms_floor(const ondol_nms_args* a) {
  const float threshold = (float)a->score_threshold;
  return threshold == -__builtin_inff() ? INT32_MIN : order_key(threshold, 0);
}

class Group {
 public:
  // Group `task` of all images'.
  Group(const ondol_nms_args* a, int64_t task)
      : a_(a), image_(task / nms_groups(a)), class_(a->agnostic ? -1 : task % nms_groups(a)), offset_((float)a->offset),
        indices_(a->indices + task * a->width), scores_(a->selected + task * a->width), count_(a->counts + task) {}

  // The words of all candidates, ascending by position; returns how many there are.
  template <class V>
  int64_t collect(uint64_t* words, int64_t room) const {
    const int32_t floor = nms_floor(a_);
    int64_t count = 0;
    for (int64_t c = class_ < 0 ? 0 : class_; c < (class_ < 0 ? a_->classes : class_ + 1); c++) {
      const float* scores = a_->scores + image_ * a_->scores_batch + c * a_->scores_class;
      const int64_t offset = class_ < 0 ? c * a_->boxes_count : 0;
      if (c != a_->background) order_collect<V>(scores, 0, a_->boxes_count, offset, floor, 0, words, count, room);
    }
    return count;
  }

  Box box(int64_t position) const {
    const float* boxes = a_->boxes + image_ * a_->boxes_batch + class_of(position) * a_->boxes_class;
    return prepare_box(boxes + box_of(position) * a_->boxes_box, a_->format, offset_);
  }

  void select(int64_t place, int64_t position, float score) const {
    indices_[place] = (int32_t)position;
    scores_[place] = score;
  }

  // Ends the row after `count` results.
  void end(int64_t count) const {
    *count_ = (int32_t)count;
    for (int64_t i = count; i < a_->width; i++) select(i, -1, 0.0f);
  }

  float score(int64_t position) const {
    return a_->scores[image_ * a_->scores_batch + class_of(position) * a_->scores_class + box_of(position)];
  }

  float offset() const { return offset_; }

 private:
  int64_t class_of(int64_t position) const { return class_ < 0 ? position / a_->boxes_count : class_; }
  int64_t box_of(int64_t position) const { return class_ < 0 ? position % a_->boxes_count : position; }

  const ondol_nms_args* a_;
  int64_t image_, class_;
  float offset_;
  int32_t* indices_;
  float* scores_;
  int32_t* count_;
};

}  // namespace
}  // namespace ondol

#endif
