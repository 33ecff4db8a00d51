#include <vector>

#include "reference.h"

namespace reference {
namespace {

// live[o][k], from the lists.
std::vector<std::vector<bool>> live_entries(const ondol_conv_args& a) {
  auto depth = static_cast<size_t>(a.x_channels / a.groups * a.kernel_h * a.kernel_w);
  std::vector<std::vector<bool>> live(static_cast<size_t>(a.y_channels), std::vector<bool>(depth, a.classes == 0));
  for (int64_t i = 0; i < a.classes; i++) {
    for (int32_t j = a.channel_start[i]; j < a.channel_start[i + 1]; j++) {
      for (int32_t e = a.live_start[i]; e < a.live_start[i + 1]; e++) {
        live[static_cast<size_t>(a.channels[j])][static_cast<size_t>(a.live[e])] = true;
      }
    }
  }
  return live;
}

float x_at(const ondol_conv_args& a, int64_t n, int64_t c, int64_t iy, int64_t ix) {
  if (iy < 0 || iy >= a.x_height || ix < 0 || ix >= a.x_width) return 0.0f;
  return a.x[n * a.x_batch + c * a.x_channel + iy * a.x_width + ix];
}

float stored(const ondol_conv_args& a, int64_t n, int64_t o, int64_t pixel, float v) {
  if (a.bias != nullptr) v = v + a.bias[o];
  if (a.residual != nullptr) v = v + a.residual[n * a.residual_batch + o * a.residual_channel + pixel];
  auto slope = static_cast<float>(a.slope);
  if (a.activation == ONDOL_RELU && slope != 0.0f) return v < 0.0f ? v * slope : v;
  return activation(a.activation, v);
}

void conv_chain(const ondol_conv_args& a, const std::vector<bool>& live, int64_t n, int64_t o, int64_t oy, int64_t ox,
                std::vector<Step>& chain) {
  int64_t x_group = a.x_channels / a.groups;
  int64_t group = o / (a.y_channels / a.groups);
  for (int64_t c = 0; c < x_group; c++) {
    for (int64_t ky = 0; ky < a.kernel_h; ky++) {
      for (int64_t kx = 0; kx < a.kernel_w; kx++) {
        int64_t k = (c * a.kernel_h + ky) * a.kernel_w + kx;
        if (!live[static_cast<size_t>(k)]) continue;
        float x = x_at(a, n, group * x_group + c, oy * a.stride_h - a.pad_top + ky * a.dilation_h,
                       ox * a.stride_w - a.pad_left + kx * a.dilation_w);
        chain.push_back({x, a.weight[o * x_group * a.kernel_h * a.kernel_w + k]});
      }
    }
  }
}

void deconv_chain(const ondol_conv_args& a, const std::vector<bool>& live, int64_t n, int64_t o, int64_t oy, int64_t ox,
                  std::vector<Step>& chain) {
  int64_t x_group = a.x_channels / a.groups;
  int64_t y_group = a.y_channels / a.groups;
  int64_t group = o / y_group;
  for (int64_t c = 0; c < x_group; c++) {
    for (int64_t ky = 0; ky < a.kernel_h; ky++) {
      for (int64_t kx = 0; kx < a.kernel_w; kx++) {
        if (!live[static_cast<size_t>((c * a.kernel_h + ky) * a.kernel_w + kx)]) continue;
        int64_t iy = oy + a.pad_top - ky * a.dilation_h;
        int64_t ix = ox + a.pad_left - kx * a.dilation_w;
        if (iy % a.stride_h != 0 || ix % a.stride_w != 0) continue;
        float x = x_at(a, n, group * x_group + c, iy / a.stride_h, ix / a.stride_w);
        int64_t filter = (group * x_group + c) * y_group + o % y_group;
        chain.push_back({x, a.weight[(filter * a.kernel_h + ky) * a.kernel_w + kx]});
      }
    }
  }
}

void write_sums(const ondol_conv_args& a, bool transposed) {
  each_chain(a, transposed, [&](int64_t n, int64_t o, int64_t pixel, const std::vector<Step>& chain) {
    float v = 0.0f;
    for (const Step& step : chain) v = std::fma(step.x, step.w, v);
    a.y[n * a.y_batch + o * a.y_channel + pixel] = stored(a, n, o, pixel, v);
  });
}

}  // namespace

void each_chain(const ondol_conv_args& a, bool transposed, const VisitChain& visit) {
  std::vector<std::vector<bool>> live = live_entries(a);
  std::vector<Step> chain;
  for (int64_t n = 0; n < a.batch; n++) {
    for (int64_t o = 0; o < a.y_channels; o++) {
      for (int64_t oy = a.begin_h; oy < a.end_h; oy++) {
        for (int64_t ox = a.begin_w; ox < a.end_w; ox++) {
          chain.clear();
          (transposed ? deconv_chain : conv_chain)(a, live[static_cast<size_t>(o)], n, o, oy, ox, chain);
          visit(n, o, oy * a.y_width + ox, chain);
        }
      }
    }
  }
}

void conv(const ondol_conv_args& args) { write_sums(args, false); }

void deconv(const ondol_conv_args& args) { write_sums(args, true); }

void each_weight(const ondol_convweight_args& g, const VisitWeight& visit) {
  const ondol_conv_args& a = g.forward;
  std::vector<std::vector<bool>> live = live_entries(a);
  int64_t x_group = a.x_channels / a.groups;
  int64_t depth = x_group * a.kernel_h * a.kernel_w;
  std::vector<Step> chain;
  for (int64_t element = 0; element < a.y_channels * depth; element++) {
    int64_t o = element / depth, k = element % depth;
    if (!live[static_cast<size_t>(o)][static_cast<size_t>(k)]) continue;
    int64_t c = o / (a.y_channels / a.groups) * x_group + k / (a.kernel_h * a.kernel_w);
    int64_t ky = k / a.kernel_w % a.kernel_h, kx = k % a.kernel_w;
    for (int64_t n = 0; n < a.batch; n++) {
      chain.clear();
      for (int64_t oy = 0; oy < a.y_height; oy++) {
        for (int64_t ox = 0; ox < a.y_width; ox++) {
          float dy = g.dy[n * g.dy_batch + o * g.dy_channel + oy * a.y_width + ox];
          float x = x_at(a, n, c, oy * a.stride_h - a.pad_top + ky * a.dilation_h,
                         ox * a.stride_w - a.pad_left + kx * a.dilation_w);
          chain.push_back({x, dy});
        }
      }
      visit(element, chain);
    }
  }
}

void convweight(const ondol_convweight_args& g) {
  const ondol_conv_args& a = g.forward;
  int64_t size = a.y_channels * (a.x_channels / a.groups) * a.kernel_h * a.kernel_w;
  for (int64_t i = 0; i < size; i++) g.dw[i] = 0.0f;
  each_weight(g, [&](int64_t element, const std::vector<Step>& chain) {
    float sum = 0.0f;
    for (const Step& step : chain) sum = std::fma(step.w, step.x, sum);
    g.dw[element] = g.dw[element] + sum;
  });
}

}  // namespace reference
