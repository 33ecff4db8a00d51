// The functions of docs/arithmetic.md. Every operation is an intrinsic with its rounding in its name, so no compiler
// flag can contract or reorder it.
#ifndef ONDOL_CUDA_COMMON_MATH_CUH
#define ONDOL_CUDA_COMMON_MATH_CUH

#include "device.cuh"

namespace ondol::cuda {

ONDOL_DEVICE float fma(float a, float b, float c) { return __fmaf_rn(a, b, c); }
ONDOL_DEVICE float mul(float a, float b) { return __fmul_rn(a, b); }
ONDOL_DEVICE float add(float a, float b) { return __fadd_rn(a, b); }
ONDOL_DEVICE float sub(float a, float b) { return __fsub_rn(a, b); }
ONDOL_DEVICE float div(float a, float b) { return __fdiv_rn(a, b); }
ONDOL_DEVICE float sqrt(float a) { return __fsqrt_rn(a); }

constexpr float MAGIC = 12582912.0f;  // adding it rounds to an integer
constexpr float LOG2E = 0x1.715476p+0f;
constexpr float LN2 = 0x1.62e43p-1f;

ONDOL_DEVICE float infinity() { return __uint_as_float(0x7F800000u); }
ONDOL_DEVICE float not_a_number() { return __uint_as_float(0x7FC00000u); }
ONDOL_DEVICE float absolute(float x) { return __uint_as_float(__float_as_uint(x) & 0x7FFFFFFFu); }
ONDOL_DEVICE float copy_sign(float magnitude, float sign) {
  return __uint_as_float((__float_as_uint(magnitude) & 0x7FFFFFFFu) | (__float_as_uint(sign) & 0x80000000u));
}
ONDOL_DEVICE bool is_nan(float x) { return x != x; }
ONDOL_DEVICE bool is_finite(float x) { return (__float_as_uint(x) & 0x7F800000u) != 0x7F800000u; }

ONDOL_DEVICE float horner(float, float c) { return c; }
template <class... Rest>
ONDOL_DEVICE float horner(float r, float c, Rest... rest) {
  return fma(horner(r, rest...), r, c);
}

ONDOL_DEVICE float power_of_two(int exponent) {
  return __uint_as_float((static_cast<uint32_t>(exponent) + 127u) << 23);
}

ONDOL_DEVICE float exp2w(float x) {
  float t = add(x, MAGIC);
  float r = sub(x, sub(t, MAGIC));
  float p = horner(r, 1.0f, 0x1.62e42ap-1f, 0x1.ebf9bcp-3f, 0x1.c6b752p-5f, 0x1.3cea88p-7f, 0x1.5bba0ep-10f);
  float s = __uint_as_float((__float_as_uint(t) << 23) + 0x3F800000u);
  return x < -126.0f ? 0.0f : mul(p, s);
}

ONDOL_DEVICE float exp(float x) {
  x = x < -104.0f ? -104.0f : x;
  x = x > 89.0f ? 89.0f : x;
  float t = fma(x, 0x1.715476p+0f, MAGIC);
  float n = sub(t, MAGIC);
  float r = fma(n, -0x1.62e4p-1f, x);
  r = fma(n, -0x1.7f7d1cp-20f, r);
  float p = horner(r, 1.0f, 1.0f, 0x1.fffffcp-2f, 0x1.555492p-3f, 0x1.5558f2p-5f, 0x1.1239e4p-7f, 0x1.6a243p-10f);
  int i = static_cast<int>(__float_as_uint(t) - 0x4B400000u);
  int half = i >> 1;
  return mul(mul(p, power_of_two(half)), power_of_two(static_cast<int>(
      static_cast<uint32_t>(i) - static_cast<uint32_t>(half))));
}

ONDOL_DEVICE float log_of_positive(float x) {
  int scaled = 0;
  if (x < 0x1p-126f) {
    x = mul(x, 0x1p+23f);
    scaled = -23;
  }
  int i = static_cast<int>(__float_as_uint(x) - 0x3F3504F3u);
  float e = static_cast<float>((i >> 23) + scaled);
  float m = __uint_as_float((static_cast<uint32_t>(i) & 0x7FFFFFu) + 0x3F3504F3u);
  float f = sub(m, 1.0f);
  float s = mul(f, f);
  float q = horner(f, 0x1.555548p-2f, -0x1.000006p-2f, 0x1.99a4b6p-3f, -0x1.555c4ep-3f, 0x1.233766p-3f,
                   -0x1.fc220ep-4f, 0x1.e6f08cp-4f, -0x1.de3bf8p-4f, 0x1.14573ep-4f);
  float y = mul(mul(f, s), q);
  y = fma(e, -0x1.bd0106p-13f, y);
  y = fma(-0.5f, s, y);
  return fma(e, 0x1.63p-1f, add(f, y));
}

ONDOL_DEVICE float log(float x) {
  if (x == 0.0f) return -infinity();
  if (!(x > 0.0f)) return not_a_number();
  return x == infinity() ? x : log_of_positive(x);
}

ONDOL_DEVICE float tanh(float x) {
  float a = absolute(x);
  if (a < 0.625f) {
    float s = mul(x, x);
    float q = horner(s, -0x1.555532p-2f, 0x1.110726p-3f, -0x1.b83c58p-5f, 0x1.522692p-6f, -0x1.75e1a8p-8f);
    return fma(mul(x, s), q, x);
  }
  return copy_sign(sub(1.0f, div(2.0f, add(exp(add(a, a)), 1.0f))), x);
}

ONDOL_DEVICE float erf(float x) {
  float a = absolute(x);
  if (a < 1.0f) {
    return mul(x, horner(mul(x, x), 0x1.20dd74p+0f, -0x1.81273ep-2f, 0x1.ce2cf8p-4f, -0x1.b7f90cp-6f, 0x1.5405b2p-8f,
                         -0x1.a3f6fcp-11f, 0x1.496a28p-14f));
  }
  float b = a > 4.0f ? 4.0f : a;
  float g = horner(b, 0x1.661a16p-12f, 0x1.2088ecp+0f, 0x1.46bae8p-1f, 0x1.a65356p-4f, -0x1.65cb9ep-6f,
                   0x1.825b48p-9f, -0x1.86de0cp-13f);
  return copy_sign(sub(1.0f, exp(-g)), x);
}

ONDOL_DEVICE float sigmoid(float x) { return div(1.0f, add(1.0f, exp(-x))); }
ONDOL_DEVICE float silu(float x) { return mul(x, sigmoid(x)); }
ONDOL_DEVICE float relu(float x) { return x < 0.0f ? 0.0f : x; }
ONDOL_DEVICE float gelu(float x) { return mul(mul(0.5f, x), add(1.0f, erf(mul(x, 0x1.6a09e6p-1f)))); }

ONDOL_DEVICE float gelu_tanh(float x) {
  float t = mul(mul(x, x), 0x1.6e4e26p-5f);
  float u = mul(fma(t, x, x), 0x1.988454p-1f);
  return mul(mul(0.5f, x), add(1.0f, tanh(u)));
}

ONDOL_DEVICE float maximum(float a, float b) { return a > b || is_nan(a) ? a : b; }
ONDOL_DEVICE float minimum(float a, float b) { return a < b || is_nan(a) ? a : b; }

ONDOL_DEVICE float relu_grad(float x, float dy) { return x > 0.0f ? dy : 0.0f; }
ONDOL_DEVICE float sigmoid_grad(float y, float dy) { return mul(dy, mul(y, sub(1.0f, y))); }
ONDOL_DEVICE float tanh_grad(float y, float dy) { return mul(dy, fma(-y, y, 1.0f)); }

ONDOL_DEVICE float silu_grad(float x, float dy) {
  float s = sigmoid(x);
  return mul(dy, mul(s, fma(x, sub(1.0f, s), 1.0f)));
}

ONDOL_DEVICE float gelu_grad(float x, float dy) {
  float c = mul(0.5f, add(1.0f, erf(mul(x, 0x1.6a09e6p-1f))));
  float d = mul(exp(mul(mul(-0.5f, x), x)), 0x1.988454p-2f);
  return mul(dy, fma(x, d, c));
}

ONDOL_DEVICE float gelu_tanh_grad(float x, float dy) {
  float s = mul(mul(x, x), 0x1.6e4e26p-5f);
  float u = mul(fma(s, x, x), 0x1.988454p-1f);
  float h = tanh(u);
  float du = mul(fma(3.0f, s, 1.0f), 0x1.988454p-1f);
  float a = mul(0.5f, add(1.0f, h));
  float b = mul(mul(0.5f, x), fma(-h, h, 1.0f));
  return mul(dy, fma(b, du, a));
}

ONDOL_DEVICE float activate(float x, int64_t activation) {
  switch (activation) {
    case ONDOL_RELU: return relu(x);
    case ONDOL_GELU: return gelu(x);
    case ONDOL_GELU_TANH: return gelu_tanh(x);
    case ONDOL_SIGMOID: return sigmoid(x);
    case ONDOL_TANH: return tanh(x);
    case ONDOL_SILU: return silu(x);
    default: return x;
  }
}

}  // namespace ondol::cuda

#endif
