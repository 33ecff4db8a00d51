// The weight gradient of lower precision as matrix products on tensor cores: a block owns a tile of channels x entries
// of one class, k are the positions of a run of images. Runs depend on shapes alone; their float32 sums are added in
// ascending order. Not run on a device yet.
#ifndef ONDOL_CUDA_CONV_WEIGHT_TENSOR_CUH
#define ONDOL_CUDA_CONV_WEIGHT_TENSOR_CUH

#include "../common/tensor.cuh"
#include "job.cuh"

namespace ondol::cuda {

struct WeightTensorProblem {
  ConvProblem conv;
  const float* dy;  // elements of the precision
  int64_t dy_batch, dy_channel;
  float* sums;  // of each run, in the shape of dw
  int64_t size;
  int64_t channel_tiles, entry_tiles;
  int64_t positions, runs, run;  // of all images; how many runs; positions of a run
};

// One for each precision, in a file of its own.
void launch_weight_bfloat16(Launcher& launcher, const WeightTensorProblem& problem);
void launch_weight_float16(Launcher& launcher, const WeightTensorProblem& problem);
void launch_weight_tf32(Launcher& launcher, const WeightTensorProblem& problem);
void launch_weight_bfloat16x3(Launcher& launcher, const WeightTensorProblem& problem);

template <class Format_, class Coordinate_>
struct WeightTensor {
  using Format = Format_;
  using Element = typename Format::Element;
  using Coordinate = Coordinate_;
  static constexpr int ROWS = 64;     // channels
  static constexpr int COLUMNS = 64;  // entries
  static constexpr int WARPS_ACROSS = 2;
  static constexpr int THREADS = 4 * WARP;
  static constexpr int WARP_ROWS = ROWS / 2;
  static constexpr int WARP_COLUMNS = COLUMNS / WARPS_ACROSS;
  static constexpr int PITCH = COLUMNS + 8;
  static constexpr int DEPTH = Format::DEPTH;
  static constexpr int GROUP = Format::GROUP;
  static constexpr int GROUPS = DEPTH / GROUP;          // of a line
  static constexpr int EACH = ROWS * GROUPS / THREADS;  // groups of a thread, of either operand
  static_assert(ROWS == COLUMNS, "both operands are shared out alike");

  using Part = WarpTile<Format, WARP_ROWS, WARP_COLUMNS, false, false>;
  using Stage = Element[EACH][GROUP];

  struct Shared {
    Job job;
    int entries_count;
    Entry<Coordinate> entries[COLUMNS];
    int64_t elements[COLUMNS];            // where the entries are in a filter
    int64_t dy[ROWS];                     // where the channels begin
    Place<Coordinate> places[2][DEPTH];   // of a slice's positions; y is where dy is read, -1 beyond the run
    union {
      ClassSums<THREADS> sums;
      struct {
        alignas(CHUNK) unsigned char a[2][ROWS * LINE];
        alignas(CHUNK) unsigned char b[2][COLUMNS * LINE];
      };
      alignas(CHUNK) float out[ROWS][PITCH];
    };
  };

  static ONDOL_DEVICE int line(int i) { return (static_cast<int>(threadIdx.x) + i * THREADS) / GROUPS; }
  static ONDOL_DEVICE int group() { return static_cast<int>(threadIdx.x) % GROUPS; }

  static ONDOL_DEVICE Place<Coordinate> place_at(const WeightTensorProblem& problem, int64_t position, int64_t end) {
    const ondol_conv_args& args = problem.conv.args;
    if (position >= end) return {0, -1, 0, 0, 0, 0};
    int64_t plane = args.y_height * args.y_width;
    int64_t n = position / plane;
    int64_t pixel = position - n * plane;
    int64_t top = pixel / args.y_width * args.stride_h;
    int64_t left = pixel % args.y_width * args.stride_w;
    return {n * args.x_batch + top * args.x_width + left,
            n * problem.dy_batch + pixel,
            0,
            static_cast<Coordinate>(top),
            static_cast<Coordinate>(left),
            static_cast<Coordinate>(args.x_height)};
  }

  // Sets the block's channels and entries; false where there are none. They are those of a conv with one position,
  // whose displacements count from the pixel's corner without the padding.
  static ONDOL_DEVICE bool find(const WeightTensorProblem& problem, int64_t channel_tile, int64_t entry_tile,
                                Shared& s) {
    if (!find_job<THREADS>(problem.conv, channel_tile, ROWS, 1, s.sums, s.job)) return false;
    int me = static_cast<int>(threadIdx.x);
    int64_t left = s.job.steps - entry_tile * COLUMNS;
    if (left <= 0) return false;
    if (me == 0) s.entries_count = static_cast<int>(left < COLUMNS ? left : COLUMNS);
    if (me < COLUMNS && me < left) {
      auto entry = entry_of<Coordinate>(problem.conv, s.job, entry_tile * COLUMNS + me, s.elements[me]);
      const ondol_conv_args& args = problem.conv.args;
      entry.dy = static_cast<Coordinate>(entry.dy - args.pad_top);
      entry.dx = static_cast<Coordinate>(entry.dx - args.pad_left);
      entry.x -= args.pad_top * args.x_width + args.pad_left;
      s.entries[me] = entry;
    }
    if (me < s.job.count) s.dy[me] = s.job.channel(me) * problem.dy_channel;
    return true;
  }

