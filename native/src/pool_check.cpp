#include "pool_check.h"

namespace ondol {
namespace {

constexpr int64_t MAX = INT32_MAX;

bool sizes(const ondol_pool_args& a, Check& check) {
  const int64_t x[] = {a.batch, a.channels, a.x_height, a.x_width}, y[] = {a.batch, a.channels, a.y_height, a.y_width};
  return check.between("op", a.op, ONDOL_POOL_MAX, ONDOL_POOL_AVERAGE) && check.at_least("batch", a.batch, 0) &&
         check.at_least("channels", a.channels, 0) && check.between("x_height", a.x_height, 1, MAX) &&
         check.between("x_width", a.x_width, 1, MAX) && check.between("y_height", a.y_height, 1, MAX) &&
         check.between("y_width", a.y_width, 1, MAX) && check.sizes("sizes of x", x, 4) && check.sizes("sizes of y", y, 4);
}

// Every window of an axis holds an element. Only those that begin before the map have to be looked at one by one.
bool windows(const char* axis, int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad,
             Check& check) {
  if ((out - 1) * stride - pad >= in) {
    return check.fail("y's %s = %lld: expected no window to begin behind x", axis, (long long)out);
  }
  for (int64_t o = 0; o < out && o * stride < pad; o++) {
    const int64_t before = pad - o * stride, tap = (before + dilation - 1) / dilation;
    if (tap >= kernel || tap * dilation - before >= in) {
      return check.fail("%s: expected every window to hold an element of x, window %lld does not", axis, (long long)o);
    }
  }
  return true;
}

}  // namespace

bool valid_pool_shape(const ondol_pool_args& a, Check& check) {
  if (!sizes(a, check)) return false;
  if (a.kernel_h == 0 && a.kernel_w == 0) return true;
  return check.between("kernel_h", a.kernel_h, 1, MAX) && check.between("kernel_w", a.kernel_w, 1, MAX) &&
         check.between("stride_h", a.stride_h, 1, MAX) && check.between("stride_w", a.stride_w, 1, MAX) &&
         check.between("dilation_h", a.dilation_h, 1, MAX) && check.between("dilation_w", a.dilation_w, 1, MAX) &&
         check.between("pad_top", a.pad_top, 0, MAX) && check.between("pad_left", a.pad_left, 0, MAX) &&
         check.between("pad_bottom", a.pad_bottom, 0, MAX) && check.between("pad_right", a.pad_right, 0, MAX) &&
         check.flag("count_pad", a.count_pad) &&
         windows("height", a.x_height, a.y_height, a.kernel_h, a.stride_h, a.dilation_h, a.pad_top, check) &&
         windows("width", a.x_width, a.y_width, a.kernel_w, a.stride_w, a.dilation_w, a.pad_left, check);
}

bool pool_plane_fits(const char* name, int64_t plane, Check& check) { return check.between(name, plane, 1, MAX); }

bool valid_unpool_shape(int64_t batch, int64_t channels, int64_t x_plane, int64_t y_plane, Check& check) {
  const int64_t x[] = {batch, channels, x_plane}, y[] = {batch, channels, y_plane};
  return check.at_least("batch", batch, 0) && check.at_least("channels", channels, 0) && pool_plane_fits("x_plane", x_plane, check) &&
         pool_plane_fits("y_plane", y_plane, check) && check.sizes("sizes of x", x, 3) && check.sizes("sizes of y", y, 3);
}

}  // namespace ondol
