// AVX-512 (F, DQ, BW, VL): 16 lanes, masks in mask registers.
#ifndef ONDOL_SIMD_AVX512_H
#define ONDOL_SIMD_AVX512_H

#include <immintrin.h>

#include "simd.h"

namespace ondol {
namespace {

struct Avx512 {
  static constexpr int lanes = 16;
  typedef float F __attribute__((vector_size(64)));
  typedef int32_t I __attribute__((vector_size(64)));
  typedef __mmask16 M;

  static ONDOL_INLINE F load(const float* p) { return _mm512_loadu_ps(p); }
  static ONDOL_INLINE I load(const int32_t* p) { return I(_mm512_loadu_si512(p)); }
  static ONDOL_INLINE F load(const float* p, int64_t n) { return _mm512_maskz_loadu_ps(first(n), p); }
  static ONDOL_INLINE F load(const float* p, int64_t begin, int64_t end) {
    return _mm512_maskz_loadu_ps((M)(first(end) & ~first(begin)), p);
  }
  static ONDOL_INLINE void store(float* p, F a) { _mm512_storeu_ps(p, a); }
  static ONDOL_INLINE void store(int32_t* p, I a) { _mm512_storeu_si512(p, (__m512i)a); }
  static ONDOL_INLINE void store(float* p, F a, int64_t n) { _mm512_mask_storeu_ps(p, first(n), a); }
  static ONDOL_INLINE F set(float x) { return _mm512_set1_ps(x); }
  static ONDOL_INLINE I set(int32_t x) { return I(_mm512_set1_epi32(x)); }

  static ONDOL_INLINE F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
  static constexpr bool scales = true;
  static ONDOL_INLINE F round(F a) { return _mm512_roundscale_ps(a, 0); }
  static ONDOL_INLINE F scale(F a, F n) { return _mm512_scalef_ps(a, n); }
  static ONDOL_INLINE F sqrt(F a) { return _mm512_sqrt_ps(a); }
  static ONDOL_INLINE F abs(F a) { return from_bits(bits(a) & 0x7FFFFFFF); }
  static ONDOL_INLINE F greater(F a, F b) { return _mm512_max_ps(a, b); }
  static ONDOL_INLINE F lesser(F a, F b) { return _mm512_min_ps(a, b); }

  static ONDOL_INLINE M lt(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
  static ONDOL_INLINE M gt(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ); }
  static ONDOL_INLINE M ge(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ); }
  static ONDOL_INLINE M eq(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
  static ONDOL_INLINE M nan(F a) { return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q); }
  static ONDOL_INLINE M lt(I a, I b) { return _mm512_cmplt_epi32_mask((__m512i)a, (__m512i)b); }
  static ONDOL_INLINE M both(M a, M b) { return (M)(a & b); }
  static ONDOL_INLINE uint32_t lane_bits(M m) { return m; }
  static ONDOL_INLINE F select(M m, F a, F b) { return _mm512_mask_blend_ps(m, b, a); }
  static ONDOL_INLINE I select(M m, I a, I b) { return I(_mm512_mask_blend_epi32(m, (__m512i)b, (__m512i)a)); }

  static ONDOL_INLINE I bits(F a) { return (I)a; }
  static ONDOL_INLINE F from_bits(I a) { return (F)a; }
  static ONDOL_INLINE F to_float(I a) { return _mm512_cvtepi32_ps((__m512i)a); }
  static ONDOL_INLINE I truncate(F a) { return I(_mm512_cvttps_epi32(a)); }

  static ONDOL_INLINE void mul_wide(I a, I m, I& hi, I& lo) {
    __m512i even = _mm512_mul_epu32((__m512i)a, (__m512i)m);
    __m512i odd = _mm512_mul_epu32(_mm512_srli_epi64((__m512i)a, 32), _mm512_srli_epi64((__m512i)m, 32));
    lo = I(_mm512_mask_blend_epi32(0xAAAA, even, _mm512_slli_epi64(odd, 32)));
    hi = I(_mm512_mask_blend_epi32(0xAAAA, _mm512_srli_epi64(even, 32), odd));
  }

  static ONDOL_INLINE F lookup(F low, F high, I i) { return _mm512_permutex2var_ps(low, (__m512i)i, high); }

  template <int d>
  static ONDOL_INLINE F upper(F a) {
    static_assert(d == 8 || d == 4 || d == 2 || d == 1, "half of a power-of-two group");
    if (d == 8) return _mm512_shuffle_f32x4(a, a, 0x4E);
    if (d == 4) return _mm512_shuffle_f32x4(a, a, 0x39);
    if (d == 2) return _mm512_permute_ps(a, 0x4E);
    return _mm512_permute_ps(a, 0xB1);
  }

  static ONDOL_INLINE void transpose(F* rows) {
    F quads[16];  // quads[4 g + c], quarter q: rows 4 g .. 4 g + 3 of column 4 q + c
    for (int g = 0; g < 16; g += 4) {
      __m512d ab_low = (__m512d)_mm512_unpacklo_ps(rows[g], rows[g + 1]);
      __m512d ab_high = (__m512d)_mm512_unpackhi_ps(rows[g], rows[g + 1]);
      __m512d cd_low = (__m512d)_mm512_unpacklo_ps(rows[g + 2], rows[g + 3]);
      __m512d cd_high = (__m512d)_mm512_unpackhi_ps(rows[g + 2], rows[g + 3]);
      quads[g] = (F)_mm512_unpacklo_pd(ab_low, cd_low);
      quads[g + 1] = (F)_mm512_unpackhi_pd(ab_low, cd_low);
      quads[g + 2] = (F)_mm512_unpacklo_pd(ab_high, cd_high);
      quads[g + 3] = (F)_mm512_unpackhi_pd(ab_high, cd_high);
    }
    for (int c = 0; c < 4; c++) {
      F even01 = _mm512_shuffle_f32x4(quads[c], quads[c + 4], 0x88);
      F even23 = _mm512_shuffle_f32x4(quads[c + 8], quads[c + 12], 0x88);
      F odd01 = _mm512_shuffle_f32x4(quads[c], quads[c + 4], 0xDD);
      F odd23 = _mm512_shuffle_f32x4(quads[c + 8], quads[c + 12], 0xDD);
      rows[c] = _mm512_shuffle_f32x4(even01, even23, 0x88);
      rows[c + 4] = _mm512_shuffle_f32x4(odd01, odd23, 0x88);
      rows[c + 8] = _mm512_shuffle_f32x4(even01, even23, 0xDD);
      rows[c + 12] = _mm512_shuffle_f32x4(odd01, odd23, 0xDD);
    }
  }

 private:
  static ONDOL_INLINE M first(int64_t n) { return (M)((1u << n) - 1); }
};

}  // namespace
}  // namespace ondol

#endif
