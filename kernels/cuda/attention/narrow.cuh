// What the tensor-core attention kernels share: their element types, and the softmax on the fragments that both
// mma.sync and wgmma leave: a thread holds two rows of a tile of scores, and of each columns 8 j + 2 t and 8 j + 2 t +
// 1 (t = lane % 4) in s[4 j + 2 r] and the next. The four threads of a quad share their rows.
//
// Arithmetic, beside docs/arithmetic.md: products on tensor cores, everything else in float32. Weights are the device's
// own 2^x of z - m, are summed unrounded and rounded to the element type for the product with V.
#ifndef ONDOL_CUDA_ATTENTION_NARROW_CUH
#define ONDOL_CUDA_ATTENTION_NARROW_CUH

#include "../common/mma.cuh"
#include "problem.cuh"

namespace ondol::cuda {

struct Bfloat16 {
  static constexpr bool BFLOAT16 = true;
  static ONDOL_DEVICE uint32_t pack(float low, float high) { return pack_bfloat16(low, high); }
  static ONDOL_DEVICE uint16_t round(float x) { return to_bfloat16(x); }
  static ONDOL_DEVICE float widen(uint16_t x) { return from_bfloat16(x); }
  static ONDOL_DEVICE void multiply(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    mma_bfloat16(d, a, b);
  }
};

struct Float16 {
  static constexpr bool BFLOAT16 = false;
  static ONDOL_DEVICE uint32_t pack(float low, float high) { return pack_float16(low, high); }
  static ONDOL_DEVICE uint16_t round(float x) { return to_float16(x); }
  static ONDOL_DEVICE float widen(uint16_t x) { return from_float16(x); }
  static ONDOL_DEVICE void multiply(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    mma_float16(d, a, b);
  }
};

#ifdef ONDOL_CUDA_EMULATE
inline float fast_exp2(float x) { return std::exp2(x); }
inline float greater(float a, float b) { return std::fmax(a, b); }
#else
ONDOL_DEVICE float fast_exp2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
// The other one where one is a NaN.
ONDOL_DEVICE float greater(float a, float b) { return ::fmaxf(a, b); }
#endif

constexpr unsigned WHOLE_WARP = 0xFFFFFFFFu;

ONDOL_DEVICE float quad_greatest(float x) {
  x = greater(x, __shfl_xor_sync(WHOLE_WARP, x, 1, 4));
  return greater(x, __shfl_xor_sync(WHOLE_WARP, x, 2, 4));
}

ONDOL_DEVICE float quad_sum(float x) {
  x = add(x, __shfl_xor_sync(WHOLE_WARP, x, 1, 4));
  return add(x, __shfl_xor_sync(WHOLE_WARP, x, 2, 4));
}

// Of a thread's two rows: the maximum (in the units of the scores, the same in the quad) and its own part of the sum.
struct RowState {
  float m[2] = {-infinity(), -infinity()};
  float l[2] = {0.0f, 0.0f};
};

// One step of the online softmax: scores become weights 2^(unit z - unit m), unit > 0. `shrink` is what the sums so far
// and the output so far are to be multiplied by; the sums are, here.
template <int FLOATS>
ONDOL_DEVICE void soften(float (&s)[FLOATS], float unit, RowState& state, float (&shrink)[2]) {
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    float largest = state.m[r];
#pragma unroll
    for (int i = 0; i < FLOATS / 4; ++i) largest = greater(largest, greater(s[4 * i + 2 * r], s[4 * i + 2 * r + 1]));
    largest = quad_greatest(largest);
    float u = largest == -infinity() ? 0.0f : mul(largest, unit);
    shrink[r] = fast_exp2(fma(state.m[r], unit, -u));
    state.m[r] = largest;
    float sum = 0.0f;
#pragma unroll
    for (int i = 0; i < FLOATS / 4; ++i) {
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        float& x = s[4 * i + 2 * r + e];
        x = fast_exp2(fma(x, unit, -u));
        sum = add(sum, x);
      }
    }
    state.l[r] = fma(state.l[r], shrink[r], sum);
  }
}

