// Argument checks of the C ABI. Each returns whether the argument is acceptable; the first that fails writes the
// message, which names the argument, its value and what was expected.
#ifndef ONDOL_CHECK_H
#define ONDOL_CHECK_H

#include <stdint.h>

#include "ondol.h"

namespace ondol {

// Writes status and message (printf style) to `error`, where there is one; returns the status.
int64_t report(ondol_error* error, int64_t status, const char* format, ...) __attribute__((format(printf, 3, 4)));

// Addresses, in elements from the base pointer, that a strided operand covers.
struct Extent {
  int64_t low, high;  // first and last element; high < low where the operand is empty
};

class Check {
 public:
  explicit Check(ondol_error* error) : error_(error) {}

  bool fail(const char* format, ...) __attribute__((format(printf, 2, 3)));
  bool at_least(const char* name, int64_t value, int64_t minimum);
  bool between(const char* name, int64_t value, int64_t low, int64_t high);
  bool flag(const char* name, int64_t value) { return between(name, value, 0, 1); }
  bool given(const char* name, const void* pointer);

  // Sizes are not negative and their product is a number of floats that an address space can hold.
  bool sizes(const char* name, const int64_t* sizes, int64_t rank);
  bool matrix(const char* name, int64_t rows, int64_t n);
  // The stride between rows of n floats; the rows of an output may not overlap.
  bool row(const char* name, int64_t stride, int64_t rows, int64_t n, bool output);
  // Addresses of a strided operand can be counted in bytes without overflow.
  bool strides(const char* name, const int64_t* sizes, const int64_t* strides, int64_t rank);
  // Additionally no two elements share an address: strides, by magnitude, nest.
  bool distinct(const char* name, const int64_t* sizes, const int64_t* strides, int64_t rank);
  // Both are contiguous runs of floats: equal pointers only where `same` allows it, no other overlap.
  bool apart(const char* out_name, const void* out, int64_t out_floats, const char* in_name, const void* in,
             int64_t in_floats, bool same);

 private:
  ondol_error* error_;
};

// The extent of an operand that passed Check::strides.
Extent extent(const int64_t* sizes, const int64_t* strides, int64_t rank);

}  // namespace ondol

#endif
