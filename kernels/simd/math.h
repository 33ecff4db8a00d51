// The functions of docs/arithmetic.md over a vector type, operation by operation: change one only together with that
// page and every other backend.
#ifndef ONDOL_MATH_H
#define ONDOL_MATH_H

#include "simd.h"

namespace ondol {
namespace {

template <class V>
struct Math {
  typedef typename V::F F;
  typedef typename V::I I;

  static constexpr float MAGIC = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  static constexpr float INF = __builtin_inff();

  static ONDOL_INLINE F horner(F, float c) { return V::set(c); }
  template <class... Rest>
  static ONDOL_INLINE F horner(F r, float c, Rest... rest) {
    return V::fma(horner(r, rest...), r, V::set(c));
  }

  static ONDOL_INLINE F exp2w(F x) {
    if constexpr (V::scales) {
      // The same n, and p * 2^n rounded once: the same bits in four instructions less.
      const F n = V::round(x);
      return V::select(V::lt(x, V::set(-126.0f)), V::set(0.0f), V::scale(weight(x - n), n));
    } else {
      const F t = x + MAGIC;
      const F s = V::from_bits((V::bits(t) << 23) + 0x3F800000);
      return V::select(V::lt(x, V::set(-126.0f)), V::set(0.0f), weight(x - (t - MAGIC)) * s);
    }
  }

  // 2^r of a remainder.
  static ONDOL_INLINE F weight(F r) {
    return horner(r, 1.0f, 0x1.62e42ap-1f, 0x1.ebf9bcp-3f, 0x1.c6b752p-5f, 0x1.3cea88p-7f, 0x1.5bba0ep-10f);
  }

  static ONDOL_INLINE F exp(F x) {
    x = V::greater(V::set(-104.0f), x);
    x = V::lesser(V::set(89.0f), x);
    F t = V::fma(x, V::set(0x1.715476p+0f), V::set(MAGIC));
    F n = t - MAGIC;
    F r = V::fma(n, V::set(-0x1.62e4p-1f), x);
    r = V::fma(n, V::set(-0x1.7f7d1cp-20f), r);
    F p = horner(r, 1.0f, 1.0f, 0x1.fffffcp-2f, 0x1.555492p-3f, 0x1.5558f2p-5f, 0x1.1239e4p-7f, 0x1.6a243p-10f);
    // Of p * 2^i1 and its product with 2^i2 only the second is ever rounded.
    if constexpr (V::scales) return V::scale(p, n);
    I i = V::bits(t) - 0x4B400000;
    I i1 = i >> 1;
    I i2 = i - i1;
    return (p * power_of_two(i1)) * power_of_two(i2);
  }

  static ONDOL_INLINE F log(F x) {
    auto subnormal = V::lt(x, V::set(0x1p-126f));
    F scaled = V::select(subnormal, x * 0x1p23f, x);
    I e0 = V::select(subnormal, V::set(-23), V::set(0));
    I i = V::bits(scaled) - 0x3F3504F3;
    F e = V::to_float((i >> 23) + e0);
    F m = V::from_bits((i & 0x7FFFFF) + 0x3F3504F3);
    F f = m - 1.0f;
    F s = f * f;
    F q = horner(f, 0x1.555548p-2f, -0x1.000006p-2f, 0x1.99a4b6p-3f, -0x1.555c4ep-3f, 0x1.233766p-3f, -0x1.fc220ep-4f,
                 0x1.e6f08cp-4f, -0x1.de3bf8p-4f, 0x1.14573ep-4f);
    F y = (f * s) * q;
    y = V::fma(e, V::set(-0x1.bd0106p-13f), y);
    y = V::fma(V::set(-0.5f), s, y);
    F result = V::fma(e, V::set(0x1.63p-1f), f + y);
    result = V::select(V::lt(x, V::set(INF)), result, x);  // +inf and NaN
    result = V::select(V::eq(x, V::set(0.0f)), V::set(-INF), result);
    return V::select(V::lt(x, V::set(0.0f)), V::set(__builtin_nanf("")), result);
  }

