#include "check.h"

#include <stdarg.h>
#include <stdio.h>

#include <algorithm>
#include <utility>

namespace ondol {
namespace {

constexpr int64_t MAX_ELEMENTS = int64_t(1) << 60;  // bytes still fit in int64_t

int64_t write(ondol_error* error, int64_t status, const char* format, va_list values) {
  if (error != nullptr) {
    error->status = status;
    vsnprintf(error->message, sizeof error->message, format, values);
  }
  return status;
}

bool in_order(const void* a, const void* b) {
  return reinterpret_cast<uintptr_t>(a) <= reinterpret_cast<uintptr_t>(b);
}

}  // namespace

int64_t report(ondol_error* error, int64_t status, const char* format, ...) {
  va_list values;
  va_start(values, format);
  write(error, status, format, values);
  va_end(values);
  return status;
}

bool Check::fail(const char* format, ...) {
  va_list values;
  va_start(values, format);
  write(error_, ONDOL_INVALID_ARGUMENT, format, values);
  va_end(values);
  return false;
}

bool Check::at_least(const char* name, int64_t value, int64_t minimum) {
  return value >= minimum || fail("%s = %lld: expected at least %lld", name, (long long)value, (long long)minimum);
}

bool Check::between(const char* name, int64_t value, int64_t low, int64_t high) {
  return (value >= low && value <= high) ||
         fail("%s = %lld: expected %lld to %lld", name, (long long)value, (long long)low, (long long)high);
}

bool Check::given(const char* name, const void* pointer) {
  return pointer != nullptr || fail("%s = null: expected a pointer to its elements", name);
}

bool Check::sizes(const char* name, const int64_t* sizes, int64_t rank) {
  int64_t product = 1;
  for (int64_t d = 0; d < rank; d++) {
    if (sizes[d] < 0) return fail("%s[%lld] = %lld: expected at least 0", name, (long long)d, (long long)sizes[d]);
    if (sizes[d] == 0) continue;  // the others still have to be sane
    if (__builtin_mul_overflow(product, sizes[d], &product) || product > MAX_ELEMENTS) {
      return fail("%s[%lld] = %lld: expected a product of sizes of at most 2^60", name, (long long)d,
                  (long long)sizes[d]);
    }
  }
  return true;
}

bool Check::matrix(const char* name, int64_t rows, int64_t n) {
  const int64_t both[] = {rows, n};
  return sizes(name, both, 2);
}

bool Check::row(const char* name, int64_t stride, int64_t rows, int64_t n, bool output) {
  const int64_t least = output && rows > 1 ? n : 0;
  int64_t reach;
  if (stride < least && rows > 1) {
    return fail("%s = %lld: expected at least %lld", name, (long long)stride, (long long)least);
  }
  if (rows > 1 && (__builtin_mul_overflow(rows - 1, stride, &reach) || reach > MAX_ELEMENTS)) {
    return fail("%s = %lld: expected rows within 2^60 elements", name, (long long)stride);
  }
  return true;
}

bool Check::strides(const char* name, const int64_t* sizes, const int64_t* strides, int64_t rank) {
  int64_t reach = 0;
  for (int64_t d = 0; d < rank; d++) {
    if (sizes[d] <= 1) continue;
    int64_t part;
    bool bad = strides[d] < -MAX_ELEMENTS || strides[d] > MAX_ELEMENTS ||
               __builtin_mul_overflow(sizes[d] - 1, strides[d] < 0 ? -strides[d] : strides[d], &part) ||
               __builtin_add_overflow(reach, part, &reach) || reach > MAX_ELEMENTS;
    if (bad) {
      return fail("%s[%lld] = %lld: expected addresses within 2^60 elements", name, (long long)d,
                  (long long)strides[d]);
    }
  }
  return true;
}

bool Check::distinct(const char* name, const int64_t* sizes, const int64_t* strides, int64_t rank) {
  if (!this->strides(name, sizes, strides, rank)) return false;
  std::pair<int64_t, int64_t> steps[16];  // magnitude of a stride, its dimension
  int64_t count = 0;
  for (int64_t d = 0; d < rank; d++) {
    if (sizes[d] == 0) return true;
    if (sizes[d] > 1) steps[count++] = {strides[d] < 0 ? -strides[d] : strides[d], d};
  }
  std::sort(steps, steps + count);
  int64_t reach = 0;
  for (int64_t i = 0; i < count; i++) {
    const int64_t d = steps[i].second;
    if (steps[i].first <= reach) {
      return fail("%s[%lld] = %lld: expected a magnitude of at least %lld, so that no two output elements overlap",
                  name, (long long)d, (long long)strides[d], (long long)(reach + 1));
    }
    reach += (sizes[d] - 1) * steps[i].first;
  }
  return true;
}

bool Check::apart(const char* out_name, const void* out, int64_t out_floats, const char* in_name, const void* in,
                  int64_t in_floats, bool same) {
  if (out == nullptr || in == nullptr || out_floats <= 0 || in_floats <= 0 || (same && out == in)) return true;
  const char* a = static_cast<const char*>(out);
  const char* b = static_cast<const char*>(in);
  if (in_order(a + out_floats * 4, b) || in_order(b + in_floats * 4, a)) return true;
  return fail("%s = %p: expected no overlap with %s = %p%s", out_name, out, in_name, in,
              same ? " (they may only be equal)" : "");
}

Extent extent(const int64_t* sizes, const int64_t* strides, int64_t rank) {
  Extent e = {0, 0};
  for (int64_t d = 0; d < rank; d++) {
    if (sizes[d] == 0) return {0, -1};
    (strides[d] < 0 ? e.low : e.high) += (sizes[d] - 1) * strides[d];
  }
  return e;
}

}  // namespace ondol
