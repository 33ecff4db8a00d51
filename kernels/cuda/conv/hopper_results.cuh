// The tiles of Hopper's conv, and what becomes of a tile's sums: bias, residual, activation, rounding.
#ifndef ONDOL_CUDA_CONV_HOPPER_RESULTS_CUH
#define ONDOL_CUDA_CONV_HOPPER_RESULTS_CUH

#include <type_traits>

#include "../common/hopper.cuh"
#include "../common/tensor.cuh"
#include "hopper.cuh"

#ifdef ONDOL_HOPPER

namespace ondol::cuda {

struct ConvTile {
  int block;  // of channels
  int image;
  int kind, log_width;
  int x, y;  // first pixel in the window
  int rows;
};

// Of the block's share in the work of pair `pair`.
ONDOL_DEVICE ConvTile tile_of(const ConvPlan& plan, int pair) {
  ConvTile tile;
  tile.block = pair % plan.row_tiles;
  int index = pair / plan.row_tiles * 2 + static_cast<int>(blockIdx.x % 2);
  tile.image = index / plan.image;
  int at = index % plan.image;
  tile.kind = 0;
  tile.x = 0;
  while (at >= plan.strips[tile.kind] * plan.down[tile.kind]) {
    at -= plan.strips[tile.kind] * plan.down[tile.kind];
    tile.x += plan.strips[tile.kind] * (WIDEST >> tile.kind);
    ++tile.kind;
  }
  tile.log_width = 5 - tile.kind;
  tile.rows = tile_rows(plan, tile.kind);
  tile.x += at / plan.down[tile.kind] * (WIDEST >> tile.kind);
  tile.y = at % plan.down[tile.kind] * tile.rows;
  return tile;
}

// What a thread has of a tile: two channels, `channel` and eight further on, at pairs of neighbouring pixels.
struct ConvShare {
  int channel, left;                   // channels from the first one on that exist
  int log_width, x, y, width, height;  // of the consumer's pixels; how much of them lies in the window
  int64_t residual_at;                 // of channel 0 at the first pixel

  ONDOL_DEVICE ConvShare(const ConvProblem& problem, const ConvPlan& plan, const ConvTile& tile, int consumer) {
    const ondol_conv_args& args = problem.args;
    bool divided = plan.rows == HALF;
    int thread = static_cast<int>(threadIdx.x) % WARPGROUP;
    channel = tile.block * plan.rows + (divided ? 0 : consumer * HALF) + thread / WARP * 16 + thread % WARP / 4;
    left = static_cast<int>(args.y_channels) - channel;
    log_width = tile.log_width;
    x = tile.x;
    y = tile.y + (divided ? consumer * (tile.rows / 2) : 0);
    width = static_cast<int>(args.end_w - args.begin_w) - x;
    height = tile.image < args.batch ? static_cast<int>(args.end_h - args.begin_h) - y : 0;
    int64_t pixel = (args.begin_h + y) * args.y_width + args.begin_w + x;
    residual_at = tile.image * args.residual_batch + pixel;
  }

