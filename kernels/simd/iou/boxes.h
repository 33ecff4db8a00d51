// Boxes in lanes: as many as a vector holds, coordinate by coordinate.
#ifndef ONDOL_IOU_BOXES_H
#define ONDOL_IOU_BOXES_H

#include "simd.h"

namespace ondol {
namespace {

template <class V>
struct Boxes {
  typedef typename V::F F;

  F x1, y1, x2, y2;

  static ONDOL_INLINE F relu(F x) { return V::greater(V::set(0.0f), x); }  // a NaN stays

  ONDOL_INLINE F width(F pixel) const { return (x2 - x1) + pixel; }
  ONDOL_INLINE F height(F pixel) const { return (y2 - y1) + pixel; }
  ONDOL_INLINE F area(F pixel) const { return relu(width(pixel)) * relu(height(pixel)); }

  // What both hold, before it is cut at zero.
  ONDOL_INLINE Boxes inner(const Boxes& b) const {
    return {vmax<V>(x1, b.x1), vmax<V>(y1, b.y1), vmin<V>(x2, b.x2), vmin<V>(y2, b.y2)};
  }

  // What holds both.
  ONDOL_INLINE Boxes outer(const Boxes& b) const {
    return {vmin<V>(x1, b.x1), vmin<V>(y1, b.y1), vmax<V>(x2, b.x2), vmax<V>(y2, b.y2)};
  }

  // n <= lanes boxes as they lie in memory; the other lanes hold zeros.
  static Boxes load(const float* boxes, int64_t n) {
    alignas(64) float column[4][V::lanes] = {};
    for (int64_t l = 0; l < n; l++) {
      for (int k = 0; k < 4; k++) column[k][l] = boxes[4 * l + k];
    }
    return {V::load(column[0]), V::load(column[1]), V::load(column[2]), V::load(column[3])};
  }

  void store(float* boxes, int64_t n) const {
    alignas(64) float column[4][V::lanes];
    V::store(column[0], x1);
    V::store(column[1], y1);
    V::store(column[2], x2);
    V::store(column[3], y2);
    for (int64_t l = 0; l < n; l++) {
      for (int k = 0; k < 4; k++) boxes[4 * l + k] = column[k][l];
    }
  }
};

// x / y, or +0 where y is 0.
template <class V>
ONDOL_INLINE typename V::F ratio(typename V::F x, typename V::F y) {
  return V::select(V::eq(y, V::set(0.0f)), V::set(0.0f), x / y);
}

}  // namespace
}  // namespace ondol

#endif
