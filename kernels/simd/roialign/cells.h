// Sixteen channels side by side: maps as [cell][16], results of a region as [bin][16].
#ifndef ONDOL_ROIALIGN_CELLS_H
#define ONDOL_ROIALIGN_CELLS_H

#include "roialign/table.h"

namespace ondol {
namespace {

// One value of each of the sixteen channels.
template <class V>
struct RoiLanes {
  typedef typename V::F F;
  static constexpr int PARTS = ROI_LANES / V::lanes;
  F part[PARTS];

  static ONDOL_INLINE RoiLanes zero() {
    RoiLanes r;
    for (int i = 0; i < PARTS; i++) r.part[i] = V::set(0.0f);
    return r;
  }

  static ONDOL_INLINE RoiLanes load(const float* p) {
    RoiLanes r;
    for (int i = 0; i < PARTS; i++) r.part[i] = V::load(p + i * V::lanes);
    return r;
  }

  ONDOL_INLINE void store(float* p) const {
    for (int i = 0; i < PARTS; i++) V::store(p + i * V::lanes, part[i]);
  }

  // *this = fma(weight, x, *this)
  ONDOL_INLINE void add(float weight, const RoiLanes& x) {
    const F w = V::set(weight);
    for (int i = 0; i < PARTS; i++) part[i] = V::fma(w, x.part[i], part[i]);
  }
};

// Up to sixteen channels, `stride` floats apart.
struct RoiPlanes {
  const float* first;
  int64_t stride;
  int64_t count;

  const float* plane(int64_t lane) const { return first + lane * stride; }
};

// n values of each channel from `from` on, side by side; zeros for channels that are not there.
template <class V>
void roi_gather(const RoiPlanes& planes, int64_t from, int64_t n, float* to) {
  typedef typename V::F F;
  each_vector<V>(n, [&](int64_t i, int64_t part) {
    for (int64_t c = 0; c < ROI_LANES; c += V::lanes) {
      F rows[V::lanes];
      for (int64_t l = 0; l < V::lanes; l++) {
        rows[l] = c + l < planes.count ? load_part<V>(planes.plane(c + l) + from + i, part) : V::set(0.0f);
      }
      V::transpose(rows);
      for (int64_t l = 0; l < part; l++) V::store(to + (i + l) * ROI_LANES + c, rows[l]);
    }
  });
}

// The way back: n values of each channel, which lie `stride` floats apart.
template <class V>
void roi_scatter(const float* from, int64_t n, float* to, int64_t stride, int64_t channels) {
  typedef typename V::F F;
  for (int64_t i = 0; i < n; i += V::lanes) {
    const int64_t part = min_of<int64_t>(V::lanes, n - i);
    for (int64_t c = 0; c < channels; c += V::lanes) {
      F rows[V::lanes];
      for (int64_t l = 0; l < V::lanes; l++) rows[l] = l < part ? V::load(from + (i + l) * ROI_LANES + c) : V::set(0.0f);
      V::transpose(rows);
      for (int64_t l = 0; l < V::lanes && c + l < channels; l++) store_part<V>(to + (c + l) * stride + i, rows[l], part);
    }
  }
}

}  // namespace
}  // namespace ondol

#endif
