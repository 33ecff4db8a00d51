// Generated convolutions for the tests of the emulated kernels: shapes, strided operands, masks and packed filters.
#ifndef ONDOL_CUDA_TEST_CONV_CASES_H
#define ONDOL_CUDA_TEST_CONV_CASES_H

#include <algorithm>

#include "emulated.h"

namespace testing {

inline std::mt19937 random_source;

inline bool chance(unsigned of) { return random_source() % of == 0; }

inline int64_t below(int64_t end) { return static_cast<int64_t>(random_source() % static_cast<uint64_t>(end)); }

inline int64_t pick(std::initializer_list<int64_t> choices) {
  return choices.begin()[random_source() % choices.size()];
}

// A map [N, C, plane] whose images and channels lie apart, with something that must survive between them.
struct Map {
  std::vector<float> data;
  int64_t batch, channel;

  // Whole: in steps of 16 bytes of 16-bit elements.
  Map(int64_t n, int64_t channels, int64_t plane, bool special, bool whole = false) {
    const int64_t unit = whole ? 8 : 1;
    channel = plane + unit * below(3);
    batch = channels * channel + unit * below(3);
    data = values(random_source, n * batch, special);
  }
};

// Sizes of a case; what is not given is drawn.
struct Shape {
  int64_t batch = -1, groups = -1, x_group = -1, y_group = -1, height = -1, width = -1, kernel = -1, stride = -1;
  int64_t classes = -1;  // of a group
  int64_t dilation = -1, pad = -1;
  bool whole = false;    // maps in steps of 16 bytes
};

// Keeps the operands alive that `args` points into; y and residual are the caller's.
struct ConvCase {
  ondol_conv_args args = {};
  bool transposed;
  int64_t depth;
  std::vector<float> x, weight, packed, bias;
  std::vector<int32_t> channel_start, channels, live_start, live;

  ConvCase(bool transposed_, const Shape& shape, bool masked) : transposed(transposed_) {
    sizes(shape);
    bool special = chance(8);
    Map map(args.batch, args.x_channels, args.x_height * args.x_width, special, shape.whole);
    x = map.data;
    args.x = x.data();
    args.x_batch = map.batch;
    args.x_channel = map.channel;
    depth = args.x_channels / args.groups * args.kernel_h * args.kernel_w;
    int64_t filters = args.x_channels * (args.y_channels / args.groups);
    weight = values(random_source, filters * args.kernel_h * args.kernel_w, special);
    args.weight = weight.data();
    if (masked) mask(shape);
  }
  ConvCase(const ConvCase&) = delete;

  static int64_t or_else(int64_t given, int64_t drawn) { return given >= 0 ? given : drawn; }

  void sizes(const Shape& s) {
    ondol_conv_args& a = args;
    a.batch = or_else(s.batch, pick({1, 1, 2, 3}));
    a.groups = or_else(s.groups, pick({1, 1, 1, 2, 3}));
    int64_t x_group = or_else(s.x_group, pick({1, 1, 2, 3, 7, 16, 20}));
    int64_t y_group = or_else(s.y_group, pick({1, 2, 5, 8, 15, 16, 17, 33, 64, 70}));
    a.x_channels = a.groups * x_group;
    a.y_channels = a.groups * y_group;
    a.kernel_h = or_else(s.kernel, pick({1, 2, 3, 4, 5}));
    a.kernel_w = or_else(s.kernel, pick({1, 1, 2, 3, 4, 7}));
    a.stride_h = or_else(s.stride, pick({1, 1, 2, 3, 4, 6}));
    a.stride_w = or_else(s.stride, pick({1, 1, 2, 3, 5}));
    a.dilation_h = or_else(s.dilation, pick({1, 1, 1, 2, 3, 4}));
    a.dilation_w = or_else(s.dilation, pick({1, 1, 1, 2, 3}));
    a.x_width = or_else(s.width, 1 + below(transposed ? 8 : 20));
    a.x_height = or_else(s.height, 1 + below(transposed ? 6 : 12));
    extent(s.pad, a.x_height, a.kernel_h, a.stride_h, a.dilation_h, a.pad_top, a.y_height);
    extent(s.pad, a.x_width, a.kernel_w, a.stride_w, a.dilation_w, a.pad_left, a.y_width);
    a.end_h = a.y_height;
    a.end_w = a.y_width;
    a.activation = chance(2) ? 0 : below(7);
    a.slope = chance(2) ? 0.1 : 0;
  }

