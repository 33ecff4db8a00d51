// A zero-padded piece of some channels of one image. Columns are dealt out to `step_w` parts by their number modulo the
// horizontal stride, rows likewise, so that positions that are neighbours in y are neighbours here.
#ifndef ONDOL_CONV_PATCH_H
#define ONDOL_CONV_PATCH_H

#include "conv/problem.h"

namespace ondol {
namespace {

template <class V>
class Patch {
 public:
  // For `rows` consecutive positions of y's axis and all of x's, where the widest phase has `columns`.
  Patch(const Axis& y, const Axis& x, int64_t rows, int64_t columns)
      : step_h(y.stride),
        step_w(x.stride),
        height(rows + (y.span - 1) / y.stride),
        pitch(columns + (x.span - 1) / x.stride),
        part(height * pitch),
        plane(odd_lines(part * step_h * step_w)) {}

  // x itself, where it needs neither padding nor dealing out.
  Patch(int64_t channel_stride, int64_t width)
      : step_h(1), step_w(1), height(1), pitch(width), part(0), plane(channel_stride) {}

  const int64_t step_h, step_w, height, pitch, part, plane;

  // Floats of `channels` channels; positions are read in whole vectors, so there is slack behind the last.
  int64_t floats(int64_t channels) const { return channels * plane + 8 * V::lanes * 2; }

  // Where a tap lies, from the place of position (0, 0).
  int64_t offset(int64_t channel, int64_t tap_y, int64_t tap_x) const {
    return channel * plane + (tap_y % step_h * step_w + tap_x % step_w) * part + tap_y / step_h * pitch + tap_x / step_w;
  }

  // Fills the patch: its first row and column lie at (top, left) of x's plane of height x width.
  void fill(const float* x, int64_t channel_stride, int64_t channels, int64_t top, int64_t left, int64_t x_height,
            int64_t x_width, float* out) const {
    for (int64_t c = 0; c < channels; c++) {
      for (int64_t ph = 0; ph < step_h; ph++) {
        for (int64_t r = 0; r < height; r++) {
          const int64_t row = top + r * step_h + ph;
          const float* from = row < 0 || row >= x_height ? nullptr : x + c * channel_stride + row * x_width;
          float* to = out + c * plane + ph * step_w * part + r * pitch;
          for (int64_t pw = 0; pw < step_w; pw++) line(from, left + pw, x_width, to + pw * part);
        }
      }
    }
  }

 private:
  // An odd number of cache lines: neighbouring channels do not compete for the same sets.
  static int64_t odd_lines(int64_t floats) {
    const int64_t lines = ceil_div(floats, 16);
    return (lines + (lines % 2 == 0)) * 16;
  }

  // Columns first, first + step_w, ... of a row, or zeros where there is none.
  void line(const float* row, int64_t first, int64_t width, float* to) const {
    const int64_t begin = row == nullptr || first >= 0 ? 0 : min_of(pitch, ceil_div(-first, step_w));
    const int64_t end = row == nullptr ? 0 : clamp(first >= width ? 0 : ceil_div(width - first, step_w), begin);
    zero(to, row == nullptr ? 0 : begin);
    if (row != nullptr) {
      const float* from = row + first;
      if (step_w == 1) {
        copy(from + begin, to + begin, end - begin);
      } else if (step_w == 2) {
        halve(from + 2 * begin, to + begin, end - begin);
      } else {
        for (int64_t i = begin; i < end; i++) to[i] = from[i * step_w];
      }
    }
    zero(to + end, pitch - end);
  }

  int64_t clamp(int64_t end, int64_t begin) const { return max_of(begin, min_of(end, pitch)); }

  static void copy(const float* from, float* to, int64_t n) {
    int64_t i = 0;
    for (; i + V::lanes <= n; i += V::lanes) V::store(to + i, V::load(from + i));
    if (i < n) V::store(to + i, V::load(from + i, n - i), n - i);
  }

  // Every second value.
  static void halve(const float* from, float* to, int64_t n) {
    typename V::I even;
    for (int l = 0; l < V::lanes; l++) even[l] = 2 * l;
    int64_t i = 0;
    // The last value of the second load is not wanted and may lie behind the row's end.
    for (; i + V::lanes < n; i += V::lanes) {
      V::store(to + i, __builtin_shuffle(V::load(from + 2 * i), V::load(from + 2 * i + V::lanes), even));
    }
    for (; i < n; i++) to[i] = from[2 * i];
  }

  static void zero(float* to, int64_t n) {
    int64_t i = 0;
    for (; i + V::lanes <= n; i += V::lanes) V::store(to + i, V::set(0.0f));
    if (i < n) V::store(to + i, V::set(0.0f), n - i);
  }
};

}  // namespace
}  // namespace ondol

#endif
