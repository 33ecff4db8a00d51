// bfloat16, float16 and tf32 as bits, rounded to nearest even; overflow rounds to infinity, a NaN stays one.
#ifndef ONDOL_CUDA_COMMON_NARROW_CUH
#define ONDOL_CUDA_COMMON_NARROW_CUH

#include "device.cuh"

namespace ondol::cuda {

#ifdef ONDOL_CUDA_EMULATE

ONDOL_DEVICE uint16_t to_bfloat16(float x) {
  uint32_t bits = __float_as_uint(x);
  if (x != x) return 0x7FFF;
  return static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

ONDOL_DEVICE uint16_t to_float16(float x) {
  uint32_t bits = __float_as_uint(x);
  uint32_t sign = bits >> 16 & 0x8000;
  uint32_t a = bits & 0x7FFFFFFF;
  if (a > 0x7F800000) return 0x7FFF;
  if (a >= 0x47800000) return static_cast<uint16_t>(sign | 0x7C00);  // 2^16
  // Adding 2^13 times the least normal, or the power of two that leaves the wanted bits of x, rounds at the right one.
  uint32_t exponent = a >> 23 < 113 ? 113 : a >> 23;
  float anchor = __uint_as_float((exponent + 13) << 23);
  uint32_t rounded = __float_as_uint(__uint_as_float(a) + anchor) - __float_as_uint(anchor);
  return static_cast<uint16_t>(sign | (((exponent - 113) << 10) + rounded));
}

ONDOL_DEVICE float from_float16(uint16_t h) {
  uint32_t a = h & 0x7FFFu;
  uint32_t sign = (h & 0x8000u) << 16;
  if (a >= 0x7C00) return __uint_as_float(sign | (a << 13) | 0x7F800000);
  float magnitude = a < 0x0400 ? static_cast<float>(a) * 0x1p-24f : __uint_as_float((a << 13) + (112u << 23));
  return __uint_as_float(sign | __float_as_uint(magnitude));
}

// Two of them in a word, `low` in its lower half.
ONDOL_DEVICE uint32_t pack_bfloat16(float low, float high) {
  return to_bfloat16(low) | static_cast<uint32_t>(to_bfloat16(high)) << 16;
}

ONDOL_DEVICE uint32_t pack_float16(float low, float high) {
  return to_float16(low) | static_cast<uint32_t>(to_float16(high)) << 16;
}

#else

ONDOL_DEVICE uint16_t to_bfloat16(float x) {
  uint16_t bits;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
}

ONDOL_DEVICE uint16_t to_float16(float x) {
  uint16_t bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
}

ONDOL_DEVICE float from_float16(uint16_t h) {
  float x;
  asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(h));
  return x;
}

ONDOL_DEVICE uint32_t pack_bfloat16(float low, float high) {
  uint32_t word;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  return word;
}

ONDOL_DEVICE uint32_t pack_float16(float low, float high) {
  uint32_t word;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  return word;
}

#endif

ONDOL_DEVICE float from_bfloat16(uint16_t h) { return __uint_as_float(static_cast<uint32_t>(h) << 16); }

// A float with 10 bits of fraction. The instruction that does this rounds ties away from zero, hence the integers.
ONDOL_DEVICE float to_tf32(float x) {
  uint32_t bits = __float_as_uint(x);
  // Of a NaN the tensor core must see a bit of fraction: it reads the upper ones.
  if ((bits & 0x7FFFFFFF) > 0x7F800000) return __uint_as_float(bits | 0x00400000);
  return __uint_as_float((bits + 0xFFF + (bits >> 13 & 1)) & ~0x1FFFu);
}

// x = high + low to about 16 bits, for the three products high high + high low + low high. A finite x has finite parts:
// where rounding would overflow, the high one is the greatest bfloat16. An infinite or NaN x is its high part.
ONDOL_DEVICE void split_bfloat16(float x, uint16_t& high, uint16_t& low) {
  constexpr uint32_t FIELD = 0x7F80;
  uint16_t rounded = to_bfloat16(x);
  uint32_t bits = __float_as_uint(x);
  bool finite = (bits & 0x7FFFFFFF) < 0x7F800000;
  if (finite && (rounded & FIELD) == FIELD) rounded = static_cast<uint16_t>(bits >> 16);
  high = rounded;
  low = finite ? to_bfloat16(__fsub_rn(x, from_bfloat16(rounded))) : uint16_t{0};
}

}  // namespace ondol::cuda

#endif
