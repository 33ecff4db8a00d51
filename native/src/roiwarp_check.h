// Checks that roiwarp and its gradient share.
#ifndef ONDOL_ROIWARP_CHECK_H
#define ONDOL_ROIWARP_CHECK_H

#include "check.h"

namespace ondol {

// Sizes, boxes and the two maps: x or dx, and y or dy.
inline bool check_roiwarp(const ondol_roiwarp_args& a, Check& check, const char* x_name, const float* x, const char* y_name,
                          const float* y, bool x_is_output) {
  const int64_t in[] = {a.batch, a.channels, a.x_height, a.x_width}, out[] = {a.rois, a.channels, a.y_height, a.y_width};
  const int64_t limit = 1LL << 22;
  if (!check.between("mode", a.mode, ONDOL_ROIWARP, ONDOL_ROIWARP_ALONE) || !check.flag("pixel", a.pixel)) return false;
  if (!check.between("x_height", a.x_height, 1, limit) || !check.between("x_width", a.x_width, 1, limit)) return false;
  if (!check.between("y_height", a.y_height, 1, limit) || !check.between("y_width", a.y_width, 1, limit)) return false;
  const int64_t smaller = a.y_height < a.y_width ? a.y_height : a.y_width;
  if (!check.between("context", a.context, 0, (smaller - 1) / 2)) return false;
  if (!check.sizes("[batch, channels, x_height, x_width]", in, 4)) return false;
  if (!check.sizes("[rois, channels, y_height, y_width]", out, 4)) return false;
  const int64_t x_count = in[0] * in[1] * in[2] * in[3], y_count = out[0] * out[1] * out[2] * out[3];
  if (x_count > 0 && !check.given(x_name, x)) return false;
  if (y_count > 0 && !check.given(y_name, y)) return false;
  if (a.rois > 0 && (!check.given("boxes", a.boxes) || !check.given("images", a.images))) return false;
  const float* written = x_is_output ? x : y;
  const char* name = x_is_output ? x_name : y_name;
  const int64_t count = x_is_output ? x_count : y_count;
  if (count == 0) return true;
  return check.apart(name, written, count, "boxes", a.boxes, 4 * a.rois, false) &&
         check.apart(name, written, count, "images", a.images, a.rois, false) &&
         check.apart(name, written, count, x_is_output ? y_name : x_name, x_is_output ? y : x, x_is_output ? y_count : x_count,
                     false);
}

}  // namespace ondol

#endif
