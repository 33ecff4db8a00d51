// Memory that a task will want, asked for a few cache lines at a time between its tiles: rows of x of the next block of
// channels, and, during the last block, the rows of y that the sums go to. Each is some hundred bytes in every channel's
// plane, too short for the processor to see by itself.
#ifndef ONDOL_CONV_AHEAD_H
#define ONDOL_CONV_AHEAD_H

#include "simd.h"

namespace ondol {
namespace {

ONDOL_INLINE void ask_to_read(const float* p) {
  __builtin_prefetch(p, 0, 2);
}

ONDOL_INLINE void ask_to_write(const float* p) {
#if defined(__x86_64__) && !defined(ONDOL_EMULATE_AVX512)
  __asm__ volatile("prefetchw %0" : : "m"(*p));  // nothing on a CPU that does not know it
#else
  __builtin_prefetch(p, 1, 2);
#endif
}

class Ahead {
 public:
  // Planes from `first` on, `stride` apart, and in each `floats` floats.
  struct Planes {
    const float* first;
    int64_t stride, count, floats;
  };

  Ahead() : planes{nullptr, 0, 0, 0}, lines(0), each(0), write(false), plane(0), line(0) {}

  // To be had after `calls` calls of ask.
  Ahead(const Planes& planes, bool write, int64_t calls)
      : planes(planes), lines(ceil_div(planes.floats, 16)), write(write), plane(0), line(0) {
    each = ceil_div(planes.count * lines, max_of<int64_t>(1, calls));
  }

  void ask() {
    for (int64_t n = each; n > 0 && plane < planes.count; n--) {
      const float* p = planes.first + plane * planes.stride + line * 16;
      write ? ask_to_write(p) : ask_to_read(p);
      if (++line < lines) continue;
      line = 0;
      plane++;
    }
  }

 private:
  Planes planes;
  int64_t lines, each;
  bool write;
  int64_t plane, line;
};

}  // namespace
}  // namespace ondol

#endif
