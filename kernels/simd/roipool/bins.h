// The bins of a region, and where its results lie.
#ifndef ONDOL_ROIPOOL_BINS_H
#define ONDOL_ROIPOOL_BINS_H

#include "roipool/roipool.h"
#include "simd.h"

namespace ondol {
namespace {

// Everything about the sizes of a call that does not depend on the region.
struct RoiShape {
  int64_t maps;                   // at least 1: regions that are on no map belong to the first
  int64_t channels;               // of y
  int64_t row;                    // results of one region
  int64_t base[ONDOL_MAX_GRIDS];  // where in the row a grid begins

  explicit RoiShape(const ondol_roipool_args& a) {
    maps = max_of<int64_t>(1, a.batch * a.levels);
    channels = a.position_sensitive ? a.channels / (a.rows[0] * a.columns[0]) : a.channels;
    row = 0;
    for (int64_t g = 0; g < a.grids; g++) {
      base[g] = row;
      row += channels * a.rows[g] * a.columns[g];
    }
  }
};

// The map, level * batch + image, that a region is on. The integers are read once: whatever they are, no other map is.
ONDOL_INLINE bool roi_map(const ondol_roipool_args& a, int64_t r, int64_t& map) {
  const int64_t image = __atomic_load_n(a.rois.images + r, __ATOMIC_RELAXED);
  const int64_t level = a.rois.levels == nullptr ? 0 : __atomic_load_n(a.rois.levels + r, __ATOMIC_RELAXED);
  const bool there = (uint64_t)image < (uint64_t)a.batch && (uint64_t)level < (uint64_t)a.levels;
  map = there ? level * a.batch + image : 0;
  return there;
}

// Of any float that is not a NaN. Beyond 2^23 all are whole.
ONDOL_INLINE float roi_trunc(float v) {
  const bool whole = !(v < 8388608.0f && v > -8388608.0f);
  return whole ? v : (float)(int32_t)v;
}

ONDOL_INLINE float roi_halfaway(float v) {
  const float t = roi_trunc(v), d = v - t;
  return d >= 0.5f ? t + 1.0f : d <= -0.5f ? t - 1.0f : t;
}

ONDOL_INLINE float roi_floor(float v) {
  const float t = roi_trunc(v);
  return t > v ? t - 1.0f : t;
}

ONDOL_INLINE float roi_ceil(float v) {
  const float t = roi_trunc(v);
  return t < v ? t + 1.0f : t;
}

// One axis of a region: bins begin and end at multiples of extent / n, from `inner` before and `outer` after rounding.
struct RoiAxis {
  float inner, outer, extent;
  float size;  // elements that may be read

  // low and high: the two corners; a and b: their products with the scale.
  RoiAxis(int64_t rounding, float low, float high, float a, float b, float scale, int64_t elements) {
    inner = outer = 0.0f;
    size = (float)elements;
    if (rounding == ONDOL_ROI_RFCN) {
      inner = roi_halfaway(low) * scale;
      extent = (roi_halfaway(high) + 1.0f) * scale - inner;
      extent = extent > 0.1f ? extent : 0.1f;
      return;
    }
    const bool spp = rounding == ONDOL_ROI_SPP, grid = rounding == ONDOL_ROI_GRID;
    outer = spp ? roi_floor(a) + 1.0f : roi_halfaway(a);
    const float end = spp ? roi_ceil(b) - 1.0f : roi_halfaway(b);
    extent = grid ? end - outer : end - outer + 1.0f;
    extent = extent > 1.0f ? extent : 1.0f;
    if (grid) size -= 1.0f;
  }

  // [first, limit) of bins [0, n), in whole vectors.
  template <class V>
  ONDOL_INLINE void bins(int64_t n, int32_t* first, int32_t* limit) const {
    typedef typename V::F F;
    const F w = V::set(extent / (float)n), in = V::set(inner), out = V::set(outer), end = V::set(size);
    float lane[V::lanes];
    for (int l = 0; l < V::lanes; l++) lane[l] = (float)l;
    const F zero = V::set(0.0f), far = V::set(16777216.0f);
    for (int64_t i = 0; i < n; i += V::lanes) {
      const F at = V::load(lane) + V::set((float)i);
      // Cut to where all floats are whole, so that they can be truncated; the map lies far within.
      const F low = V::greater(V::lesser(at * w + in, far), zero - far);
      const F high = V::greater(V::lesser((at + V::set(1.0f)) * w + in, far), zero - far);
      const F low_cut = V::to_float(V::truncate(low)), high_cut = V::to_float(V::truncate(high));
      const F floor = V::select(V::gt(low_cut, low), low_cut - V::set(1.0f), low_cut);
      const F ceil = V::select(V::lt(high_cut, high), high_cut + V::set(1.0f), high_cut);
      V::store(first + i, V::truncate(V::lesser(V::greater(floor + out, zero), end)));
      V::store(limit + i, V::truncate(V::lesser(V::greater(ceil + out, zero), end)));
    }
  }

