#include "roi_check.h"

#include <float.h>
#include <stdio.h>

#include "conv_check.h"

namespace ondol {
namespace {

constexpr int64_t SIZE = int64_t(1) << 22;  // of a map: float counts its elements
constexpr int64_t BINS = 65536;

bool valid_map(const ondol_roi_map& m, int64_t level, int64_t batch, int64_t channels, bool operands, Check& check) {
  char height[32], width[32], map[32];
  snprintf(height, sizeof height, "maps[%d].height", (int)level);
  snprintf(width, sizeof width, "maps[%d].width", (int)level);
  snprintf(map, sizeof map, "maps[%d]", (int)level);
  const int64_t sizes[] = {batch, channels, m.height, m.width};
  if (!check.between(height, m.height, 1, SIZE) || !check.between(width, m.width, 1, SIZE) || !check.sizes(map, sizes, 4)) {
    return false;
  }
  if (m.height * m.width > INT32_MAX) {
    return check.fail("%s: %lld elements of a plane, expected at most 2^31 - 1", map, (long long)(m.height * m.width));
  }
  if (!((float)m.scale > 0) || m.scale > FLT_MAX) return check.fail("%s.scale = %g: expected a positive float", map, m.scale);
  if (!operands || batch == 0 || channels == 0) return true;
  return ConvMap("x", m.x, batch, channels, m.height * m.width, m.x_batch, m.x_channel).valid(check, false);
}

}  // namespace

bool valid_roi_maps(const ondol_roi_map* maps, int64_t levels, int64_t batch, int64_t channels, bool operands, Check& check) {
  if (!check.between("levels", levels, 1, ONDOL_MAX_LEVELS) || !check.at_least("batch", batch, 0) ||
      !check.at_least("channels", channels, 0)) {
    return false;
  }
  for (int64_t l = 0; l < levels; l++) {
    if (!valid_map(maps[l], l, batch, channels, operands, check)) return false;
  }
  return true;
}

bool valid_rois(const ondol_rois& rois, Check& check) {
  if (!check.between("rois.count", rois.count, 0, INT32_MAX)) return false;
  return rois.count == 0 || (check.given("rois.boxes", rois.boxes) && check.given("rois.images", rois.images));
}

bool valid_roipool_shape(const ondol_roipool_args& a, Check& check) {
  if (!check.between("op", a.op, ONDOL_ROIPOOL_MAX, ONDOL_ROIPOOL_AVERAGE) ||
      !check.between("rounding", a.rounding, ONDOL_ROI_ROUND, ONDOL_ROI_GRID) ||
      !check.flag("position_sensitive", a.position_sensitive) ||
      !check.between("grids", a.grids, 1, a.position_sensitive ? 1 : ONDOL_MAX_GRIDS) || !valid_rois(a.rois, check)) {
    return false;
  }
  int64_t bins = 0;
  for (int64_t g = 0; g < a.grids; g++) {
    if (!check.between("rows", a.rows[g], 1, BINS) || !check.between("columns", a.columns[g], 1, BINS)) return false;
    bins += a.rows[g] * a.columns[g];
  }
  if (a.position_sensitive && a.channels % bins != 0) {
    return check.fail("channels = %lld: expected a multiple of the %lld bins", (long long)a.channels, (long long)bins);
  }
  const int64_t y[] = {a.rois.count, a.position_sensitive ? a.channels / bins : a.channels, bins};
  return check.sizes("sizes of y", y, 3);
}

int64_t roipool_results(const ondol_roipool_args& a) {
  int64_t bins = 0;
  for (int64_t g = 0; g < a.grids; g++) bins += a.rows[g] * a.columns[g];
  return a.rois.count * (a.position_sensitive ? a.channels : a.channels * bins);
}

}  // namespace ondol
