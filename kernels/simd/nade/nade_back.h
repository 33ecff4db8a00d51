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
    if (t.outputs == 1 && t.dv != nullptr && !t.products) {
      columns(t, [&](auto vectors, int64_t c) { single<decltype(vectors)::value>(t, c); });
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
    for (; c < t.width; c += V::lanes) visit(Count<1>(), c);
  }

  static ONDOL_INLINE int64_t count(const NadeStep& t, int64_t c) { return min_of<int64_t>(V::lanes, t.units - c); }

  static ONDOL_INLINE F slope(F h) {
    if constexpr (relu) return V::select(V::gt(h, V::set(0.0f)), V::set(1.0f), V::set(0.0f));
    return h * (1.0f - h);
  }

  // One output: V, dV and all that is between them in registers.
  template <int N>
  static ONDOL_INLINE void single(const NadeStep& t, int64_t c) {
    F v[N], dv[N];
    for (int k = 0; k < N; k++) {
      const int64_t at = c + k * V::lanes;
      v[k] = load_part<V>(t.v + at, count(t, at));
      dv[k] = t.more ? load_part<V>(t.dv + at, count(t, at)) : V::set(0.0f);
    }
    const F s = V::set(t.s), zero = V::set(0.0f);
    for (int64_t r = 0; r < t.rows; r++) {
      const F dy = V::set(t.dy[r]);
      const float* h = t.h + t.slot[r] * t.width + c;
      float* g = t.g + r * t.width + c;
      for (int k = 0; k < N; k++) {
        const F unit = V::load(h + k * V::lanes);
        dv[k] = V::fma(dy, unit, dv[k]);
        V::store(g + k * V::lanes, V::fma(V::fma(dy, v[k], zero), slope(unit) * s, V::load(g + k * V::lanes)));
      }
    }
    for (int k = 0; k < N; k++) store_part<V>(t.dv + c + k * V::lanes, dv[k], count(t, c + k * V::lanes));
  }

  // e of R rows: chains over the outputs.
  template <int N, int R>
  static ONDOL_INLINE void errors(const NadeStep& t, int64_t c, int64_t r) {
    F e[R][N];
    for (int i = 0; i < R; i++) {
      for (int k = 0; k < N; k++) e[i][k] = V::set(0.0f);
    }
    for (int64_t o = 0; o < t.outputs; o++) {
      for (int k = 0; k < N; k++) {
        const int64_t at = c + k * V::lanes;
        const F v = load_part<V>(t.v + o * t.stride + at, count(t, at));
        for (int i = 0; i < R; i++) e[i][k] = V::fma(V::set(t.dy[(r + i) * t.outputs + o]), v, e[i][k]);
      }
    }
    for (int i = 0; i < R; i++) {
      for (int k = 0; k < N; k++) V::store(t.e + (r + i) * t.width + c + k * V::lanes, e[i][k]);
    }
  }

  // dV of O outputs: chains over the rows.
  template <int N, int O>
  static ONDOL_INLINE void weights(const NadeStep& t, int64_t c, int64_t o) {
    F dv[O][N];
    for (int i = 0; i < O; i++) {
      for (int k = 0; k < N; k++) {
        const int64_t at = c + k * V::lanes;
        dv[i][k] = t.more ? load_part<V>(t.dv + (o + i) * t.stride + at, count(t, at)) : V::set(0.0f);
      }
    }
    for (int64_t r = 0; r < t.rows; r++) {
      const float* h = t.h + t.slot[r] * t.width + c;
      for (int k = 0; k < N; k++) {
        const F unit = V::load(h + k * V::lanes);
        for (int i = 0; i < O; i++) dv[i][k] = V::fma(V::set(t.dy[r * t.outputs + o + i]), unit, dv[i][k]);
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
    const float* h = t.h + t.slot[r] * t.width;
    float *g = t.g + r * t.width, *e = t.e + r * t.width;
    for (int64_t i = 0; i < t.width; i += V::lanes) {
      const F q = slope(V::load(h + i)), error = V::load(e + i);
      V::store(g + i, V::fma(error, q * t.s, V::load(g + i)));
      if (t.products) V::store(e + i, error * q);
    }
  }
};

}  // namespace
}  // namespace ondol

#endif
