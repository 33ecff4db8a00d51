// The AVX-512 intrinsics that kernels/simd uses, lane by lane as Intel's guide defines them: with
// -DONDOL_EMULATE_AVX512=ON this header stands in for the compiler's, and the tests run the AVX-512 kernels on a machine
// without the instructions.
#ifndef ONDOL_EMULATED_IMMINTRIN_H
#define ONDOL_EMULATED_IMMINTRIN_H

#include <stdint.h>
#include <string.h>

typedef float __m512 __attribute__((vector_size(64), may_alias));
typedef double __m512d __attribute__((vector_size(64), may_alias));
typedef long long __m512i __attribute__((vector_size(64), may_alias));
typedef int32_t ondol_i32 __attribute__((vector_size(64)));
typedef uint64_t ondol_u64 __attribute__((vector_size(64)));
typedef uint16_t __mmask16;

enum { _CMP_EQ_OQ = 0x00, _CMP_LT_OQ = 0x11, _CMP_GE_OQ = 0x1D, _CMP_GT_OQ = 0x1E, _CMP_UNORD_Q = 0x03 };

#define ONDOL_EMULATED static inline __attribute__((always_inline))

ONDOL_EMULATED __m512 _mm512_loadu_ps(const void* p) { __m512 r; memcpy(&r, p, 64); return r; }
ONDOL_EMULATED __m512i _mm512_loadu_si512(const void* p) { __m512i r; memcpy(&r, p, 64); return r; }
ONDOL_EMULATED void _mm512_storeu_ps(void* p, __m512 a) { memcpy(p, &a, 64); }
ONDOL_EMULATED void _mm512_storeu_si512(void* p, __m512i a) { memcpy(p, &a, 64); }
ONDOL_EMULATED __m512 _mm512_maskz_loadu_ps(__mmask16 k, const void* p) {
  __m512 r = {};
  for (int l = 0; l < 16; l++) if (k >> l & 1) r[l] = ((const float*)p)[l];
  return r;
}
ONDOL_EMULATED void _mm512_mask_storeu_ps(void* p, __mmask16 k, __m512 a) {
  for (int l = 0; l < 16; l++) if (k >> l & 1) ((float*)p)[l] = a[l];
}
ONDOL_EMULATED __m512i _mm512_set1_epi32(int32_t x) { ondol_i32 r = {}; return (__m512i)(r + x); }

#define ONDOL_LANES(expression)                               \
  __m512 r;                                                   \
  for (int l = 0; l < 16; l++) r[l] = expression;             \
  return r
ONDOL_EMULATED __m512 _mm512_set1_ps(float x) { ONDOL_LANES(x); }
ONDOL_EMULATED __m512 _mm512_fmadd_ps(__m512 a, __m512 b, __m512 c) { ONDOL_LANES(__builtin_fmaf(a[l], b[l], c[l])); }
// Of roundscale, only rounding to nearest even without fraction bits; of scalef, only whole n.
ONDOL_EMULATED __m512 _mm512_roundscale_ps(__m512 a, int) { ONDOL_LANES(__builtin_rintf(a[l])); }
ONDOL_EMULATED __m512 _mm512_scalef_ps(__m512 a, __m512 n) {
  ONDOL_LANES(n[l] != n[l] ? n[l] : (float)__builtin_ldexp(a[l], n[l] < -500 ? -500 : n[l] > 500 ? 500 : (int)n[l]));
}
ONDOL_EMULATED __m512 _mm512_sqrt_ps(__m512 a) { ONDOL_LANES(__builtin_sqrtf(a[l])); }
ONDOL_EMULATED __m512 _mm512_max_ps(__m512 a, __m512 b) { ONDOL_LANES(a[l] > b[l] ? a[l] : b[l]); }
ONDOL_EMULATED __m512 _mm512_min_ps(__m512 a, __m512 b) { ONDOL_LANES(a[l] < b[l] ? a[l] : b[l]); }
ONDOL_EMULATED __m512 _mm512_cvtepi32_ps(__m512i a) { ONDOL_LANES((float)((ondol_i32)a)[l]); }
ONDOL_EMULATED __m512 _mm512_mask_blend_ps(__mmask16 k, __m512 a, __m512 b) { ONDOL_LANES(k >> l & 1 ? b[l] : a[l]); }

