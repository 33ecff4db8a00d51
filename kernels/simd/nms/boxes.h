// Prepared boxes and what two of them have in common.
#ifndef ONDOL_NMS_BOXES_H
#define ONDOL_NMS_BOXES_H

#include "ondol.h"
#include "simd.h"

namespace ondol {
namespace {

struct Box {
  float x1, y1, x2, y2, area;
};

ONDOL_INLINE bool finite(float x) { return __builtin_fabsf(x) <= __FLT_MAX__; }

// Of the four numbers at p.
ONDOL_INLINE Box prepare_box(const float* p, int64_t format, float offset) {
  const float a = p[0], b = p[1], c = p[2], d = p[3];
  Box box = {a, b, c, d, 0};
  if (format == ONDOL_BOX_ANY_CORNERS) {
    box = {c < a ? c : a, d < b ? d : b, c < a ? a : c, d < b ? b : d, 0};
  } else if (format == ONDOL_BOX_CENTER) {
    box = {a - 0.5f * c, b - 0.5f * d, a + 0.5f * c, b + 0.5f * d, 0};
  }
  const float w = (box.x2 - box.x1) + offset, h = (box.y2 - box.y1) + offset, area = w * h;
  const bool corners = finite(box.x1) && finite(box.y1) && finite(box.x2) && finite(box.y2);
  if (corners && w > 0 && h > 0 && area > 0 && finite(area)) {
    box.area = area;
    return box;
  }
  // Meets nothing: the greater of its first corner and any other's lies behind the lesser of the second ones.
  const float infinity = __builtin_inff();
  return {infinity, infinity, -infinity, -infinity, 0};
}

// Many boxes, component by component, each `room` apart.
struct Boxes {
  float* x1;
  int64_t room;

  ONDOL_INLINE float* row(int component) const { return x1 + component * room; }

  ONDOL_INLINE void put(int64_t i, const Box& box) const {
    row(0)[i] = box.x1;
    row(1)[i] = box.y1;
    row(2)[i] = box.x2;
    row(3)[i] = box.y2;
    row(4)[i] = box.area;
  }

  ONDOL_INLINE Box get(int64_t i) const { return {row(0)[i], row(1)[i], row(2)[i], row(3)[i], row(4)[i]}; }
};

// One box against a vector of others.
template <class V>
class Overlap {
  typedef typename V::F F;

 public:
  ONDOL_INLINE Overlap(const Box& box, float offset)
      : x1_(V::set(box.x1)), y1_(V::set(box.y1)), x2_(V::set(box.x2)), y2_(V::set(box.y2)), area_(V::set(box.area)),
        offset_(V::set(offset)) {}

  // Where it is only asked whether inter is above something, one factor may stay negative: the product is then not
  // above 0.
  template <bool above_only>
  ONDOL_INLINE void of(const Boxes& others, int64_t i, F& inter, F& join) const {
    const F w = (V::lesser(V::load(others.row(2) + i), x2_) - V::greater(V::load(others.row(0) + i), x1_)) + offset_;
    const F h = (V::lesser(V::load(others.row(3) + i), y2_) - V::greater(V::load(others.row(1) + i), y1_)) + offset_;
    const F zero = V::set(0.0f);
    inter = V::greater(w, zero) * (above_only ? h : V::greater(h, zero));
    join = (V::load(others.row(4) + i) + area_) - inter;
  }

 private:
  F x1_, y1_, x2_, y2_, area_, offset_;
};

// Whether the two of a pair suppress each other.
template <class V, bool inclusive>
ONDOL_INLINE typename V::M suppresses(typename V::F inter, typename V::F join, typename V::F threshold) {
  if (inclusive) return V::both(V::ge(inter, threshold * join), V::gt(join, V::set(0.0f)));
  return V::gt(inter, threshold * join);
}

}  // namespace
}  // namespace ondol

#endif