template <int FLOATS>
ONDOL_DEVICE void scale_rows(float (&o)[FLOATS], const float (&factor)[2]) {
#pragma unroll
  for (int i = 0; i < FLOATS; ++i) o[i] = mul(o[i], factor[i % 4 / 2]);
}

// Weights as A of the product with V: fragment k holds the keys 16 k and on.
template <class T, int FLOATS>
ONDOL_DEVICE void round_weights(const float (&s)[FLOATS], uint32_t (&a)[FLOATS / 8][4]) {
#pragma unroll
  for (int k = 0; k < FLOATS / 8; ++k) {
#pragma unroll
    for (int i = 0; i < 4; ++i) a[k][i] = T::pack(s[8 * k + 2 * i], s[8 * k + 2 * i + 1]);
  }
}

// ---- which pairs are visible, by length and windows ---------------------------------------------------------------

// Keys that each of the rows [first, last] sees.
ONDOL_DEVICE Range keys_seen_by_all(const ondol_attention_args& args, const Item& item, int64_t first, int64_t last) {
  Range range{0, item.keys};
  if (args.window_left >= 0) {
    int64_t begin = last + item.diagonal - args.window_left;
    if (begin > range.begin) range.begin = begin;
  }
  if (args.window_right >= 0) {
    int64_t end = first + item.diagonal + args.window_right + 1;
    if (end < range.end) range.end = end;
  }
  return range;
}

// Rows that see each of the keys [first, last].
ONDOL_DEVICE Range rows_seen_by_all(const ondol_attention_args& args, const Item& item, int64_t first, int64_t last) {
  Range range{0, last < item.keys ? item.rows : 0};
  if (args.window_right >= 0) {
    int64_t begin = last - item.diagonal - args.window_right;
    if (begin > range.begin) range.begin = begin;
  }
  if (args.window_left >= 0) {
    int64_t end = first - item.diagonal + args.window_left + 1;
    if (end < range.end) range.end = end;
  }
  return range;
}

ONDOL_DEVICE int clamp(int64_t x, int low, int high) {
  return x < low ? low : x > high ? high : static_cast<int>(x);
}

// Hides what lies outside of columns [begin, end) in the thread's row r.
template <int FLOATS>
ONDOL_DEVICE void hide_row(int begin, int end, int r, float (&s)[FLOATS]) {
  int column = static_cast<int>(threadIdx.x) % 4 * 2;
  begin -= column;
  end -= column;
#pragma unroll
  for (int k = 0; k < FLOATS / 4; ++k) {
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      bool visible = 8 * k + e >= begin && 8 * k + e < end;
      if (!visible) s[4 * k + 2 * r + e] = -infinity();
    }
  }
}

// Hides what the thread's row r does not see of the keys from j0 on.
template <int FLOATS>
ONDOL_DEVICE void hide_row(const Range& seen, int64_t j0, int r, float (&s)[FLOATS]) {
  constexpr int KEYS = FLOATS * 2;
  hide_row(clamp(seen.begin - j0, 0, KEYS), clamp(seen.end - j0, 0, KEYS), r, s);
}

// ---- the end of a row ---------------------------------------------------------------------------------------------

// From the parts of the sums to their inverse, 0 for a row that saw nothing, and the log-sum-exp.
ONDOL_DEVICE void finish_rows(const RowState& state, float unit, float (&inverse)[2], float (&lse)[2]) {
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    float sum = quad_sum(state.l[r]);
    inverse[r] = sum == 0.0f ? 0.0f : div(1.0f, sum);
    lse[r] = sum == 0.0f ? -infinity() : fma(mul(state.m[r], unit), LN2, log(sum));
  }
}

// Two neighbouring elements of a row, of which `count` exist. `pairs`: rows begin at a multiple of four bytes.
template <class T>
ONDOL_DEVICE void write_pair(uint16_t* at, float low, float high, int64_t count, bool pairs) {
  if (pairs && count >= 2) {
    *reinterpret_cast<uint32_t*>(at) = T::pack(low, high);
    return;
  }
  if (count > 0) at[0] = T::round(low);
  if (count > 1) at[1] = T::round(high);
}

}  // namespace ondol::cuda

#endif
