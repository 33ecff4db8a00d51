// Where the samples of a region lie, in plain numbers: one axis at a time.
#ifndef ONDOL_ROIALIGN_GEOMETRY_H
#define ONDOL_ROIALIGN_GEOMETRY_H

#include "roialign/roialign.h"
#include "simd.h"

namespace ondol {
namespace {

// A sample that is not outside: two cells and their weights.
struct RoiSample {
  int32_t low, high;
  float low_weight, high_weight;
};

// Samples [first, limit) of a bin.
struct RoiRun {
  int64_t first, limit;

  int64_t count() const { return limit - first; }
};

struct RoiAxis {
  int64_t size, bins, samples;  // cells of the map, bins, samples of a bin
  float start, step;            // a and w

  RoiAxis(int64_t size, int64_t bins, int64_t sampling, bool aligned, float a, float b) : size(size), bins(bins), samples(sampling) {
    const float half = aligned ? 0.5f : 0.0f;
    start = a - half;
    float extent = (b - half) - start;
    if (!aligned && !(extent > 1.0f)) extent = 1.0f;
    step = extent / (float)bins;
    if (sampling == 0) samples = step > 0.0f ? (int64_t)__builtin_ceilf(step) : 0;
  }

  float base(int64_t bin) const { return start + (float)bin * step; }
  float offset(int64_t sample) const { return (((float)sample + 0.5f) * step) / (float)samples; }
  float position(int64_t bin, int64_t sample) const { return base(bin) + offset(sample); }

  // The samples of a bin that are not outside. Positions never turn back within a bin.
  RoiRun run(int64_t bin) const {
    const float limit = (float)size;
    if (step < 0.0f) {
      const int64_t first = find(0, [&](int64_t k) { return !(position(bin, k) > limit); });
      return {first, find(first, [&](int64_t k) { return position(bin, k) < -1.0f; })};
    }
    const int64_t first = find(0, [&](int64_t k) { return !(position(bin, k) < -1.0f); });
    return {first, find(first, [&](int64_t k) { return position(bin, k) > limit; })};
  }

  RoiSample sample(int64_t bin, int64_t k) const {
    const float p = position(bin, k), inside = p > 0.0f ? p : 0.0f;
    const int32_t cell = (int32_t)inside, last = (int32_t)(size - 1);
    if (cell >= last) return {last, last, 1.0f, 0.0f};
    const float weight = inside - (float)cell;
    return {cell, cell + 1, 1.0f - weight, weight};
  }

 private:
  // The first of the samples from `from` on that satisfies a condition which those after it then satisfy, too.
  template <class Condition>
  int64_t find(int64_t from, Condition condition) const {
    int64_t low = from, high = samples;
    while (low < high) {
      const int64_t middle = samples <= 4 ? low : low + (high - low) / 2;
      if (condition(middle)) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }
};

// A box on its map, read once: another thread may write to it.
struct RoiBox {
  float x1, y1, x2, y2;

  RoiBox(const ondol_rois& rois, int64_t roi, double map_scale) {
    const float scale = (float)map_scale;
    float corner[4];
    for (int i = 0; i < 4; i++) {
      __atomic_load(rois.boxes + 4 * roi + i, corner + i, __ATOMIC_RELAXED);
      corner[i] *= scale;
    }
    x1 = corner[0], y1 = corner[1], x2 = corner[2], y2 = corner[3];
  }

  bool legal() const { return within(x1) && within(y1) && within(x2) && within(y2); }

 private:
  static bool within(float v) { return v >= -4194304.0f && v <= 4194304.0f; }  // 2^22; not of NaN
};

ONDOL_INLINE RoiAxis roi_rows(const ondol_roialign_args& a, const ondol_roi_map& map, const RoiBox& box) {
  return RoiAxis(map.height, a.rows, a.sampling_h, a.aligned != 0, box.y1, box.y2);
}

ONDOL_INLINE RoiAxis roi_columns(const ondol_roialign_args& a, const ondol_roi_map& map, const RoiBox& box) {
  return RoiAxis(map.width, a.columns, a.sampling_w, a.aligned != 0, box.x1, box.x2);
}

// M.
ONDOL_INLINE float roi_divisor(const RoiAxis& rows, const RoiAxis& columns) {
  const float all = (float)rows.samples * (float)columns.samples;
  return all > 1.0f ? all : 1.0f;
}

// Channels of y.
ONDOL_INLINE int64_t roi_channels(const ondol_roialign_args& a) {
  return a.position_sensitive != 0 ? a.channels / (a.rows * a.columns) : a.channels;
}

}  // namespace
}  // namespace ondol

#endif
