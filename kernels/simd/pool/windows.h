// The windows of pooling along one axis.
#ifndef ONDOL_POOL_WINDOWS_H
#define ONDOL_POOL_WINDOWS_H

#include "pool/pool.h"
#include "simd.h"

namespace ondol {
namespace {

struct PoolAxis {
  int64_t in, out, kernel, stride, dilation, begin, end, count_pad;

  static PoolAxis rows(const ondol_pool_args& a) {
    return {a.x_height, a.y_height, a.kernel_h, a.stride_h, a.dilation_h, a.pad_top, a.pad_bottom, a.count_pad};
  }

  static PoolAxis columns(const ondol_pool_args& a) {
    return {a.x_width, a.y_width, a.kernel_w, a.stride_w, a.dilation_w, a.pad_left, a.pad_right, a.count_pad};
  }

  bool adaptive() const { return kernel == 0; }
  int64_t step() const { return adaptive() ? 1 : dilation; }

  // Where window o would begin were there no edge, and how far windows [from, to) reach from there.
  int64_t start(int64_t o) const { return adaptive() ? o * in / out : o * stride - begin; }
  int64_t span(int64_t from, int64_t to) const {
    return adaptive() ? limit(to - 1) - start(from) : (to - 1 - from) * stride + (kernel - 1) * dilation + 1;
  }

  // The taps inside are first, first + step, ... below limit.
  int64_t first(int64_t o) const {
    const int64_t at = start(o);
    return at >= 0 ? at : at + ceil_div(-at, dilation) * dilation;
  }
  int64_t limit(int64_t o) const {
    if (adaptive()) return ceil_div((o + 1) * in, out);
    const int64_t last = start(o) + (kernel - 1) * dilation;
    return 1 + (last < in ? last : last - ceil_div(last - in + 1, dilation) * dilation);
  }

  // What an average counts.
  int64_t count(int64_t o) const {
    if (adaptive()) return limit(o) - first(o);
    const int64_t at = start(o);
    if (at >= 0 && at + (kernel - 1) * dilation < in) return kernel;
    if (count_pad) return min_of(kernel, ceil_div(in + end - at, dilation));
    return (limit(o) - first(o) - 1) / dilation + 1;
  }

  // The windows that reach into positions [low, high).
  int64_t first_over(int64_t low) const {
    if (adaptive()) return low * out / in;
    const int64_t before = low + begin - (kernel - 1) * dilation;
    return before <= 0 ? 0 : min_of(out, ceil_div(before, stride));
  }
  int64_t limit_over(int64_t high) const {
    return min_of(out, adaptive() ? ceil_div(high * out, in) : (high - 1 + begin) / stride + 1);
  }

  // How many windows from o on fit into a line of n; 0 where not even one does.
  int64_t block(int64_t o, int64_t n) const {
    const int64_t one = span(o, o + 1), left = min_of(out - o, n);
    if (one > n) return 0;
    if (!adaptive()) return min_of(left, (n - one) / stride + 1);
    // Neighbouring adaptive windows differ by at most one in size.
    const int64_t guess = min_of(left, max_of<int64_t>(1, n / (in / out + 1) - 2));
    return span(o, o + guess) <= n ? guess : 1;
  }
};

ONDOL_INLINE int64_t pool_plane(int64_t plane, int64_t channels, int64_t batch_stride, int64_t channel_stride) {
  return plane / channels * batch_stride + plane % channels * channel_stride;
}

}  // namespace
}  // namespace ondol

#endif
