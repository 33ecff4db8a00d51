#include "buffer.h"

#include <algorithm>
#include <cstdio>

namespace times {
namespace {

uint32_t bits_of(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

float of_bits(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

uint16_t to_bfloat16(float x) {
  uint32_t bits = bits_of(x);
  if (x != x) return 0x7FC0;
  return static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

// Adding a power of two whose last place is float16's rounds to it, subnormals included.
uint16_t to_float16(float x) {
  uint32_t sign = bits_of(x) >> 16 & 0x8000;
  float a = std::fabs(x);
  if (a != a) return static_cast<uint16_t>(sign | 0x7E00);
  if (a >= 65520) return static_cast<uint16_t>(sign | 0x7C00);
  int exponent = std::max(std::ilogb(std::max(a, 0x1p-24f)), -14);
  float last = std::ldexp(1.0f, exponent - 10);
  float rounded = std::nearbyint(a / last) * last;
  if (rounded < 0x1p-14f) return static_cast<uint16_t>(sign | static_cast<uint32_t>(rounded / 0x1p-24f));
  uint32_t bits = bits_of(rounded);
  return static_cast<uint16_t>(sign | ((bits >> 13) - (112 << 10)));
}

float from_float16(uint16_t h) {
  float sign = h & 0x8000 ? -1.0f : 1.0f;
  uint32_t exponent = h >> 10 & 31, mantissa = h & 0x3FF;
  if (exponent == 31) return mantissa != 0 ? NAN : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(mantissa), -24);
  return sign * std::ldexp(static_cast<float>(mantissa | 0x400), static_cast<int>(exponent) - 25);
}

}  // namespace

uint16_t to_half(float x, Precision::Memory memory) {
  return memory == Precision::BFLOAT16 ? to_bfloat16(x) : to_float16(x);
}

float from_half(uint16_t bits, Precision::Memory memory) {
  return memory == Precision::BFLOAT16 ? of_bits(static_cast<uint32_t>(bits) << 16) : from_float16(bits);
}

std::vector<float> random_values(int64_t count, uint64_t seed) {
  std::vector<float> out(static_cast<size_t>(count));
  uint64_t state = seed * 0x9E3779B97F4A7C15u + 1;
  for (float& x : out) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    uint64_t r = (state ^ state >> 29) * 0xBF58476D1CE4E5B9u;
    int32_t sum = 0;
    for (int i = 0; i < 4; i++) sum += static_cast<int32_t>(r >> (16 * i) & 0xFFFF);
    x = static_cast<float>(sum - 131070) * (1.7320508f / 65536);
  }
  return out;
}

Buffer::Buffer(std::vector<float> values, Precision::Memory memory) : values_(std::move(values)), type_(memory) { upload(); }

Buffer::Buffer(int64_t count, Precision::Memory memory) : values_(static_cast<size_t>(count), NAN), type_(memory) { upload(); }

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(values_, other.values_);
  std::swap(memory_, other.memory_);
  std::swap(type_, other.type_);
  return *this;
}

Buffer::~Buffer() {
  if (memory_ != nullptr) device::release(memory_);
}

void Buffer::upload() {
  int64_t n = static_cast<int64_t>(values_.size());
  if (type_ == Precision::FLOAT32) {
    memory_ = device::allocate(4 * n);
    device::upload(memory_, values_.data(), 4 * n);
    return;
  }
  std::vector<uint16_t> halves(values_.size());
  for (size_t i = 0; i < halves.size(); i++) {
    halves[i] = to_half(values_[i], type_);
    values_[i] = from_half(halves[i], type_);
  }
  memory_ = device::allocate(2 * n);
  device::upload(memory_, halves.data(), 2 * n);
}

std::vector<float> Buffer::read() const {
  int64_t n = static_cast<int64_t>(values_.size());
  std::vector<float> out(values_.size());
  if (type_ == Precision::FLOAT32) {
    device::download(out.data(), memory_, 4 * n);
    return out;
  }
  std::vector<uint16_t> halves(values_.size());
  device::download(halves.data(), memory_, 2 * n);
  for (size_t i = 0; i < halves.size(); i++) out[i] = from_half(halves[i], type_);
  return out;
}

void Checker::add(int64_t at, double actual, double expected, double sum, double terms) {
  double bound = sum * (2 * precision_.unit + (terms + 8) * 0x1p-24);
  if (precision_.memory != Precision::FLOAT32) bound += precision_.unit * std::fabs(expected);
  if (wrong_.empty() && !(std::fabs(actual - expected) <= bound)) {
    char text[200];
    std::snprintf(text, sizeof text, "%s[%lld] is %.9g, expected %.9g within %.3g", what_.c_str(),
                  static_cast<long long>(at), actual, expected, bound);
    wrong_ = text;
  }
}

std::vector<int64_t> samples(int64_t n, int64_t count) {
  std::vector<int64_t> out = {0};
  for (int64_t i = 1; i < count && n > 1; i++) out.push_back(i == 1 ? n - 1 : (i * 0x9E3779B1u) % n);
  return out;
}

}  // namespace times
