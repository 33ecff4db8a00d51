// The windows of pooling along one axis; as kernels/simd/pool/windows.h, for device code.
#ifndef ONDOL_CUDA_POOL_WINDOWS_CUH
#define ONDOL_CUDA_POOL_WINDOWS_CUH

#include "../common/math.cuh"

namespace ondol::cuda {

struct PoolAxis {
  int64_t in, out, kernel, stride, dilation, begin, end;
  bool count_padding;

  ONDOL_DEVICE bool adaptive() const { return kernel == 0; }
  ONDOL_DEVICE int64_t step() const { return adaptive() ? 1 : dilation; }
  ONDOL_DEVICE int64_t start(int64_t o) const { return adaptive() ? o * in / out : o * stride - begin; }

  // The taps inside are first, first + step, ... below limit.
  ONDOL_DEVICE int64_t first(int64_t o) const {
    int64_t at = start(o);
    return at >= 0 ? at : at + (-at + dilation - 1) / dilation * dilation;
  }
  ONDOL_DEVICE int64_t limit(int64_t o) const {
    if (adaptive()) return ((o + 1) * in + out - 1) / out;
    int64_t end_tap = start(o) + kernel * dilation - dilation + 1;
    return end_tap < in ? end_tap : in;
  }

  // What an average counts.
  ONDOL_DEVICE int64_t count(int64_t o) const {
    if (adaptive() || !count_padding) return (limit(o) - first(o) + step() - 1) / step();
    int64_t reach = (in + end - start(o) + dilation - 1) / dilation;
    return reach < kernel ? reach : kernel;
  }

  // The windows that may hold position `at`.
  ONDOL_DEVICE int64_t first_over(int64_t at) const {
    if (adaptive()) return at * out / in;
    int64_t before = at + begin - (kernel - 1) * dilation;
    return before <= 0 ? 0 : (before + stride - 1) / stride;
  }
  ONDOL_DEVICE int64_t limit_over(int64_t at) const {
    int64_t limit = adaptive() ? ((at + 1) * out + in - 1) / in : (at + begin) / stride + 1;
    return limit < out ? limit : out;
  }
  ONDOL_DEVICE bool holds(int64_t o, int64_t at) const { return adaptive() || (at - start(o)) % dilation == 0; }
};

ONDOL_DEVICE PoolAxis pool_rows(const ondol_pool_args& a) {
  return {a.x_height, a.y_height, a.kernel_h, a.stride_h, a.dilation_h, a.pad_top, a.pad_bottom, a.count_pad != 0};
}

ONDOL_DEVICE PoolAxis pool_columns(const ondol_pool_args& a) {
  return {a.x_width, a.y_width, a.kernel_w, a.stride_w, a.dilation_w, a.pad_left, a.pad_right, a.count_pad != 0};
}

ONDOL_DEVICE int64_t pool_plane(int64_t plane, int64_t channels, int64_t batch_stride, int64_t channel_stride) {
  return plane / channels * batch_stride + plane % channels * channel_stride;
}

}  // namespace ondol::cuda

#endif
