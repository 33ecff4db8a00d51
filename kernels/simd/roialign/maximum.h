// The maxima of a region from cells side by side: of its samples, or of their weighted corners.
#ifndef ONDOL_ROIALIGN_MAXIMUM_H
#define ONDOL_ROIALIGN_MAXIMUM_H

#include "roialign/cells.h"

namespace ondol {
namespace {

// The first NaN or else the first greatest of the values that it is shown, and its number.
template <class V, bool INDEXED>
struct RoiBest {
  typedef typename V::F F;
  typedef typename V::I I;
  F value = V::set(0.0f);
  I index = V::set(int32_t(-1));

  ONDOL_INLINE void see(F v, int32_t number, bool first) {
    if (first) {
      value = v;
      index = V::set(number);
      return;
    }
    const auto nan = V::nan(value), stays = V::ge(value, v);  // never where v is a NaN
    if (INDEXED) index = V::select(nan, index, V::select(stays, index, V::set(number)));
    value = V::select(nan, value, V::select(stays, value, v));
  }

  // `outside`: a sample of the bin is.
  ONDOL_INLINE void finish(bool outside) {
    if (outside) {
      const auto less = V::lt(value, V::set(0.0f));
      index = V::select(less, V::set(int32_t(-1)), index);
      value = V::select(less, V::set(0.0f), value);
    }
    value = value + V::set(0.0f);
  }
};

// The weights of a sample.
struct RoiWeights {
  float u0, u1, v0, v1;
};

// Shows `best` a sample, its interpolation or its corners, of four values.
template <class V, bool CORNERS, bool INDEXED>
ONDOL_INLINE void roi_see(RoiBest<V, INDEXED>& best, int32_t number, bool first, const RoiWeights& w, typename V::F x00,
                          typename V::F x01, typename V::F x10, typename V::F x11) {
  if (CORNERS) {
    best.see(V::set(w.u0 * w.v0) * x00, 4 * number, first);
    best.see(V::set(w.u0 * w.v1) * x01, 4 * number + 1, false);
    best.see(V::set(w.u1 * w.v0) * x10, 4 * number + 2, false);
    best.see(V::set(w.u1 * w.v1) * x11, 4 * number + 3, false);
  } else {
    const typename V::F v0 = V::set(w.v0), v1 = V::set(w.v1);
    const typename V::F low = V::fma(v1, x01, v0 * x00), high = V::fma(v1, x11, v0 * x10);
    best.see(V::fma(V::set(w.u1), high, V::set(w.u0) * low), number, first);
  }
}

// As roi_average; indices have y's layout.
template <class V, bool CORNERS, bool INDEXED>
void roi_maximum(const float* cells, int64_t pitch, const RoiTable<V>& rows, int64_t row_bins, const RoiTable<V>& columns,
                 int64_t column_bins, float* y, int32_t* indices) {
  for (int64_t i = 0; i < row_bins; i++) {
    for (int64_t j = 0; j < column_bins; j++) {
      const int64_t bin = (i * column_bins + j) * ROI_LANES;
      for (int64_t lane = 0; lane < ROI_LANES; lane += V::lanes) {
        RoiBest<V, INDEXED> best;
        int32_t number = 0;
        for (int32_t s = rows.begin[i]; s < rows.begin[i + 1]; s++) {
          const float* low = cells + rows.low[s] * pitch + lane;
          const float* high = cells + rows.high[s] * pitch + lane;
          for (int32_t t = columns.begin[j]; t < columns.begin[j + 1]; t++, number++) {
            const RoiWeights w = {rows.low_weight[s], rows.high_weight[s], columns.low_weight[t], columns.high_weight[t]};
            roi_see<V, CORNERS>(best, number, number == 0, w, V::load(low + columns.low[t]), V::load(low + columns.high[t]),
                                V::load(high + columns.low[t]), V::load(high + columns.high[t]));
          }
        }
        best.finish(rows.outside(i) || columns.outside(j));
        V::store(y + bin + lane, best.value);
        if (INDEXED) V::store(indices + bin + lane, best.index);
      }
    }
  }
}

}  // namespace
}  // namespace ondol

#endif
