// The averages of a region from cells side by side.
#ifndef ONDOL_ROIALIGN_AVERAGE_H
#define ONDOL_ROIALIGN_AVERAGE_H

#include "roialign/cells.h"

namespace ondol {
namespace {

// h(r, j) of a row, for all column bins.
template <class V>
ONDOL_INLINE void roi_line(const float* row, const RoiTable<V>& columns, int64_t bins, float* line) {
  typedef RoiLanes<V> Lanes;
  for (int64_t j = 0; j < bins; j++) {
    Lanes h = Lanes::zero();
    for (int32_t s = columns.begin[j]; s < columns.begin[j + 1]; s++) {
      h.add(columns.low_weight[s], Lanes::load(row + columns.low[s]));
      h.add(columns.high_weight[s], Lanes::load(row + columns.high[s]));
    }
    h.store(line + j * ROI_LANES);
  }
}

// Averages of row_bins x column_bins to y, [bin][16]. `pitch` floats lie between the rows of cells; lines: room for two.
// Rows of neighbouring samples are often the same: each is kept until another of its parity is wanted.
template <class V>
void roi_average(const float* cells, int64_t pitch, const RoiTable<V>& rows, int64_t row_bins, const RoiTable<V>& columns,
                 int64_t column_bins, float divisor, float* lines, float* y) {
  typedef typename V::F F;
  typedef RoiLanes<V> Lanes;
  const int64_t width = column_bins * ROI_LANES;
  int32_t kept[2] = {-1, -1};
  auto line = [&](int32_t row) {
    float* to = lines + (row & 1) * width;
    if (kept[row & 1] != row) {
      kept[row & 1] = row;
      roi_line<V>(cells + row * pitch, columns, column_bins, to);
    }
    return to;
  };
  // A quotient by a power of two is the product with its inverse.
  const bool exact = (__builtin_bit_cast(uint32_t, divisor) & 0x7FFFFF) == 0;
  const F by = V::set(exact ? 1.0f / divisor : divisor);
  for (int64_t i = 0; i < row_bins; i++, y += width) {
    const int32_t end = rows.begin[i + 1];
    for (int64_t j = 0; j < width; j += V::lanes) V::store(y + j, V::set(0.0f));
    for (int32_t s = rows.begin[i]; s < end; s++) {
      const float* low = line(rows.low[s]);
      const float* high = line(rows.high[s]);
      for (int64_t j = 0; j < width; j += ROI_LANES) {
        Lanes sum = Lanes::load(y + j);
        sum.add(rows.low_weight[s], Lanes::load(low + j));
        sum.add(rows.high_weight[s], Lanes::load(high + j));
        sum.store(y + j);
      }
    }
    if (exact) {
      for (int64_t j = 0; j < width; j += V::lanes) V::store(y + j, V::load(y + j) * by);
    } else {
      for (int64_t j = 0; j < width; j += V::lanes) V::store(y + j, V::load(y + j) / by);
    }
  }
}

}  // namespace
}  // namespace ondol

#endif
