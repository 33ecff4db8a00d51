// AVX2 with FMA: 8 lanes.
#ifndef ONDOL_SIMD_AVX2_H
#define ONDOL_SIMD_AVX2_H

#include <immintrin.h>

#include "simd.h"

namespace ondol {
namespace {

struct Avx2 {
  static constexpr int lanes = 8;
  typedef float F __attribute__((vector_size(32)));
  typedef int32_t I __attribute__((vector_size(32)));
  typedef I M;  // all ones or all zeros per lane

  static constexpr bool scales = false;

  static ONDOL_INLINE F load(const float* p) { return _mm256_loadu_ps(p); }
  static ONDOL_INLINE I load(const int32_t* p) { return I(_mm256_loadu_si256((const __m256i*)p)); }
  static ONDOL_INLINE F load(const float* p, int64_t n) { return _mm256_maskload_ps(p, (__m256i)first(n)); }
  static ONDOL_INLINE F load(const float* p, int64_t begin, int64_t end) {
    return _mm256_maskload_ps(p, (__m256i)(first(end) & ~first(begin)));
  }
  static ONDOL_INLINE void store(float* p, F a) { _mm256_storeu_ps(p, a); }
  static ONDOL_INLINE void store(int32_t* p, I a) { _mm256_storeu_si256((__m256i*)p, (__m256i)a); }
  static ONDOL_INLINE void store(float* p, F a, int64_t n) { _mm256_maskstore_ps(p, (__m256i)first(n), a); }
  static ONDOL_INLINE F set(float x) { return _mm256_set1_ps(x); }
  static ONDOL_INLINE I set(int32_t x) { return I(_mm256_set1_epi32(x)); }

  static ONDOL_INLINE F fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
  static ONDOL_INLINE F sqrt(F a) { return _mm256_sqrt_ps(a); }
  static ONDOL_INLINE F abs(F a) { return from_bits(bits(a) & 0x7FFFFFFF); }
  static ONDOL_INLINE F greater(F a, F b) { return _mm256_max_ps(a, b); }
  static ONDOL_INLINE F lesser(F a, F b) { return _mm256_min_ps(a, b); }

  static ONDOL_INLINE M lt(F a, F b) { return M(_mm256_cmp_ps(a, b, _CMP_LT_OQ)); }
  static ONDOL_INLINE M gt(F a, F b) { return M(_mm256_cmp_ps(a, b, _CMP_GT_OQ)); }
  static ONDOL_INLINE M ge(F a, F b) { return M(_mm256_cmp_ps(a, b, _CMP_GE_OQ)); }
  static ONDOL_INLINE M eq(F a, F b) { return M(_mm256_cmp_ps(a, b, _CMP_EQ_OQ)); }
  static ONDOL_INLINE M nan(F a) { return M(_mm256_cmp_ps(a, a, _CMP_UNORD_Q)); }
  static ONDOL_INLINE M lt(I a, I b) { return M(_mm256_cmpgt_epi32((__m256i)b, (__m256i)a)); }
  static ONDOL_INLINE M both(M a, M b) { return a & b; }
  static ONDOL_INLINE uint32_t lane_bits(M m) { return (uint32_t)_mm256_movemask_ps((__m256)m); }
  static ONDOL_INLINE F select(M m, F a, F b) { return _mm256_blendv_ps(b, a, (__m256)m); }
  static ONDOL_INLINE I select(M m, I a, I b) { return I(_mm256_blendv_epi8((__m256i)b, (__m256i)a, (__m256i)m)); }

  static ONDOL_INLINE I bits(F a) { return (I)a; }
  static ONDOL_INLINE F from_bits(I a) { return (F)a; }
  static ONDOL_INLINE F to_float(I a) { return _mm256_cvtepi32_ps((__m256i)a); }
  static ONDOL_INLINE I truncate(F a) { return I(_mm256_cvttps_epi32(a)); }

  static ONDOL_INLINE void mul_wide(I a, I m, I& hi, I& lo) {
    __m256i even = _mm256_mul_epu32((__m256i)a, (__m256i)m);
    __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64((__m256i)a, 32), _mm256_srli_epi64((__m256i)m, 32));
    lo = I(_mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA));
    hi = I(_mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA));
  }

  static ONDOL_INLINE F lookup(F low, F high, I i) {
    __m256 a = _mm256_permutevar8x32_ps(low, (__m256i)i), b = _mm256_permutevar8x32_ps(high, (__m256i)i);
    return _mm256_blendv_ps(a, b, (__m256)(i << 28));
  }

  template <int d>
  static ONDOL_INLINE F upper(F a) {
    static_assert(d == 4 || d == 2 || d == 1, "half of a power-of-two group");
    if (d == 4) return _mm256_permute2f128_ps(a, a, 0x01);
    if (d == 2) return _mm256_permute_ps(a, 0x4E);
    return _mm256_permute_ps(a, 0xB1);
  }

  static ONDOL_INLINE void transpose(F* rows) {
    F quads[8];  // quads[4 g + c], half q: rows 4 g .. 4 g + 3 of column 4 q + c
    for (int g = 0; g < 8; g += 4) {
      __m256d ab_low = (__m256d)_mm256_unpacklo_ps(rows[g], rows[g + 1]);
      __m256d ab_high = (__m256d)_mm256_unpackhi_ps(rows[g], rows[g + 1]);
      __m256d cd_low = (__m256d)_mm256_unpacklo_ps(rows[g + 2], rows[g + 3]);
      __m256d cd_high = (__m256d)_mm256_unpackhi_ps(rows[g + 2], rows[g + 3]);
      quads[g] = (F)_mm256_unpacklo_pd(ab_low, cd_low);
      quads[g + 1] = (F)_mm256_unpackhi_pd(ab_low, cd_low);
      quads[g + 2] = (F)_mm256_unpacklo_pd(ab_high, cd_high);
      quads[g + 3] = (F)_mm256_unpackhi_pd(ab_high, cd_high);
    }
    for (int c = 0; c < 4; c++) {
      rows[c] = _mm256_permute2f128_ps(quads[c], quads[c + 4], 0x20);
      rows[c + 4] = _mm256_permute2f128_ps(quads[c], quads[c + 4], 0x31);
    }
  }

 private:
  static ONDOL_INLINE M first(int64_t n) {
    const I index = {0, 1, 2, 3, 4, 5, 6, 7};
    return lt(index, set((int32_t)n));
  }
};

}  // namespace
}  // namespace ondol

#endif