  // Padding, and the size of y that goes with it; deconv with a padding added to the output. A given padding is that of
  // both ends.
  void extent(int64_t given, int64_t x, int64_t kernel, int64_t stride, int64_t dilation, int64_t& pad,
              int64_t& y) const {
    int64_t span = dilation * (kernel - 1) + 1;
    if (given >= 0) {
      pad = given;
      y = (x + 2 * pad - span) / stride + 1;
    } else if (transposed) {
      int64_t full = (x - 1) * stride + span;
      pad = below(std::min(span, full) + 1);
      int64_t end = below(span + 1);
      y = std::max<int64_t>(1, full - pad - end + below(std::max(stride, dilation)));
    } else {
      pad = below(span + 1);
      int64_t padded = x + pad + below(span + 1);
      if (padded < span) padded = span;
      y = (padded - span) / stride + 1;
    }
  }

  // Some classes of any channels of a group, each with its own live entries; a class may have none.
  void mask(const Shape& shape) {
    int64_t y_group = args.y_channels / args.groups;
    channel_start = {0};
    live_start = {0};
    for (int64_t g = 0; g < args.groups; g++) {
      std::vector<int32_t> order(static_cast<size_t>(y_group));
      for (int64_t i = 0; i < y_group; i++) order[static_cast<size_t>(i)] = static_cast<int32_t>(g * y_group + i);
      std::shuffle(order.begin(), order.end(), random_source);
      channels.insert(channels.end(), order.begin(), order.end());
      int64_t classes = or_else(shape.classes, chance(4) ? y_group : std::min(y_group, 1 + below(3)));
      for (int64_t i = 0; i < classes; i++) {
        channel_start.push_back(static_cast<int32_t>(g * y_group + y_group * (i + 1) / classes));
        std::sort(channels.begin() + channel_start.rbegin()[1], channels.begin() + channel_start.back());
        unsigned dead = static_cast<unsigned>(pick({1, 2, 2, 4, 100}));
        for (int64_t k = 0; k < depth; k++) {
          if (!chance(dead)) live.push_back(static_cast<int32_t>(k));
        }
        live_start.push_back(static_cast<int32_t>(live.size()));
      }
    }
    finish_mask();
  }

  // A mask in raster order: the taps before the centre are live, and at the centre the channels of earlier colours than
  // the output's, or of its own too (`own`). Colours are interleaved or follow each other.
  void raster_mask(int64_t colours, bool own) {
    bool interleaved = chance(2);
    auto colour = [&](int64_t c, int64_t count) { return interleaved ? c % colours : c * colours / count; };
    int64_t taps = args.kernel_h * args.kernel_w, centre = args.kernel_h / 2 * args.kernel_w + args.kernel_w / 2;
    channel_start = {0};
    live_start = {0};
    for (int64_t i = 0; i < colours; i++) {
      for (int64_t o = 0; o < args.y_channels; o++) {
        if (colour(o, args.y_channels) == i) channels.push_back(static_cast<int32_t>(o));
      }
      for (int64_t k = 0; k < depth; k++) {
        int64_t from = colour(k / taps, args.x_channels);
        if (k % taps < centre || (k % taps == centre && (from < i || (own && from == i)))) {
          live.push_back(static_cast<int32_t>(k));
        }
      }
      channel_start.push_back(static_cast<int32_t>(channels.size()));
      live_start.push_back(static_cast<int32_t>(live.size()));
    }
    finish_mask();
  }

  void finish_mask() {
    args.classes = static_cast<int64_t>(channel_start.size()) - 1;
    args.channel_start = channel_start.data();
    args.channels = channels.data();
    args.live_start = live_start.data();
    live.reserve(1);  // not null where nothing is live
    args.live = live.data();
    spoil();
  }

