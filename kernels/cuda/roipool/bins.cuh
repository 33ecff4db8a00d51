// The bins of regions; as kernels/simd/roipool/bins.h, for device code.
#ifndef ONDOL_CUDA_ROIPOOL_BINS_CUH
#define ONDOL_CUDA_ROIPOOL_BINS_CUH

#include "../common/math.cuh"

namespace ondol::cuda {
namespace {

ONDOL_DEVICE float roi_trunc(float v) {
  return v < 8388608.0f && v > -8388608.0f ? static_cast<float>(static_cast<int32_t>(v)) : v;
}

ONDOL_DEVICE float roi_halfaway(float v) {
  float t = roi_trunc(v), d = sub(v, t);
  return d >= 0.5f ? add(t, 1.0f) : d <= -0.5f ? sub(t, 1.0f) : t;
}

ONDOL_DEVICE float roi_floor(float v) {
  float t = roi_trunc(v);
  return t > v ? sub(t, 1.0f) : t;
}

ONDOL_DEVICE float roi_ceil(float v) {
  float t = roi_trunc(v);
  return t < v ? add(t, 1.0f) : t;
}

// Elements [first, limit).
struct RoiSpan {
  int64_t first, limit;
  ONDOL_DEVICE bool holds(int64_t at) const { return at >= first && at < limit; }
  ONDOL_DEVICE int64_t count() const { return limit > first ? limit - first : 0; }
};

// One axis of a region.
struct RoiAxis {
  float inner, outer, extent, size;

  ONDOL_DEVICE RoiAxis(int64_t rounding, float low, float high, float scale, int64_t elements) {
    float a = mul(low, scale), b = mul(high, scale);
    inner = outer = 0.0f;
    size = static_cast<float>(elements);
    if (rounding == ONDOL_ROI_RFCN) {
      inner = mul(roi_halfaway(low), scale);
      extent = sub(mul(add(roi_halfaway(high), 1.0f), scale), inner);
      extent = extent > 0.1f ? extent : 0.1f;
      return;
    }
    bool spp = rounding == ONDOL_ROI_SPP, grid = rounding == ONDOL_ROI_GRID;
    outer = spp ? add(roi_floor(a), 1.0f) : roi_halfaway(a);
    float end = spp ? sub(roi_ceil(b), 1.0f) : roi_halfaway(b);
    extent = grid ? sub(end, outer) : add(sub(end, outer), 1.0f);
    extent = extent > 1.0f ? extent : 1.0f;
    if (grid) size = sub(size, 1.0f);
  }

  ONDOL_DEVICE RoiSpan bin(int64_t i, int64_t n) const {
    float w = div(extent, static_cast<float>(n));
    float low = add(roi_floor(add(mul(static_cast<float>(i), w), inner)), outer);
    float high = add(roi_ceil(add(mul(static_cast<float>(i + 1), w), inner)), outer);
    return {cut(low), cut(high)};
  }

 private:
  ONDOL_DEVICE int64_t cut(float v) const { return static_cast<int64_t>(v < 0.0f ? 0.0f : v > size ? size : v); }
};

// The map, level * batch + image, that a region is on; -1 for none.
ONDOL_DEVICE int64_t roi_map(const ondol_roipool_args& a, int64_t r) {
  int64_t image = a.rois.images[r], level = a.rois.levels == nullptr ? 0 : a.rois.levels[r];
  bool there = image >= 0 && image < a.batch && level >= 0 && level < a.levels;
  return there ? level * a.batch + image : -1;
}

ONDOL_DEVICE bool roi_void(const float* box, float scale) {
  for (int k = 0; k < 4; ++k) {
    if (!(absolute(mul(box[k], scale)) <= 4194304.0f)) return true;
  }
  return false;
}

}  // namespace
}  // namespace ondol::cuda

#endif
