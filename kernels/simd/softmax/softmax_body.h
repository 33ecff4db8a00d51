// The body of every softmax variant.
#ifndef ONDOL_SOFTMAX_BODY_H
#define ONDOL_SOFTMAX_BODY_H

#include "math.h"
#include "slices.h"
#include "softmax/softmax.h"

namespace ondol {
namespace {

template <class V>
class Softmax {
  typedef typename V::F F;
  typedef Math<V> M;
  typedef typename Columns16<V>::Result Columns;

 public:
  static void plan(const ondol_softmax_args* a, ondol_plan* plan) {
    Slices<V>(a->outer, a->n, a->inner).plan(plan);
  }

  static void run(const ondol_softmax_args* a, const ondol_plan*, int64_t, int64_t begin, int64_t end, int64_t, void*,
                  void*) {
    const Slices<V> slices(a->outer, a->n, a->inner);
    slices.each(begin, end, [&](int64_t o, int64_t column, int64_t columns) {
      const int64_t at = o * a->n * a->inner + column;
      if (slices.rows()) {
        row(a->n, a->x + at, a->y + at, a->log);
      } else {
        block(a->n, a->inner, columns, a->x + at, a->y + at, a->log);
      }
    });
  }

 private:
  static void row(int64_t n, const float* x, float* y, bool log) {
    Lanes16<V> top(-M::INF);
    top.row(n, [&](F p, int64_t i, int64_t count) { return vmax<V>(p, load_part<V>(x + i, count)); });
    const F m = V::set(top.max());
    Lanes16<V> total(0.0f);
    if (log) {
      total.row(n, [&](F p, int64_t i, int64_t count) { return p + M::exp(load_part<V>(x + i, count) - m); });
      const F l = M::log(V::set(total.sum()));
      each_vector<V>(n, [&](int64_t i, int64_t count) {
        store_part<V>(y + i, (load_part<V>(x + i, count) - m) - l, count);
      });
    } else {
      total.row(n, [&](F p, int64_t i, int64_t count) {
        const F e = M::exp(load_part<V>(x + i, count) - m);
        store_part<V>(y + i, e, count);
        return p + e;
      });
      const F factor = V::set(1.0f / total.sum());
      each_vector<V>(n, [&](int64_t i, int64_t count) {
        store_part<V>(y + i, load_part<V>(y + i, count) * factor, count);
      });
    }
  }

  static void block(int64_t n, int64_t inner, int64_t columns, const float* x, float* y, bool log) {
    Columns16<V> top(-M::INF);
    top.walk(n, inner, columns, [&](F p, int64_t at, int64_t, int64_t count) {
      return vmax<V>(p, load_part<V>(x + at, count));
    });
    const Columns m = top.max();
    Columns16<V> total(0.0f);
    total.walk(n, inner, columns, [&](F p, int64_t at, int64_t c, int64_t count) {
      const F e = M::exp(load_part<V>(x + at, count) - m.vector[c / V::lanes]);
      if (!log) store_part<V>(y + at, e, count);
      return p + e;
    });
    Columns s = total.sum();
    for (F& v : s.vector) v = log ? M::log(v) : 1.0f / v;
    for (int64_t i = 0; i < n; i++) {
      each_vector<V>(columns, [&](int64_t c, int64_t count) {
        const int64_t at = i * inner + c, w = c / V::lanes;
        const F value = log ? (load_part<V>(x + at, count) - m.vector[w]) - s.vector[w]
                            : load_part<V>(y + at, count) * s.vector[w];
        store_part<V>(y + at, value, count);
      });
    }
  }
};

template <class V>
class SoftmaxBackward {
  typedef typename V::F F;
  typedef Math<V> M;

 public:
  static void plan(const ondol_softmax_backward_args* a, ondol_plan* plan) {
    Slices<V>(a->outer, a->n, a->inner).plan(plan);
  }

  static void run(const ondol_softmax_backward_args* a, const ondol_plan*, int64_t, int64_t begin, int64_t end, int64_t,
                  void*, void*) {
    const Slices<V> slices(a->outer, a->n, a->inner);
    slices.each(begin, end, [&](int64_t o, int64_t column, int64_t columns) {
      const int64_t at = o * a->n * a->inner + column;
      if (slices.rows()) {
        row(a->n, a->y + at, a->dy + at, a->dx + at, a->log);
      } else {
        block(a->n, a->inner, columns, a->y + at, a->dy + at, a->dx + at, a->log);
      }
    });
  }

 private:
  static ONDOL_INLINE F term(F p, F y, F dy, bool log) { return log ? p + dy : V::fma(y, dy, p); }
  static ONDOL_INLINE F gradient(F y, F dy, F s, bool log) { return log ? V::fma(-M::exp(y), s, dy) : y * (dy - s); }

  static void row(int64_t n, const float* y, const float* dy, float* dx, bool log) {
    Lanes16<V> total(0.0f);
    total.row(n, [&](F p, int64_t i, int64_t count) {
      return term(p, load_part<V>(y + i, count), load_part<V>(dy + i, count), log);
    });
    const F s = V::set(total.sum());
    each_vector<V>(n, [&](int64_t i, int64_t count) {
      store_part<V>(dx + i, gradient(load_part<V>(y + i, count), load_part<V>(dy + i, count), s, log), count);
    });
  }

  static void block(int64_t n, int64_t inner, int64_t columns, const float* y, const float* dy, float* dx, bool log) {
    Columns16<V> total(0.0f);
    total.walk(n, inner, columns, [&](F p, int64_t at, int64_t, int64_t count) {
      return term(p, load_part<V>(y + at, count), load_part<V>(dy + at, count), log);
    });
    const typename Columns16<V>::Result s = total.sum();
    for (int64_t i = 0; i < n; i++) {
      each_vector<V>(columns, [&](int64_t c, int64_t count) {
        const int64_t at = i * inner + c;
        const F g = gradient(load_part<V>(y + at, count), load_part<V>(dy + at, count), s.vector[c / V::lanes], log);
        store_part<V>(dx + at, g, count);
      });
    }
  }
};

}  // namespace
}  // namespace ondol

#endif
