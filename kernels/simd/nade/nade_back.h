// The step back over one variable, for some rows and hidden units.
#ifndef ONDOL_NADE_BACK_H
#define ONDOL_NADE_BACK_H

#include "nade/nade_units.h"

namespace ondol {
namespace {

// Operands of the step: rows of g and e have `width` floats, whole vectors.
struct NadeStep {
  int64_t rows, units, width, outputs;
  const float* dy;      // [rows, outputs]
  const float* h;       // slots of `width`
  const int32_t* slot;  // [rows]
  const float* v;       // [outputs] rows, `stride` apart
  float* dv;            // likewise, or null
  int64_t stride;
  bool more;            // dv goes on from what it holds, else from +0
  float s;
  float* g;             // changed
  float* e;             // memory to work in; receives e * act' where `products`
  bool products;
};

template <class V, bool relu>
class NadeBack {
  typedef typename V::F F;

  // Vectors that a loop over rows or outputs keeps in registers.
  static constexpr int WIDE = V::lanes >= 16 ? 4 : 2;

 public:
  static void step(const NadeStep& t) {
    if (t.outputs == 1 && t.dv != nullptr) {
      columns(t, [&](auto vectors, int64_t c) { single<decltype(vectors)::value, true, false>(t, c); });
      return;
    }
    if (t.outputs == 1) {
      columns(t, [&](auto vectors, int64_t c) {
        t.products ? single<decltype(vectors)::value, false, true>(t, c)
                   : single<decltype(vectors)::value, false, false>(t, c);
      });
      return;
    }
    columns(t, [&](auto vectors, int64_t c) {
      constexpr int N = decltype(vectors)::value;
      int64_t r = 0;
      for (; r + 2 <= t.rows; r += 2) errors<N, 2>(t, c, r);
      if (r < t.rows) errors<N, 1>(t, c, r);
      int64_t o = 0;
      for (; t.dv != nullptr && o + 2 <= t.outputs; o += 2) weights<N, 2>(t, c, o);
      if (t.dv != nullptr && o < t.outputs) weights<N, 1>(t, c, o);
    });
    for (int64_t r = 0; r < t.rows; r++) join(t, r);
  }

 private:
  template <int n>
  struct Count {
    static constexpr int value = n;
  };

  template <class Visit>
  static ONDOL_INLINE void columns(const NadeStep& t, Visit visit) {
    int64_t c = 0;
    for (; c + WIDE * V::lanes <= t.width; c += WIDE * V::lanes) visit(Count<WIDE>(), c);
    if (WIDE > 2 && c + 2 * V::lanes <= t.width) visit(Count<2>(), c), c += 2 * V::lanes;
    for (; c < t.width; c += V::lanes) visit(Count<1>(), c);
  }

  static ONDOL_INLINE int64_t count(const NadeStep& t, int64_t c) { return min_of<int64_t>(V::lanes, t.units - c); }

  static ONDOL_INLINE F slope(F h) {
    if constexpr (relu) return V::select(V::gt(h, V::set(0.0f)), V::set(1.0f), V::set(0.0f));
    return h * (1.0f - h);
  }

  // One output: V, dV and all that is between them in registers. The operands are copied out of t, which the compiler
  // would read again after every store of a vector.
  template <int N, bool summed, bool products>
  static ONDOL_INLINE void single(const NadeStep& t, int64_t c) {
    const int64_t rows = t.rows, width = t.width;
    const int32_t* const slot = t.slot;
    const float *const all_dy = t.dy, *const h = t.h + c;
    float *g = t.g + c, *out = t.e + c;
    F v[N], dv[N];
    for (int k = 0; k < N; k++) {
      const int64_t at = c + k * V::lanes;
      v[k] = load_part<V>(t.v + at, count(t, at));
      dv[k] = summed && t.more ? load_part<V>(t.dv + at, count(t, at)) : V::set(0.0f);
    }
    const F s = V::set(t.s), zero = V::set(0.0f);
    for (int64_t r = 0; r < rows; r++, g += width, out += width) {
      const F dy = V::set(all_dy[r]);
      const float* units = h + slot[r] * width;
      for (int k = 0; k < N; k++) {
        const F unit = V::load(units + k * V::lanes), e = V::fma(dy, v[k], zero), q = slope(unit);
        if (summed) dv[k] = V::fma(dy, unit, dv[k]);
        V::store(g + k * V::lanes, V::fma(e, q * s, V::load(g + k * V::lanes)));
        if (products) V::store(out + k * V::lanes, e * q);
      }
    }
    for (int k = 0; summed && k < N; k++) store_part<V>(t.dv + c + k * V::lanes, dv[k], count(t, c + k * V::lanes));
  }

  // e of R rows: chains over the outputs.
  template <int N, int R>
  static ONDOL_INLINE void errors(const NadeStep& t, int64_t c, int64_t r) {
    const int64_t outputs = t.outputs, stride = t.stride;
    const float *dy = t.dy + r * outputs, *v = t.v + c;
    int64_t counts[N];
    F e[R][N];
    for (int k = 0; k < N; k++) {
      counts[k] = count(t, c + k * V::lanes);
      for (int i = 0; i < R; i++) e[i][k] = V::set(0.0f);
    }
    for (int64_t o = 0; o < outputs; o++, v += stride) {
      for (int k = 0; k < N; k++) {
        const F weight = load_part<V>(v + k * V::lanes, counts[k]);
        for (int i = 0; i < R; i++) e[i][k] = V::fma(V::set(dy[i * outputs + o]), weight, e[i][k]);
      }
    }
    for (int i = 0; i < R; i++) {
      for (int k = 0; k < N; k++) V::store(t.e + (r + i) * t.width + c + k * V::lanes, e[i][k]);
    }
  }

  // dV of O outputs: chains over the rows.
  template <int N, int O>
  static ONDOL_INLINE void weights(const NadeStep& t, int64_t c, int64_t o) {
    const int64_t rows = t.rows, outputs = t.outputs, width = t.width;
    const int32_t* const slot = t.slot;
    const float *dy = t.dy + o, *h = t.h + c;
    F dv[O][N];
    for (int i = 0; i < O; i++) {
      for (int k = 0; k < N; k++) {
        const int64_t at = c + k * V::lanes;
        dv[i][k] = t.more ? load_part<V>(t.dv + (o + i) * t.stride + at, count(t, at)) : V::set(0.0f);
      }
    }
    for (int64_t r = 0; r < rows; r++, dy += outputs) {
      const float* units = h + slot[r] * width;
      for (int k = 0; k < N; k++) {
        const F unit = V::load(units + k * V::lanes);
        for (int i = 0; i < O; i++) dv[i][k] = V::fma(V::set(dy[i]), unit, dv[i][k]);
      }
    }
    for (int i = 0; i < O; i++) {
      for (int k = 0; k < N; k++) {
        const int64_t at = c + k * V::lanes;
        store_part<V>(t.dv + (o + i) * t.stride + at, dv[i][k], count(t, at));
      }
    }
  }

  // g = fma(e, act' * s, g).
  static ONDOL_INLINE void join(const NadeStep& t, int64_t r) {
    const int64_t width = t.width;
    const bool products = t.products;
    const F s = V::set(t.s);
    const float* h = t.h + t.slot[r] * width;
    float *g = t.g + r * width, *e = t.e + r * width;
    for (int64_t i = 0; i < width; i += V::lanes) {
      const F q = slope(V::load(h + i)), error = V::load(e + i);
      V::store(g + i, V::fma(error, q * s, V::load(g + i)));
      if (products) V::store(e + i, error * q);
    }
  }
};

}  // namespace
}  // namespace ondol

#endif
