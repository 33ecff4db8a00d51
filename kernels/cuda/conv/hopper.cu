// conv and maskedconv in bfloat16 and float16 for sm_90a: stride 1, one group, maps of whole 16-byte steps. Has not run
// on a device yet; the other calls stay with tensor.cuh.
//
// A block computes 128 channels of y at N pixels, or 64 channels at 2 N, with three warpgroups, and then the next such
// tile, as long as there are any.
// - The first is the producer: one thread copies filters and pixels into stages, by tensor copies. It gives its
//   registers to the others, and goes on with the next tile while they finish this one.
// - The two consumers own 64 channels each, or the upper and the lower half of the pixels. Sums stay in registers; the
//   results go to shared memory and from there by a tensor store, which drops what lies outside of the map.
//
// Steps    A step is one tap for 64 channels of x: four products of 64 x N x 16. Its filters, an 8 KB panel for each 64
//          channels of y, were rewritten before (hopper_filters.cu). Its pixels are read as they lie in x, whose
//          contiguous direction is that of the products' columns: no copy of x with the channels last is made.
// Pixels   A tile is a piece of a strip 32, 16 or 8 pixels wide, so that an image of 56 has three strips and none of
//          their pixels is wasted. A box of 64 channels, the strip's width and the tile's rows plus the filter's height
//          lies in shared memory as [row][channel][pixel] (Pixels in common/hopper.cuh). It serves all taps of one
//          column of the filter: the next tap down begins one row further on. Boxes that reach beyond the map have
//          zeros there, which is the padding. A box is copied as a piece of the tile's height and single rows, because
//          how many of these a mask needs is known on the device alone.
// Masks    Dead steps are neither copied nor multiplied. A step in which some entries are live has zeros for the dead
//          ones; where such a sum comes out as NaN (0 * inf), it is formed again over the live entries as float32 does.
// Order    Steps follow (64 channels, kx, ky), whatever the tile: a result depends neither on N nor on the grid.
// Sizes    Filters have 2 to 6 stages of 16 or 8 KB, pixels 2 or 3 of 128 N bytes and 64 times the width for every
//          further row, twice the pixels for 64 channels; the results 256 N bytes. For 3 x 3 filters and strips of 32:
//            channels x N  filters  pixels    results  in all  floats of a consumer's thread
//            128 x 256     5 x 16   2 x 40    64       225 KB  128
//            128 x 224     6 x 16   2 x 36    56       225 KB  112
//            128 x 192     6 x 16   2 x 32    48       209 KB  96
//            128 x 128     6 x 16   3 x 24    32       201 KB  64
//            128 x 64      6 x 16   3 x 16    16       161 KB  32
//            64 x 128      6 x 8    3 x 40    32       201 KB  64
//            64 x 64       6 x 8    3 x 24    16       137 KB  32
//          Registers: 24 for the producer's threads and 240 for the consumers', from ptxas's 168 for each.
#include "hopper.cuh"

#include <type_traits>

#include "../common/hopper.cuh"
#include "../common/tensor.cuh"

