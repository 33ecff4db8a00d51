// Floats that end at a page which cannot be read or written.
#ifndef ONDOL_GUARDED_H
#define ONDOL_GUARDED_H

#include <stdint.h>

#include "testing.h"

namespace testing {

class Guarded {
 public:
  explicit Guarded(int64_t floats) : floats_(floats) {
    const int64_t page = sysconf(_SC_PAGESIZE);
    bytes_ = (floats * 4 + page - 1) / page * page + page;
    base_ = static_cast<char*>(mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(base_ + bytes_ - page, page, PROT_NONE);
    data_ = reinterpret_cast<float*>(base_ + bytes_ - page) - floats;
    fill(nan());
  }
  ~Guarded() { munmap(base_, bytes_); }
  Guarded(const Guarded&) = delete;

  float* data() { return data_; }
  void fill(float x) {
    for (int64_t i = 0; i < floats_; i++) data_[i] = x;
  }
  int64_t size() const { return floats_; }

 private:
  int64_t floats_, bytes_;
  char* base_;
  float* data_;
};

inline int64_t pick(std::mt19937& random, std::initializer_list<int64_t> list) {
  return list.begin()[random() % list.size()];
}

// The activation as its own elementwise call, which elementwise_test compares with the C library.
inline float activated(float x, int64_t activation) {
  static const int64_t ops[] = {0, 3, 4, 5, 6, 7, 8};  // copy, relu, gelu, gelu_tanh, sigmoid, tanh, silu
  ondol_elementwise_args a = {};
  float y;
  a.op = ops[activation];
  a.rank = 0;
  a.x = &x;
  a.out = &y;
  EXPECT(ondol_elementwise(&a, nullptr) == ONDOL_OK, "activation %ld", (long)activation);
  return y;
}

}  // namespace testing

#endif
