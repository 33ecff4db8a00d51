// conv and deconv as a matrix product without the matrix: a block owns a tile of channels x positions. Slices of the
// gathered input and of the filters pass through shared memory, the next pair being read while the present one is
// multiplied, and every output is one chain in a register. Dead entries and the taps of other phases are in no slice.
#include "job.cuh"
#include "share.cuh"

namespace ondol::cuda {
namespace {

// CHANNELS x POSITIONS outputs, DEPTH entries at a time; a thread owns HEIGHT channels at WIDTH positions.
template <int CHANNELS_, int POSITIONS_, int DEPTH_, int HEIGHT_, int WIDTH_, class Coordinate_>
struct ConvTile {
  static constexpr int CHANNELS = CHANNELS_;
  static constexpr int POSITIONS = POSITIONS_;
  static constexpr int DEPTH = DEPTH_;
  static constexpr int HEIGHT = HEIGHT_;
  static constexpr int WIDTH = WIDTH_;
  using Coordinate = Coordinate_;
  static constexpr int ROWS = CHANNELS / HEIGHT;    // of threads
  static constexpr int ACROSS = POSITIONS / WIDTH;  // threads of a row
  static constexpr int THREADS = ROWS * ACROSS;
  static constexpr int X_LOADS = POSITIONS * DEPTH / THREADS;
  static constexpr int W_LOADS = CHANNELS * DEPTH / THREADS;
  static_assert(32 % ACROSS == 0, "a row of threads lies within a warp");
  static_assert(THREADS % POSITIONS == 0, "a thread gathers for one position");
  static_assert(THREADS % CHANNELS == 0 && THREADS % DEPTH == 0, "a thread reads weights of one channel or one entry");

  using Channels = Share<HEIGHT, ROWS>;
  using Positions = Share<WIDTH, ACROSS>;

  // Four floats of padding keep the transposing stores of plain weights off each other's banks.
  struct Slice {
    alignas(16) float x[DEPTH][POSITIONS];
    alignas(16) float w[DEPTH][CHANNELS + 4];
  };
  struct Shared {
    Job job;
    Entry<Coordinate> entries[2][DEPTH];
    int64_t entry_weights[2][DEPTH];
    int64_t weights[CHANNELS];
    int64_t channels[CHANNELS];
    int64_t y[POSITIONS];
    int64_t residual[POSITIONS];
    union {
      ClassSums<THREADS> sums;
      Slice slices[2];
      alignas(16) float out[ROWS][POSITIONS];
    };
  };

  // What a thread has read of the next slice.
  struct Stage {
    float x[X_LOADS];
    float w[W_LOADS];
  };

  static ONDOL_DEVICE int row() { return static_cast<int>(threadIdx.x) / ACROSS; }
  static ONDOL_DEVICE int lane() { return static_cast<int>(threadIdx.x) % ACROSS; }

  static ONDOL_DEVICE int gathered_entry(int i) {
    return static_cast<int>(threadIdx.x) / POSITIONS + i * (THREADS / POSITIONS);
  }

  // Reads slice number `slice`.
  static ONDOL_DEVICE void read(const ConvProblem& problem, const Shared& s, int64_t slice,
                                const Place<Coordinate>& place, Stage& stage) {
    const auto& entries = s.entries[slice % 2];
    int depth = depth_of(s, slice);
#pragma unroll
    for (int i = 0; i < X_LOADS; ++i) {
      int k = gathered_entry(i);
      stage.x[i] = k < depth ? gather(problem.args, place, entries[k]) : 0.0f;
    }
    if (problem.args.packed != nullptr) {
      read_packed(problem.args.packed, s, slice * DEPTH, depth, stage);
    } else {
      read_plain(problem.args.weight, s, s.entry_weights[slice % 2], depth, stage);
    }
  }

  // Packed weights lie along the channels: a thread reads one channel.
  static ONDOL_DEVICE void read_packed(const float* packed, const Shared& s, int64_t step, int depth, Stage& stage) {
    int c = static_cast<int>(threadIdx.x) % CHANNELS;
    int first = static_cast<int>(threadIdx.x) / CHANNELS;
    if (c >= s.job.count) depth = 0;
    const float* weights = packed + (depth > 0 ? s.weights[c] + (step + first) * PANEL_CHANNELS : 0);
#pragma unroll
    for (int i = 0; i < W_LOADS; ++i) {
      int row = i * (THREADS / CHANNELS);
      stage.w[i] = first + row < depth ? weights[row * PANEL_CHANNELS] : 0.0f;
    }
  }

