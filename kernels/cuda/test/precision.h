// What the tests of lower precision share: operands as such a call stores them, and the reference in that precision.
// A kernel's error against sums in double may be twice that of the reference, and one unit in the last place more.
#ifndef ONDOL_CUDA_TEST_PRECISION_H
#define ONDOL_CUDA_TEST_PRECISION_H

#ifndef ONDOL_CUDA_EMULATE
#define ONDOL_CUDA_EMULATE
#endif
#include "narrow.cuh"

#include <algorithm>
#include <cmath>
#include <vector>

#include "emulated.h"

namespace testing {

inline bool is_narrow(int64_t precision) { return precision == ONDOL_BFLOAT16 || precision == ONDOL_FLOAT16; }

inline float round_to(int64_t precision, float x) {
  using namespace ondol::cuda;
  if (precision == ONDOL_BFLOAT16) return from_bfloat16(to_bfloat16(x));
  return precision == ONDOL_FLOAT16 ? from_float16(to_float16(x)) : x;
}

// Numbers as a call has them in memory; `values` are what is stored. `shift` elements before them spoil the alignment.
struct Stored {
  int64_t precision;
  size_t shift;
  std::vector<float> values;
  std::vector<uint16_t> narrow;
  std::vector<float> wide;

  Stored(int64_t precision, const std::vector<float>& from, size_t shift = 0)
      : precision(precision), shift(shift), values(from) {
    for (float& x : values) x = round_to(precision, x);
    if (is_narrow(precision)) {
      narrow.resize(shift);
      for (float x : values) {
        narrow.push_back(precision == ONDOL_BFLOAT16 ? ondol::cuda::to_bfloat16(x) : ondol::cuda::to_float16(x));
      }
    } else {
      wide.resize(shift);
      wide.insert(wide.end(), values.begin(), values.end());
    }
  }

  float* data() {
    return is_narrow(precision) ? reinterpret_cast<float*>(narrow.data() + shift) : wide.data() + shift;
  }

  // What memory holds now.
  float at(size_t i) const {
    using namespace ondol::cuda;
    if (!is_narrow(precision)) return wide[shift + i];
    return precision == ONDOL_BFLOAT16 ? from_bfloat16(narrow[shift + i]) : from_float16(narrow[shift + i]);
  }
};

// A sum of products in the precision, and the same in double of the stored operands.
struct Sum {
  int64_t precision;
  float low = 0;
  double exact = 0;

  explicit Sum(int64_t precision) : precision(precision) {}

  void add(float a, float b) {
    using namespace ondol::cuda;
    exact += static_cast<double>(a) * static_cast<double>(b);
    if (precision == ONDOL_TF32) {
      low = std::fma(to_tf32(a), to_tf32(b), low);
    } else if (precision == ONDOL_BFLOAT16X3) {
      uint16_t ah, al, bh, bl;
      split_bfloat16(a, ah, al);
      split_bfloat16(b, bh, bl);
      low = std::fma(from_bfloat16(ah), from_bfloat16(bh), low);
      low = std::fma(from_bfloat16(ah), from_bfloat16(bl), low);
      low = std::fma(from_bfloat16(al), from_bfloat16(bh), low);
    } else {
      low = std::fma(a, b, low);
    }
  }
};

// Factors of 1 whose product in a precision is known: rounded to nearest even by tf32, kept by the two parts of a split.
struct Rounding {
  int64_t precision;
  float factor, product;
};
inline const Rounding roundings[] = {
    {ONDOL_TF32, 1 + 0x3p-12f, 1 + 0x1p-10f},     {ONDOL_TF32, 1 + 0x1p-11f, 1},
    {ONDOL_TF32, 1 + 0x3p-11f, 1 + 0x1p-9f},      {ONDOL_TF32, -1 - 0x5p-12f, -1 - 0x1p-10f},
    {ONDOL_BFLOAT16X3, 1 + 0x1p-15f, 1 + 0x1p-15f}, {ONDOL_BFLOAT16X3, -1 - 0xFFp-15f, -1 - 0xFFp-15f},
};

inline double activated(int64_t which, double x) {
  switch (which) {
    case ONDOL_RELU: return x < 0 ? 0 : x;
    case ONDOL_GELU: return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    case ONDOL_GELU_TANH: return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case ONDOL_SIGMOID: return 1 / (1 + std::exp(-x));
    case ONDOL_TANH: return std::tanh(x);
    case ONDOL_SILU: return x / (1 + std::exp(-x));
    default: return x;
  }
}

inline double unit(int64_t precision, double x) {
  int fraction = precision == ONDOL_BFLOAT16 ? 7 : precision == ONDOL_FLOAT16 ? 10 : 23;
  int least = precision == ONDOL_FLOAT16 ? -14 : -126;
  int exponent = x == 0 ? least : std::max(std::ilogb(x), least);
  return std::ldexp(1.0, exponent - fraction);
}

// Collects an output's elements and judges them together. Infinite and NaN ones must be so too.
struct Judge {
  int64_t precision;
  struct Element {
    float actual, reference;
    double exact;
  };
  std::vector<Element> elements;

  explicit Judge(int64_t precision) : precision(precision) {}

  // The reference is rounded to the result's type here.
  void add(float actual, float reference, double exact) {
    elements.push_back({actual, round_to(precision, reference), exact});
  }

  bool passes(const char* what) const {
    double worst = 0;
    for (const Element& e : elements) {
      if (std::isfinite(e.exact)) worst = std::max(worst, std::fabs(static_cast<double>(e.reference) - e.exact));
    }
    for (size_t i = 0; i < elements.size(); i++) {
      const Element& e = elements[i];
      double actual = static_cast<double>(e.actual);
      bool good = std::isnan(e.exact)   ? std::isnan(actual)
                  : std::isinf(e.exact) ? actual == e.exact
                                        : std::fabs(actual - e.exact) <= 2 * worst + unit(precision, e.exact);
      if (good) continue;
      EXPECT(false, "%s, precision %d, element %zu: %g, expected %g; the reference's worst error is %g", what,
             static_cast<int>(precision), i, actual, e.exact, worst);
      return false;
    }
    return true;
  }
};

}  // namespace testing

#endif
