// Sixteen partial results of a row, element i in partial i mod 16, and the fixed tree that joins them: the order of
// every sum across lanes (sum16 and max16 in docs/arithmetic.md), whatever the vector width.
#ifndef ONDOL_LANES16_H
#define ONDOL_LANES16_H

#include "simd.h"

namespace ondol {
namespace {

template <class V>
struct Lanes16 {
  typedef typename V::F F;
  static constexpr int vectors = 16 / V::lanes;

  F part[vectors];

  explicit ONDOL_INLINE Lanes16(float start) {
    for (int i = 0; i < vectors; i++) part[i] = V::set(start);
  }

  // Calls step(part, offset, count) for each vector of a row of n elements, in order; count < lanes only at the end,
  // and never 0. step returns the new partial; lanes from count on keep their old value whatever it returns.
  template <class Step>
  ONDOL_INLINE void row(int64_t n, Step step) {
    int64_t i = 0;
    for (; i + 16 <= n; i += 16) {
      for (int v = 0; v < vectors; v++) part[v] = step(part[v], i + v * V::lanes, V::lanes);
    }
    for (int v = 0; v < vectors && i < n; v++, i += V::lanes) {
      if (i + V::lanes <= n) {
        part[v] = step(part[v], i, V::lanes);
      } else {
        part[v] = merge_first(n - i, step(part[v], i, n - i), part[v]);
      }
    }
  }

  ONDOL_INLINE float sum() const {
    return tree([](F a, F b) { return a + b; });
  }

  ONDOL_INLINE float max() const {
    return tree([](F a, F b) { return vmax<V>(a, b); });
  }

 private:
  static ONDOL_INLINE F merge_first(int64_t n, F fresh, F old) {
    alignas(64) float lanes[V::lanes];
    V::store(lanes, old);
    V::store(lanes, fresh, n);
    return V::load(lanes);
  }

  template <class Join>
  ONDOL_INLINE float tree(Join join) const {
    F p[vectors];
    for (int i = 0; i < vectors; i++) p[i] = part[i];
    for (int half = vectors / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; i++) p[i] = join(p[i], p[i + half]);
    }
    F a = p[0];
    if constexpr (V::lanes >= 16) a = join(a, V::template upper<8>(a));
    if constexpr (V::lanes >= 8) a = join(a, V::template upper<4>(a));
    a = join(a, V::template upper<2>(a));
    a = join(a, V::template upper<1>(a));
    return a[0];
  }
};

}  // namespace
}  // namespace ondol

#endif
