// Filters of conv and deconv rewritten for tensor.cuh: for each phase and channel the live entries in the order of the
// chain, rounded or split, in whole slices with zeros at the end. Then the kernel of the precision.
#include "tensor.cuh"

namespace ondol::cuda {
namespace {

constexpr int CHANNELS = 64;  // of a block, for one slice
constexpr int THREADS = 256;
constexpr int WORDS = LINE / 4;

template <class Format>
struct Tile {
  Job job;
  union {
    ClassSums<THREADS> sums;
    struct {
      int64_t entry_weights[Format::DEPTH];
      typename Format::Element element[CHANNELS][Format::DEPTH + 2];  // padded: no two rows on one bank
    };
  };
};

// Packed filters lie along the channels, plain ones along the entries: so do neighbouring threads.
template <class Format>
ONDOL_DEVICE void load(const ConvProblem& problem, Tile<Format>& s, int64_t first) {
  using Element = typename Format::Element;
  constexpr int DEPTH = Format::DEPTH;
  bool packed = problem.args.packed != nullptr;
  auto from = reinterpret_cast<const Element*>(packed ? problem.args.packed : problem.args.weight);
  for (int e = static_cast<int>(threadIdx.x); e < CHANNELS * DEPTH; e += THREADS) {
    int i = packed ? e % CHANNELS : e / DEPTH;
    int k = packed ? e / CHANNELS : e % DEPTH;
    Element value = {};
    if (i < s.job.count && first + k < s.job.steps) {
      int64_t at = weights_of(problem, s.job, i);
      value = from[at + (packed ? (first + k) * PANEL_CHANNELS : s.entry_weights[k])];
    }
    s.element[i][k] = value;
  }
}

template <class Format>
__global__ void __launch_bounds__(THREADS, 1) conv_lines(ConvProblem problem) {
  auto& s = shared<Tile<Format>>();
  int64_t slice = blockIdx.x / problem.channel_tiles % problem.position_tiles;
  int64_t phase = blockIdx.x / problem.channel_tiles / problem.position_tiles;
  // As if every slice were a tile of positions that begins with the first.
  if (!find_job<THREADS>(problem, blockIdx.x, CHANNELS, 0, s.sums, s.job)) return;
  int64_t first = slice * Format::DEPTH;
  if (first >= s.job.steps) return;
  if (threadIdx.x < Format::DEPTH && first + threadIdx.x < s.job.steps) {
    entry_of<int64_t>(problem, s.job, first + threadIdx.x, s.entry_weights[threadIdx.x]);
  }
  __syncthreads();
  load(problem, s, first);
  __syncthreads();
  unsigned char* to = filter_lines(problem, s.job, phase) + slice * LINE;
  for (int e = static_cast<int>(threadIdx.x); e < s.job.count * WORDS; e += THREADS) {
    reinterpret_cast<uint32_t*>(to + e / WORDS * problem.pitch)[e % WORDS] =
        Format::word(s.element[e / WORDS], e % WORDS);
  }
}

// Slices of the longest chain.
int64_t most_slices(const ConvProblem& problem) {
  int64_t steps = problem.depth;
  if (problem.transposed) {
    steps = problem.x_group * ceil_div(problem.h.kernel, problem.h.stride / problem.h.divisor) *
            ceil_div(problem.w.kernel, problem.w.stride / problem.w.divisor);
  }
  bool narrow = problem.args.precision == ONDOL_BFLOAT16 || problem.args.precision == ONDOL_FLOAT16;
  return ceil_div(steps, narrow ? Bfloat16::DEPTH : Tf32::DEPTH);
}

template <class Format>
void launch_lines(Launcher& launcher, ConvProblem problem) {
  problem.channel_tiles = channel_tiles(problem, CHANNELS);
  problem.position_tiles = most_slices(problem);
  launcher.launch(problem.transposed ? "deconv" : "conv", conv_lines<Format>,
                  problem.phases_h * problem.phases_w * problem.position_tiles * problem.channel_tiles, THREADS,
                  sizeof(Tile<Format>), problem);
}

}  // namespace

int64_t conv_tensor_workspace(const ConvProblem& problem) {
  int64_t precision = problem.args.precision;
  if (precision <= ONDOL_EXACT || precision > ONDOL_BFLOAT16X3) return 0;
  return problem.phases_h * problem.phases_w * problem.args.y_channels * most_slices(problem) * LINE;
}

void launch_conv_tensor(Launcher& launcher, ConvProblem problem, void* workspace) {
  if (phase_positions(problem) == 0) return;
  problem.lines = static_cast<unsigned char*>(workspace);
  problem.pitch = most_slices(problem) * LINE;
  switch (problem.args.precision) {
    case ONDOL_BFLOAT16:
      launch_lines<Bfloat16>(launcher, problem);
      launch_conv_bfloat16(launcher, problem);
      break;
    case ONDOL_FLOAT16:
      launch_lines<Bfloat16>(launcher, problem);  // words as they are
      launch_conv_float16(launcher, problem);
      break;
    case ONDOL_TF32:
      launch_lines<Tf32>(launcher, problem);
      launch_conv_tf32(launcher, problem);
      break;
    default:
      launch_lines<Bfloat16x3>(launcher, problem);
      launch_conv_bfloat16x3(launcher, problem);
      break;
  }
}

}  // namespace ondol::cuda
