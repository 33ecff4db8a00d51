// conv and deconv of lower precision as matrix products on tensor cores: a block owns a tile of channels x positions of
// one phase, k are the live entries. Filters come rewritten as lines (tensor.cu) by asynchronous copies; the input is
// gathered, eight or four entries of a position at a time, while the slice before it is multiplied. Dead entries and
// the taps of other phases are in no slice. Not run on a device yet.
#ifndef ONDOL_CUDA_CONV_TENSOR_CUH
#define ONDOL_CUDA_CONV_TENSOR_CUH

#include "../common/slices.cuh"
#include "job.cuh"

namespace ondol::cuda {

// One for each precision, in a file of its own.
void launch_conv_bfloat16(Launcher& launcher, const ConvProblem& problem);
void launch_conv_float16(Launcher& launcher, const ConvProblem& problem);
void launch_conv_tf32(Launcher& launcher, const ConvProblem& problem);
void launch_conv_bfloat16x3(Launcher& launcher, const ConvProblem& problem);

// ROWS channels x COLUMNS positions by WARPS_DOWN x WARPS_ACROSS warps.
template <class Format_, int ROWS_, int COLUMNS_, int WARPS_DOWN, int WARPS_ACROSS, class Coordinate_>
struct ConvTensor {
  using Format = Format_;
  using Element = typename Format::Element;
  using Coordinate = Coordinate_;
  static constexpr int ROWS = ROWS_;
  static constexpr int COLUMNS = COLUMNS_;
  static constexpr int DEPTH = Format::DEPTH;
  static constexpr int THREADS = WARPS_DOWN * WARPS_ACROSS * WARP;
  static constexpr int WARP_ROWS = ROWS / WARPS_DOWN;
  static constexpr int WARP_COLUMNS = COLUMNS / WARPS_ACROSS;
  static constexpr int PITCH = COLUMNS + 8;
  static constexpr int GROUP = Format::GROUP;
  static constexpr int BESIDE = THREADS / COLUMNS;       // threads of a position
  static constexpr int EACH = DEPTH / GROUP / BESIDE;    // groups of a thread
  static_assert(THREADS % COLUMNS == 0 && EACH * GROUP * BESIDE == DEPTH, "threads share a position's groups");
  static_assert(THREADS >= ROWS && THREADS >= DEPTH, "a thread decodes one entry and names one channel");

  using Part = WarpTile<Format, WARP_ROWS, WARP_COLUMNS, false, false>;

  struct Shared {
    Job job;
    Entry<Coordinate> entries[2][DEPTH];
    int64_t channels[ROWS];
    int64_t y[COLUMNS];
    int64_t residual[COLUMNS];
    union {
      ClassSums<THREADS> sums;
      struct {
        alignas(CHUNK) unsigned char w[2][ROWS * LINE];
        alignas(CHUNK) unsigned char x[2][COLUMNS * LINE];
      };
      alignas(CHUNK) float out[ROWS][PITCH];
    };
  };

  using Stage = Element[EACH][GROUP];

  static ONDOL_DEVICE int group(int i) { return static_cast<int>(threadIdx.x) / COLUMNS + i * BESIDE; }

  static ONDOL_DEVICE void decode(const ConvProblem& problem, Shared& s, int64_t slice) {
    int64_t step = slice * DEPTH + threadIdx.x;
    int64_t weight;
    if (threadIdx.x < DEPTH && step < s.job.steps) {
      s.entries[slice % 2][threadIdx.x] = entry_of<Coordinate>(problem, s.job, step, weight);
    }
  }

