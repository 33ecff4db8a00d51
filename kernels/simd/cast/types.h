// The conversions between float32 and the 16-bit types, on vectors of integers that hold the bits of one number a lane
// (docs/arithmetic.md, Types). The instructions that convert are not used: AVX2 alone has none, AVX-512's for bfloat16
// flush subnormal numbers, and memory is what a cast waits for.
#ifndef ONDOL_CAST_TYPES_H
#define ONDOL_CAST_TYPES_H

#include "simd.h"

namespace ondol {
namespace {

template <class V>
struct Types {
  typedef typename V::F F;
  typedef typename V::I I;
  typedef uint16_t H __attribute__((vector_size(V::lanes * 2)));

  static ONDOL_INLINE I load(const float* p) { return V::bits(V::load(p)); }
  static ONDOL_INLINE I load(const uint16_t* p) {
    H h;
    __builtin_memcpy(&h, p, sizeof h);
    return __builtin_convertvector(h, I);
  }
  static ONDOL_INLINE void store(float* p, I a) { V::store(p, V::from_bits(a)); }
  static ONDOL_INLINE void store(uint16_t* p, I a) {
    const H h = __builtin_convertvector(a, H);
    __builtin_memcpy(p, &h, sizeof h);
  }

  // Results in the lower half of a lane; what stands above it is not stored.
  static ONDOL_INLINE I to_bfloat16(I b) {
    const I rounded = b + 0x7FFF + (b >> 16 & 1);
    return V::select(V::lt(V::set(0x7F800000), b & INT32_MAX), b >> 16 | 0x40, rounded >> 16);
  }

  static ONDOL_INLINE I from_bfloat16(I h) { return h << 16; }

  static ONDOL_INLINE I to_float16(I b) {
    const I a = b & INT32_MAX;
    const I small = V::bits(V::from_bits(a) + 0.5f) - 0x3F000000;  // the sum's last place is that of subnormal numbers
    I h = ((a + 0xFFF + (a >> 13 & 1)) >> 13) - (112 << 10);
    h = V::select(V::lt(a, V::set(0x38800000)), small, h);
    h = V::select(V::lt(V::set(0x477FEFFF), a), V::set(0x7C00), h);
    h = V::select(V::lt(V::set(0x7F800000), a), V::set(0x7E00), h);
    return h | (b >> 16 & 0x8000);
  }

  static ONDOL_INLINE I from_float16(I h) {
    const I m = h & 0x7FFF;
    const I normal = (m << 13) + (112 << 23);
    I b = V::select(V::lt(m, V::set(0x7C00)), normal, normal + (112 << 23));
    b = V::select(V::lt(m, V::set(0x400)), V::bits(V::to_float(m) * 0x1p-24f), b);
    return b | (h & 0x8000) << 16;
  }
};

}  // namespace
}  // namespace ondol

#endif
