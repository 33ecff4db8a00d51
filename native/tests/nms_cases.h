// Boxes and scores of every kind, for the tests of the CPU and the CUDA kernels of nms and topk.
#ifndef ONDOL_NMS_CASES_H
#define ONDOL_NMS_CASES_H

#include <algorithm>

#include "testing.h"

namespace testing {

// A call with its operands and room for its results.
struct NmsCase {
  ondol_nms_args args = {};
  std::vector<float> boxes, scores, selected;
  std::vector<int32_t> indices, counts;

  int64_t groups() const { return args.agnostic ? 1 : args.classes; }
  int64_t candidates() const { return args.agnostic ? args.classes * args.boxes_count : args.boxes_count; }
  int64_t rows() const { return args.batch * groups(); }

  // Fills the results with what no result can be.
  ondol_nms_args fresh() {
    indices.assign(rows() * args.width, -77);
    selected.assign(rows() * args.width, nan());
    counts.assign(rows(), -77);
    ondol_nms_args a = args;
    a.boxes = boxes.data(), a.scores = scores.data();
    a.indices = indices.data(), a.selected = selected.data(), a.counts = counts.data();
    return a;
  }
};

// Coordinates on a coarse grid make ties of IoU and equal boxes; clustered centres make overlaps.
inline float coordinate(std::mt19937& random, bool coarse) {
  return coarse ? (float)(random() % 12) : std::uniform_real_distribution<float>(0, 40)(random);
}

inline void draw_box(std::mt19937& random, bool coarse, bool special, float* box) {
  static const float rare[] = {nan(), __builtin_inff(), -__builtin_inff(), 3e38f, -3e38f, 1e-30f, 0.0f, -0.0f};
  box[0] = coordinate(random, coarse), box[1] = coordinate(random, coarse);
  box[2] = random() % 8 == 0 ? coordinate(random, coarse) : box[0] + 1 + coordinate(random, coarse);
  box[3] = random() % 8 == 0 ? coordinate(random, coarse) : box[1] + 1 + coordinate(random, coarse);
  for (int i = 0; special && i < 4; i++) {
    if (random() % 12 == 0) box[i] = rare[random() % (sizeof rare / sizeof *rare)];
  }
}

inline NmsCase nms_case(std::mt19937& random, int64_t method, int64_t boxes, int64_t classes) {
  static const float some_scores[] = {nan(), 0.0f, -0.0f, __builtin_inff(), -__builtin_inff(), 1e-40f, 0.5f};
  static const double thresholds[] = {0, 0.3, 0.5, 1 / 3.0, 1, 7};
  NmsCase c;
  ondol_nms_args& a = c.args;
  const bool coarse = random() % 2, special = random() % 2, own = random() % 3 == 0;
  a.batch = 1 + random() % 2, a.classes = classes, a.boxes_count = boxes;
  a.format = random() % 3, a.method = method, a.offset = random() % 2, a.inclusive = random() % 2;
  a.agnostic = random() % 3 == 0, a.background = random() % 3 == 0 ? (int64_t)(random() % classes) : -1;
  a.iou_threshold = thresholds[random() % 6];
  a.score_threshold = method == ONDOL_NMS_HARD && random() % 2 ? -__builtin_inf() : random() % 2 ? 0.25 : 0;
  a.sigma = 0.1 + random() % 3, a.soft_threshold = random() % 2 ? 0 : 0.2;
  a.image_limit = random() % 2 ? -1 : (int64_t)(random() % (2 * boxes + 2));
  a.width = random() % 2 ? c.candidates() : std::min<int64_t>(c.candidates(), random() % 20);
  if (a.image_limit >= 0) a.width = std::min(a.width, a.image_limit);
  const int64_t gap = random() % 3;
  a.boxes_class = own ? 4 : 0, a.boxes_box = (own ? 4 * classes : 4) + gap, a.boxes_batch = boxes * a.boxes_box;
  a.scores_class = boxes + gap, a.scores_batch = classes * a.scores_class;
  c.boxes.resize(a.batch * a.boxes_batch + 4 * classes);
  for (size_t i = 0; i + 4 <= c.boxes.size(); i += 4) draw_box(random, coarse, special, &c.boxes[i]);
  c.scores.resize(a.batch * a.scores_batch);
  for (float& s : c.scores) {
    s = coarse ? (float)(random() % 9) / 8 : std::uniform_real_distribution<float>(-0.2f, 1)(random);
    if (special && random() % 10 == 0) s = some_scores[random() % 7];
  }
  return c;
}

}  // namespace testing

#endif