  ONDOL_DEVICE int column(int pixel) const { return pixel & ((1 << log_width) - 1); }
  ONDOL_DEVICE int row(int pixel) const { return pixel >> log_width; }
  ONDOL_DEVICE bool holds(int pixel, int further) const {
    return further < left && column(pixel) < width && row(pixel) < height;
  }
};

template <class Format>
ONDOL_DEVICE float residual_of(const ConvProblem& problem, const ConvShare& share, int further, int pixel) {
  const ondol_conv_args& args = problem.args;
  auto from = reinterpret_cast<const uint16_t*>(args.residual);
  return Format::wide(from[share.residual_at + (share.channel + further) * args.residual_channel +
                           share.row(pixel) * args.y_width + share.column(pixel)]);
}

// Whether finish_sums knows the activation.
ONDOL_DEVICE bool is_simple(const ondol_conv_args& args) {
  return args.activation == ONDOL_NONE || args.activation == ONDOL_RELU;
}

ONDOL_DEVICE float rectify(const ConvProblem& problem, float x) {
  if (problem.args.activation != ONDOL_RELU) return x;
  return problem.slope != 0.0f ? (x < 0.0f ? mul(x, problem.slope) : x) : relu(x);
}

// Bias, residual and the activations that are cheap enough for as many copies as there are registers.
template <class Format, int FLOATS>
ONDOL_DEVICE void finish_sums(const ConvProblem& problem, const ConvShare& share, float (&sums)[FLOATS]) {
  const ondol_conv_args& args = problem.args;
  int first = static_cast<int>(threadIdx.x) % 4 * 2;
  if (args.bias != nullptr) {
    float bias[2];
#pragma unroll
    for (int r = 0; r < 2; ++r) bias[r] = 8 * r < share.left ? args.bias[share.channel + 8 * r] : 0.0f;
#pragma unroll
    for (int i = 0; i < FLOATS; ++i) sums[i] = add(sums[i], bias[i / 2 % 2]);
  }
  if (args.residual != nullptr) {
#pragma unroll
    for (int i = 0; i < FLOATS; ++i) {
      int further = i / 2 % 2 * 8, pixel = i / 4 * 8 + first + i % 2;
      if (share.holds(pixel, further)) {
        sums[i] = add(sums[i], residual_of<Format>(problem, share, further, pixel));
      }
    }
  }
  if (args.activation == ONDOL_RELU) {
#pragma unroll
    for (int i = 0; i < FLOATS; ++i) sums[i] = rectify(problem, sums[i]);
  }
}

// A sum of a masked conv over its live entries alone.
template <class Format>
ONDOL_DEVICE float chain_again(const ConvProblem& problem, const ConvTile& tile, int channel, int64_t y, int64_t x) {
  const ondol_conv_args& args = problem.args;
  auto maps = reinterpret_cast<const uint16_t*>(args.x) + tile.image * args.x_batch;
  auto packed = reinterpret_cast<const uint16_t*>(args.packed);
  auto plain = reinterpret_cast<const uint16_t*>(args.weight);
  int64_t panels = 0;
  int kind = 0;
  int32_t j = 0;
  for (; args.channels[j] != channel; ++j) {
    while (args.channel_start[kind + 1] <= j) ++kind;
  }
  while (args.channel_start[kind + 1] <= j) ++kind;
  for (int i = 0; i < kind; ++i) {
    int64_t channels = args.channel_start[i + 1] - args.channel_start[i];
    panels += (channels + PANEL_CHANNELS - 1) / PANEL_CHANNELS * (args.live_start[i + 1] - args.live_start[i]);
  }
  const int32_t* live = args.live + args.live_start[kind];
  int64_t steps = args.live_start[kind + 1] - args.live_start[kind];
  int64_t place = j - args.channel_start[kind];
  panels = (panels + place / PANEL_CHANNELS * steps) * PANEL_CHANNELS + place % PANEL_CHANNELS;
  float sum = 0.0f;
  for (int64_t i = 0; i < steps; ++i) {
    int64_t k = live[i];
    int64_t tap = k % problem.taps;
    int64_t iy = y - args.pad_top + tap / args.kernel_w * args.dilation_h;
    int64_t ix = x - args.pad_left + tap % args.kernel_w * args.dilation_w;
    bool inside = iy >= 0 && iy < args.x_height && ix >= 0 && ix < args.x_width;
    float value = inside ? Format::wide(maps[k / problem.taps * args.x_channel + iy * args.x_width + ix]) : 0.0f;
    uint16_t weight = packed != nullptr ? packed[panels + i * PANEL_CHANNELS] : plain[channel * problem.depth + k];
    sum = fma(value, Format::wide(weight), sum);
  }
  return sum;
}

// The same as finish_sums for every activation, and NaN of a masked conv formed again. The code stands once: the thread
// keeps its sums, half of them at a time, in its own part of the room for results and goes through them in a loop.
template <class Format, int FLOATS>
ONDOL_DEVICE void finish_rest(const ConvProblem& problem, const ConvTile& tile, const ConvShare& share,
                              unsigned char* results, float (&sums)[FLOATS]) {
  const ondol_conv_args& args = problem.args;
  constexpr int PART = FLOATS / 2;
  float* own = reinterpret_cast<float*>(results) + threadIdx.x % WARPGROUP;
  int first = static_cast<int>(threadIdx.x) % 4 * 2;
#pragma unroll
  for (int begin = 0; begin < FLOATS; begin += PART) {
#pragma unroll
    for (int i = 0; i < PART; ++i) own[i * WARPGROUP] = sums[begin + i];
#pragma unroll 1
    for (int i = 0; i < PART; ++i) {
      int at = begin + i;
      int further = at / 2 % 2 * 8, pixel = at / 4 * 8 + first + at % 2;
      if (!share.holds(pixel, further)) continue;
      float value = own[i * WARPGROUP];
      if (args.classes != 0 && is_nan(value)) {
        value = chain_again<Format>(problem, tile, share.channel + further, args.begin_h + share.y + share.row(pixel),
                                    args.begin_w + share.x + share.column(pixel));
      }
      if (args.bias != nullptr) value = add(value, args.bias[share.channel + further]);
      if (args.residual != nullptr) value = add(value, residual_of<Format>(problem, share, further, pixel));
      bool simple = args.activation == ONDOL_RELU;
      own[i * WARPGROUP] = simple ? rectify(problem, value) : activate(value, args.activation);
    }
#pragma unroll
    for (int i = 0; i < PART; ++i) sums[begin + i] = own[i * WARPGROUP];
  }
}

// Rounds the results to where a tensor store expects them: the layout of Pixels.
template <class Format, int FLOATS>
ONDOL_DEVICE void keep_results(const float (&sums)[FLOATS], int log_width, unsigned char* results) {
  int thread = static_cast<int>(threadIdx.x) % WARPGROUP;
  int channel = thread / WARP * 16 + thread % WARP / 4;
  auto exchange = static_cast<int>(Pixels::exchange(channel, log_width));
  unsigned char* line = results + (2 * channel << log_width) + thread % 4 * 4;
  int chunks = (1 << log_width) / 8;
#pragma unroll
  for (int j = 0; j < FLOATS / 4; ++j) {
    int at = (j >> (log_width - 3)) * (2 * SLICE << log_width) + ((j & (chunks - 1)) ^ exchange) * 16;
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      float low = sums[4 * j + 2 * r], high = sums[4 * j + 2 * r + 1];
      bool bfloat16 = std::is_same_v<Format, Bfloat16>;
      uint32_t word = bfloat16 ? pack_bfloat16(low, high) : pack_float16(low, high);
      *reinterpret_cast<uint32_t*>(line + at + r * (2 * 8 << log_width)) = word;
    }
  }
}

}  // namespace ondol::cuda

#endif
#endif
