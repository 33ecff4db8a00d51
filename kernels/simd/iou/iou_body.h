// The body of every iou variant.
#ifndef ONDOL_IOU_BODY_H
#define ONDOL_IOU_BODY_H

#include "iou/boxes.h"
#include "iou/iou.h"

namespace ondol {
namespace {

template <class V>
class Iou {
  typedef typename V::F F;
  typedef ondol_iou_args Args;

  static constexpr int64_t TASK = 16384;  // values of a task, about

 public:
  static void plan(const Args* a, ondol_plan* plan) {
    if (a->paired) {
      plan->phases = 1;
      plan->tasks[0] = ceil_div(a->n, TASK);
      plan->workspace = 0;
    } else {
      plan->phases = 2;
      plan->tasks[0] = a->n == 0 || a->m == 0 ? 0 : 1;
      plan->tasks[1] = a->m == 0 ? 0 : ceil_div(a->n, per_task(*a));
      plan->workspace = 5 * round_up(a->m, V::lanes) * 4;
    }
    plan->scratch = 0;
  }

  static void run(const Args* a, const ondol_plan*, int64_t phase, int64_t begin, int64_t end, int64_t, void* workspace,
                  void*) {
    if (a->paired) {
      pairs(*a, begin * TASK, min_of(end * TASK, a->n));
    } else if (phase == 0) {
      columns(*a, (float*)workspace);
    } else {
      const int64_t first = begin * per_task(*a), last = min_of(end * per_task(*a), a->n);
      if (a->kind == ONDOL_IOU) rows<ONDOL_IOU>(*a, (const float*)workspace, first, last);
      if (a->kind == ONDOL_GIOU) rows<ONDOL_GIOU>(*a, (const float*)workspace, first, last);
      if (a->kind == ONDOL_IOA) rows<ONDOL_IOA>(*a, (const float*)workspace, first, last);
    }
  }

 private:
  static int64_t per_task(const Args& a) { return max_of<int64_t>(1, TASK / a.m); }

  // b coordinate by coordinate, then its areas: rows of m floats, rounded up to whole vectors.
  static void columns(const Args& a, float* to) {
    const int64_t stride = round_up(a.m, V::lanes);
    const F pixel = V::set((float)a.pixel);
    for (int64_t j = 0; j < stride; j += V::lanes) {
      const Boxes<V> b = Boxes<V>::load(a.b + 4 * j, min_of<int64_t>(V::lanes, a.m - j));
      V::store(to + j, b.x1);
      V::store(to + stride + j, b.y1);
      V::store(to + 2 * stride + j, b.x2);
      V::store(to + 3 * stride + j, b.y2);
      V::store(to + 4 * stride + j, b.area(pixel));
    }
  }

  template <int kind>
  static void rows(const Args& a, const float* b, int64_t first, int64_t last) {
    const int64_t stride = round_up(a.m, V::lanes);
    const F pixel = V::set((float)a.pixel);
    for (int64_t i = first; i < last; i++) {
      const float* box = a.a + 4 * i;
      const Boxes<V> one = {V::set(box[0]), V::set(box[1]), V::set(box[2]), V::set(box[3])};
      const F area = one.area(pixel);
      float* out = a.out + i * a.m;
      each_vector<V>(a.m, [&](int64_t j, int64_t n) {
        const float* p = b + j;
        const Boxes<V> other = {V::load(p), V::load(p + stride), V::load(p + 2 * stride), V::load(p + 3 * stride)};
        store_part<V>(out + j, value<kind>(one, area, other, V::load(p + 4 * stride), pixel), n);
      });
    }
  }

  static void pairs(const Args& a, int64_t first, int64_t last) {
    const F pixel = V::set((float)a.pixel);
    each_vector<V>(last - first, [&](int64_t k, int64_t n) {
      const int64_t i = first + k;
      const Boxes<V> one = Boxes<V>::load(a.a + 4 * i, n), other = Boxes<V>::load(a.b + 4 * i, n);
      const F area = one.area(pixel), area_b = other.area(pixel);
      const F v = a.kind == ONDOL_IOU    ? value<ONDOL_IOU>(one, area, other, area_b, pixel)
                  : a.kind == ONDOL_GIOU ? value<ONDOL_GIOU>(one, area, other, area_b, pixel)
                                         : value<ONDOL_IOA>(one, area, other, area_b, pixel);
      store_part<V>(a.out + i, v, n);
    });
  }

  template <int kind>
  static ONDOL_INLINE F value(const Boxes<V>& a, F area_a, const Boxes<V>& b, F area_b, F pixel) {
    const F both = a.inner(b).area(pixel);
    if constexpr (kind == ONDOL_IOA) return ratio<V>(both, area_a);
    const F either = (area_a + area_b) - both;
    const F v = ratio<V>(both, either);
    if constexpr (kind == ONDOL_IOU) return v;
    const F around = a.outer(b).area(pixel);
    return v - ratio<V>(around - either, around);
  }
};

}  // namespace
}  // namespace ondol

#endif