  // Plain ones lie along the entries: a thread reads one entry.
  static ONDOL_DEVICE void read_plain(const float* weight, const Shared& s, const int64_t (&entry_weights)[DEPTH],
                                      int depth, Stage& stage) {
    int k = static_cast<int>(threadIdx.x) % DEPTH;
    int first = static_cast<int>(threadIdx.x) / DEPTH;
    int count = k < depth ? s.job.count : 0;
    const float* weights = weight + (count > 0 ? entry_weights[k] : 0);
#pragma unroll
    for (int i = 0; i < W_LOADS; ++i) {
      int c = first + i * (THREADS / DEPTH);
      stage.w[i] = c < count ? weights[s.weights[c]] : 0.0f;
    }
  }

  static ONDOL_DEVICE void keep(bool packed, const Stage& stage, Slice& slice) {
    int me = static_cast<int>(threadIdx.x);
#pragma unroll
    for (int i = 0; i < X_LOADS; ++i) slice.x[gathered_entry(i)][me % POSITIONS] = stage.x[i];
    if (packed) {
#pragma unroll
      for (int i = 0; i < W_LOADS; ++i) slice.w[me / CHANNELS + i * (THREADS / CHANNELS)][me % CHANNELS] = stage.w[i];
    } else {
#pragma unroll
      for (int i = 0; i < W_LOADS; ++i) slice.w[me % DEPTH][me / DEPTH + i * (THREADS / DEPTH)] = stage.w[i];
    }
  }

  static ONDOL_DEVICE void step(const Slice& slice, int k, float (&sum)[HEIGHT][WIDTH]) {
    float w[HEIGHT];
    float x[WIDTH];
    Channels::load(slice.w[k], row(), w);
    Positions::load(slice.x[k], lane(), x);
#pragma unroll
    for (int c = 0; c < HEIGHT; ++c) {
#pragma unroll
      for (int p = 0; p < WIDTH; ++p) sum[c][p] = fma(x[p], w[c], sum[c][p]);
    }
  }

  // The tail is cut short and not padded: a product of zeros would turn a sum of -0 into +0.
  static ONDOL_DEVICE void multiply(const Slice& slice, int depth, float (&sum)[HEIGHT][WIDTH]) {
    if (depth == DEPTH) {
#pragma unroll
      for (int k = 0; k < DEPTH; ++k) step(slice, k, sum);
    } else {
#pragma unroll 1
      for (int k = 0; k < depth; ++k) step(slice, k, sum);
    }
  }

  static ONDOL_DEVICE void decode(const ConvProblem& problem, Shared& s, int64_t slice) {
    int64_t step = slice * DEPTH + threadIdx.x;
    if (threadIdx.x < DEPTH && step < s.job.steps) {
      int64_t& weight = s.entry_weights[slice % 2][threadIdx.x];
      s.entries[slice % 2][threadIdx.x] = entry_of<Coordinate>(problem, s.job, step, weight);
    }
  }

  static ONDOL_DEVICE int depth_of(const Shared& s, int64_t slice) {
    int64_t left = s.job.steps - slice * DEPTH;
    return left < DEPTH ? static_cast<int>(left) : DEPTH;
  }

  static ONDOL_DEVICE void chain(const ConvProblem& problem, Shared& s, const Place<Coordinate>& place,
                                 float (&sum)[HEIGHT][WIDTH]) {
    bool packed = problem.args.packed != nullptr;
    int64_t slices = (s.job.steps + DEPTH - 1) / DEPTH;
    if (slices == 0) return;
    decode(problem, s, 0);
    decode(problem, s, 1);
    __syncthreads();
    Stage stage;
    read(problem, s, 0, place, stage);
    keep(packed, stage, s.slices[0]);
    __syncthreads();
    for (int64_t slice = 0; slice < slices; ++slice) {
      // Meanwhile the entries of this slice make room for those after the next.
      int here = static_cast<int>(slice % 2);
      bool more = slice + 1 < slices;
      if (more) read(problem, s, slice + 1, place, stage);
      decode(problem, s, slice + 2);
      multiply(s.slices[here], depth_of(s, slice), sum);
      if (more) keep(packed, stage, s.slices[1 - here]);
      __syncthreads();
    }
  }