  // Reads the thread's elements of a slice; beyond the last entry and outside the map they are +0.
  static ONDOL_DEVICE void read(const ConvProblem& problem, const Shared& s, int64_t slice,
                                const Place<Coordinate>& place, Stage& stage) {
    auto x = reinterpret_cast<const Element*>(problem.args.x);
    int64_t left = s.job.steps - slice * DEPTH;
    int depth = left < DEPTH ? static_cast<int>(left) : DEPTH;
#pragma unroll
    for (int i = 0; i < EACH; ++i) {
#pragma unroll
      for (int e = 0; e < GROUP; ++e) {
        int k = group(i) * GROUP + e;
        stage[i][e] = {};
        if (k < depth && inside(problem.args, place, s.entries[slice % 2][k])) {
          stage[i][e] = x[place.x + s.entries[slice % 2][k].x];
        }
      }
    }
  }

  static ONDOL_DEVICE void keep(const Stage& stage, unsigned char* tile) {
#pragma unroll
    for (int i = 0; i < EACH; ++i) {
      store_group<Format>(stage[i], tile, static_cast<int>(threadIdx.x) % COLUMNS, group(i));
    }
  }

  static ONDOL_DEVICE void multiply(const ConvProblem& problem, Shared& s, const Place<Coordinate>& place,
                                    const unsigned char* filters, typename Part::Sums& sums) {
    int64_t slices = (s.job.steps + DEPTH - 1) / DEPTH;
    if (slices == 0) return;
    int warp = static_cast<int>(threadIdx.x) / WARP;
    int row = warp / WARPS_ACROSS * WARP_ROWS;
    int column = warp % WARPS_ACROSS * WARP_COLUMNS;
    SliceCopy<ROWS, THREADS, false> w(filters, problem.pitch, problem.pitch, s.job.count, 0);
    Stage stage;
    decode(problem, s, 0);
    decode(problem, s, 1);
    __syncthreads();
    w.next(s.w[0]);
    copy_async_commit();
    read(problem, s, 0, place, stage);
    keep(stage, s.x[0]);
    copy_async_wait<0>();
    __syncthreads();
    for (int64_t slice = 0; slice < slices; ++slice) {
      // Meanwhile the entries of this slice make room for those after the next.
      int here = static_cast<int>(slice % 2);
      bool more = slice + 1 < slices;
      if (more) {
        w.next(s.w[1 - here]);
        copy_async_commit();
        read(problem, s, slice + 1, place, stage);
      }
      decode(problem, s, slice + 2);
      Part::slice(s.w[here], s.x[here], row, column, sums);
      if (more) keep(stage, s.x[1 - here]);
      copy_async_wait<0>();
      __syncthreads();
    }
  }

  // An infinite operand has no finite parts, and 0 * inf of its products is NaN where float32 has none: such sums are
  // formed again, one by one, as the exact kernels form them.
  static ONDOL_DEVICE float chain_again(const ConvProblem& problem, const Shared& s, int channel, int position) {
    const ondol_conv_args& args = problem.args;
    auto place = place_of<Coordinate>(problem, s.job, s.job.first_position + position);
    int64_t begin = weights_of(problem, s.job, channel);
    float sum = 0.0f;
    for (int64_t step = 0; step < s.job.steps; ++step) {
      int64_t weight;
      auto entry = entry_of<Coordinate>(problem, s.job, step, weight);
      float w = args.packed != nullptr ? args.packed[begin + step * PANEL_CHANNELS] : args.weight[begin + weight];
      sum = fma(gather(args, place, entry), w, sum);
    }
    return sum;
  }

  static ONDOL_DEVICE void finish(const ConvProblem& problem, const Shared& s, int row, int position) {
    const ondol_conv_args& args = problem.args;
    int64_t channel = s.channels[row];
    float value = s.out[row][position];
    if constexpr (Format::SPLIT) {
      if (is_nan(value)) value = chain_again(problem, s, row, position);
    }
    if (args.bias != nullptr) value = add(value, args.bias[channel]);
    if (args.residual != nullptr) {
      auto residual = reinterpret_cast<const Element*>(args.residual);
      value = add(value, Format::wide(residual[s.residual[position] + channel * args.residual_channel]));
    }
    bool leaky = args.activation == ONDOL_RELU && problem.slope != 0.0f;
    value = leaky ? (value < 0.0f ? mul(value, problem.slope) : value) : activate(value, args.activation);
    reinterpret_cast<Element*>(args.y)[s.y[position] + channel * args.y_channel] = Format::narrow(value);
  }

