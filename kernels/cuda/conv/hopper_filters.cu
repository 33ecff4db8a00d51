// Filters rewritten for Hopper's conv. Of a block of channels of y, a slice of channels of x at a tap is live where any
// of the block's filters has a live entry in it; live ones become steps, in the order of (slice, kx, ky). A step's
// filters are lines of 64 numbers, one for each channel of y, with zeros for dead entries and beyond the channels of x
// and y.
#include "hopper.cuh"

namespace ondol::cuda {
namespace {

constexpr int THREADS = 256;
constexpr int MOST_ROWS = 128;
constexpr int PART = 32;  // rows of them that a block of this kernel rewrites
constexpr int WORDS = SLICE / 2;

struct Shared {
  int32_t kind[MOST_ROWS];            // the class of a row; -1 for none
  int32_t place[MOST_ROWS];           // among the channels of its class
  int32_t rank[MOST_CLASSES][SLICE];  // of an entry among the live ones of the class; -1 for a dead one
  int64_t panels[MOST_CLASSES];       // where a class's packed filters begin
  int32_t used[MOST_CLASSES];
  int32_t before[THREADS], all[THREADS];
  uint16_t lines[PART][SLICE + 2];  // padded: no two rows on one bank
  uint8_t live[MOST_SLICES];
};

ONDOL_DEVICE int64_t steps_of(const ConvProblem& problem, int kind) {
  const ondol_conv_args& args = problem.args;
  return args.classes == 0 ? problem.depth : args.live_start[kind + 1] - args.live_start[kind];
}

// The class and place of each of the block's rows, and which slices are live.
ONDOL_DEVICE void survey(const ConvProblem& problem, const ConvPlan& plan, int first, Shared& s) {
  const ondol_conv_args& args = problem.args;
  int me = static_cast<int>(threadIdx.x);
  bool masked = args.classes != 0;
  for (int i = me; i < plan.rows; i += THREADS) {
    s.kind[i] = !masked && first + i < args.y_channels ? 0 : -1;
    s.place[i] = first + i;
  }
  for (int i = me; i < plan.steps; i += THREADS) s.live[i] = masked ? 0 : 1;
  if (me < MOST_CLASSES) s.used[me] = 0;
  if (me == 0) s.panels[0] = 0;
  __syncthreads();
  if (!masked) return;
  for (int j = me; j < args.y_channels; j += THREADS) {
    int row = args.channels[j] - first;
    if (row < 0 || row >= plan.rows) continue;
    int kind = 0;
    while (args.channel_start[kind + 1] <= j) ++kind;
    s.kind[row] = kind;
    s.place[row] = j - args.channel_start[kind];
    s.used[kind] = 1;
  }
  if (me == 0) {
    for (int kind = 0; kind + 1 < args.classes; ++kind) {
      int64_t channels = args.channel_start[kind + 1] - args.channel_start[kind];
      s.panels[kind + 1] =
          s.panels[kind] + (channels + PANEL_CHANNELS - 1) / PANEL_CHANNELS * PANEL_CHANNELS * steps_of(problem, kind);
    }
  }
  __syncthreads();
  auto taps = static_cast<uint32_t>(problem.taps);
  auto across = static_cast<uint32_t>(args.kernel_w), down = static_cast<uint32_t>(args.kernel_h);
  for (int kind = 0; kind < args.classes; ++kind) {
    if (s.used[kind] == 0) continue;
    for (int e = args.live_start[kind] + me; e < args.live_start[kind + 1]; e += THREADS) {
      auto entry = static_cast<uint32_t>(args.live[e]);
      uint32_t channel = entry / taps, tap = entry % taps;
      s.live[(channel / SLICE * across + tap % across) * down + tap / across] = 1;
    }
  }
  __syncthreads();
}

// Live slices before `end`, and of all.
ONDOL_DEVICE void count(const ConvPlan& plan, int end, Shared& s, int& before, int& all) {
  int me = static_cast<int>(threadIdx.x);
  s.before[me] = 0;
  s.all[me] = 0;
  for (int i = me; i < plan.steps; i += THREADS) {
    if (i < end) s.before[me] += s.live[i];
    s.all[me] += s.live[i];
  }
  __syncthreads();
  before = 0;
  all = 0;
  int counted = plan.steps < THREADS ? plan.steps : THREADS;
  for (int i = 0; i < counted; ++i) {
    before += s.before[i];
    all += s.all[i];
  }
}

ONDOL_DEVICE ConvStep step_of(const ConvProblem& problem, const uint8_t* column_live, int slice, int kx, int ky) {
  ConvStep step = {};
  int first = ky, last = ky;
  for (int y = 0; y < problem.args.kernel_h; ++y) {
    if (column_live[y] != 0 && y < first) first = y;
    if (column_live[y] != 0 && y > last) last = y;
  }
  step.slice = static_cast<uint16_t>(slice);
  step.column = static_cast<uint8_t>(kx);
  step.top = static_cast<uint8_t>(first);
  step.down = static_cast<uint8_t>(ky - first);
  step.halo = static_cast<uint8_t>(last - first);
  step.begins = ky == first;
  step.ends = ky == last;
  return step;
}

ONDOL_DEVICE int32_t find(const int32_t* list, int32_t count, int32_t entry) {
  int32_t begin = 0, end = count;
  while (begin < end) {
    int32_t middle = (begin + end) / 2;
    if (list[middle] < entry) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return begin < count && list[begin] == entry ? begin : -1;
}

ONDOL_DEVICE void rank_entries(const ConvProblem& problem, int slice, int tap, Shared& s) {
  const ondol_conv_args& args = problem.args;
  int64_t classes = args.classes == 0 ? 1 : args.classes;
  for (int e = static_cast<int>(threadIdx.x); e < classes * SLICE; e += THREADS) {
    int kind = e / SLICE;
    int64_t channel = static_cast<int64_t>(slice) * SLICE + e % SLICE;
    auto entry = static_cast<int32_t>(channel * problem.taps + tap);
    int32_t rank = channel < args.x_channels ? entry : -1;
    if (args.classes != 0 && rank >= 0) {
      rank = find(args.live + args.live_start[kind], args.live_start[kind + 1] - args.live_start[kind], entry);
    }
    s.rank[kind][e % SLICE] = rank;
  }
}

// The lines of rows [part, part + PART) of the block of channels that begins with `first`. Packed filters lie along the
// channels of y, plain ones along those of x: so do neighbouring threads.
ONDOL_DEVICE void gather_lines(const ConvProblem& problem, int first, int part, int slice, int tap, Shared& s) {
  bool packed = problem.args.packed != nullptr;
  auto from = reinterpret_cast<const uint16_t*>(packed ? problem.args.packed : problem.args.weight);
#pragma unroll
  for (int i = 0; i < PART * SLICE / THREADS; ++i) {
    int e = i * THREADS + static_cast<int>(threadIdx.x);
    int line = packed ? e % PART : e / SLICE;
    int row = part + line;
    int c = packed ? e / PART : e % SLICE;
    int kind = s.kind[row];
    int64_t rank = kind >= 0 ? s.rank[kind][c] : -1;
    uint16_t value = 0;
    if (rank >= 0 && packed) {
      int64_t panel = s.place[row] / PANEL_CHANNELS * steps_of(problem, kind);
      value = from[s.panels[kind] + (panel + rank) * PANEL_CHANNELS + s.place[row] % PANEL_CHANNELS];
    } else if (rank >= 0) {
      value = from[(first + row) * problem.depth + (static_cast<int64_t>(slice) * SLICE + c) * problem.taps + tap];
    }
    s.lines[line][c] = value;
  }
}

// A block for each part of a block of channels and each slice at each tap.
__global__ void __launch_bounds__(THREADS, 1) conv_hopper_filters(ConvProblem problem, ConvPlan plan) {
  auto& s = shared<Shared>();
  const ondol_conv_args& args = problem.args;
  auto down = static_cast<int>(args.kernel_h), across = static_cast<int>(args.kernel_w);
  int parts = plan.rows / PART;
  int part = static_cast<int>(blockIdx.x) % parts * PART;
  int which = static_cast<int>(blockIdx.x) / parts % plan.steps;
  int tile = static_cast<int>(blockIdx.x) / parts / plan.steps;
  int ky = which % down, kx = which / down % across, slice = which / down / across;
  int first = tile * plan.rows;
  survey(problem, plan, first, s);
  int before, all;
  count(plan, which, s, before, all);
  bool first_part = part == 0 && threadIdx.x == 0;
  if (which == 0 && first_part) plan.counts[tile] = all;
  if (s.live[which] == 0) return;
  int64_t step = static_cast<int64_t>(tile) * plan.steps + before;
  if (first_part) plan.list[step] = step_of(problem, s.live + (which - ky), slice, kx, ky);
  rank_entries(problem, slice, ky * across + kx, s);
  __syncthreads();
  gather_lines(problem, first, part, slice, ky * across + kx, s);
  __syncthreads();
  auto to = reinterpret_cast<uint32_t*>(plan.filters + (step * plan.rows + part) * SLICE);
  for (int e = static_cast<int>(threadIdx.x); e < PART * WORDS; e += THREADS) {
    const uint16_t* pair = s.lines[e / WORDS] + e % WORDS * 2;
    to[e] = pair[0] | static_cast<uint32_t>(pair[1]) << 16;
  }
}

}  // namespace

void launch_hopper_filters(Launcher& launcher, const ConvProblem& problem, const ConvPlan& plan) {
  launcher.launch("conv", conv_hopper_filters, static_cast<int64_t>(plan.row_tiles) * plan.steps * (plan.rows / PART),
                  THREADS, sizeof(Shared), problem, plan);
}

}  // namespace ondol::cuda
