// Generated convolutions for the native tests: sizes, layouts and live entries, and docs/arithmetic.md's loops over them.
#ifndef ONDOL_CONV_CASES_H
#define ONDOL_CONV_CASES_H

#include <math.h>

#include "guarded.h"

namespace testing {

// A map [batch, channels, plane] with gaps, images or channels first.
struct MapLayout {
  int64_t batch, channel, size;

  MapLayout(std::mt19937& random, int64_t images, int64_t channels, int64_t plane) {
    const int64_t gap = pick(random, {0, 0, 1, 5, 16});
    if (random() % 4 == 0) {
      batch = plane + gap;
      channel = images * batch + pick(random, {0, 3});
    } else {
      channel = plane + gap;
      batch = channels * channel + pick(random, {0, 7});
    }
    size = images == 0 ? 0 : (images - 1) * batch + (channels - 1) * channel + plane;
  }
};

// Sets of channels that share their live entries, as the C ABI takes them, and the same as flags by channel and entry.
struct Live {
  std::vector<int32_t> channel_start{0}, channels, live_start{0}, live;
  std::vector<bool> flags;

  Live(std::mt19937& random, const ondol_conv_args& a) {
    const int64_t depth = a.x_channels / a.groups * a.kernel_h * a.kernel_w, group = a.y_channels / a.groups;
    const int64_t share = 1 + random() % 4;                  // classes within a group
    const unsigned keep = pick(random, {0, 3, 5, 9, 10});    // tenths that live
    flags.resize(a.y_channels * depth);
    for (int64_t g = 0; g < a.groups; g++) {
      for (int64_t k = 0; k < share && k < group; k++) {
        std::vector<int32_t> own;
        for (int64_t e = 0; e < depth; e++) {
          if (random() % 10 < keep) own.push_back((int32_t)e);
        }
        for (int64_t c = k; c < group; c += share) {
          channels.push_back((int32_t)(g * group + c));
          for (int32_t e : own) flags[(g * group + c) * depth + e] = true;
        }
        channel_start.push_back((int32_t)channels.size());
        live.insert(live.end(), own.begin(), own.end());
        live_start.push_back((int32_t)live.size());
      }
    }
  }