ONDOL_EMULATED __mmask16 _mm512_cmp_ps_mask(__m512 a, __m512 b, int predicate) {
  __mmask16 k = 0;
  for (int l = 0; l < 16; l++) {
    const bool bit = predicate == _CMP_EQ_OQ   ? a[l] == b[l]
                     : predicate == _CMP_LT_OQ ? a[l] < b[l]
                     : predicate == _CMP_GT_OQ ? a[l] > b[l]
                     : predicate == _CMP_GE_OQ ? a[l] >= b[l]
                                               : a[l] != a[l] || b[l] != b[l];
    k = (__mmask16)(k | bit << l);
  }
  return k;
}

ONDOL_EMULATED __mmask16 _mm512_cmplt_epi32_mask(__m512i a, __m512i b) {
  __mmask16 k = 0;
  for (int l = 0; l < 16; l++) k = (__mmask16)(k | (((ondol_i32)a)[l] < ((ondol_i32)b)[l]) << l);
  return k;
}

ONDOL_EMULATED __m512i _mm512_cvttps_epi32(__m512 a) {
  ondol_i32 r;
  for (int l = 0; l < 16; l++) r[l] = (int32_t)a[l];
  return (__m512i)r;
}

ONDOL_EMULATED __m512i _mm512_mask_blend_epi32(__mmask16 k, __m512i a, __m512i b) {
  return (__m512i)_mm512_mask_blend_ps(k, (__m512)a, (__m512)b);
}

ONDOL_EMULATED __m512i _mm512_mul_epu32(__m512i a, __m512i b) {
  return (__m512i)(((ondol_u64)a & 0xFFFFFFFF) * ((ondol_u64)b & 0xFFFFFFFF));
}
ONDOL_EMULATED __m512i _mm512_srli_epi64(__m512i a, unsigned n) { return (__m512i)((ondol_u64)a >> (uint64_t)n); }
ONDOL_EMULATED __m512i _mm512_slli_epi64(__m512i a, unsigned n) { return (__m512i)((ondol_u64)a << (uint64_t)n); }

ONDOL_EMULATED __m512 _mm512_permute_ps(__m512 a, int control) {
  ONDOL_LANES(a[l / 4 * 4 + (control >> l % 4 * 2 & 3)]);
}
ONDOL_EMULATED __m512 _mm512_permutex2var_ps(__m512 a, __m512i i, __m512 b) {
  ONDOL_LANES((((ondol_i32)i)[l] & 16 ? b : a)[((ondol_i32)i)[l] & 15]);
}
ONDOL_EMULATED __m512 _mm512_shuffle_f32x4(__m512 a, __m512 b, int control) {
  ONDOL_LANES((l < 8 ? a : b)[(control >> l / 4 * 2 & 3) * 4 + l % 4]);
}
ONDOL_EMULATED __m512 _mm512_unpacklo_ps(__m512 a, __m512 b) { ONDOL_LANES((l % 2 ? b : a)[l / 4 * 4 + l % 4 / 2]); }
ONDOL_EMULATED __m512 _mm512_unpackhi_ps(__m512 a, __m512 b) {
  ONDOL_LANES((l % 2 ? b : a)[l / 4 * 4 + 2 + l % 4 / 2]);
}
ONDOL_EMULATED __m512d _mm512_unpacklo_pd(__m512d a, __m512d b) {
  return __m512d{a[0], b[0], a[2], b[2], a[4], b[4], a[6], b[6]};
}
ONDOL_EMULATED __m512d _mm512_unpackhi_pd(__m512d a, __m512d b) {
  return __m512d{a[1], b[1], a[3], b[3], a[5], b[5], a[7], b[7]};
}

#undef ONDOL_LANES
#undef ONDOL_EMULATED

#endif
