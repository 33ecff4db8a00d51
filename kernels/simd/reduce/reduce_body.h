// The body of every reduce variant.
#ifndef ONDOL_REDUCE_BODY_H
#define ONDOL_REDUCE_BODY_H

#include "reduce/reduce.h"
#include "slices.h"

namespace ondol {
namespace {

template <class V>
class Reduce {
  typedef typename V::F F;

 public:
  static void plan(const ondol_reduce_args* a, ondol_plan* plan) { Slices<V>(a->outer, a->n, a->inner).plan(plan); }

  static void run(const ondol_reduce_args* a, const ondol_plan*, int64_t, int64_t begin, int64_t end, int64_t, void*,
                  void*) {
    const float divisor = a->op == ONDOL_MEAN ? (float)a->n : 1.0f;
    switch (a->op) {
      case ONDOL_MAX: return slices(*a, begin, end, -__builtin_inff(), divisor, [](F p, F x) { return vmax<V>(p, x); });
      case ONDOL_SUMSQ: return slices(*a, begin, end, 0.0f, divisor, [](F p, F x) { return V::fma(x, x, p); });
      default: return slices(*a, begin, end, 0.0f, divisor, [](F p, F x) { return p + x; });
    }
  }

 private:
  template <class Add>
  static void slices(const ondol_reduce_args& a, int64_t begin, int64_t end, float start, float divisor, Add add) {
    const Slices<V> slices(a.outer, a.n, a.inner);
    const bool max = a.op == ONDOL_MAX;
    slices.each(begin, end, [&](int64_t o, int64_t column, int64_t columns) {
      const float* x = a.x + o * a.n * a.inner + column;
      float* y = a.y + o * a.inner + column;
      if (slices.rows()) {
        Lanes16<V> lanes(start);
        lanes.row(a.n, [&](F p, int64_t i, int64_t count) { return add(p, load_part<V>(x + i, count)); });
        *y = (max ? lanes.max() : lanes.sum()) / divisor;
      } else {
        Columns16<V> block(start);
        block.walk(a.n, a.inner, columns,
                   [&](F p, int64_t at, int64_t, int64_t count) { return add(p, load_part<V>(x + at, count)); });
        const typename Columns16<V>::Result result = max ? block.max() : block.sum();
        each_vector<V>(columns, [&](int64_t c, int64_t count) {
          store_part<V>(y + c, result.vector[c / V::lanes] / divisor, count);
        });
      }
    });
  }
};

}  // namespace
}  // namespace ondol

#endif