  void put(ondol_conv_args& a) const {
    a.classes = (int64_t)channel_start.size() - 1;
    a.channel_start = channel_start.data(), a.channels = channels.data();
    a.live_start = live_start.data(), a.live = live.data();
  }
};

inline void conv_axis(std::mt19937& random, bool transposed, bool small, int64_t& x, int64_t& y, int64_t& kernel,
                      int64_t& stride, int64_t& dilation, int64_t& pad) {
  do {
    x = small ? pick(random, {1, 2, 3, 5, 7, 8}) : pick(random, {1, 5, 15, 16, 17, 31, 32, 33, 48});
    kernel = pick(random, {1, 1, 2, 3, 3, 3, 5, 7});
    stride = random() % 2 == 0 ? 1 : 1 + random() % 4;
    dilation = random() % 3 == 0 ? 1 + random() % 3 : 1;
    const int64_t span = (kernel - 1) * dilation + 1;
    pad = random() % 8 == 0 ? span + random() % 3 : random() % span;
    const int64_t end = random() % 8 == 0 ? span : random() % span;
    const int64_t extra = transposed ? random() % (stride > dilation ? stride : dilation) : 0;
    y = transposed ? (x - 1) * stride + span + extra - pad - end
        : x + pad + end < span ? 0 : (x + pad + end - span) / stride + 1;
  } while (y < 1 || y > 120);
}

inline int64_t conv_work(const ondol_conv_args& a) {
  return (a.batch + 1) * a.y_channels * a.y_height * a.y_width * (a.x_channels / a.groups) * a.kernel_h * a.kernel_w;
}

// Sizes of a conv, or of a deconv, without operands; the window is all of y.
inline ondol_conv_args conv_sizes(std::mt19937& random, bool transposed) {
  ondol_conv_args a = {};
  do {
    const bool wide = random() % 2 == 0, depthwise = random() % 6 == 0;
    auto channels = [&] { return wide ? pick(random, {1, 3, 7, 8, 15, 16, 17, 31, 33, 48}) : 1 + (int64_t)(random() % 5); };
    a.batch = random() % 12 == 0 ? 0 : 1 + random() % 3;
    a.groups = depthwise ? channels() : random() % 3 == 0 ? 1 + random() % 4 : 1;
    a.x_channels = a.groups * (depthwise ? 1 : channels());
    a.y_channels = a.groups * (depthwise ? 1 + random() % 3 : channels());
    if (random() % 5 == 0) {
      a.x_height = a.y_height = a.kernel_h = a.stride_h = a.dilation_h = 1, a.pad_top = 0;
    } else {
      conv_axis(random, transposed, wide, a.x_height, a.y_height, a.kernel_h, a.stride_h, a.dilation_h, a.pad_top);
    }
    conv_axis(random, transposed, wide, a.x_width, a.y_width, a.kernel_w, a.stride_w, a.dilation_w, a.pad_left);
  } while (conv_work(a) > 300000);
  a.end_h = a.y_height, a.end_w = a.y_width;
  return a;
}

inline std::string conv_text(const ondol_conv_args& a) {
  char line[500];
  snprintf(line, sizeof line,
           "n=%ld groups=%ld x=%ldx%ldx%ld y=%ldx%ldx%ld kernel %ldx%ld stride %ld,%ld dilation %ld,%ld pad %ld,%ld "
           "window %ld..%ld,%ld..%ld classes=%ld packed=%d act=%ld slope=%g bias=%d residual=%d",
           (long)a.batch, (long)a.groups, (long)a.x_channels, (long)a.x_height, (long)a.x_width, (long)a.y_channels,
           (long)a.y_height, (long)a.y_width, (long)a.kernel_h, (long)a.kernel_w, (long)a.stride_h, (long)a.stride_w,
           (long)a.dilation_h, (long)a.dilation_w, (long)a.pad_top, (long)a.pad_left, (long)a.begin_h, (long)a.end_h,
           (long)a.begin_w, (long)a.end_w, (long)a.classes, a.packed != nullptr, (long)a.activation, a.slope,
           a.bias != nullptr, a.residual == nullptr ? 0 : a.residual == a.y ? 2 : 1);
  return line;
}

// Element (n, c, y, x) of the operand x, +0 outside it.
inline float conv_padded(const ondol_conv_args& a, int64_t n, int64_t c, int64_t y, int64_t x) {
  if (y < 0 || y >= a.x_height || x < 0 || x >= a.x_width) return 0;
  return a.x[n * a.x_batch + c * a.x_channel + y * a.x_width + x];
}

// The chain of one output. `weight` is not packed; live is null where every entry is.
inline float conv_chain(const ondol_conv_args& a, const float* weight, const Live* live, bool transposed, int64_t n,
                        int64_t o, int64_t oy, int64_t ox) {
  const int64_t x_group = a.x_channels / a.groups, y_group = a.y_channels / a.groups, taps = a.kernel_h * a.kernel_w;
  const int64_t first = o / y_group * x_group;
  float v = 0;
  for (int64_t c = 0; c < x_group; c++) {
    for (int64_t ky = 0; ky < a.kernel_h; ky++) {
      for (int64_t kx = 0; kx < a.kernel_w; kx++) {
        const int64_t tap = ky * a.kernel_w + kx;
        if (live != nullptr && !live->flags[(o * x_group + c) * taps + tap]) continue;
        int64_t iy = oy * a.stride_h - a.pad_top + ky * a.dilation_h, ix = ox * a.stride_w - a.pad_left + kx * a.dilation_w;
        int64_t at = (o * x_group + c) * taps + tap;
        if (transposed) {
          iy = oy + a.pad_top - ky * a.dilation_h, ix = ox + a.pad_left - kx * a.dilation_w;
          if (iy % a.stride_h != 0 || ix % a.stride_w != 0) continue;
          iy /= a.stride_h, ix /= a.stride_w;
          at = ((first + c) * y_group + o % y_group) * taps + tap;
        }
        v = fmaf(conv_padded(a, n, first + c, iy, ix), weight[at], v);
      }
    }
  }
  return v;
}

inline void conv_fill(std::mt19937& random, Guarded& to, bool special, float scale) {
  const std::vector<float> x = values(random, to.size(), special);
  for (int64_t i = 0; i < to.size(); i++) to.data()[i] = x[i] * scale;
}

}  // namespace testing

#endif
