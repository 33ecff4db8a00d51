// Max pooling with the indices of the maxima. Folding rows first loses the order of the taps, so columns are folded by
// value and, where values are equal, by index: the first tap is the one with the least.
#ifndef ONDOL_POOL_INDICES_H
#define ONDOL_POOL_INDICES_H

#include "pool/line.h"

namespace ondol {
namespace {

template <class V>
class PoolIndices {
  typedef typename V::F F;
  typedef typename V::I I;
  typedef typename V::M M;
  typedef ondol_pool_args Args;

 public:
  PoolIndices(const Args& args, void* scratch)
      : a(args), rows(PoolAxis::rows(args)), columns(PoolAxis::columns(args)), values((float*)scratch),
        at((int32_t*)(values + POOL_BUFFER)) {
    for (int l = 0; l < V::lanes; l++) lane[l] = l;
  }

  void run(int64_t first, int64_t last) const {
    for (int64_t row = first; row < last; row++) {
      const int64_t plane = row / a.y_height, oy = row % a.y_height;
      const float* x = a.x + pool_plane(plane, a.channels, a.x_batch, a.x_channel);
      float* y = a.y + pool_plane(plane, a.channels, a.y_batch, a.y_channel) + oy * a.y_width;
      this->row(x, oy, y, a.indices + row * a.y_width);
    }
  }

 private:
  const Args& a;
  const PoolAxis rows, columns;
  float* const values;
  int32_t* const at;
  int32_t lane[V::lanes];

  struct Best {
    float value;
    int32_t at;

    // Whether v at position p takes the place.
    ONDOL_INLINE void meet(float v, int32_t p) {
      const bool same = v == value || (v != v && value != value);
      if (same ? p < at : v > value || v != v) {
        // A NaN is beaten by nothing: v > NaN is false, and v != v with value a number is the first NaN.
        value = v;
        at = p;
      }
    }
  };

  static ONDOL_INLINE M either(M x, M y) { return (M)(x | y); }

  // Where v is greater than m, or a NaN and m none.
  static ONDOL_INLINE M beats(F v, F m) { return either(V::gt(v, m), V::both(V::nan(v), V::eq(m, m))); }

  void row(const float* x, int64_t oy, float* y, int32_t* indices) const {
    for (int64_t ox = 0; ox < a.y_width;) {
      const int64_t n = columns.block(ox, POOL_LINE);
      if (n == 0) {
        const Best best = wide(x, oy, ox);
        y[ox] = best.value + 0.0f;
        indices[ox] = best.at;
        ox++;
        continue;
      }
      vertical(x, oy, columns.start(ox), columns.span(ox, ox + n));
      if (!columns.adaptive() && columns.stride == 1) {
        vectors<1>(n, y + ox, indices + ox);
      } else if (!columns.adaptive() && columns.stride == 2) {
        vectors<2>(n, y + ox, indices + ox);
      } else {
        scalar(ox, n, y + ox, indices + ox);
      }
      ox += n;
    }
  }

  void vertical(const float* plane, int64_t oy, int64_t from, int64_t n) const {
    const PoolPart part(from, n, a.x_width);
    const int64_t first = rows.first(oy), limit = rows.limit(oy), step = rows.step();
    const I lanes = V::load(lane);
    each_vector<V>(part.high - part.low, [&](int64_t c, int64_t count) {
      const int64_t column = from + part.low + c;
      F m = load_part<V>(plane + first * a.x_width + column, count);
      I p = lanes + (int32_t)(first * a.x_width + column);
      for (int64_t iy = first + step; iy < limit; iy += step) {
        const F v = load_part<V>(plane + iy * a.x_width + column, count);
        const M takes = beats(v, m);
        m = V::select(takes, v, m);
        p = V::select(takes, lanes + (int32_t)(iy * a.x_width + column), p);
      }
      V::store(values + part.low + c, m);
      V::store(at + part.low + c, p);
    });
    outside(0, part.low);
    outside(part.high, n);
  }

  // Padding loses to every element, -inf included.
  void outside(int64_t from, int64_t to) const {
    for (int64_t i = from; i < to; i++) {
      values[i] = -__builtin_inff();
      at[i] = INT32_MAX;
    }
  }

  template <int stride>
  static ONDOL_INLINE I strided(const int32_t* p) {
    if (stride == 1) return V::load(p);
    return V::bits(pool_evens<V>(V::from_bits(V::load(p)), V::from_bits(V::load(p + V::lanes))));
  }

  template <int stride>
  void vectors(int64_t n, float* y, int32_t* indices) const {
    each_vector<V>(n, [&](int64_t i, int64_t count) {
      F m = V::set(-__builtin_inff());
      I p = V::set(INT32_MAX);
      for (int64_t k = 0; k < columns.kernel; k++) {
        const int64_t c = i * stride + k * columns.dilation;
        const F v = pool_strided<V, stride>(values + c);
        const I q = strided<stride>(at + c);
        const M same = either(V::eq(v, m), V::both(V::nan(v), V::nan(m)));
        const M takes = either(beats(v, m), V::both(same, V::lt(q, p)));
        m = V::select(takes, v, m);
        p = V::select(takes, q, p);
      }
      store_part<V>(y + i, m + V::set(0.0f), count);
      if (count == V::lanes) {
        V::store(indices + i, p);
      } else {
        int32_t all[V::lanes];
        V::store(all, p);
        for (int64_t l = 0; l < count; l++) indices[i + l] = all[l];
      }
    });
  }

  void scalar(int64_t ox, int64_t n, float* y, int32_t* indices) const {
    const int64_t from = columns.start(ox), step = columns.step();
    for (int64_t i = 0; i < n; i++) {
      Best best = {-__builtin_inff(), INT32_MAX};
      const int64_t limit = columns.limit(ox + i) - from;
      for (int64_t c = columns.first(ox + i) - from; c < limit; c += step) best.meet(values[c], at[c]);
      y[i] = best.value + 0.0f;
      indices[i] = best.at;
    }
  }

  Best wide(const float* x, int64_t oy, int64_t ox) const {
    Best best = {-__builtin_inff(), INT32_MAX};
    const int64_t limit = columns.limit(ox), step = columns.step();
    for (int64_t tap = columns.first(ox); tap < limit;) {
      const int64_t n = min_of(POOL_LINE, limit - tap);
      vertical(x, oy, tap, n);
      for (int64_t i = 0; i < n; i += step) best.meet(values[i], at[i]);
      tap += ceil_div(n, step) * step;
    }
    return best;
  }
};

}  // namespace
}  // namespace ondol

#endif
