// dw[o, entry] = sum over images of the chain over (oy, ox) of dy * x: see docs/arithmetic.md, Convolution. Where the
// tiles of dw would not fill a GPU, the images' chains are computed side by side into the workspace and then added in
// ascending order. Lower precisions are in weight_tensor.cu.
#include "weight_tile.cuh"

namespace ondol::cuda {
namespace {

// Sets the block's channels and entries; false where there are none. Channels and entries are those of a conv with one
// position, whose displacements count from the pixel's corner without the padding.
template <class T>
ONDOL_DEVICE bool find_elements(const WeightProblem& problem, int64_t channel_tile, int64_t entry_tile,
                                typename T::Shared& s) {
  if (!find_job<T::THREADS>(problem.conv, channel_tile, T::CHANNELS, 1, s.sums, s.job)) return false;
  int me = static_cast<int>(threadIdx.x);
  int64_t left = s.job.steps - entry_tile * T::ENTRIES;
  if (left <= 0) return false;
  if (me == 0) s.entries_count = static_cast<int>(left < T::ENTRIES ? left : T::ENTRIES);
  if (me < T::ENTRIES && me < left) {
    auto entry =
        entry_of<typename T::Coordinate>(problem.conv, s.job, entry_tile * T::ENTRIES + me, s.elements[me]);
    const ondol_conv_args& args = problem.conv.args;
    entry.dy = static_cast<typename T::Coordinate>(entry.dy - args.pad_top);
    entry.dx = static_cast<typename T::Coordinate>(entry.dx - args.pad_left);
    entry.x -= args.pad_top * args.x_width + args.pad_left;
    s.entries[me] = entry;
  }
  if (me < s.job.count) s.dy[me] = s.job.channel(me) * problem.dy_channel;
  __syncthreads();
  return true;
}

template <class T>
__global__ void __launch_bounds__(T::THREADS, 1) convweight_tiles(WeightProblem problem) {
  auto& s = shared<typename T::Shared>();
  int64_t tile = blockIdx.x / problem.entry_tiles;
  int64_t slot = tile / problem.channel_tiles;
  if (!find_elements<T>(problem, tile % problem.channel_tiles, blockIdx.x % problem.entry_tiles, s)) return;
  const ondol_conv_args& args = problem.conv.args;
  auto pixel = T::pixel_at(args, T::position() / args.y_width, T::position() % args.y_width);
  float total[T::HEIGHT][T::WIDTH] = {};
  for (int64_t i = 0; i < problem.images_of_block; ++i) {
    float sum[T::HEIGHT][T::WIDTH] = {};
    T::chain(problem, s, problem.first_image + slot + i, pixel, sum);
#pragma unroll
    for (int c = 0; c < T::HEIGHT; ++c) {
#pragma unroll
      for (int e = 0; e < T::WIDTH; ++e) total[c][e] = add(total[c][e], sum[c][e]);
    }
  }
  T::write(problem, s, slot, total);
}

constexpr int THREADS = 128;  // of the kernels below

// The chain of one element, read where x and dy lie: for few channels with few entries, as in a depthwise convolution.
ONDOL_DEVICE float element(const WeightProblem& problem, int64_t o, int64_t entry, int64_t n) {
  const ondol_conv_args& args = problem.conv.args;
  int64_t c = o / problem.conv.y_group * problem.conv.x_group + entry / problem.conv.taps;
  int64_t top = entry % problem.conv.taps / args.kernel_w * args.dilation_h - args.pad_top;
  int64_t left = entry % args.kernel_w * args.dilation_w - args.pad_left;
  const float* x = args.x + n * args.x_batch + c * args.x_channel;
  const float* dy = problem.dy + n * problem.dy_batch + o * problem.dy_channel;
  float sum = 0.0f;
  for (int64_t oy = 0; oy < args.y_height; ++oy) {
    int64_t iy = oy * args.stride_h + top;
    bool row = iy >= 0 && iy < args.x_height;
    int64_t ix = left;
#pragma unroll 4
    for (int64_t ox = 0; ox < args.y_width; ++ox, ix += args.stride_w) {
      bool inside = row && ix >= 0 && ix < args.x_width;
      sum = fma(dy[oy * args.y_width + ox], inside ? x[iy * args.x_width + ix] : 0.0f, sum);
    }
  }
  return sum;
}

__global__ void __launch_bounds__(THREADS, 1) convweight_direct(WeightProblem problem) {
  int64_t blocks = (problem.size + THREADS - 1) / THREADS;
  int64_t at = blockIdx.x % blocks * THREADS + threadIdx.x;
  int64_t slot = blockIdx.x / blocks;
  if (at >= problem.size) return;
  float total = 0.0f;
  for (int64_t i = 0; i < problem.images_of_block; ++i) {
    int64_t n = problem.first_image + slot + i;
    total = add(total, element(problem, at / problem.conv.depth, at % problem.conv.depth, n));
  }
  problem.out[slot * problem.size + at] = total;
}

__global__ void __launch_bounds__(THREADS) convweight_clear(float* out, int64_t count) {
  int64_t i = int64_t{blockIdx.x} * THREADS + threadIdx.x;
  if (i < count) out[i] = 0.0f;
}

// dw = the chains of `images` images, added to what was there before unless they are the first.
__global__ void __launch_bounds__(THREADS) convweight_add(const float* chains, int64_t images, bool first, float* dw,
                                                          int64_t size) {
  int64_t i = int64_t{blockIdx.x} * THREADS + threadIdx.x;
  if (i >= size) return;
  float sum = first ? 0.0f : dw[i];
#pragma unroll 4
  for (int64_t n = 0; n < images; ++n) sum = add(sum, chains[n * size + i]);
  dw[i] = sum;
}

using Large = WeightTile<128, 64, 8, 4, int32_t>;
using Medium = WeightTile<64, 64, 4, 4, int32_t>;
using Small = WeightTile<32, 32, 4, 2, int32_t>;
using Wide = WeightTile<32, 32, 4, 2, int64_t>;

template <class T>
int64_t tiles_of(const WeightProblem& problem) {
  return channel_tiles(problem.conv, T::CHANNELS) * ceil_div(problem.conv.depth, T::ENTRIES);
}

enum class Kind { LARGE, MEDIUM, SMALL, WIDE, DIRECT };

// How a call is executed.
struct Plan {
  Kind kind;
  int64_t slots;  // images side by side; 1: a block adds its images itself
};

constexpr int64_t FEW = 8;         // channels of a group for which a tile would be mostly empty
constexpr int64_t ENOUGH = 128;    // blocks that fill a GPU, about
constexpr int64_t ROOM = 1 << 26;  // bytes of workspace, at most

Kind kind_of(const WeightProblem& problem) {
  const ConvProblem& conv = problem.conv;
  if (conv.args.classes == 0 && conv.y_group < FEW) return Kind::DIRECT;
  if (conv.wide) return Kind::WIDE;
  int64_t classes = conv.args.classes == 0 ? conv.args.groups : conv.args.classes;
  int64_t channels = ceil_div(conv.args.y_channels, classes);
  if (channels <= 32 || conv.depth <= 32) return Kind::SMALL;
  bool fits = ceil_div(channels, 128) * 128 <= ceil_div(channels, 64) * 64;
  if (fits && tiles_of<Large>(problem) * conv.args.batch >= ENOUGH) return Kind::LARGE;
  return tiles_of<Medium>(problem) * conv.args.batch >= ENOUGH ? Kind::MEDIUM : Kind::SMALL;
}

int64_t blocks_of(const WeightProblem& problem, Kind kind) {
  switch (kind) {
    case Kind::LARGE: return tiles_of<Large>(problem);
    case Kind::MEDIUM: return tiles_of<Medium>(problem);
    case Kind::SMALL: return tiles_of<Small>(problem);
    case Kind::WIDE: return tiles_of<Wide>(problem);
    default: return ceil_div(problem.size, THREADS);
  }
}

Plan plan_of(const WeightProblem& problem) {
  Plan plan{kind_of(problem), 1};
  int64_t batch = problem.conv.args.batch;
  int64_t most = ROOM / (problem.size * 4);
  if (batch > 1 && most > 1 && blocks_of(problem, plan.kind) < 2 * ENOUGH) {
    plan.slots = ceil_div(batch, ceil_div(batch, most));  // equal shares
  }
  return plan;
}

WeightProblem weight_problem(const ondol_convweight_args& args) {
  WeightProblem problem = {};
  ondol_conv_args forward = args.forward;
  forward.packed = nullptr;
  problem.conv = conv_problem(forward, false);
  problem.dy = args.dy;
  problem.dy_batch = args.dy_batch;
  problem.dy_channel = args.dy_channel;
  problem.size = forward.y_channels * problem.conv.depth;
  return problem;
}

template <class T>
void launch_tiles(Launcher& launcher, WeightProblem problem, int64_t slots) {
  problem.conv.channel_tiles = channel_tiles(problem.conv, T::CHANNELS);
  problem.conv.position_tiles = 1;
  problem.channel_tiles = problem.conv.channel_tiles;
  problem.entry_tiles = ceil_div(problem.conv.depth, T::ENTRIES);
  launcher.launch("convweight", convweight_tiles<T>, slots * problem.channel_tiles * problem.entry_tiles, T::THREADS,
                  sizeof(typename T::Shared), problem);
}

void launch_chains(Launcher& launcher, const WeightProblem& problem, Kind kind, int64_t slots) {
  switch (kind) {
    case Kind::LARGE: return launch_tiles<Large>(launcher, problem, slots);
    case Kind::MEDIUM: return launch_tiles<Medium>(launcher, problem, slots);
    case Kind::SMALL: return launch_tiles<Small>(launcher, problem, slots);
    case Kind::WIDE: return launch_tiles<Wide>(launcher, problem, slots);
    default:
      launcher.launch("convweight", convweight_direct, slots * ceil_div(problem.size, THREADS), THREADS, 0, problem);
  }
}

// Dead entries have no chain: they are what is cleared here.
void clear(Launcher& launcher, float* out, int64_t count) {
  launcher.launch("convweight", convweight_clear, ceil_div(count, THREADS), THREADS, 0, out, count);
}

}  // namespace
}  // namespace ondol::cuda

