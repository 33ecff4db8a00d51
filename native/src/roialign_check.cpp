#include "roialign_check.h"

#include "roi_check.h"

namespace ondol {
namespace {

// Samples of a bin along an axis that are not outside, at most; where adaptive they lie half a cell apart at least, and
// each of the two ends is within a cell of where exact arithmetic would have it.
int64_t samples(int64_t sampling, int64_t size) { return sampling > 0 ? sampling : 2 * (size + 4); }

// Samples that indices can number.
bool numbered(const ondol_roialign_args& a, int64_t level, Check& check) {
  const ondol_roi_map& map = a.maps[level];
  const int64_t rows = samples(a.sampling_h, map.height), columns = samples(a.sampling_w, map.width);
  return rows * columns <= INT32_MAX / 4 ||
         check.fail("indices: %lld x %lld samples of a bin of maps[%lld], expected at most 2^29 - 1 where indices are wanted",
                    (long long)rows, (long long)columns, (long long)level);
}

}  // namespace

int64_t roialign_results(const ondol_roialign_args& a) {
  return a.position_sensitive != 0 ? a.rois.count * a.channels : a.rois.count * a.channels * a.rows * a.columns;
}

bool valid_roialign(const ondol_roialign_args& a, bool operands, Check& check) {
  if (!check.between("op", a.op, ONDOL_ROIALIGN_AVERAGE, ONDOL_ROIALIGN_CORNERS) || !check.flag("aligned", a.aligned) ||
      !check.between("sampling_h", a.sampling_h, 0, ONDOL_ROIALIGN_MAX_SAMPLES) ||
      !check.between("sampling_w", a.sampling_w, 0, ONDOL_ROIALIGN_MAX_SAMPLES) ||
      !check.flag("position_sensitive", a.position_sensitive) ||
      !valid_roi_maps(a.maps, a.levels, a.batch, a.channels, operands, check) ||
      !check.between("rows", a.rows, 1, ONDOL_ROIALIGN_MAX_BINS) ||
      !check.between("columns", a.columns, 1, ONDOL_ROIALIGN_MAX_BINS) || !valid_rois(a.rois, check)) {
    return false;
  }
  const int64_t y[] = {a.rois.count, a.channels, a.rows, a.columns};
  if (!check.sizes("[rois.count, channels, rows, columns]", y, 4)) return false;
  if (a.position_sensitive != 0 && a.channels % (a.rows * a.columns) != 0) {
    return check.fail("channels = %lld: expected a multiple of %lld, the position-sensitive bins", (long long)a.channels,
                      (long long)(a.rows * a.columns));
  }
  if (a.op == ONDOL_ROIALIGN_AVERAGE && a.indices != nullptr) {
    return check.fail("indices = %p: expected null, an average has none", (const void*)a.indices);
  }
  for (int64_t level = 0; level < a.levels && a.indices != nullptr; level++) {
    if (!numbered(a, level, check)) return false;
  }
  return true;
}

bool roialign_apart(const char* name, const float* out, int64_t floats, const ondol_roialign_args& a, Check& check) {
  return check.apart(name, out, floats, "rois.boxes", a.rois.boxes, 4 * a.rois.count, false) &&
         check.apart(name, out, floats, "rois.images", a.rois.images, a.rois.count, false) &&
         check.apart(name, out, floats, "rois.levels", a.rois.levels, a.rois.count, false) &&
         check.apart(name, out, floats, "indices", a.indices, roialign_results(a), false);
}

}  // namespace ondol
