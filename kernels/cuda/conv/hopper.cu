// conv and maskedconv in bfloat16 and float16 for sm_90a: stride 1, one group, maps of whole 16-byte steps. Has not run
// on a device yet; the other calls stay with tensor.cuh.
//
// A block computes 128 channels of y at N pixels, or 64 channels at 2 N, with three warpgroups, and then the next such
// tile, as long as there are any.
// - The first is the producer: one thread copies filters and pixels into stages, by tensor copies. It gives its
//   registers to the others, and goes on with the next tile while they finish this one.
// - Two such blocks are a pair on neighbouring multiprocessors, with tiles of the same channels: each copies half of
//   the filters for both, which halves what the pair reads of them. Where the number of tiles is odd, one works on
//   pixels beyond the last image: zeros, which are not stored.
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
//          ones; where such a sum comes out as NaN (0 * inf) it is formed again, over the live entries, one by one.
// Order    Steps follow (64 channels, kx, ky), whatever the tile: a result depends neither on N nor on the grid.
// Sizes    Filters have 3 to 6 stages of 16 or 8 KB. Pixels have 2 or 3: 128 bytes for each pixel of the tile and of
//          the rows that the filter reaches further. Results take 256 N bytes. With 3 x 3 filters, strips of 32, in KB:
//            channels x N  filters  pixels    results  in all   floats of a consumer's thread
//            128 x 256     5 x 16   2 x 40    64       225 KB  128
//            128 x 224     6 x 16   2 x 36    56       225 KB  112
//            128 x 192     5 x 16   3 x 32    48       225 KB  96
//            128 x 128     6 x 16   3 x 24    32       201 KB  64
//            128 x 64      6 x 16   3 x 16    16       161 KB  32
//            64 x 224      5 x 8    2 x 64    56       225 KB  112
//            64 x 192      6 x 8    2 x 56    48       209 KB  96
//            64 x 128      6 x 8    3 x 40    32       201 KB  64
//            64 x 64       6 x 8    3 x 24    16       137 KB  32
//          Registers: 40 for the producer's threads and 232 for the consumers', from ptxas's 168 for each.
#include "hopper_results.cuh"

namespace ondol::cuda {
namespace {

constexpr int THREADS = 3 * WARPGROUP;

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

ONDOL_DEVICE int first_pair() { return static_cast<int>(blockIdx.x / 2); }
ONDOL_DEVICE int pairs_at_once() { return static_cast<int>(gridDim.x / 2); }

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

ONDOL_DEVICE void copy_pixels(const ConvProblem& problem, const Maps& maps, const ConvTile& tile, const ConvStep& step,
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
  int rank = pair_rank();
  int half = plan.rows / 2;
#pragma unroll 1
  for (int pair = first_pair(); pair < plan.pairs; pair += pairs_at_once()) {
    ConvTile tile = tile_of(plan, pair);
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
      // Empty in both blocks: each waits for all consumers before it copies its half.
      barrier_wait(s.filters_empty[filters.stage], filters.parity ^ 1);
      barrier_expect(s.filters_full[filters.stage], static_cast<uint32_t>(places.filter_bytes));
      tensor_copy_pair(maps.filters, s.filters_full[filters.stage],
                       places.filters + filters.stage * places.filter_bytes + rank * (places.filter_bytes / 2), 0,
                       (tile.block * plan.steps + i) * plan.rows + rank * half, 0, 0, 0);
      filters.next(plan.filter_stages);
    }
  }
}

// ---- consumers ----------------------------------------------------------------------------------------------------

// A warp has no more use for a stage of filters, of which both blocks keep count.
ONDOL_DEVICE void release_filters(Barrier& empty) {
  if (lane_of_warp() < 2) barrier_arrive_at(empty, lane_of_warp());
}

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
ONDOL_DEVICE void multiply(const ConvProblem& problem, const ConvPlan& plan, const ConvTile& tile, int consumer,
                           Head& s, Ring& filters, Ring& pixels, float (&sums)[FLOATS]) {
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
    bool begins = uniform(step.begins) != 0, ends = uniform(step.ends) != 0;
    if (begins) barrier_wait(s.pixels_full[pixels.stage], pixels.parity);
    barrier_wait(s.filters_full[filters.stage], filters.parity);
    begin_step<BFLOAT16>(filters_at + static_cast<uint32_t>(filters.stage * places.filter_bytes),
                         pixels_at + static_cast<uint32_t>(pixels.stage * plan.pixel_bytes + step.down * tap_bytes),
                         tile.log_width, sums);
    product_wait<1>();
    if (i > 0) release_filters(s.filters_empty[used_filters]);
    if (used_pixels >= 0) release(s.pixels_empty[used_pixels]);
    used_filters = filters.stage;
    used_pixels = ends ? pixels.stage : -1;
    filters.next(plan.filter_stages);
    if (ends) pixels.next(plan.pixel_stages);
  }
  product_wait<0>();
  pin(sums);
  release_filters(s.filters_empty[used_filters]);
  release(s.pixels_empty[used_pixels]);
}