  static ONDOL_DEVICE void write(const ConvProblem& problem, Shared& s, const typename Part::Sums& sums) {
    int warp = static_cast<int>(threadIdx.x) / WARP;
    Part::store(sums, warp / WARPS_ACROSS * WARP_ROWS, warp % WARPS_ACROSS * WARP_COLUMNS, &s.out[0][0], PITCH);
    __syncthreads();
#pragma unroll 1
    for (int e = static_cast<int>(threadIdx.x); e < ROWS * COLUMNS; e += THREADS) {
      int row = e / COLUMNS;
      int position = e % COLUMNS;
      if (row < s.job.count && s.y[position] >= 0) finish(problem, s, row, position);
    }
  }
};

// Where the block's filters begin.
ONDOL_DEVICE unsigned char* filter_lines(const ConvProblem& problem, const Job& job, int64_t phase) {
  int64_t before = job.channels != nullptr ? job.channels - problem.args.channels : job.first_channel;
  return problem.lines + (phase * problem.args.y_channels + before + job.first) * problem.pitch;
}

template <class T>
__global__ void __launch_bounds__(T::THREADS, 1) conv_tensor(ConvProblem problem) {
  auto& s = shared<typename T::Shared>();
  if (!find_job<T::THREADS>(problem, blockIdx.x, T::ROWS, T::COLUMNS, s.sums, s.job)) return;
  int me = static_cast<int>(threadIdx.x);
  auto place = place_of<typename T::Coordinate>(problem, s.job, s.job.first_position + me % T::COLUMNS);
  if (me < T::COLUMNS) {
    s.y[me] = place.y;
    s.residual[me] = place.residual;
  }
  if (me < s.job.count) s.channels[me] = s.job.channel(me);
  typename T::Part::Sums sums = {};
  __syncthreads();
  int64_t phase = blockIdx.x / (problem.channel_tiles * problem.position_tiles);
  T::multiply(problem, s, place, filter_lines(problem, s.job, phase), sums);
  T::write(problem, s, sums);
}

template <class T>
int64_t conv_tensor_blocks(const ConvProblem& problem) {
  return problem.phases_h * problem.phases_w * ceil_div(phase_positions(problem), T::COLUMNS) *
         channel_tiles(problem, T::ROWS);
}

template <class T>
void launch_conv_tensor_tiles(Launcher& launcher, ConvProblem problem) {
  problem.channel_tiles = channel_tiles(problem, T::ROWS);
  problem.position_tiles = ceil_div(phase_positions(problem), T::COLUMNS);
  launcher.launch(problem.transposed ? "deconv" : "conv", conv_tensor<T>, conv_tensor_blocks<T>(problem), T::THREADS,
                  sizeof(typename T::Shared), problem);
}

// Large tiles where there are enough of them to fill a GPU and a class has the channels for them.
template <class Format>
void launch_conv_format(Launcher& launcher, const ConvProblem& problem) {
  using Large = ConvTensor<Format, 128, 128, 2, 4, int32_t>;
  using Small = ConvTensor<Format, 64, 64, 2, 2, int32_t>;
  using Wide = ConvTensor<Format, 64, 64, 2, 2, int64_t>;
  constexpr int64_t ENOUGH = 128;
  int64_t classes = problem.args.classes == 0 ? problem.args.groups : problem.args.classes;
  if (problem.wide) {
    launch_conv_tensor_tiles<Wide>(launcher, problem);
  } else if (problem.args.y_channels > Small::ROWS * classes && conv_tensor_blocks<Large>(problem) >= ENOUGH) {
    launch_conv_tensor_tiles<Large>(launcher, problem);
  } else {
    launch_conv_tensor_tiles<Small>(launcher, problem);
  }
}

}  // namespace ondol::cuda

#endif