  int64_t weight_at(int64_t o, int64_t k) const {
    if (!transposed) return o * depth + k;
    int64_t taps = args.kernel_h * args.kernel_w;
    int64_t y_group = args.y_channels / args.groups;
    int64_t c = o / y_group * (args.x_channels / args.groups) + k / taps;
    return (c * y_group + o % y_group) * taps + k % taps;
  }

  // Dead weights are NaN: nothing may read them.
  void spoil() {
    std::vector<float> old = weight;
    std::fill(weight.begin(), weight.end(), nan());
    for (size_t i = 0; i + 1 < channel_start.size(); i++) {
      for (int32_t j = channel_start[i]; j < channel_start[i + 1]; j++) {
        for (int32_t e = live_start[i]; e < live_start[i + 1]; e++) {
          auto at = static_cast<size_t>(weight_at(channels[static_cast<size_t>(j)], live[static_cast<size_t>(e)]));
          weight[at] = old[at];
        }
      }
    }
  }

  // Fills `packed` with the panels of ondol.h.
  void pack() {
    int64_t y_group = args.y_channels / args.groups;
    int64_t classes = args.classes == 0 ? args.groups : args.classes;
    for (int64_t i = 0; i < classes; i++) {
      std::vector<int64_t> own, rows;
      int64_t first = args.classes == 0 ? i * y_group : channel_start[static_cast<size_t>(i)];
      int64_t end = args.classes == 0 ? first + y_group : channel_start[static_cast<size_t>(i + 1)];
      for (int64_t j = first; j < end; j++) own.push_back(args.classes == 0 ? j : channels[static_cast<size_t>(j)]);
      int64_t begin = args.classes == 0 ? 0 : live_start[static_cast<size_t>(i)];
      int64_t stop = args.classes == 0 ? depth : live_start[static_cast<size_t>(i + 1)];
      for (int64_t e = begin; e < stop; e++) rows.push_back(args.classes == 0 ? e : live[static_cast<size_t>(e)]);
      auto earlier = [&](int64_t a, int64_t b) { return phase(a) < phase(b); };
      if (transposed) std::stable_sort(rows.begin(), rows.end(), earlier);
      for (size_t panel = 0; panel < own.size(); panel += 16) {
        for (int64_t row : rows) {
          for (size_t lane = panel; lane < panel + 16; lane++) {
            packed.push_back(lane < own.size() ? weight[static_cast<size_t>(weight_at(own[lane], row))] : 0.0f);
          }
        }
      }
    }
    packed.push_back(nan());  // so that data() is not null where nothing is live
  }

  std::pair<int64_t, int64_t> phase(int64_t entry) const {
    int64_t tap = entry % (args.kernel_h * args.kernel_w);
    return {tap / args.kernel_w * args.dilation_h % args.stride_h,
            tap % args.kernel_w * args.dilation_w % args.stride_w};
  }

  void print() const {
    const ondol_conv_args& a = args;
    printf("%s N%lld G%lld x %lldx%lldx%lld y %lldx%lldx%lld k%lldx%lld s%lld,%lld d%lld,%lld p%lld,%lld window "
           "%lld..%lld,%lld..%lld classes=%lld packed=%d bias=%d residual=%d act=%lld slope=%g\n",
           transposed ? "deconv" : "conv", (long long)a.batch, (long long)a.groups, (long long)a.x_channels,
           (long long)a.x_height, (long long)a.x_width, (long long)a.y_channels, (long long)a.y_height,
           (long long)a.y_width, (long long)a.kernel_h, (long long)a.kernel_w, (long long)a.stride_h,
           (long long)a.stride_w, (long long)a.dilation_h, (long long)a.dilation_w, (long long)a.pad_top,
           (long long)a.pad_left, (long long)a.begin_h, (long long)a.end_h, (long long)a.begin_w, (long long)a.end_w,
           (long long)a.classes, a.packed != nullptr, a.bias != nullptr, a.residual != nullptr,
           (long long)a.activation, a.slope);
  }
};

}  // namespace testing

#endif
