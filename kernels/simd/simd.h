// The thin vector type. A kernel body is a template over V, one of Avx512, Avx2 or Portable; a file compiled for one
// instruction set includes simd_<set>.h and instantiates the body. Each V has
//
//   lanes                      float lanes of a vector
//   F, I, M                    vectors of float and of int32_t; lane mask
//   load(p), store(p, f)       unaligned; with a count n <= lanes only the first n lanes are touched, others load 0
//   load(p, begin, end)        only these lanes are touched, the others load 0; none where begin >= end
//   set(x)                     broadcast of a float or an int32_t
//   fma(a, b, c)               a * b + c, rounded once
//   sqrt(a), abs(a)
//   scales                     whether there is round(a), to nearest even, and scale(a, n), a * 2^n rounded once
//   greater(a, b)              a > b ? a : b    (so b where either is NaN)
//   lesser(a, b)               a < b ? a : b
//   lt gt ge eq (a, b), nan(a) M
//   both(m, m), select(m, a, b)
//   lane_bits(m)               bit l of the result is lane l
//   bits(f), from_bits(i)      reinterpret
//   to_float(i), truncate(f)   convert
//   mul_wide(a, m, hi, lo)     unsigned 32 x 32 -> 64 bit products, per lane
//   lookup(low, high, i)       lane l holds element i[l] of low and high, one after the other; 0 <= i < 2 * lanes
//   upper<d>(f)                lane j holds f[j + d] for j < d (the other lanes hold anything)
//   transpose(rows)            in place, of lanes x lanes floats
//
// F and I are compiler vector types: + - * / and, on I, + - & | ^ ~ << >> work on whole vectors, and a scalar operand
// of the lane type is broadcast. `>>` on I is arithmetic; I wraps around (-fwrapv).
#ifndef ONDOL_SIMD_H
#define ONDOL_SIMD_H

#include <stdint.h>

#define ONDOL_INLINE inline __attribute__((always_inline))

namespace ondol {
namespace {

template <class T>
ONDOL_INLINE T min_of(T a, T b) {
  return b < a ? b : a;
}

template <class T>
ONDOL_INLINE T max_of(T a, T b) {
  return a < b ? b : a;
}

ONDOL_INLINE int64_t ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

ONDOL_INLINE int64_t round_up(int64_t a, int64_t unit) {
  return ceil_div(a, unit) * unit;
}

// All lanes or the first n: where n is the constant `lanes` the choice disappears.
template <class V>
ONDOL_INLINE typename V::F load_part(const float* p, int64_t n) {
  return n == V::lanes ? V::load(p) : V::load(p, n);
}

template <class V>
ONDOL_INLINE void store_part(float* p, typename V::F a, int64_t n) {
  if (n == V::lanes) {
    V::store(p, a);
  } else {
    V::store(p, a, n);
  }
}

// Calls visit(offset, count) for each vector of a row of n elements; count < lanes only at the end, and never 0.
template <class V, class Visit>
ONDOL_INLINE void each_vector(int64_t n, Visit visit) {
  int64_t i = 0;
  for (; i + V::lanes <= n; i += V::lanes) visit(i, (int64_t)V::lanes);
  if (i < n) visit(i, n - i);
}

// max and min of docs/arithmetic.md: a NaN in either operand is kept.
template <class V>
ONDOL_INLINE typename V::F vmax(typename V::F a, typename V::F b) {
  return V::select(V::nan(a), a, V::greater(a, b));
}

template <class V>
ONDOL_INLINE typename V::F vmin(typename V::F a, typename V::F b) {
  return V::select(V::nan(a), a, V::lesser(a, b));
}

template <class V>
ONDOL_INLINE typename V::F copysign(typename V::F magnitude, typename V::F sign) {
  return V::from_bits((V::bits(magnitude) & 0x7FFFFFFF) | (V::bits(sign) & INT32_MIN));
}

}  // namespace
}  // namespace ondol

#endif