  static ONDOL_INLINE F tanh(F x) {
    F a = V::abs(x);
    F s = x * x;
    F q = horner(s, -0x1.555532p-2f, 0x1.110726p-3f, -0x1.b83c58p-5f, 0x1.522692p-6f, -0x1.75e1a8p-8f);
    F small = V::fma(x * s, q, x);
    F large = copysign<V>(1.0f - 2.0f / (exp(a + a) + 1.0f), x);
    return V::select(V::lt(a, V::set(0.625f)), small, large);
  }

  static ONDOL_INLINE F erf(F x) {
    F a = V::abs(x);
    F s = x * x;
    F small = x * horner(s, 0x1.20dd74p+0f, -0x1.81273ep-2f, 0x1.ce2cf8p-4f, -0x1.b7f90cp-6f, 0x1.5405b2p-8f,
                         -0x1.a3f6fcp-11f, 0x1.496a28p-14f);
    F b = V::lesser(V::set(4.0f), a);
    F g = horner(b, 0x1.661a16p-12f, 0x1.2088ecp+0f, 0x1.46bae8p-1f, 0x1.a65356p-4f, -0x1.65cb9ep-6f, 0x1.825b48p-9f,
                 -0x1.86de0cp-13f);
    F large = copysign<V>(1.0f - exp(-g), x);
    return V::select(V::lt(a, V::set(1.0f)), small, large);
  }

  static ONDOL_INLINE F relu(F x) { return V::greater(V::set(0.0f), x); }  // a NaN stays
  static ONDOL_INLINE F sigmoid(F x) { return 1.0f / (1.0f + exp(-x)); }
  static ONDOL_INLINE F silu(F x) { return x * sigmoid(x); }
  static ONDOL_INLINE F gelu(F x) { return (x * 0.5f) * (1.0f + erf(x * 0x1.6a09e6p-1f)); }

  static ONDOL_INLINE F gelu_tanh(F x) {
    F t = (x * x) * 0x1.6e4e26p-5f;
    F u = V::fma(t, x, x) * 0x1.988454p-1f;
    return (x * 0.5f) * (1.0f + tanh(u));
  }

  static ONDOL_INLINE F relu_grad(F x, F dy) { return V::select(V::gt(x, V::set(0.0f)), dy, V::set(0.0f)); }
  static ONDOL_INLINE F sigmoid_grad(F y, F dy) { return dy * (y * (1.0f - y)); }
  static ONDOL_INLINE F tanh_grad(F y, F dy) { return dy * V::fma(-y, y, V::set(1.0f)); }

  static ONDOL_INLINE F silu_grad(F x, F dy) {
    F s = sigmoid(x);
    return dy * (s * V::fma(x, 1.0f - s, V::set(1.0f)));
  }

  static ONDOL_INLINE F gelu_grad(F x, F dy) {
    F c = 0.5f * (1.0f + erf(x * 0x1.6a09e6p-1f));
    F d = exp((x * -0.5f) * x) * 0x1.988454p-2f;
    return dy * V::fma(x, d, c);
  }

  static ONDOL_INLINE F gelu_tanh_grad(F x, F dy) {
    F s = (x * x) * 0x1.6e4e26p-5f;
    F u = V::fma(s, x, x) * 0x1.988454p-1f;
    F h = tanh(u);
    F du = V::fma(V::set(3.0f), s, V::set(1.0f)) * 0x1.988454p-1f;
    F a = 0.5f * (1.0f + h);
    F b = (x * 0.5f) * V::fma(-h, h, V::set(1.0f));
    return dy * V::fma(b, du, a);
  }

 private:
  static ONDOL_INLINE F power_of_two(I j) { return V::from_bits((j + 127) << 23); }
};

}  // namespace
}  // namespace ondol

#endif
