// Where the samples of a region lie; as kernels/simd/roialign/geometry.h, for device code.
#ifndef ONDOL_CUDA_ROIALIGN_GEOMETRY_CUH
#define ONDOL_CUDA_ROIALIGN_GEOMETRY_CUH

#include "../common/math.cuh"

namespace ondol::cuda {

struct RoiSample {
  int low, high;
  float low_weight, high_weight;
};

// Samples [first, limit) of a bin.
struct RoiRun {
  int first, limit;
};

struct RoiAxis {
  int size, samples;
  float start, step;

  static ONDOL_DEVICE RoiAxis of(int64_t size, int64_t bins, int64_t sampling, bool aligned, float a, float b) {
    RoiAxis axis;
    float half = aligned ? 0.5f : 0.0f;
    axis.size = static_cast<int>(size);
    axis.start = sub(a, half);
    float extent = sub(sub(b, half), axis.start);
    if (!aligned && !(extent > 1.0f)) extent = 1.0f;
    axis.step = div(extent, static_cast<float>(bins));
    axis.samples = static_cast<int>(sampling);
    if (sampling == 0) {
      int whole = static_cast<int>(axis.step);
      axis.samples = axis.step > 0.0f ? whole + (static_cast<float>(whole) < axis.step ? 1 : 0) : 0;
    }
    return axis;
  }

  ONDOL_DEVICE float position(int bin, int sample) const {
    float base = add(start, mul(static_cast<float>(bin), step));
    return add(base, div(mul(add(static_cast<float>(sample), 0.5f), step), static_cast<float>(samples)));
  }

  // The samples of a bin that are not outside. Positions never turn back within a bin.
  ONDOL_DEVICE RoiRun run(int bin) const { return between(bin, {0, samples}, -1.0f, true, static_cast<float>(size), true); }

  // Those of a run that may have `cell` for one of theirs.
  ONDOL_DEVICE RoiRun touching(int bin, RoiRun run, int cell) const {
    float low = cell < 2 ? -1.0f : static_cast<float>(cell - 1);
    bool last = cell == size - 1;
    return between(bin, run, low, true, static_cast<float>(last ? size : cell + 1), last);
  }

  ONDOL_DEVICE RoiSample sample(int bin, int k) const {
    float p = position(bin, k);
    float inside = p > 0.0f ? p : 0.0f;
    int cell = static_cast<int>(inside);
    if (cell >= size - 1) return {size - 1, size - 1, 1.0f, 0.0f};
    float weight = sub(inside, static_cast<float>(cell));
    return {cell, cell + 1, sub(1.0f, weight), weight};
  }

 private:
  // Samples of a run with positions from low to high, ends included where asked for.
  ONDOL_DEVICE RoiRun between(int bin, RoiRun run, float low, bool with_low, float high, bool with_high) const {
    int first = find(bin, run, step < 0.0f ? high : low, step < 0.0f ? with_high : with_low);
    return {first, find(bin, {first, run.limit}, step < 0.0f ? low : high, step < 0.0f ? !with_low : !with_high)};
  }

  // The first sample of a run that has reached an edge; `on`: being on it is enough.
  ONDOL_DEVICE int find(int bin, RoiRun run, float edge, bool on) const {
    int low = run.first, high = run.limit;
    while (low < high) {
      int middle = low + (high - low) / 2;
      float p = position(bin, middle);
      bool before = step < 0.0f ? p > edge : p < edge;
      if (p == edge ? on : !before) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }
};

// A region on its map.
struct RoiRegion {
  int level, image;  // level -1: void
  RoiAxis rows, columns;

  static ONDOL_DEVICE RoiRegion of(const ondol_roialign_args& a, int64_t r) {
    RoiRegion region;
    region.image = a.rois.images[r];
    region.level = a.rois.levels == nullptr ? 0 : a.rois.levels[r];
    bool there = region.image >= 0 && region.image < a.batch && region.level >= 0 && region.level < a.levels;
    if (!there) {
      region.level = -1;
      return region;
    }
    const ondol_roi_map& map = a.maps[region.level];
    float scale = static_cast<float>(map.scale), corner[4];
    for (int k = 0; k < 4; ++k) {
      corner[k] = mul(a.rois.boxes[4 * r + k], scale);
      there = there && corner[k] >= -4194304.0f && corner[k] <= 4194304.0f;  // 2^22; not of NaN
    }
    region.rows = RoiAxis::of(map.height, a.rows, a.sampling_h, a.aligned != 0, corner[1], corner[3]);
    region.columns = RoiAxis::of(map.width, a.columns, a.sampling_w, a.aligned != 0, corner[0], corner[2]);
    if (!there) region.level = -1;
    return region;
  }

  // M.
  ONDOL_DEVICE float divisor() const {
    float all = mul(static_cast<float>(rows.samples), static_cast<float>(columns.samples));
    return all > 1.0f ? all : 1.0f;
  }
};

// Channels of y.
ONDOL_DEVICE int64_t roi_channels(const ondol_roialign_args& a) {
  return a.position_sensitive != 0 ? a.channels / (a.rows * a.columns) : a.channels;
}

}  // namespace ondol::cuda

#endif