  // Through shared memory the epilogue can be a loop (unrolled over registers its activations would be there for every
  // output), and neighbouring threads write neighbouring outputs.
  static ONDOL_DEVICE void write(const ConvProblem& problem, Shared& s, const float (&sum)[HEIGHT][WIDTH]) {
    float* line = s.out[row()];
#pragma unroll
    for (int c = 0; c < HEIGHT; ++c) {
      Positions::store(line, lane(), sum[c]);
      __syncwarp();
      int channel = Channels::index(row(), c);
#pragma unroll 1
      for (int p = lane(); p < POSITIONS; p += ACROSS) {
        if (channel < s.job.count && s.y[p] >= 0) finish(problem, s.channels[channel], s.y[p], s.residual[p], line[p]);
      }
      __syncwarp();
    }
  }
};

template <class T>
__global__ void __launch_bounds__(T::THREADS, 1) conv_tiles(ConvProblem problem) {
  auto& s = shared<typename T::Shared>();
  if (!find_job<T::THREADS>(problem, blockIdx.x, T::CHANNELS, T::POSITIONS, s.sums, s.job)) return;
  int me = static_cast<int>(threadIdx.x);
  auto place = place_of<typename T::Coordinate>(problem, s.job, s.job.first_position + me % T::POSITIONS);
  if (me < T::POSITIONS) {
    s.y[me] = place.y;
    s.residual[me] = place.residual;
  }
  if (me < s.job.count) {
    s.channels[me] = s.job.channel(me);
    s.weights[me] = weights_of(problem, s.job, me);
  }
  float sum[T::HEIGHT][T::WIDTH] = {};
  __syncthreads();
  T::chain(problem, s, place, sum);
  T::write(problem, s, sum);
}

template <class T>
int64_t blocks_of(const ConvProblem& problem) {
  return problem.phases_h * problem.phases_w * ceil_div(phase_positions(problem), T::POSITIONS) *
         channel_tiles(problem, T::CHANNELS);
}

template <class T>
void launch(Launcher& launcher, ConvProblem problem) {
  problem.channel_tiles = channel_tiles(problem, T::CHANNELS);
  problem.position_tiles = ceil_div(phase_positions(problem), T::POSITIONS);
  launcher.launch(problem.transposed ? "deconv" : "conv", conv_tiles<T>, blocks_of<T>(problem), T::THREADS,
                  sizeof(typename T::Shared), problem);
}

using Large = ConvTile<128, 128, 16, 8, 8, int32_t>;
using Medium = ConvTile<64, 128, 16, 8, 8, int32_t>;
using Narrow = ConvTile<32, 128, 16, 4, 8, int32_t>;
using Small = ConvTile<32, 32, 32, 2, 4, int32_t>;
using Wide = ConvTile<32, 32, 32, 2, 4, int64_t>;

// Channels that a class (without a mask: a group) takes up in tiles of `width`, on average.
int64_t padded(const ConvProblem& problem, int64_t width) {
  int64_t classes = problem.args.classes == 0 ? problem.args.groups : problem.args.classes;
  return ceil_div(ceil_div(problem.args.y_channels, classes), width) * width;
}

}  // namespace

// Large tiles read least for what they compute, as long as there are enough of them to fill a GPU and few of their
// channels are empty.
void launch_conv_tiles(Launcher& launcher, ConvProblem problem) {
  constexpr int64_t ENOUGH = 128;
  if (problem.wide) {
    launch<Wide>(launcher, problem);
  } else if (padded(problem, 128) <= padded(problem, 64) && blocks_of<Large>(problem) >= ENOUGH) {
    launch<Large>(launcher, problem);
  } else if (padded(problem, 64) <= padded(problem, 32) && blocks_of<Medium>(problem) >= ENOUGH) {
    launch<Medium>(launcher, problem);
  } else if (blocks_of<Narrow>(problem) >= ENOUGH) {
    launch<Narrow>(launcher, problem);
  } else {
    launch<Small>(launcher, problem);
  }
}

}  // namespace ondol::cuda
