// The transform of x: columns first, while neighbouring columns of x are neighbouring lanes, which columns that two tiles
// share go through once; then the columns are dealt out by fours, so that lanes are tiles, and the rows are transformed.
#ifndef ONDOL_WINOGRAD_INPUT_H
#define ONDOL_WINOGRAD_INPUT_H

#include "conv/ahead.h"
#include "conv/problem.h"
#include "winograd/plan.h"

namespace ondol {
namespace {

template <class V>
struct WinogradInput {
  typedef typename V::F F;
  typedef typename V::I I;
  static constexpr int64_t TILE = WINOGRAD_TILE, SIDE = WINOGRAD_SIDE;

  const ondol_conv_args& a;
  const int64_t pitch, point;  // from a channel to the next and from a point to the next, in the transformed inputs

  // All channels of a strip. Whole vectors are written: what passes the last tile of a row or channel is written after it.
  void strip(const WinogradStrip& s, float* out) const {
    const int64_t n = s.end - s.begin;
    if (s.rows == 1 && n <= MOST) {
      row(s, 0, 0, 0, a.x_channels, out);
      return;
    }
    for (int64_t c = 0; c < a.x_channels; c++) {
      for (int64_t i = 0; i < WINOGRAD_POINTS; i++) ask_to_write(out + i * point + (c + AHEAD) * pitch);
      for (int64_t r = 0; r < s.rows; r++) {
        for (int64_t t = 0; t < n; t += MOST) row(s, r, t, c, c + 1, out + r * n + t);
      }
    }
  }

 private:
  // A vector of first columns has the first column of one tile more, whose other columns the next lanes need.
  static constexpr int64_t MOST = V::lanes - 1;
  // Channels that the lines of 36 points are asked for ahead, in strips of some rows: their blocks do not fit a second-level
  // cache. x is asked for two channels ahead (Zen 5, 64-64 56 x 56: 0.315 instead of 0.338 ms; 256-256: 2.46 instead of 2.67).
  static constexpr int64_t AHEAD = 4;

  // Channels [begin, end) of at most MOST tiles of a row of the strip, from tile t on.
  void row(const WinogradStrip& s, int64_t r, int64_t t, int64_t begin, int64_t end, float* out) const {
    const int64_t tiles_h = ceil_div(a.y_height, TILE), image = (s.first + r) / tiles_h;
    const int64_t top = (s.first + r) % tiles_h * TILE - a.pad_top, left = (s.begin + t) * TILE - a.pad_left;
    const int64_t vectors = ceil_div(min_of(MOST, s.end - s.begin - t) * TILE + 2, (int64_t)V::lanes);
    const float* x = a.x + image * a.x_batch;
    if (vectors == 1) {
      piece<1>(x, top, left, begin, end, out);
    } else if (vectors == 2) {
      piece<2>(x, top, left, begin, end, out);
    } else if (vectors == 3) {
      piece<3>(x, top, left, begin, end, out);
    } else {
      piece<4>(x, top, left, begin, end, out);
    }
  }

  template <int vectors>
  void piece(const float* x, int64_t top, int64_t left, int64_t begin, int64_t end, float* out) const {
    const int64_t width = a.x_width, step = point;
    const bool inside = top >= 0 && top + SIDE <= a.x_height;
    int64_t first[vectors], last[vectors];
    ONDOL_UNROLL for (int v = 0; v < vectors; v++) {
      first[v] = clamp(-left - v * V::lanes);
      last[v] = clamp(width - left - v * V::lanes);
    }
    for (int64_t c = begin; c < end; c++) {
      const float* from = x + c * a.x_channel + top * width + left;
      float* to = out + c * pitch;
      for (int64_t i = 0; i < SIDE; i++) {
        for (int v = 0; v < vectors; v++) ask_to_read(from + 2 * a.x_channel + i * width + v * V::lanes);
      }
      F columns[SIDE][vectors];
      ONDOL_UNROLL for (int v = 0; v < vectors; v++) {
        F d[SIDE];
        if (inside) {
          ONDOL_UNROLL for (int64_t i = 0; i < SIDE; i++) d[i] = V::load(from + v * V::lanes + i * width, first[v], last[v]);
        } else {
          for (int64_t i = 0; i < SIDE; i++) {
            const bool there = top + i >= 0 && top + i < a.x_height;
            d[i] = there ? V::load(from + v * V::lanes + i * width, first[v], last[v]) : V::set(0.0f);
          }
        }
        transform(d);
        ONDOL_UNROLL for (int64_t i = 0; i < SIDE; i++) columns[i][v] = d[i];
      }
      for (int64_t i = 0; i < SIDE; i++) {
        F d[SIDE];
        deal<vectors>(columns[i], d);
        transform(d);
        ONDOL_UNROLL for (int64_t j = 0; j < SIDE; j++) V::store(to + (i * SIDE + j) * step, d[j]);
      }
    }
  }

  static int64_t clamp(int64_t n) { return max_of<int64_t>(0, min_of<int64_t>(n, V::lanes)); }

  // Lane l of d[j] is column 4 l + j.
  template <int vectors>
  static ONDOL_INLINE void deal(const F* columns, F* d) {
    if constexpr (vectors <= 2) {
      ONDOL_UNROLL for (int j = 0; j < SIDE; j++) d[j] = __builtin_shuffle(columns[0], columns[vectors - 1], every(4, j));
    } else {
      const F *v = columns, last = columns[vectors - 1];
      const F even = __builtin_shuffle(v[0], v[1], every(2, 0)), odd = __builtin_shuffle(v[0], v[1], every(2, 1));
      const F even2 = __builtin_shuffle(v[2], last, every(2, 0)), odd2 = __builtin_shuffle(v[2], last, every(2, 1));
      d[0] = __builtin_shuffle(even, even2, every(2, 0));
      d[1] = __builtin_shuffle(odd, odd2, every(2, 0));
      d[2] = __builtin_shuffle(even, even2, every(2, 1));
      d[3] = __builtin_shuffle(odd, odd2, every(2, 1));
      d[4] = __builtin_shuffle(d[0], every(1, 1));
      d[5] = __builtin_shuffle(d[1], every(1, 1));
    }
  }

  // Numbers modulo twice the lanes, as shuffles of two vectors take them.
  static ONDOL_INLINE I every(int step, int first) {
    I at;
    for (int l = 0; l < V::lanes; l++) at[l] = (step * l + first) % (2 * V::lanes);
    return at;
  }

  // B of docs/arithmetic.md, Winograd.
  static ONDOL_INLINE void transform(F* d) {
    const F four = V::set(4.0f), minus_four = V::set(-4.0f), minus_five = V::set(-5.0f);
    const F t0 = V::fma(four, d[0], V::fma(minus_five, d[2], d[4]));
    const F t5 = V::fma(four, d[1], V::fma(minus_five, d[3], d[5]));
    const F p = V::fma(minus_four, d[2], d[4]), q = V::fma(minus_four, d[1], d[3]);
    const F r = d[4] - d[2], s = (d[3] - d[1]) * 2.0f;
    d[0] = t0;
    d[1] = p + q;
    d[2] = p - q;
    d[3] = r + s;
    d[4] = r - s;
    d[5] = t5;
  }
};

}  // namespace
}  // namespace ondol

#endif
