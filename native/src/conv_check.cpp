#include "conv_check.h"

#include <stdlib.h>

namespace ondol {
namespace {

constexpr int64_t MAX = INT32_MAX;

bool group_sizes(const ondol_conv_args& a, Check& check) {
  const int64_t x[] = {a.batch, a.x_channels, a.x_height, a.x_width}, y[] = {a.batch, a.y_channels, a.y_height, a.y_width};
  if (!check.at_least("batch", a.batch, 0) || !check.between("groups", a.groups, 1, MAX) ||
      !check.between("x_channels", a.x_channels, 1, MAX) || !check.between("y_channels", a.y_channels, 1, MAX) ||
      !check.between("x_height", a.x_height, 1, MAX) || !check.between("x_width", a.x_width, 1, MAX) ||
      !check.between("y_height", a.y_height, 1, INT64_MAX) || !check.between("y_width", a.y_width, 1, INT64_MAX) ||
      !check.between("kernel_h", a.kernel_h, 1, MAX) || !check.between("kernel_w", a.kernel_w, 1, MAX) ||
      !check.between("stride_h", a.stride_h, 1, MAX) || !check.between("stride_w", a.stride_w, 1, MAX) ||
      !check.between("dilation_h", a.dilation_h, 1, MAX) || !check.between("dilation_w", a.dilation_w, 1, MAX) ||
      !check.between("pad_top", a.pad_top, 0, MAX) || !check.between("pad_left", a.pad_left, 0, MAX) ||
      !check.between("begin_h", a.begin_h, 0, a.y_height) || !check.between("end_h", a.end_h, a.begin_h, a.y_height) ||
      !check.between("begin_w", a.begin_w, 0, a.y_width) || !check.between("end_w", a.end_w, a.begin_w, a.y_width) ||
      !check.sizes("sizes of x", x, 4) || !check.sizes("sizes of y", y, 4)) {
    return false;
  }
  if (a.x_channels % a.groups != 0 || a.y_channels % a.groups != 0) {
    return check.fail("groups = %lld: expected a divisor of x_channels = %lld and y_channels = %lld", (long long)a.groups,
                      (long long)a.x_channels, (long long)a.y_channels);
  }
  const int64_t filters[] = {a.y_channels, a.x_channels / a.groups, a.kernel_h, a.kernel_w};
  int64_t depth;
  if (!check.sizes("sizes of the filters", filters, 4)) return false;
  if (__builtin_mul_overflow(a.kernel_h * a.kernel_w, a.x_channels / a.groups, &depth) || depth > MAX) {
    return check.fail("kernel_h * kernel_w * x_channels / groups: expected at most %lld", (long long)MAX);
  }
  return true;
}

// y's size must follow from x's by some padding at the end, as addresses are computed from both.
bool reach(const char* name, int64_t x, int64_t y, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad,
           bool transposed, Check& check) {
  const int64_t span = (kernel - 1) * dilation, limit = int64_t(1) << 60;
  int64_t last;
  if (__builtin_mul_overflow((transposed ? x : y) - 1, stride, &last) || last > limit || span > limit) {
    return check.fail("%s: expected positions within 2^60", name);
  }
  if (transposed) return true;
  const int64_t end = last - pad + span;  // of the last filter
  return end - x <= MAX || check.fail("y_%s = %lld: expected at most %lld of padding behind x", name, (long long)y, (long long)MAX);
}

// As many channels as y has, so that none twice means each once; two tasks would write one that stands in two classes.
bool each_once(const ondol_conv_args& a, Check& check) {
  char* seen = static_cast<char*>(calloc(a.y_channels, 1));
  if (seen == nullptr) return check.fail("y_channels = %lld: expected fewer, or more memory", (long long)a.y_channels);
  int64_t j = 0;
  while (j < a.y_channels && seen[a.channels[j]] == 0) seen[a.channels[j++]] = 1;
  free(seen);
  return j == a.y_channels ||
         check.fail("channels[%lld] = %lld: expected each channel in one class", (long long)j, (long long)a.channels[j]);
}

bool valid_live(const ondol_conv_args& a, Check& check) {
  if (a.classes == 0) return true;
  if (!check.between("classes", a.classes, 1, a.y_channels) || !check.given("channel_start", a.channel_start) ||
      !check.given("channels", a.channels) || !check.given("live_start", a.live_start)) {
    return false;
  }
  const int64_t y_group = a.y_channels / a.groups, depth = a.x_channels / a.groups * a.kernel_h * a.kernel_w;
  if (a.channel_start[0] != 0 || a.channel_start[a.classes] != a.y_channels || a.live_start[0] != 0) {
    return check.fail("channel_start, live_start: expected to begin with 0 and to cover all %lld channels", (long long)a.y_channels);
  }
  for (int64_t i = 0; i < a.classes; i++) {
    const int64_t begin = a.channel_start[i], end = a.channel_start[i + 1];
    if (end <= begin || end > a.y_channels) return check.fail("channel_start[%lld]: expected ascending starts", (long long)i + 1);
    if (a.live_start[i + 1] < a.live_start[i]) return check.fail("live_start[%lld]: expected ascending starts", (long long)i + 1);
    for (int64_t j = begin; j < end; j++) {
      const int64_t channel = a.channels[j];
      if (channel < 0 || channel >= a.y_channels || channel / y_group != a.channels[begin] / y_group) {
        return check.fail("channels[%lld] = %lld: expected channels of y, of one group in a class", (long long)j, (long long)channel);
      }
      if (j > begin && channel <= a.channels[j - 1]) {
        return check.fail("channels[%lld] = %lld: expected ascending channels in a class", (long long)j, (long long)channel);
      }
    }
    if (a.live_start[i + 1] > a.live_start[i] && !check.given("live", a.live)) return false;
    for (int64_t j = a.live_start[i]; j < a.live_start[i + 1]; j++) {
      if (a.live[j] < 0 || a.live[j] >= depth || (j > a.live_start[i] && a.live[j] <= a.live[j - 1])) {
        return check.fail("live[%lld] = %lld: expected ascending entries below %lld", (long long)j, (long long)a.live[j],
                          (long long)depth);
      }
    }
  }
  return each_once(a, check);
}

}  // namespace

bool valid_conv_shape(const ondol_conv_args& a, bool transposed, Check& check) {
  return group_sizes(a, check) &&
         reach("height", a.x_height, a.y_height, a.kernel_h, a.stride_h, a.dilation_h, a.pad_top, transposed, check) &&
         reach("width", a.x_width, a.y_width, a.kernel_w, a.stride_w, a.dilation_w, a.pad_left, transposed, check) &&
         valid_live(a, check);
}

bool ConvMap::valid(Check& check, bool output) const {
  char label[40];
  int64_t i = 0;
  for (; name[i] != 0 && i < 24; i++) label[i] = name[i];
  for (const char* s = " strides"; *s != 0; s++) label[i++] = *s;
  label[i] = 0;
  if (!check.given(name, data) || !check.strides(label, sizes, strides, 3)) return false;
  return !output || check.distinct(label, sizes, strides, 3);
}

bool ConvMap::apart(Check& check, const char* other, const float* from, int64_t floats) const {
  const Extent e = extent(sizes, strides, 3);
  return check.apart(name, data + e.low, e.high - e.low + 1, other, from, floats, false);
}

// Maps with gaps may interleave without overlapping: slices of the channels of one map.
bool ConvMap::apart(Check& check, const ConvMap& other) const {
  const Extent e = extent(sizes, strides, 3), o = extent(other.sizes, other.strides, 3);
  const bool gaps = e.high - e.low + 1 > sizes[0] * sizes[1] * sizes[2] &&
                    o.high - o.low + 1 > other.sizes[0] * other.sizes[1] * other.sizes[2];
  return gaps || check.apart(name, data + e.low, e.high - e.low + 1, other.name, other.data + o.low, o.high - o.low + 1, false);
}

bool valid_conv(const ondol_conv_args& a, bool transposed, Check& check) {
  if (!check.between("activation", a.activation, ONDOL_NONE, ONDOL_SILU) || !valid_conv_shape(a, transposed, check)) return false;
  if (a.batch == 0 || a.begin_h == a.end_h || a.begin_w == a.end_w) return true;
  const ConvMap x("x", a.x, a.batch, a.x_channels, a.x_height * a.x_width, a.x_batch, a.x_channel);
  const ConvMap y("y", a.y, a.batch, a.y_channels, a.y_height * a.y_width, a.y_batch, a.y_channel);
  if (!y.valid(check, true) || !x.valid(check, false) || !y.apart(check, x)) return false;
  if (a.packed != nullptr) {
    if (a.weight != nullptr) return check.fail("weight = %p: expected null where packed is given", (const void*)a.weight);
    if (!y.apart(check, "packed", a.packed, ondol_conv_packed_size(&a, transposed))) return false;
  } else {
    const int64_t floats = a.y_channels * (a.x_channels / a.groups) * a.kernel_h * a.kernel_w;
    if (!check.given("weight", a.weight) || !y.apart(check, "weight", a.weight, floats)) return false;
  }
  if (a.bias != nullptr && !y.apart(check, "bias", a.bias, a.y_channels)) return false;
  if (a.residual == nullptr) return true;
  const ConvMap residual("residual", a.residual, a.batch, a.y_channels, a.y_height * a.y_width, a.residual_batch, a.residual_channel);
  if (a.residual != a.y) return residual.valid(check, false) && y.apart(check, residual);
  return (a.residual_batch == a.y_batch && a.residual_channel == a.y_channel) ||
         check.fail("residual = y = %p: expected equal strides where they are the same", (const void*)a.y);
}

}  // namespace ondol
