// cast against rounding by its definition, on every variant, and what it refuses.
#include <math.h>

#include "testing.h"

using namespace testing;

namespace {

struct Format {
  const char* name;
  int64_t type;
  int fraction, highest;  // bits of fraction, exponent of the largest power of two
};

const Format formats[] = {{"bfloat16", ONDOL_TYPE_BFLOAT16, 7, 127}, {"float16", ONDOL_TYPE_FLOAT16, 10, 15}};

// The number that the bits of a 16-bit format stand for.
float number(const Format& f, uint16_t h) {
  const double sign = h >> 15 ? -1 : 1;
  const int exponent = (h & 0x7FFF) >> f.fraction, fraction = h & ((1 << f.fraction) - 1);
  if (exponent == 2 * f.highest + 1) return fraction ? nan() : (float)(sign * INFINITY);
  const double significand = fraction + (exponent ? 1 << f.fraction : 0);
  return (float)(sign * ldexp(significand, (exponent ? exponent : 1) - f.highest - f.fraction));
}

// The nearest number of a format, of two the one with an even last place.
float rounded(const Format& f, float x) {
  if (x == 0 || !isfinite(x)) return x;
  int exponent;
  frexp(x, &exponent);
  const int unit = (exponent - 1 < 1 - f.highest ? 1 - f.highest : exponent - 1) - f.fraction;
  const double r = ldexp(nearbyint(ldexp(x, -unit)), unit);
  return fabs(r) >= ldexp(1, f.highest + 1) ? copysignf(INFINITY, x) : (float)r;
}

ondol_cast_args flat(int64_t from, int64_t to, int64_t n, const void* x, void* y) {
  ondol_cast_args a = {};
  a.from = from;
  a.to = to;
  a.rank = 1;
  a.shape[0] = n;
  a.x = x;
  a.y = y;
  a.x_stride[0] = a.y_stride[0] = 1;
  return a;
}

void numbers_are_rounded_and_come_back(std::mt19937& random) {
  for (const Format& f : formats) {
    std::vector<float> x;
    for (uint32_t high = 0; high < 1 << 16; high++) {
      for (uint32_t low : {0u, 1u, 0x0FFFu, 0x1000u, 0x1001u, 0x3000u, 0x7FFFu, 0x8000u, 0x8001u, (uint32_t)random() & 0xFFFF}) {
        const uint32_t word = high << 16 | low;
        float value;
        memcpy(&value, &word, sizeof value);
        x.push_back(value);
      }
    }
    for (int i = 0; i < 2100; i++) {
      const float tie = ldexpf((float)i, -25);
      for (float near : {tie, nextafterf(tie, 1), nextafterf(tie, -1)}) x.push_back(near), x.push_back(-near);
    }
    const int64_t n = (int64_t)x.size();
    std::vector<uint16_t> half(n);
    std::vector<float> back(n);
    for (int64_t variant : variants("cast")) {
      const char* name = ondol_variant_name("cast", variant);
      run_variant(ondol_cast_plan, ondol_cast_run, flat(ONDOL_TYPE_FLOAT32, f.type, n, x.data(), half.data()), variant, 1);
      run_variant(ondol_cast_plan, ondol_cast_run, flat(f.type, ONDOL_TYPE_FLOAT32, n, half.data(), back.data()), variant, 1);
      for (int64_t i = 0; i < n; i++) {
        const float expected = rounded(f, x[i]);
        EXPECT(same(number(f, half[i]), expected), "%s %s of %a: %04x, expected %a", name, f.name, x[i], half[i], expected);
        EXPECT(same(back[i], expected), "%s %s %04x: %a, expected %a", name, f.name, half[i], back[i], expected);
      }
    }
  }
}

void ragged_sizes_stay_inside() {
  for (int64_t n : {0, 1, 3, 4, 7, 8, 9, 15, 16, 17, 33, 32768, 32769}) {
    std::vector<float> x(n, 1.5f);
    for (int64_t variant : variants("cast")) {
      std::vector<uint16_t> half(n + 1, 0x1234);
      std::vector<float> back(n + 1, -7.0f);
      run_variant(ondol_cast_plan, ondol_cast_run, flat(0, 2, n, x.data(), half.data()), variant, 2);
      run_variant(ondol_cast_plan, ondol_cast_run, flat(2, 0, n, half.data(), back.data()), variant, 2);
      EXPECT(half[n] == 0x1234 && back[n] == -7.0f, "n=%ld wrote past the end", (long)n);
      for (int64_t i = 0; i < n; i++) EXPECT(half[i] == 0x3E00 && back[i] == 1.5f, "n=%ld i=%ld", (long)n, (long)i);
    }
  }
}

void strides_and_equal_types(std::mt19937& random) {
  std::vector<uint16_t> x(5 * 300);
  for (uint16_t& h : x) h = (uint16_t)random();
  ondol_cast_args a = flat(1, 1, 0, x.data(), nullptr);  // y[i][j] = x[j][i] with gaps
  a.rank = 2;
  a.shape[0] = 300, a.shape[1] = 5;
  a.x_stride[0] = 1, a.x_stride[1] = 300;
  a.y_stride[0] = 7, a.y_stride[1] = 1;
  for (int64_t variant : variants("cast")) {
    std::vector<uint16_t> y(300 * 7, 0xAAAA);
    a.y = y.data();
    run_variant(ondol_cast_plan, ondol_cast_run, a, variant, 1);
    for (int64_t i = 0; i < 300 * 7; i++) {
      const uint16_t expected = i % 7 < 5 ? x[i % 7 * 300 + i / 7] : 0xAAAA;
      EXPECT(y[i] == expected, "i=%ld: %04x, expected %04x", (long)i, y[i], expected);
    }
  }
}

void refused(ondol_cast_args a, const char* message) {
  ondol_error error = {};
  EXPECT(ondol_cast(&a, &error) == ONDOL_INVALID_ARGUMENT, "%s", message);
  EXPECT(strstr(error.message, message) != nullptr, "\"%s\" lacks \"%s\"", error.message, message);
}

void bad_arguments_are_named() {
  std::vector<float> x(100);
  std::vector<uint16_t> y(100);
  const ondol_cast_args good = flat(0, 1, 50, x.data(), y.data());
  EXPECT(ondol_cast(&good, nullptr) == ONDOL_OK, "valid call");
  ondol_cast_args a = good;
  a.from = 3;
  refused(a, "from = 3");
  a = good;
  a.to = -1;
  refused(a, "to = -1");
  a = good;
  a.rank = 7;
  refused(a, "rank = 7");
  a = good;
  a.x = nullptr;
  refused(a, "x = null");
  a = good;
  a.y = nullptr;
  refused(a, "y = null");
  a = good;
  a.y_stride[0] = 0;
  refused(a, "y_stride[0] = 0");
  a = good;
  a.y = x.data() + 10;
  refused(a, "expected memory of its own");
}

}  // namespace

int main() {
  const unsigned s = seed();
  printf("seed %u\n", s);
  std::mt19937 random(s);
  numbers_are_rounded_and_come_back(random);
  ragged_sizes_stay_inside();
  strides_and_equal_types(random);
  bad_arguments_are_named();
  return finish();
}
