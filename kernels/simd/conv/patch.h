// A zero-padded piece of some channels of one image. Columns are dealt out to `step_w` parts by their number modulo the
// horizontal stride, rows likewise, so that positions that are neighbours in y are neighbours here.
#ifndef ONDOL_CONV_PATCH_H
#define ONDOL_CONV_PATCH_H

#include "conv/ahead.h"
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
        const Rows rows = {height, clamp(ceil_of(-top - ph, step_h), height), clamp(ceil_of(x_height - top - ph, step_h), height)};
        const float* from = x + c * channel_stride + (top + ph) * x_width + left;
        if (c + 2 < channels) ask(from + 2 * channel_stride + rows.begin * step_h * x_width, (rows.end - rows.begin) * step_h * x_width);
        fill_rows(rows, from, step_h * x_width, -left, x_width - left, out + c * plane + ph * step_w * part);
      }
    }
  }

 private:
  // Rows of a part: those of [begin, end) lie in x, the others are zeros.
  struct Rows {
    int64_t count, begin, end;
  };

  static int64_t clamp(int64_t n, int64_t most) { return max_of<int64_t>(0, min_of(n, most)); }

  static void ask(const float* from, int64_t floats) {
    for (int64_t i = 0; i < floats; i += 16) ask_to_read(from + i);
  }

  // An odd number of cache lines: neighbouring channels do not compete for the same sets.
  static int64_t odd_lines(int64_t floats) {
    const int64_t lines = ceil_div(floats, 16);
    return (lines + (lines % 2 == 0)) * 16;
  }

  // The rows of one residue, all columns: column j of row r is from[r * stride + j] for j in [begin, end), else zero.
  // Strips of a vector's width are written whole, the last strip first: what it spills into the next row (or part) is
  // written after it. Tried on Zen 5 as well: row by row, with the bounds of each vector in a loop (3 x 3 128-128 masked:
  // 12.1 instead of 11.4 ms), and that with rows that begin at a cache line (12.1).
  void fill_rows(const Rows& rows, const float* from, int64_t stride, int64_t begin, int64_t end, float* to) const {
    const int64_t count = rows.end - rows.begin;
    from += rows.begin * stride;
    for (int64_t i = (ceil_div(pitch, (int64_t)V::lanes) - 1) * V::lanes; i >= 0; i -= V::lanes) {
      for (int64_t pw = 0; pw < step_w; pw++) {
        float* out = to + pw * part + i;
        zero(out, rows.begin);
        float* const first = out + rows.begin * pitch;
        const int64_t b = begin - i * step_w, e = end - i * step_w;
        if (step_w == 1) {
          copy(from + i, stride, count, b, e, first);
        } else if (step_w == 2) {
          halve(from + 2 * i, stride, count, b, e, pw, first);
        } else {
          pick(from + i * step_w + pw, stride, count, b - pw, e - pw, min_of<int64_t>(V::lanes, pitch - i), first);
        }
        zero(out + rows.end * pitch, rows.count - rows.end);
      }
    }
  }

  void zero(float* to, int64_t rows) const {
    for (int64_t r = 0; r < rows; r++) V::store(to + r * pitch, V::set(0.0f));
  }

  // A vector of each row, of which the elements [begin, end) are there.
  void copy(const float* from, int64_t stride, int64_t rows, int64_t begin, int64_t end, float* to) const {
    if (begin <= 0 && end >= V::lanes) {
      for (int64_t r = 0; r < rows; r++) V::store(to + r * pitch, V::load(from + r * stride));
      return;
    }
    const int64_t b = clamp(begin, V::lanes), e = clamp(end, V::lanes);
    for (int64_t r = 0; r < rows; r++) V::store(to + r * pitch, V::load(from + r * stride, b, e));
  }

  // The same with every second element of two vectors, from the `odd`-th.
  void halve(const float* from, int64_t stride, int64_t rows, int64_t begin, int64_t end, int64_t odd, float* to) const {
    typename V::I chosen;
    for (int l = 0; l < V::lanes; l++) chosen[l] = 2 * l + (int)odd;
    const int64_t b = clamp(begin, V::lanes), e = clamp(end, V::lanes);
    const int64_t b2 = clamp(begin - V::lanes, V::lanes), e2 = clamp(end - V::lanes, V::lanes);
    for (int64_t r = 0; r < rows; r++) {
      const float* at = from + r * stride;
      V::store(to + r * pitch, __builtin_shuffle(V::load(at, b, e), V::load(at + V::lanes, b2, e2), chosen));
    }
  }

  // The same with every step_w-th element, one by one.
  void pick(const float* from, int64_t stride, int64_t rows, int64_t begin, int64_t end, int64_t count, float* to) const {
    const int64_t b = clamp(ceil_of(begin, step_w), count), e = clamp(ceil_of(end, step_w), count);
    for (int64_t r = 0; r < rows; r++) {
      float* out = to + r * pitch;
      for (int64_t i = 0; i < count; i++) out[i] = i >= b && i < e ? from[r * stride + i * step_w] : 0.0f;
    }
  }
};

}  // namespace
}  // namespace ondol

#endif
