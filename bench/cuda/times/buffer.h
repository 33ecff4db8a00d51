// Tensors in device memory in a precision's type, with the host's float32 copy of the same (rounded) values.
#ifndef ONDOL_BENCH_CUDA_BUFFER_H
#define ONDOL_BENCH_CUDA_BUFFER_H

#include <cmath>
#include <cstring>

#include "job.h"

namespace times {

uint16_t to_half(float x, Precision::Memory memory);  // rounded to nearest even
float from_half(uint16_t bits, Precision::Memory memory);

// About normal with unit variance (the sum of four uniform numbers), the same for a seed everywhere.
std::vector<float> random_values(int64_t count, uint64_t seed);

class Buffer {
 public:
  Buffer() = default;
  // Uploads the values and rounds the host's copy to what was uploaded.
  Buffer(std::vector<float> values, Precision::Memory memory);
  // An output, full of NaN.
  Buffer(int64_t count, Precision::Memory memory);
  Buffer(Buffer&& other) noexcept { *this = std::move(other); }
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer();

  // The args structs' type of a pointer, whatever it points to.
  float* data() const { return static_cast<float*>(memory_); }
  const std::vector<float>& values() const { return values_; }
  // What the device holds now.
  std::vector<float> read() const;

 private:
  void upload();
  std::vector<float> values_;
  void* memory_ = nullptr;
  Precision::Memory type_ = Precision::FLOAT32;
};

// Small integers, bytes and float32 tables as they are.
template <class T>
class Table {
 public:
  explicit Table(std::vector<T> values) : values_(std::move(values)) {
    memory_ = device::allocate(static_cast<int64_t>(values_.size() * sizeof(T)));
    device::upload(memory_, values_.data(), static_cast<int64_t>(values_.size() * sizeof(T)));
  }
  Table(const Table&) = delete;
  ~Table() { device::release(memory_); }
  const T* data() const { return static_cast<const T*>(memory_); }
  const std::vector<T>& values() const { return values_; }

 private:
  std::vector<T> values_;
  void* memory_;
};

// Compares one result with its float64 value: `sum` is the sum of the absolute terms, of which there are `terms`. Products
// carry the precision's error, the float32 sum its own, a half result that of its last rounding.
class Checker {
 public:
  Checker(std::string what, const Precision& precision) : what_(std::move(what)), precision_(precision) {}
  void add(int64_t at, double actual, double expected, double sum, double terms);
  const std::string& wrong() const { return wrong_; }

 private:
  std::string what_, wrong_;
  Precision precision_;
};

// A few indices below n: the first, the last and some between.
std::vector<int64_t> samples(int64_t n, int64_t count);

}  // namespace times

#endif