template <class Format, int FLOATS>
ONDOL_DEVICE void write(const ConvProblem& problem, const ConvPlan& plan, const Maps& maps, const ConvTile& tile,
                        int consumer, unsigned char* results, float (&sums)[FLOATS]) {
  const ondol_conv_args& args = problem.args;
  bool elected = threadIdx.x % WARPGROUP == 0;
  ConvShare share(problem, plan, tile, consumer);
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
  keep_results<Format>(sums, tile.log_width, results);
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
  for (int pair = first_pair(); pair < plan.pairs; pair += pairs_at_once()) {
    ConvTile tile = tile_of(plan, pair);
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
    for (int kind = 0; kind < KINDS; ++kind) {
      if (plan.strips[kind] == 0) continue;
      prefetch(maps.pixels[kind]);
      prefetch(maps.lines[kind]);
      prefetch(maps.results[kind]);
    }
    constexpr int CONSUMERS = 2 * WARPGROUP / WARP;  // of a block: a warp is one
    for (int stage = 0; stage < MOST_STAGES; ++stage) {
      barrier_init(s.filters_full[stage], 1);
      barrier_init(s.pixels_full[stage], 1);
      barrier_init(s.filters_empty[stage], 2 * CONSUMERS);
      barrier_init(s.pixels_empty[stage], CONSUMERS);
    }
    fence_barriers();
  }
  __syncwarp();
  pair_sync();
  int group = uniform(static_cast<int>(threadIdx.x) / WARPGROUP);
  if (group == 0) {
    fewer_registers<40>();
    if (threadIdx.x == 0) produce(problem, plan, maps, s);
  } else {
    more_registers<232>();
    consume<Format, N>(problem, plan, maps, group - 1, s);
  }
  __syncwarp();
  pair_sync();  // neither ends while the other may still copy into it or arrive at its barriers
#endif
}

// ---- host ---------------------------------------------------------------------------------------------------------

template <class Format>
void launch_columns(Launcher& launcher, const ondol_cuda_queue* queue, const ConvProblem& problem,
                    const ConvPlan& plan) {
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
  auto kernel = conv_hopper<Format, 64>;
  if (plan.columns == 128) kernel = conv_hopper<Format, 128>;
  if (plan.columns == 192) kernel = conv_hopper<Format, 192>;
  if (plan.columns == 224) kernel = conv_hopper<Format, 224>;
  if (plan.columns == 256) kernel = conv_hopper<Format, 256>;
  launch_pairs(launcher, queue, "conv", kernel, plan.blocks, THREADS, static_cast<size_t>(plan.shared_bytes), problem,
               plan, maps);
}

}  // namespace

bool launch_conv_hopper(Launcher& launcher, const ConvProblem& problem, const ondol_cuda_queue* queue) {
  ConvPlan plan;
  if (!plan_conv(problem, processors(launcher, queue), queue->workspace, plan)) return false;
  launch_hopper_filters(launcher, problem, plan);
  if (problem.args.precision == ONDOL_BFLOAT16) {
    launch_columns<Bfloat16>(launcher, queue, problem, plan);
  } else {
    launch_columns<Float16>(launcher, queue, problem, plan);
  }
  return true;
}

}  // namespace ondol::cuda