  // The same of one bin.
  ONDOL_INLINE void bin(int64_t i, int64_t n, int64_t& first, int64_t& limit) const {
    const float w = extent / (float)n;
    const float low = roi_floor((float)i * w + inner) + outer, high = roi_ceil((float)(i + 1) * w + inner) + outer;
    first = (int64_t)min_of(max_of(low, 0.0f), size);
    limit = (int64_t)min_of(max_of(high, 0.0f), size);
  }
};

// A region on its map.
struct RoiBox {
  const ondol_roipool_args& a;
  bool empty;  // void
  RoiAxis rows, columns;

  RoiBox(const ondol_roipool_args& a, int64_t r, const ondol_roi_map& map) : RoiBox(a, a.rois.boxes + 4 * r, map, (float)map.scale) {}

 private:
  RoiBox(const ondol_roipool_args& a, const float* box, const ondol_roi_map& map, float s)
      : RoiBox(a, map, s, box[0], box[1], box[2], box[3]) {}
  RoiBox(const ondol_roipool_args& a, const ondol_roi_map& map, float s, float x1, float y1, float x2, float y2)
      : a(a), empty(!(whole(x1 * s) && whole(y1 * s) && whole(x2 * s) && whole(y2 * s))),
        rows(a.rounding, empty ? 0.0f : y1, empty ? 0.0f : y2, empty ? 0.0f : y1 * s, empty ? 0.0f : y2 * s, s, map.height),
        columns(a.rounding, empty ? 0.0f : x1, empty ? 0.0f : x2, empty ? 0.0f : x1 * s, empty ? 0.0f : x2 * s, s, map.width) {}

  static bool whole(float v) { return v <= 4194304.0f && v >= -4194304.0f; }
};

// A grid of bins: row i holds rows [top[i], bottom[i]) of the map, column j columns [left[j], right[j]).
struct RoiGrid {
  int64_t rows, columns;
  int32_t *top, *bottom, *left, *right;

  int64_t bins() const { return rows * columns; }
};

// The grids of one region after the other.
template <class V>
class RoiBins {
 public:
  RoiGrid grid[ONDOL_MAX_GRIDS];

  static int64_t bytes(const ondol_roipool_args& a) {
    int64_t words = 0;
    for (int64_t g = 0; g < a.grids; g++) words += 2 * (padded(a.rows[g]) + padded(a.columns[g]));
    return words * (int64_t)sizeof(int32_t);
  }

  RoiBins(const ondol_roipool_args& a, void* memory) : grids(a.grids) {
    int32_t* at = (int32_t*)memory;
    for (int64_t g = 0; g < grids; g++) {
      const int64_t p = padded(a.rows[g]), q = padded(a.columns[g]);
      grid[g] = {a.rows[g], a.columns[g], at, at + p, at + 2 * p, at + 2 * p + q};
      at += 2 * (p + q);
    }
  }

  void set(const RoiBox& box) {
    for (int64_t g = 0; g < grids; g++) {
      box.rows.template bins<V>(grid[g].rows, grid[g].top, grid[g].bottom);
      box.columns.template bins<V>(grid[g].columns, grid[g].left, grid[g].right);
    }
  }

  // The rows of the map that any bin of the region set last holds; none: low >= high.
  void reach(int64_t& low, int64_t& high) const {
    low = INT32_MAX, high = 0;
    for (int64_t g = 0; g < grids; g++) {
      low = min_of<int64_t>(low, grid[g].top[0]);
      high = max_of<int64_t>(high, grid[g].bottom[grid[g].rows - 1]);
    }
  }

 private:
  const int64_t grids;

  static int64_t padded(int64_t n) { return round_up(n, V::lanes); }
};

}  // namespace
}  // namespace ondol

#endif
