// The samples of one axis of a region that are not outside, bin after bin, as arrays.
#ifndef ONDOL_ROIALIGN_TABLE_H
#define ONDOL_ROIALIGN_TABLE_H

#include "roialign/geometry.h"

namespace ondol {
namespace {

constexpr int64_t ROI_LANES = 16;     // channels side by side
constexpr int64_t ROI_TABLE = 8192;   // entries of a table; regions with more go another way

template <class V>
class RoiTable {
  typedef typename V::F F;
  typedef typename V::I I;

 public:
  int32_t* begin;                  // [bins + 1]: entries of a bin
  int32_t *low, *high;             // cells, counted from the origin
  float *low_weight, *high_weight;
  int32_t first_cell, last_cell;   // the least and the greatest
  int64_t samples;                 // of a bin, those outside included

  static constexpr int64_t ROOM = ROI_TABLE + 64;

  static int64_t bytes() { return 6 * ROOM * 4; }

  RoiTable() = default;

  explicit RoiTable(void* memory) {
    begin = (int32_t*)memory;
    low = begin + ROOM;
    high = low + ROOM;
    low_weight = (float*)(high + ROOM);
    high_weight = low_weight + ROOM;
    position_ = high_weight + ROOM;
  }

  // The samples of bins [from, to); false where they are too many.
  bool fill(const RoiAxis& axis, int64_t from, int64_t to) {
    if (to - from >= ROI_TABLE) return false;
    samples = axis.samples;
    bool fits = axis.samples * (to - from) <= ROI_TABLE ? all(axis, from, to) : searched(axis, from, to);
    if (fits) bound();
    return fits;
  }

  int32_t entries() const { return count_; }
  bool outside(int64_t bin) const { return begin[bin + 1] - begin[bin] < samples; }

  // Counts cells from another one, and each 2^shift times.
  void origin(int32_t cell, int shift) {
    const I first = V::set(cell);
    for (int32_t s = 0; s < count_; s += V::lanes) {
      V::store(low + s, (V::load(low + s) - first) << shift);
      V::store(high + s, (V::load(high + s) - first) << shift);
    }
  }

 private:
  float* position_;
  int32_t count_;

  bool all(const RoiAxis& axis, int64_t from, int64_t to) {
    const int32_t m = (int32_t)axis.samples, n = (int32_t)(to - from) * m;
    for (int32_t k = 0; k < m; k++) low_weight[k] = axis.offset(k);
    float* p = position_;
    for (int64_t i = from; i < to; i++, p += m) {
      const float base = axis.base(i);
      for (int32_t k = 0; k < m; k++) p[k] = base + low_weight[k];
      begin[i - from] = (int32_t)(i - from) * m;
    }
    for (int32_t s = n; s < n + V::lanes; s++) position_[s] = 0.0f;
    begin[to - from] = count_ = n;
    const F size = V::set((float)axis.size), zero = V::set(0.0f), one = V::set(1.0f);
    const I last = V::set((int32_t)(axis.size - 1)), unit = V::set(int32_t(1));
    I outside = V::set(int32_t(0));
    for (int32_t s = 0; s < n; s += V::lanes) {
      const F at = V::load(position_ + s);
      outside = outside | V::select(V::lt(at, V::set(-1.0f)), unit, V::select(V::gt(at, size), unit, V::set(int32_t(0))));
      const F inside = V::greater(at, zero);
      const I cell = V::truncate(inside);
      const auto between = V::lt(cell, last);
      const F weight = inside - V::to_float(cell);
      V::store(low + s, V::select(between, cell, last));
      V::store(high + s, V::select(between, cell + 1, last));
      V::store(low_weight + s, V::select(between, one - weight, one));
      V::store(high_weight + s, V::select(between, weight, zero));
    }
    int32_t lanes[V::lanes], any = 0;
    V::store(lanes, outside);
    for (int32_t lane : lanes) any |= lane;
    if (any != 0) drop(to - from, m, (float)axis.size);
    return true;
  }

  // Takes out the entries that are outside.
  void drop(int64_t bins, int32_t m, float size) {
    int32_t to = 0;
    for (int64_t i = 0; i < bins; i++) {
      begin[i] = to;
      for (int32_t s = (int32_t)i * m; s < ((int32_t)i + 1) * m; s++) {
        if (position_[s] < -1.0f || position_[s] > size) continue;
        low[to] = low[s], high[to] = high[s];
        low_weight[to] = low_weight[s], high_weight[to] = high_weight[s];
        to++;
      }
    }
    begin[bins] = count_ = to;
  }

  bool searched(const RoiAxis& axis, int64_t from, int64_t to) {
    int32_t n = 0;
    for (int64_t i = from; i < to; i++) {
      const RoiRun run = axis.run(i);
      begin[i - from] = n;
      if (run.count() > ROI_TABLE - n) return false;
      for (int64_t k = run.first; k < run.limit; k++, n++) {
        const RoiSample s = axis.sample(i, k);
        low[n] = s.low, high[n] = s.high;
        low_weight[n] = s.low_weight, high_weight[n] = s.high_weight;
      }
    }
    begin[to - from] = count_ = n;
    return true;
  }

  void bound() {
    first_cell = INT32_MAX, last_cell = -1;
    for (int32_t s = 0; s < count_; s++) {
      first_cell = min_of(first_cell, low[s]);
      last_cell = max_of(last_cell, high[s]);
    }
  }
};

}  // namespace
}  // namespace ondol

#endif
