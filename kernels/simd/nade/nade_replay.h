// The forward pass again, for the gradient: up to 64 rows, some hidden units. The activations are kept at the beginning
// of every segment of about sqrt(D) variables, and computed again from there one segment at a time: going back step by
// step, a - x W, would give other numbers. A row's hidden units are kept once for as long as they stay the same.
#ifndef ONDOL_NADE_REPLAY_H
#define ONDOL_NADE_REPLAY_H

#include "nade/nade.h"
#include "nade/nade_units.h"

namespace ondol {
namespace {

// Which of 64 rows have x != 0, for each block of 64 rows and variable.
struct NadeLive {
  const uint64_t* bits;  // [blocks, variables]
  const float* x;        // transposed: [variables, rows]
  int64_t rows, variables;
};

template <class V>
class NadeReplay {
  typedef typename V::F F;
  typedef NadeUnits<V> Units;
  typedef ondol_nade_args Args;

  const Args& args;
  const NadeLive live;
  const int64_t row, rows, column, units, width;
  const uint64_t mask;
  float *check, *a;

 public:
  const int64_t length, segments;
  float* h;       // kept hidden units, [slots, width]
  float* kept;    // the activations that they are of, or null
  int32_t* slot;  // [length, 64]: by variable of the segment and row, the slot of its hidden units

  static int64_t segment_length(int64_t variables) {
    int64_t n = 1;
    while ((n + 1) * (n + 1) <= variables) n++;
    return n;
  }

  static int64_t bytes(const Args& a, int64_t rows, int64_t width, bool keep) {
    const int64_t length = segment_length(a.variables), segments = ceil_div(a.variables, length);
    return (segments + 1 + length * (keep ? 2 : 1)) * rows * width * (int64_t)sizeof(float) +
           round_up(length * 64 * (int64_t)sizeof(int32_t), 64);
  }

  // `rows` rows from `row` on, within a block of 64; width is the units' number rounded up to whole vectors.
  NadeReplay(const Args& args, const NadeLive& live, int64_t row, int64_t rows, int64_t column, int64_t units,
             int64_t width, bool keep, float* memory)
      : args(args), live(live), row(row), rows(rows), column(column), units(units), width(width),
        mask((rows == 64 ? ~(uint64_t)0 : ((uint64_t)1 << rows) - 1)), length(segment_length(args.variables)),
        segments(ceil_div(args.variables, length)) {
    check = memory;
    a = check + segments * rows * width;
    h = a + rows * width;
    kept = keep ? h + length * rows * width : nullptr;
    slot = (int32_t*)(h + (keep ? 2 : 1) * length * rows * width);
    for (int64_t r = 0; r < rows; r++) {
      Units::copy(args.start + (row + r) * args.start_row + column, units, a + r * width);
    }
    for (int64_t k = 0; k < segments; k++) {
      for (int64_t i = 0; i < rows * width; i += V::lanes) V::store(check + k * rows * width + i, V::load(a + i));
      if (k + 1 == segments) break;
      for (int64_t d = k * length; d < (k + 1) * length; d++) {
        each_bit(nonzero(d), [&](int64_t r) { Units::advance(x(d, r), weights(d), units, a + r * width); });
      }
    }
  }

  ONDOL_INLINE uint64_t nonzero(int64_t d) const {
    return live.bits[row / 64 * live.variables + d] >> (row % 64) & mask;
  }

  ONDOL_INLINE float x(int64_t d, int64_t r) const { return live.x[d * live.rows + row + r]; }

  ONDOL_INLINE const float* weights(int64_t d) const { return args.w + d * args.hidden + column; }

  // The hidden units of variables [k length, end(k)).
  template <bool relu>
  void segment(int64_t k) {
    const int64_t first = k * length;
    for (int64_t i = 0; i < rows * width; i += V::lanes) V::store(a + i, V::load(check + k * rows * width + i));
    int64_t used = 0;
    for (int64_t d = first; d < end(k); d++) {
      int32_t* now = slot + (d - first) * 64;
      const float s = Units::scale(args, d);
      const bool all = d == first || Units::rescaled(args, d);
      if (d > first) {
        for (int64_t r = 0; r < rows; r++) now[r] = now[r - 64];
        each_bit(nonzero(d - 1), [&](int64_t r) {
          now[r] = (int32_t)used;
          Units::template step<relu>(x(d - 1, r), weights(d - 1), s, units, a + r * width, h + used * width);
          keep(r, used++);
        });
      }
      if (!all) continue;
      each_bit(d > first ? mask & ~nonzero(d - 1) : mask, [&](int64_t r) {
        now[r] = (int32_t)used;
        Units::template activate<relu>(a + r * width, s, units, h + used * width);
        keep(r, used++);
      });
    }
  }

  ONDOL_INLINE int64_t end(int64_t k) const { return min_of(args.variables, (k + 1) * length); }

 private:
  ONDOL_INLINE void keep(int64_t r, int64_t to) {
    if (kept == nullptr) return;
    for (int64_t i = 0; i < width; i += V::lanes) V::store(kept + to * width + i, V::load(a + r * width + i));
  }
};

}  // namespace
}  // namespace ondol

#endif
