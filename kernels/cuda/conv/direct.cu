// conv and deconv of few channels that share their entries, as in a depthwise convolution: a thread sums some outputs
// of one channel and reads x where it lies; neighbouring threads read neighbouring places. Only the entries and their
// weights, which all threads need, pass through shared memory.
#include "job.cuh"

namespace ondol::cuda {
namespace {

constexpr int THREADS = 128;
constexpr int OUTPUTS = 4;  // of a thread, THREADS positions apart
constexpr int POSITIONS = THREADS * OUTPUTS;

template <class Coordinate>
struct Shared {
  static constexpr int DEPTH = 64;  // entries at a time

  Job job;
  union {
    ClassSums<THREADS> sums;
    struct {
      Entry<Coordinate> entries[DEPTH];
      float weights[DEPTH];
    };
  };
};

template <class Coordinate>
ONDOL_DEVICE void load_entries(const ConvProblem& problem, Shared<Coordinate>& s, int64_t first, int depth) {
  int me = static_cast<int>(threadIdx.x);
  if (me >= depth) return;
  int64_t weight;
  s.entries[me] = entry_of<Coordinate>(problem, s.job, first + me, weight);
  int64_t begin = weights_of(problem, s.job, 0);
  bool packed = problem.args.packed != nullptr;
  s.weights[me] = packed ? problem.args.packed[begin + (first + me) * PANEL_CHANNELS] : problem.args.weight[begin + weight];
}

template <class Coordinate>
__global__ void __launch_bounds__(THREADS, 1) conv_direct(ConvProblem problem) {
  using S = Shared<Coordinate>;
  auto& s = shared<S>();
  if (!find_job<THREADS>(problem, blockIdx.x, 1, POSITIONS, s.sums, s.job)) return;
  Place<Coordinate> places[OUTPUTS];
  float sum[OUTPUTS];
#pragma unroll
  for (int i = 0; i < OUTPUTS; ++i) {
    places[i] = place_of<Coordinate>(problem, s.job, s.job.first_position + threadIdx.x + i * THREADS);
    sum[i] = 0.0f;
  }
  for (int64_t first = 0; first < s.job.steps; first += S::DEPTH) {
    int depth = s.job.steps - first < S::DEPTH ? static_cast<int>(s.job.steps - first) : S::DEPTH;
    __syncthreads();
    load_entries(problem, s, first, depth);
    __syncthreads();
#pragma unroll 4
    for (int k = 0; k < depth; ++k) {
#pragma unroll
      for (int i = 0; i < OUTPUTS; ++i) {
        sum[i] = fma(gather(problem.args, places[i], s.entries[k]), s.weights[k], sum[i]);
      }
    }
  }
  int64_t channel = s.job.channel(0);
#pragma unroll
  for (int i = 0; i < OUTPUTS; ++i) {
    if (places[i].y >= 0) finish(problem, channel, places[i].y, places[i].residual, sum[i]);
  }
}

}  // namespace

void launch_conv_direct(Launcher& launcher, ConvProblem problem) {
  problem.channel_tiles = channel_tiles(problem, 1);
  problem.position_tiles = ceil_div(phase_positions(problem), POSITIONS);
  int64_t blocks = problem.phases_h * problem.phases_w * problem.position_tiles * problem.channel_tiles;
  const char* name = problem.transposed ? "deconv" : "conv";
  if (problem.wide) {
    launcher.launch(name, conv_direct<int64_t>, blocks, THREADS, sizeof(Shared<int64_t>), problem);
  } else {
    launcher.launch(name, conv_direct<int32_t>, blocks, THREADS, sizeof(Shared<int32_t>), problem);
  }
}

}  // namespace ondol::cuda
