// The body of every iou_backward variant.
#ifndef ONDOL_IOU_GRADIENT_H
#define ONDOL_IOU_GRADIENT_H

#include "iou/boxes.h"
#include "iou/iou.h"

namespace ondol {
namespace {

template <class V>
class IouBackward {
  typedef typename V::F F;
  typedef ondol_iou_backward_args Args;

  static constexpr int64_t TASK = 2048;  // pairs

 public:
  static void plan(const Args* a, ondol_plan* plan) {
    plan->phases = 1;
    plan->tasks[0] = ceil_div(a->n, TASK);
    plan->workspace = 0;
    plan->scratch = 0;
  }

  static void run(const Args* a, const ondol_plan*, int64_t, int64_t begin, int64_t end, int64_t, void*, void*) {
    const int64_t first = begin * TASK, last = min_of(end * TASK, a->n);
    each_vector<V>(last - first, [&](int64_t k, int64_t n) { pairs(*a, first + k, n); });
  }

 private:
  // Gradients of the extents along one axis: of a, of b, of what both hold and of what holds both.
  struct Extents {
    F a, b, inner, outer;
  };

  static ONDOL_INLINE F relu(F x) { return Boxes<V>::relu(x); }

  // d where the extent was not cut.
  static ONDOL_INLINE F passed(F extent, F d) { return V::select(V::gt(extent, V::set(0.0f)), d, V::set(0.0f)); }

  // The part of d, the gradient of min(u, v), that goes to u.
  static ONDOL_INLINE F share(F u, F v, F d) {
    return V::select(V::lt(u, v), d, V::select(V::eq(u, v), d * 0.5f, V::set(0.0f)));
  }

  static void pairs(const Args& args, int64_t i, int64_t n) {
    const Boxes<V> a = Boxes<V>::load(args.a + 4 * i, n), b = Boxes<V>::load(args.b + 4 * i, n);
    const F zero = V::set(0.0f), pixel = V::set((float)args.pixel), dy = load_part<V>(args.dout + i, n);
    const Boxes<V> inner = a.inner(b), outer = a.outer(b);
    const F both = inner.area(pixel), either = (a.area(pixel) + b.area(pixel)) - both;
    const F q = ratio<V>(dy, either);
    F u = -(q * ratio<V>(both, either)), c = zero;
    if (args.kind == ONDOL_GIOU) {
      const F around = outer.area(pixel);
      const F r = ratio<V>(dy, around);
      u = u + r;
      c = -(r * ratio<V>(either, around));
    }
    const F g = q - u;
    const Extents x = {passed(a.width(pixel), u * relu(a.height(pixel))), passed(b.width(pixel), u * relu(b.height(pixel))),
                       passed(inner.width(pixel), g * relu(inner.height(pixel))),
                       passed(outer.width(pixel), c * relu(outer.height(pixel)))};
    const Extents y = {passed(a.height(pixel), u * relu(a.width(pixel))), passed(b.height(pixel), u * relu(b.width(pixel))),
                       passed(inner.height(pixel), g * relu(inner.width(pixel))),
                       passed(outer.height(pixel), c * relu(outer.width(pixel)))};
    if (args.da != nullptr) corners(a, b, x, y, x.a, y.a).store(args.da + 4 * i, n);
    if (args.db != nullptr) corners(b, a, x, y, x.b, y.b).store(args.db + 4 * i, n);
  }

  static Boxes<V> corners(const Boxes<V>& a, const Boxes<V>& b, const Extents& x, const Extents& y, F wide, F high) {
    return {-((wide + share(b.x1, a.x1, x.inner)) + share(a.x1, b.x1, x.outer)),
            -((high + share(b.y1, a.y1, y.inner)) + share(a.y1, b.y1, y.outer)),
            (wide + share(a.x2, b.x2, x.inner)) + share(b.x2, a.x2, x.outer),
            (high + share(a.y2, b.y2, y.inner)) + share(b.y2, a.y2, y.outer)};
  }
};

}  // namespace
}  // namespace ondol

#endif
