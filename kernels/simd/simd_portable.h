// Compiler vectors of 4 floats, for any CPU. Without FMA hardware in the compile target each fused multiply-add is a
// call of fmaf, which rounds correctly everywhere: slow, and the same bits.
#ifndef ONDOL_SIMD_PORTABLE_H
#define ONDOL_SIMD_PORTABLE_H

#include "simd.h"

namespace ondol {
namespace {

struct Portable {
  static constexpr int lanes = 4;
  typedef float F __attribute__((vector_size(16)));
  typedef int32_t I __attribute__((vector_size(16)));
  typedef I M;  // all ones or all zeros per lane

  static constexpr bool scales = false;

  static ONDOL_INLINE F load(const float* p) {
    F a;
    __builtin_memcpy(&a, p, sizeof a);
    return a;
  }
  static ONDOL_INLINE I load(const int32_t* p) {
    I a;
    __builtin_memcpy(&a, p, sizeof a);
    return a;
  }
  static ONDOL_INLINE F load(const float* p, int64_t n) {
    F a = {0, 0, 0, 0};
    for (int64_t i = 0; i < n; i++) a[i] = p[i];
    return a;
  }
  static ONDOL_INLINE F load(const float* p, int64_t begin, int64_t end) {
    F a = {0, 0, 0, 0};
    for (int64_t i = begin; i < end; i++) a[i] = p[i];
    return a;
  }
  static ONDOL_INLINE void store(float* p, F a) { __builtin_memcpy(p, &a, sizeof a); }
  static ONDOL_INLINE void store(int32_t* p, I a) { __builtin_memcpy(p, &a, sizeof a); }
  static ONDOL_INLINE void store(float* p, F a, int64_t n) {
    for (int64_t i = 0; i < n; i++) p[i] = a[i];
  }
  static ONDOL_INLINE F set(float x) { return F{x, x, x, x}; }
  static ONDOL_INLINE I set(int32_t x) { return I{x, x, x, x}; }

  static ONDOL_INLINE F fma(F a, F b, F c) {
    return F{__builtin_fmaf(a[0], b[0], c[0]), __builtin_fmaf(a[1], b[1], c[1]), __builtin_fmaf(a[2], b[2], c[2]),
             __builtin_fmaf(a[3], b[3], c[3])};
  }
  static ONDOL_INLINE F sqrt(F a) {
    return F{__builtin_sqrtf(a[0]), __builtin_sqrtf(a[1]), __builtin_sqrtf(a[2]), __builtin_sqrtf(a[3])};
  }
  static ONDOL_INLINE F abs(F a) { return from_bits(bits(a) & 0x7FFFFFFF); }
  static ONDOL_INLINE F greater(F a, F b) { return select(a > b, a, b); }
  static ONDOL_INLINE F lesser(F a, F b) { return select(a < b, a, b); }

  static ONDOL_INLINE M lt(F a, F b) { return a < b; }
  static ONDOL_INLINE M gt(F a, F b) { return a > b; }
  static ONDOL_INLINE M ge(F a, F b) { return a >= b; }
  static ONDOL_INLINE M eq(F a, F b) { return a == b; }
  static ONDOL_INLINE M nan(F a) { return a != a; }
  static ONDOL_INLINE M lt(I a, I b) { return a < b; }
  static ONDOL_INLINE M both(M a, M b) { return a & b; }
  static ONDOL_INLINE uint32_t lane_bits(M m) {
    return (uint32_t)((m[0] & 1) | (m[1] & 2) | (m[2] & 4) | (m[3] & 8));
  }
  static ONDOL_INLINE F select(M m, F a, F b) { return from_bits(select(m, bits(a), bits(b))); }
  static ONDOL_INLINE I select(M m, I a, I b) { return (a & m) | (b & ~m); }

  static ONDOL_INLINE I bits(F a) { return (I)a; }
  static ONDOL_INLINE F from_bits(I a) { return (F)a; }
  static ONDOL_INLINE F to_float(I a) { return F{(float)a[0], (float)a[1], (float)a[2], (float)a[3]}; }
  static ONDOL_INLINE I truncate(F a) { return I{(int32_t)a[0], (int32_t)a[1], (int32_t)a[2], (int32_t)a[3]}; }

  static ONDOL_INLINE void mul_wide(I a, I m, I& hi, I& lo) {
    for (int l = 0; l < lanes; l++) {
      uint64_t product = (uint64_t)(uint32_t)a[l] * (uint32_t)m[l];
      hi[l] = (int32_t)(product >> 32);
      lo[l] = (int32_t)product;
    }
  }

  static ONDOL_INLINE F lookup(F low, F high, I i) {
    const float all[] = {low[0], low[1], low[2], low[3], high[0], high[1], high[2], high[3]};
    return F{all[i[0]], all[i[1]], all[i[2]], all[i[3]]};
  }

  template <int d>
  static ONDOL_INLINE F upper(F a) {
    static_assert(d == 2 || d == 1, "half of a power-of-two group");
    if (d == 2) return F{a[2], a[3], a[0], a[1]};
    return F{a[1], a[0], a[3], a[2]};
  }

  static ONDOL_INLINE void transpose(F* rows) {
    F out[4];
    for (int c = 0; c < 4; c++) out[c] = F{rows[0][c], rows[1][c], rows[2][c], rows[3][c]};
    for (int c = 0; c < 4; c++) rows[c] = out[c];
  }
};

}  // namespace
}  // namespace ondol

#endif