namespace ondol::cuda {
namespace {

constexpr int THREADS = 3 * WARPGROUP;
constexpr int MOST_STAGES = 6;
constexpr int HALF = 64;          // channels of a product
constexpr int HEAD = 1024;        // bytes before the stages
constexpr int ROOM = 227 * 1024;  // shared memory of a block

struct alignas(HEAD) Head {
  Barrier filters_full[MOST_STAGES], filters_empty[MOST_STAGES], pixels_full[MOST_STAGES], pixels_empty[MOST_STAGES];
};

struct Maps {
  TensorMap filters;
  TensorMap pixels[KINDS], lines[KINDS];  // a tile's rows, a single one
  TensorMap results[KINDS];
};

#ifdef ONDOL_HOPPER

constexpr int DONE = 1;  // the first of the consumers' own barriers

struct Tile {
  int block;    // of channels
  int image;
  int kind, log_width;
  int x, y;     // first pixel in the window
  int rows;
};

ONDOL_DEVICE Tile tile_of(const ConvPlan& plan, int64_t index) {
  Tile tile;
  tile.block = static_cast<int>(index % plan.row_tiles);
  index /= plan.row_tiles;
  tile.image = static_cast<int>(index / plan.image);
  int at = static_cast<int>(index % plan.image);
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

// A place in a ring of stages.
struct Ring {
  int stage = 0, parity = 0;

  ONDOL_DEVICE void next(int stages) {
    if (++stage < stages) return;
    stage = 0;
    parity ^= 1;
  }
};

// Where what lies in a block's shared memory.
struct Places {
  unsigned char* pixels;
  unsigned char* filters;
  unsigned char* results;
  int filter_bytes;

  ONDOL_DEVICE Places(Head& head, const ConvPlan& plan) {
    filter_bytes = plan.rows * SLICE * 2;
    pixels = reinterpret_cast<unsigned char*>(&head) + HEAD;
    filters = pixels + plan.pixel_stages * plan.pixel_bytes;
    results = filters + plan.filter_stages * filter_bytes;
  }
};

// ---- producer -----------------------------------------------------------------------------------------------------

ONDOL_DEVICE void copy_pixels(const ConvProblem& problem, const Maps& maps, const Tile& tile, const ConvStep& step,
                              Barrier& full, unsigned char* to) {
  const ondol_conv_args& args = problem.args;
  int row_bytes = 2 * SLICE << tile.log_width;
  int further = step.halo * static_cast<int>(args.dilation_h);
  int channel = step.slice * SLICE;
  int x = static_cast<int>(args.begin_w - args.pad_left + step.column * args.dilation_w) + tile.x;
  int y = static_cast<int>(args.begin_h - args.pad_top + step.top * args.dilation_h) + tile.y;
  barrier_expect(full, static_cast<uint32_t>((tile.rows + further) * row_bytes));
  tensor_copy(maps.pixels[tile.kind], full, to, x, channel, y, tile.image, 0);
#pragma unroll 1
  for (int row = tile.rows; row < tile.rows + further; ++row) {
    tensor_copy(maps.lines[tile.kind], full, to + row * row_bytes, x, channel, y + row, tile.image, 0);
  }
}

ONDOL_DEVICE void produce(const ConvProblem& problem, const ConvPlan& plan, const Maps& maps, Head& s) {
  Places places(s, plan);
  Ring filters, pixels;
#pragma unroll 1
  for (int64_t index = blockIdx.x; index < plan.tiles; index += gridDim.x) {
    Tile tile = tile_of(plan, index);
    const ConvStep* list = plan.list + static_cast<int64_t>(tile.block) * plan.steps;
    int count = plan.counts[tile.block];
#pragma unroll 1
    for (int i = 0; i < count; ++i) {
      ConvStep step = list[i];
      if (step.begins) {
        barrier_wait(s.pixels_empty[pixels.stage], pixels.parity ^ 1);
        copy_pixels(problem, maps, tile, step, s.pixels_full[pixels.stage],
                    places.pixels + pixels.stage * plan.pixel_bytes);
        pixels.next(plan.pixel_stages);
      }
      barrier_wait(s.filters_empty[filters.stage], filters.parity ^ 1);
      barrier_expect(s.filters_full[filters.stage], static_cast<uint32_t>(places.filter_bytes));
      tensor_copy(maps.filters, s.filters_full[filters.stage], places.filters + filters.stage * places.filter_bytes, 0,
                  (tile.block * plan.steps + i) * plan.rows, 0, 0, 0);
      filters.next(plan.filter_stages);
    }
  }
}

// ---- consumers ----------------------------------------------------------------------------------------------------

// Products of one step, begun.
template <bool BFLOAT16, int FLOATS>
ONDOL_DEVICE void begin_step(uint32_t filters, uint32_t pixels, int log_width, float (&sums)[FLOATS]) {
  uint64_t a = lines_descriptor(filters);
  uint64_t b = Pixels::descriptor(pixels, log_width);
  product_fence();
#pragma unroll
  for (int k = 0; k < SLICE / 16; ++k) {
    product<BFLOAT16, Stored::COLUMNS>(sums, a + static_cast<uint64_t>(k * 32 / 16),
                                       b + (static_cast<uint64_t>(k * 32 / 16) << log_width), true);
  }
  product_commit();
}

// sums = the tile's products of all its steps.
template <bool BFLOAT16, int FLOATS>
ONDOL_DEVICE void multiply(const ConvProblem& problem, const ConvPlan& plan, const Tile& tile, int consumer, Head& s,
                           Ring& filters, Ring& pixels, float (&sums)[FLOATS]) {
  Places places(s, plan);
  bool divided = plan.rows == HALF;  // the pixels among the consumers
  int row_bytes = 2 * SLICE << tile.log_width;
  int tap_bytes = static_cast<int>(problem.args.dilation_h) * row_bytes;
  uint32_t filters_at = shared_address(places.filters) + (divided ? 0 : consumer * (HALF * SLICE * 2));
  uint32_t pixels_at = shared_address(places.pixels) + (divided ? consumer * (tile.rows / 2) * row_bytes : 0);
  const ConvStep* list = plan.list + static_cast<int64_t>(tile.block) * plan.steps;
  int count = uniform(plan.counts[tile.block]);
  int used_filters = 0, used_pixels = -1;  // stages that the step before has used up
#pragma unroll
  for (int i = 0; i < FLOATS; ++i) sums[i] = 0.0f;
  if (count == 0) return;
  pin(sums);
#pragma unroll 1
  for (int i = 0; i < count; ++i) {
    ConvStep step = list[i];
    if (step.begins) barrier_wait(s.pixels_full[pixels.stage], pixels.parity);
    barrier_wait(s.filters_full[filters.stage], filters.parity);
    begin_step<BFLOAT16>(filters_at + static_cast<uint32_t>(filters.stage * places.filter_bytes),
                         pixels_at + static_cast<uint32_t>(pixels.stage * plan.pixel_bytes + step.down * tap_bytes),
                         tile.log_width, sums);
    product_wait<1>();
    if (i > 0) release(s.filters_empty[used_filters]);
    if (used_pixels >= 0) release(s.pixels_empty[used_pixels]);
    used_filters = filters.stage;
    used_pixels = step.ends ? pixels.stage : -1;
    filters.next(plan.filter_stages);
    if (step.ends) pixels.next(plan.pixel_stages);
  }
  product_wait<0>();
  pin(sums);
  release(s.filters_empty[used_filters]);
  release(s.pixels_empty[used_pixels]);
}

// What a thread has of a tile: two channels, `channel` and eight further on, at pairs of neighbouring pixels.
struct Share {
  int channel, left;  // channels from the first one on that exist
  int log_width, x, y, width, height;  // of the consumer's pixels; how much of them lies in the window
  int64_t y_at, residual_at;           // of channel 0 at the first pixel

  ONDOL_DEVICE Share(const ConvProblem& problem, const ConvPlan& plan, const Tile& tile, int consumer) {
    const ondol_conv_args& args = problem.args;
    bool divided = plan.rows == HALF;
    int thread = static_cast<int>(threadIdx.x) % WARPGROUP;
    channel = tile.block * plan.rows + (divided ? 0 : consumer * HALF) + thread / WARP * 16 + thread % WARP / 4;
    left = static_cast<int>(args.y_channels) - channel;
    log_width = tile.log_width;
    x = tile.x;
    y = tile.y + (divided ? consumer * (tile.rows / 2) : 0);
    width = static_cast<int>(args.end_w - args.begin_w) - x;
    height = static_cast<int>(args.end_h - args.begin_h) - y;
    int64_t pixel = (args.begin_h + y) * args.y_width + args.begin_w + x;
    residual_at = tile.image * args.residual_batch + pixel;
    y_at = tile.image * args.y_batch + pixel;
  }

  ONDOL_DEVICE int column(int pixel) const { return pixel & ((1 << log_width) - 1); }
  ONDOL_DEVICE int row(int pixel) const { return pixel >> log_width; }
  ONDOL_DEVICE bool holds(int pixel, int further) const {
    return further < left && column(pixel) < width && row(pixel) < height;
  }
};

template <class Format>
ONDOL_DEVICE float residual_of(const ConvProblem& problem, const Share& share, int further, int pixel) {
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
ONDOL_DEVICE void finish_sums(const ConvProblem& problem, const Share& share, float (&sums)[FLOATS]) {
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
ONDOL_DEVICE float chain_again(const ConvProblem& problem, const Tile& tile, int channel, int64_t y, int64_t x) {
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
ONDOL_DEVICE void finish_rest(const ConvProblem& problem, const Tile& tile, const Share& share, unsigned char* results,
                              float (&sums)[FLOATS]) {
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
        value = chain_again<Format>(problem, tile, share.channel + further,
                                    args.begin_h + share.y + share.row(pixel),
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
ONDOL_DEVICE void keep(const float (&sums)[FLOATS], int log_width, unsigned char* results) {
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

template <class Format, int FLOATS>
ONDOL_DEVICE void write(const ConvProblem& problem, const ConvPlan& plan, const Maps& maps, const Tile& tile,
                        int consumer, unsigned char* results, float (&sums)[FLOATS]) {
  const ondol_conv_args& args = problem.args;
  bool elected = threadIdx.x % WARPGROUP == 0;
  Share share(problem, plan, tile, consumer);
  bool again = false;
  if (args.classes != 0) {
#pragma unroll
    for (int i = 0; i < FLOATS; ++i) again = again || is_nan(sums[i]);
  }
  if (elected) bulk_wait_read();
  named_barrier_sync(DONE + consumer, WARPGROUP);
  if (again || !is_simple(args)) {
    finish_rest<Format>(problem, tile, share, results, sums);
  } else {
    finish_sums<Format>(problem, share, sums);
  }
  // Of the same room.
  if (args.classes != 0 || !is_simple(args)) named_barrier_sync(DONE + consumer, WARPGROUP);
  keep<Format>(sums, tile.log_width, results);
  fence_async();
  named_barrier_sync(DONE + consumer, WARPGROUP);
  if (elected && share.left > 0 && share.height > 0) {
    tensor_store(maps.results[tile.kind], results, share.x, share.channel, share.y, tile.image, 0);
    bulk_commit();
  }
}

template <class Format, int N>
ONDOL_DEVICE void consume(const ConvProblem& problem, const ConvPlan& plan, const Maps& maps, int consumer, Head& s) {
  unsigned char* results = Places(s, plan).results + consumer * (HALF * N * 2);
  Ring filters, pixels;
  float sums[N / 2];
#pragma unroll 1
  for (int64_t index = blockIdx.x; index < plan.tiles; index += gridDim.x) {
    Tile tile = tile_of(plan, index);
    multiply<std::is_same_v<Format, Bfloat16>>(problem, plan, tile, consumer, s, filters, pixels, sums);
    write<Format>(problem, plan, maps, tile, consumer, results, sums);
  }
  if (threadIdx.x % WARPGROUP == 0) bulk_wait_read();
}

#endif

template <class Format, int N>
__global__ void __launch_bounds__(THREADS, 1)
    conv_hopper(const __grid_constant__ ConvProblem problem, const __grid_constant__ ConvPlan plan,
                const __grid_constant__ Maps maps) {
#ifdef ONDOL_HOPPER
  auto& s = swizzled_shared<Head>();
  if (threadIdx.x == 0) {
    prefetch(maps.filters);
    constexpr int CONSUMERS = 2 * WARPGROUP / WARP;  // a warp is one
    for (int stage = 0; stage < MOST_STAGES; ++stage) {
      barrier_init(s.filters_full[stage], 1);
      barrier_init(s.pixels_full[stage], 1);
      barrier_init(s.filters_empty[stage], CONSUMERS);
      barrier_init(s.pixels_empty[stage], CONSUMERS);
    }
    fence_barriers();
  }
  __syncthreads();
  int group = uniform(static_cast<int>(threadIdx.x) / WARPGROUP);
  if (group == 0) {
    fewer_registers<24>();
    if (threadIdx.x == 0) produce(problem, plan, maps, s);
  } else {
    more_registers<240>();
    consume<Format, N>(problem, plan, maps, group - 1, s);
  }
#endif
}

// ---- host ---------------------------------------------------------------------------------------------------------

constexpr int64_t ANY = 8;  // the stride of a dimension with one index

int64_t stride_of(int64_t size, int64_t stride) { return size > 1 ? stride : ANY; }

// A map as boxes of `rows` rows of a strip.
TensorShape map_shape(const float* base, int64_t offset, const int64_t (&size)[4], int64_t width, int64_t channel,
                      int64_t batch, int box, int rows) {
  return {reinterpret_cast<const uint16_t*>(base) + offset,
          {size[0], size[1], size[2], size[3], 1},
          {1, stride_of(size[1], channel), stride_of(size[2], width), stride_of(size[3], batch), ANY},
          {box, SLICE, rows, 1, 1}};
}

TensorShape x_shape(const ondol_conv_args& args, int box, int rows) {
  return map_shape(args.x, 0, {args.x_width, args.x_channels, args.x_height, args.batch}, args.x_width, args.x_channel,
                   args.x_batch, box, rows);
}

// The window of y.
TensorShape y_shape(const ondol_conv_args& args, int box, int rows) {
  return map_shape(args.y, args.begin_h * args.y_width + args.begin_w,
                   {args.end_w - args.begin_w, args.y_channels, args.end_h - args.begin_h, args.batch}, args.y_width,
                   args.y_channel, args.y_batch, box, rows);
}

TensorShape filter_shape(const ConvPlan& plan) {
  int64_t lines = static_cast<int64_t>(plan.row_tiles) * plan.steps * plan.rows;
  return {plan.filters, {SLICE, lines, 1, 1, 1}, {1, SLICE, ANY, ANY, ANY}, {SLICE, plan.rows, 1, 1, 1}};
}

// Sizes that the filters alone decide.
int64_t slices_of(const ConvProblem& problem) { return ceil_div(problem.args.x_channels, SLICE); }
int64_t most_steps(const ConvProblem& problem) { return slices_of(problem) * problem.taps; }
int64_t whole_rows(const ConvProblem& problem) { return ceil_div(problem.args.y_channels, 2 * HALF) * 2 * HALF; }

int64_t rounded_up(int64_t bytes) { return ceil_div(bytes, 256) * 256; }

// Strips of 32 pixels, and for the rest one of 32, or of 16 and 8 if they are enough.
void cut(const ondol_conv_args& args, ConvPlan& plan) {
  int64_t width = args.end_w - args.begin_w;
  int64_t eights = ceil_div(width % WIDEST, 8);
  plan.strips[0] = static_cast<int>(width / WIDEST + (eights == 4 ? 1 : 0));
  plan.strips[1] = eights == 2 || eights == 3 ? 1 : 0;
  plan.strips[2] = eights == 1 || eights == 3 ? 1 : 0;
  int64_t image = 0;
  for (int kind = 0; kind < KINDS; ++kind) {
    plan.down[kind] = static_cast<int>(ceil_div(args.end_h - args.begin_h, tile_rows(plan, kind)));
    image += static_cast<int64_t>(plan.strips[kind]) * plan.down[kind];
  }
  plan.image = static_cast<int>(image);
  plan.tiles = image * args.batch * plan.row_tiles;
}

// Divides the shared memory; false where there is too little.
bool fit(const ondol_conv_args& args, ConvPlan& plan) {
  int kind = 0;
  while (plan.strips[kind] == 0) ++kind;
  int64_t further = (args.kernel_h - 1) * args.dilation_h;
  int64_t row_bytes = 2 * SLICE * (WIDEST >> kind);
  int64_t pixel_bytes = (tile_rows(plan, kind) + further) * row_bytes;
  int64_t filter_bytes = plan.rows * SLICE * 2;
  int64_t room = ROOM - HEAD - 2 * HALF * plan.columns * 2;
  constexpr int64_t ENOUGH = 4;  // stages of filters, before the pixels get a third
  plan.pixel_stages = 3 * pixel_bytes + ENOUGH * filter_bytes <= room ? 3 : 2;
  int64_t stages = (room - plan.pixel_stages * pixel_bytes) / filter_bytes;
  if (stages < 3) return false;
  plan.filter_stages = static_cast<int>(stages < MOST_STAGES ? stages : MOST_STAGES);
  plan.pixel_bytes = static_cast<int>(pixel_bytes);
  return true;
}

size_t shared_bytes(const ConvPlan& plan) {
  return static_cast<size_t>(HEAD + plan.pixel_stages * plan.pixel_bytes + plan.filter_stages * plan.rows * SLICE * 2 +
                             2 * HALF * plan.columns * 2);
}

// The plan with the least work for the busiest of `processors`; results are the same with each. Columns that a tile
// costs beside its own: filling the stages and writing the results of a short one.
bool choose(const ConvProblem& problem, int processors, ConvPlan& best) {
  constexpr int BESIDE = 32;
  int64_t least = 0;
  for (int rows : {2 * HALF, HALF}) {
    for (int columns : {256, 224, 192, 128, 64}) {
      ConvPlan plan = {};
      plan.rows = rows;
      plan.columns = columns;
      plan.row_tiles = static_cast<int>(ceil_div(problem.args.y_channels, rows));
      plan.steps = static_cast<int>(most_steps(problem));
      cut(problem.args, plan);
      if (!fit(problem.args, plan)) continue;
      int64_t cost = ceil_div(plan.tiles, processors) * (columns + BESIDE);
      if (least != 0 && cost >= least) continue;
      least = cost;
      best = plan;
    }
  }
  return least != 0;
}

template <class Format, int N>
void launch(Launcher& launcher, const ConvProblem& problem, const ConvPlan& plan, const Maps& maps, int processors) {
  int64_t blocks = plan.tiles < processors ? plan.tiles : processors;
  launcher.launch("conv", conv_hopper<Format, N>, blocks, THREADS, shared_bytes(plan), problem, plan, maps);
}

template <class Format>
void launch_columns(Launcher& launcher, const ConvProblem& problem, const ConvPlan& plan, int processors) {
  constexpr bool BFLOAT16 = std::is_same_v<Format, Bfloat16>;
  Maps maps = {};
  maps.filters = tensor_map(launcher, filter_shape(plan), BFLOAT16);
  for (int kind = 0; kind < KINDS; ++kind) {
    if (plan.strips[kind] == 0) continue;
    int width = WIDEST >> kind, rows = tile_rows(plan, kind);
    maps.pixels[kind] = tensor_map(launcher, x_shape(problem.args, width, rows), BFLOAT16);
    maps.lines[kind] = tensor_map(launcher, x_shape(problem.args, width, 1), BFLOAT16);
    maps.results[kind] = tensor_map(launcher, y_shape(problem.args, width, plan.columns / width), BFLOAT16);
  }
  switch (plan.columns) {
    case 256: launch<Format, 256>(launcher, problem, plan, maps, processors); break;
    case 224: launch<Format, 224>(launcher, problem, plan, maps, processors); break;
    case 192: launch<Format, 192>(launcher, problem, plan, maps, processors); break;
    case 128: launch<Format, 128>(launcher, problem, plan, maps, processors); break;
    default: launch<Format, 64>(launcher, problem, plan, maps, processors); break;
  }
}

}  // namespace

bool conv_hopper_takes(const ConvProblem& problem) {
  const ondol_conv_args& args = problem.args;
  if (args.precision != ONDOL_BFLOAT16 && args.precision != ONDOL_FLOAT16) return false;
  if (problem.transposed || problem.wide || args.groups != 1 || args.classes > MOST_CLASSES) return false;
  if (args.stride_h != 1 || args.stride_w != 1) return false;
  // Fewer channels would leave more than half of a step's or a block's products without any.
  if (args.x_channels < SLICE / 2 || args.y_channels < HALF / 2) return false;
  if (args.kernel_h > UINT8_MAX || args.kernel_w > UINT8_MAX || slices_of(problem) > UINT16_MAX) return false;
  if (most_steps(problem) > MOST_SLICES || whole_rows(problem) * most_steps(problem) > INT32_MAX) return false;
  if (phase_positions(problem) == 0) return false;
  return fits_tensor_copy(x_shape(args, 8, 1)) && fits_tensor_copy(y_shape(args, 8, 1));
}

int64_t conv_hopper_workspace(const ConvProblem& problem) {
  if (!conv_hopper_takes(problem)) return 0;
  int64_t steps = most_steps(problem);
  int64_t most_tiles = whole_rows(problem) / HALF;
  return rounded_up(whole_rows(problem) * steps * SLICE * 2) +
         rounded_up(most_tiles * (steps * static_cast<int64_t>(sizeof(ConvStep)) + 4));
}

bool launch_conv_hopper(Launcher& launcher, const ConvProblem& problem, const ondol_cuda_queue* queue) {
  ConvPlan plan;
  int blocks = processors(launcher, queue);
  if (!choose(problem, blocks, plan)) return false;
  auto* filters = static_cast<unsigned char*>(queue->workspace);
  auto* list = filters + rounded_up(whole_rows(problem) * plan.steps * SLICE * 2);
  plan.filters = reinterpret_cast<uint16_t*>(filters);
  plan.list = reinterpret_cast<ConvStep*>(list);
  plan.counts = reinterpret_cast<int32_t*>(plan.list + static_cast<int64_t>(plan.row_tiles) * plan.steps);
  launch_hopper_filters(launcher, problem, plan);
  if (problem.args.precision == ONDOL_BFLOAT16) {
    launch_columns<Bfloat16>(launcher, problem, plan, blocks);
  } else {
    launch_columns<Float16>(launcher, problem, plan, blocks);
  }
  return true;
}

}  // namespace ondol::cuda