using namespace ondol::cuda;

int64_t ondol_cuda_convweight_workspace(const ondol_convweight_args* args) {
  if (args->forward.precision != ONDOL_EXACT) return weight_tensor_workspace(*args);
  WeightProblem problem = weight_problem(*args);
  int64_t slots = plan_of(problem).slots;
  return slots == 1 ? 0 : slots * problem.size * 4;
}

int64_t ondol_cuda_convweight(const ondol_convweight_args* args, const ondol_cuda_queue* queue, ondol_error* error) {
  Launcher launcher(queue, error);
  if (!launcher.accepts("convweight", args->forward.precision, ONDOL_BFLOAT16X3)) return launcher.status();
  if (args->forward.precision != ONDOL_EXACT) {
    launch_weight_tensor(launcher, *args, queue->workspace);
    return launcher.status();
  }
  WeightProblem problem = weight_problem(*args);
  Plan plan = plan_of(problem);
  int64_t batch = args->forward.batch;
  bool masked = args->forward.classes != 0;
  bool split = plan.slots > 1;
  problem.out = split ? static_cast<float*>(queue->workspace) : args->dw;
  if (masked || batch == 0) clear(launcher, problem.out, (split ? plan.slots : 1) * problem.size);
  if (batch == 0) return launcher.status();
  problem.images_of_block = split ? 1 : batch;
  if (!split) launch_chains(launcher, problem, plan.kind, 1);
  for (int64_t first = 0; split && first < batch; first += plan.slots) {
    int64_t images = batch - first < plan.slots ? batch - first : plan.slots;
    problem.first_image = first;
    launch_chains(launcher, problem, plan.kind, images);
    launcher.launch("convweight", convweight_add, ceil_div(problem.size, THREADS), THREADS, 0,
                    static_cast<const float*>(problem.out), images, first == 0, args->dw, problem.size);
  }
  return launcher.status();
}
