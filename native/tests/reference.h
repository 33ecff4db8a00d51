// docs/arithmetic.md once more, one float at a time: what the kernels must match to the bit.
#ifndef ONDOL_REFERENCE_H
#define ONDOL_REFERENCE_H

#include <math.h>
#include <stdint.h>
#include <string.h>

namespace reference {

constexpr float MAGIC = 12582912.0f;

inline float from_bits(uint32_t b) {
  float x;
  memcpy(&x, &b, sizeof x);
  return x;
}

inline uint32_t to_bits(float x) {
  uint32_t b;
  memcpy(&b, &x, sizeof b);
  return b;
}

template <int n>
float horner(float r, const float (&c)[n]) {
  float p = c[n - 1];
  for (int i = n - 2; i >= 0; i--) p = fmaf(p, r, c[i]);
  return p;
}

inline float power_of_two(int j) {
  return from_bits((uint32_t)(j + 127) << 23);
}

inline float exp2w(float x) {
  if (x != x) return x;
  if (x < -126) return 0;
  const float t = x + MAGIC, n = t - MAGIC;
  const float p =
      horner(x - n, {1, 0x1.62e42ap-1f, 0x1.ebf9bcp-3f, 0x1.c6b752p-5f, 0x1.3cea88p-7f, 0x1.5bba0ep-10f});
  return p * power_of_two((int)n);
}

inline float exp(float x) {
  if (x != x) return x;
  x = x < -104 ? -104 : x;
  x = x > 89 ? 89 : x;
  const float t = fmaf(x, 0x1.715476p+0f, MAGIC), n = t - MAGIC;
  const float r = fmaf(n, -0x1.7f7d1cp-20f, fmaf(n, -0x1.62e4p-1f, x));
  const float p =
      horner(r, {1, 1, 0x1.fffffcp-2f, 0x1.555492p-3f, 0x1.5558f2p-5f, 0x1.1239e4p-7f, 0x1.6a243p-10f});
  const int i = (int)n, half = (int)floor(i / 2.0);
  return (p * power_of_two(half)) * power_of_two(i - half);
}

inline float log(float x) {
  if (x != x || x == INFINITY) return x;
  if (x == 0) return -INFINITY;
  if (x < 0) return NAN;
  int e0 = 0;
  if (x < 0x1p-126f) x *= 0x1p23f, e0 = -23;
  const int32_t i = (int32_t)(to_bits(x) - 0x3F3504F3u);
  const float e = (float)((int)floor(i / 8388608.0) + e0);
  const float m = from_bits(((uint32_t)i & 0x7FFFFF) + 0x3F3504F3u);
  const float f = m - 1, s = f * f;
  const float q = horner(f, {0x1.555548p-2f, -0x1.000006p-2f, 0x1.99a4b6p-3f, -0x1.555c4ep-3f, 0x1.233766p-3f,
                             -0x1.fc220ep-4f, 0x1.e6f08cp-4f, -0x1.de3bf8p-4f, 0x1.14573ep-4f});
  float y = (f * s) * q;
  y = fmaf(e, -0x1.bd0106p-13f, y);
  y = fmaf(-0.5f, s, y);
  return fmaf(e, 0x1.63p-1f, f + y);
}

inline float max(float a, float b) {
  return a > b || a != a ? a : b;
}

// Sixteen partials and the tree; term(p, i) adds element i to its partial.
template <class Term, class Join>
float tree16(int64_t n, float start, Term term, Join join) {
  float p[16];
  for (float& x : p) x = start;
  for (int64_t i = 0; i < n; i++) p[i % 16] = term(p[i % 16], i);
  for (int half = 8; half > 0; half /= 2) {
    for (int j = 0; j < half; j++) p[j] = join(p[j], p[j + half]);
  }
  return p[0];
}

template <class Term>
float sum16(int64_t n, Term term) {
  return tree16(n, 0.0f, term, [](float a, float b) { return a + b; });
}

template <class Value>
float max16(int64_t n, Value value) {
  return tree16(n, -INFINITY, [&](float p, int64_t i) { return max(p, value(i)); }, max);
}

}  // namespace reference

#endif
