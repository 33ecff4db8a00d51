// Prepared boxes and what two of them have in common: docs/arithmetic.md, Boxes.
#ifndef ONDOL_CUDA_NMS_BOXES_CUH
#define ONDOL_CUDA_NMS_BOXES_CUH

#include "../common/order.cuh"

namespace ondol::cuda {

struct Box {
  float x1, y1, x2, y2, area;  // of an empty box the area is 0
};

ONDOL_DEVICE float greater(float a, float b) { return a > b ? a : b; }
ONDOL_DEVICE float lesser(float a, float b) { return a < b ? a : b; }

// Of the four numbers at p.
ONDOL_DEVICE Box prepare_box(const float* p, int64_t format, float offset) {
  float a = p[0], b = p[1], c = p[2], d = p[3];
  Box box = {a, b, c, d, 0.0f};
  if (format == ONDOL_BOX_ANY_CORNERS) {
    box = {c < a ? c : a, d < b ? d : b, c < a ? a : c, d < b ? b : d, 0.0f};
  } else if (format == ONDOL_BOX_CENTER) {
    float w = mul(0.5f, c), h = mul(0.5f, d);
    box = {sub(a, w), sub(b, h), add(a, w), add(b, h), 0.0f};
  }
  float w = add(sub(box.x2, box.x1), offset), h = add(sub(box.y2, box.y1), offset), area = mul(w, h);
  bool corners = is_finite(box.x1) && is_finite(box.y1) && is_finite(box.x2) && is_finite(box.y2);
  if (corners && w > 0.0f && h > 0.0f && area > 0.0f && is_finite(area)) box.area = area;
  return box;
}

struct Overlap {
  float inter, join;
};

ONDOL_DEVICE Overlap overlap(const Box& p, const Box& q, float offset) {
  float inter = 0.0f;
  if (p.area > 0.0f && q.area > 0.0f) {
    float w = add(sub(lesser(p.x2, q.x2), greater(p.x1, q.x1)), offset);
    float h = add(sub(lesser(p.y2, q.y2), greater(p.y1, q.y1)), offset);
    inter = mul(greater(w, 0.0f), greater(h, 0.0f));
  }
  return {inter, sub(add(p.area, q.area), inter)};
}

}  // namespace ondol::cuda

#endif