  static ONDOL_DEVICE void read(const WeightTensorProblem& problem, const Shared& s,
                                const Place<Coordinate> (&places)[DEPTH], Stage& dy, Stage& x) {
    const ondol_conv_args& args = problem.conv.args;
    auto from = reinterpret_cast<const Element*>(problem.dy);
    auto map = reinterpret_cast<const Element*>(args.x);
#pragma unroll
    for (int i = 0; i < EACH; ++i) {
      bool channel = line(i) < s.job.count;
      bool entry = line(i) < s.entries_count;
#pragma unroll
      for (int e = 0; e < GROUP; ++e) {
        const Place<Coordinate>& place = places[group() * GROUP + e];
        dy[i][e] = {};
        x[i][e] = {};
        if (channel && place.y >= 0) dy[i][e] = from[place.y + s.dy[line(i)]];
        if (entry && inside(args, place, s.entries[line(i)])) x[i][e] = map[place.x + s.entries[line(i)].x];
      }
    }
  }

  static ONDOL_DEVICE void keep(const Stage& stage, unsigned char* tile) {
#pragma unroll
    for (int i = 0; i < EACH; ++i) store_group<Format>(stage[i], tile, line(i), group());
  }

  static ONDOL_DEVICE void locate(const WeightTensorProblem& problem, Shared& s, int64_t slice, int64_t first,
                                  int64_t end) {
    int me = static_cast<int>(threadIdx.x);
    if (me < DEPTH) s.places[slice % 2][me] = place_at(problem, first + slice * DEPTH + me, end);
  }

  static ONDOL_DEVICE void multiply(const WeightTensorProblem& problem, Shared& s, int64_t first, int64_t end,
                                    typename Part::Sums& sums) {
    int warp = static_cast<int>(threadIdx.x) / WARP;
    int row = warp / WARPS_ACROSS * WARP_ROWS;
    int column = warp % WARPS_ACROSS * WARP_COLUMNS;
    int64_t slices = (end - first + DEPTH - 1) / DEPTH;
    Stage dy;
    Stage x;
    locate(problem, s, 0, first, end);
    locate(problem, s, 1, first, end);
    __syncthreads();
    read(problem, s, s.places[0], dy, x);
    keep(dy, s.a[0]);
    keep(x, s.b[0]);
    __syncthreads();
    for (int64_t slice = 0; slice < slices; ++slice) {
      // Meanwhile the positions of this slice make room for those after the next.
      int here = static_cast<int>(slice % 2);
      bool more = slice + 1 < slices;
      if (more) read(problem, s, s.places[1 - here], dy, x);
      locate(problem, s, slice + 2, first, end);
      Part::slice(s.a[here], s.b[here], row, column, sums);
      if (more) {
        keep(dy, s.a[1 - here]);
        keep(x, s.b[1 - here]);
      }
      __syncthreads();
    }
  }

  // As gemm's: a sum with infinite operands, formed one by one.
  static ONDOL_DEVICE float chain_again(const WeightTensorProblem& problem, const Shared& s, int row, int column,
                                        int64_t first, int64_t end) {
    float sum = 0.0f;
    for (int64_t position = first; position < end; ++position) {
      auto place = place_at(problem, position, end);
      sum = fma(problem.dy[place.y + s.dy[row]], gather(problem.conv.args, place, s.entries[column]), sum);
    }
    return sum;
  }

  static ONDOL_DEVICE void write(const WeightTensorProblem& problem, Shared& s, int64_t run, int64_t first, int64_t end,
                                 const typename Part::Sums& sums) {
    int warp = static_cast<int>(threadIdx.x) / WARP;
    Part::store(sums, warp / WARPS_ACROSS * WARP_ROWS, warp % WARPS_ACROSS * WARP_COLUMNS, &s.out[0][0], PITCH);
    __syncthreads();
#pragma unroll 1
    for (int e = static_cast<int>(threadIdx.x); e < ROWS * COLUMNS; e += THREADS) {
      int row = e / COLUMNS;
      int column = e % COLUMNS;
      if (row >= s.job.count || column >= s.entries_count) continue;
      float value = s.out[row][column];
      if constexpr (Format::SPLIT) {
        if (is_nan(value)) value = chain_again(problem, s, row, column, first, end);
      }
      problem.sums[run * problem.size + s.job.channel(row) * problem.conv.depth + s.elements[column]] = value;
    }
  }
};

template <class T>
__global__ void __launch_bounds__(T::THREADS, 1) weight_tensor(WeightTensorProblem problem) {
  auto& s = shared<typename T::Shared>();
  int64_t tile = blockIdx.x / problem.entry_tiles;
  int64_t run = tile / problem.channel_tiles;
  if (!T::find(problem, tile % problem.channel_tiles, blockIdx.x % problem.entry_tiles, s)) return;
  int64_t first = run * problem.run;
  int64_t end = first + problem.run < problem.positions ? first + problem.run : problem.positions;
  typename T::Part::Sums sums = {};
  T::multiply(problem, s, first, end, sums);
  T::write(problem, s, run, first, end, sums);
}

template <class Format>
void launch_weight_format(Launcher& launcher, const WeightTensorProblem& problem) {
  using Narrow = WeightTensor<Format, int32_t>;
  using Wide = WeightTensor<Format, int64_t>;
  int64_t blocks = problem.runs * problem.channel_tiles * problem.entry_tiles;
  if (problem.conv.wide) {
    launcher.launch("convweight", weight_tensor<Wide>, blocks, Wide::THREADS, sizeof(typename Wide::Shared), problem);
  } else {
    launcher.launch("convweight", weight_tensor<Narrow>, blocks, Narrow::THREADS, sizeof(typename Narrow::Shared),
                    problem);
  }
}

}  // namespace ondol::cuda

#endif
