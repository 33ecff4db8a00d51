// What the forward pass and the gradient of nade share: loops over the hidden units of one row. Arrays in scratch memory
// have a whole number of vectors a row; weights are read no further than their last element.
#ifndef ONDOL_NADE_UNITS_H
#define ONDOL_NADE_UNITS_H

#include "math.h"
#include "simd.h"

namespace ondol {
namespace {

// Visits the numbers of the bits that are set, in ascending order.
template <class Visit>
ONDOL_INLINE void each_bit(uint64_t bits, Visit visit) {
  for (; bits != 0; bits &= bits - 1) visit((int64_t)__builtin_ctzll(bits));
}

template <class V>
struct NadeUnits {
  typedef typename V::F F;

  static ONDOL_INLINE F act(bool relu, F z) { return relu ? Math<V>::relu(z) : Math<V>::sigmoid(z); }

  // A product with a scale of 1 changes nothing.
  static ONDOL_INLINE float scale(const ondol_nade_args& args, int64_t d) {
    return args.scale != nullptr ? args.scale[d] : 1.0f;
  }

  // Whether the hidden units change from variable d - 1 to d although a does not: by bits, as relu tells -0 from +0.
  static ONDOL_INLINE bool rescaled(const ondol_nade_args& args, int64_t d) {
    return args.scale != nullptr && __builtin_memcmp(args.scale + d, args.scale + d - 1, sizeof(float)) != 0;
  }

  template <bool relu>
  static ONDOL_INLINE void activate(const float* a, float s, int64_t units, float* h) {
    for (int64_t i = 0; i < units; i += V::lanes) V::store(h + i, act(relu, V::load(a + i) * s));
  }

  static ONDOL_INLINE void advance(float x, const float* w, int64_t units, float* a) {
    const F factor = V::set(x);
    each_vector<V>(units, [&](int64_t i, int64_t count) {
      V::store(a + i, V::fma(factor, load_part<V>(w + i, count), V::load(a + i)));
    });
  }

  // advance, then activate.
  template <bool relu>
  static ONDOL_INLINE void step(float x, const float* w, float s, int64_t units, float* a, float* h) {
    const F factor = V::set(x);
    each_vector<V>(units, [&](int64_t i, int64_t count) {
      const F sum = V::fma(factor, load_part<V>(w + i, count), V::load(a + i));
      V::store(a + i, sum);
      V::store(h + i, act(relu, sum * s));
    });
  }

  // A row of `units` floats into scratch memory, +0 beyond.
  static ONDOL_INLINE void copy(const float* from, int64_t units, float* to) {
    each_vector<V>(units, [&](int64_t i, int64_t count) { V::store(to + i, load_part<V>(from + i, count)); });
  }
};

}  // namespace
}  // namespace ondol

#endif
