// A tile of a weight gradient: a block owns some channels x entries of one class and passes slices of positions through
// shared memory, as tiles.cu does with entries.
#ifndef ONDOL_CUDA_CONV_WEIGHT_TILE_CUH
#define ONDOL_CUDA_CONV_WEIGHT_TILE_CUH

#include "job.cuh"
#include "share.cuh"

namespace ondol::cuda {

struct WeightProblem {
  ConvProblem conv;
  const float* dy;
  int64_t dy_batch, dy_channel;
  float* out;                            // chains of one image after the other, or dw itself
  int64_t size;                          // of dw
  int64_t first_image, images_of_block;  // block slot s sums images_of_block images from first_image + s
  int64_t channel_tiles, entry_tiles;
};

// A thread's place in a slice: one of its positions.
template <class Coordinate>
struct Pixel {
  int64_t ox, dy, x;  // dy and x: where the pixel is read, counted in elements
  Coordinate top, left;
};

// CHANNELS x ENTRIES elements of dw, DEPTH positions at a time; a thread owns HEIGHT channels of WIDTH entries.
template <int CHANNELS_, int ENTRIES_, int HEIGHT_, int WIDTH_, class Coordinate_>
struct WeightTile {
  static constexpr int CHANNELS = CHANNELS_;
  static constexpr int ENTRIES = ENTRIES_;
  static constexpr int DEPTH = 16;
  static constexpr int HEIGHT = HEIGHT_;
  static constexpr int WIDTH = WIDTH_;
  using Coordinate = Coordinate_;
  static constexpr int ROWS = CHANNELS / HEIGHT;   // of threads
  static constexpr int ACROSS = ENTRIES / WIDTH;   // threads of a row
  static constexpr int THREADS = ROWS * ACROSS;
  static constexpr int LINES = THREADS / DEPTH;    // threads that read the same position
  static constexpr int DY_LOADS = CHANNELS / LINES;
  static constexpr int X_LOADS = ENTRIES / LINES;
  static_assert(CHANNELS % LINES == 0 && ENTRIES % LINES == 0, "all threads read equally many");
  static_assert(THREADS >= CHANNELS && THREADS >= ENTRIES, "");

  using Channels = Share<HEIGHT, ROWS>;
  using Entries = Share<WIDTH, ACROSS>;

  // Neighbouring threads read neighbouring positions and store them in different lines: the padding keeps those off
  // each other's banks.
  struct Slice {
    alignas(16) float dy[DEPTH][CHANNELS + 4];
    alignas(16) float x[DEPTH][ENTRIES + 4];
  };
  struct Shared {
    Job job;
    int entries_count;
    Entry<Coordinate> entries[ENTRIES];
    int64_t elements[ENTRIES];  // where the entries are in a filter
    int64_t dy[CHANNELS];  // where the channels begin
    union {
      ClassSums<THREADS> sums;
      Slice slices[2];
    };
  };
  struct Stage {
    float dy[DY_LOADS];
    float x[X_LOADS];
  };

  static ONDOL_DEVICE int row() { return static_cast<int>(threadIdx.x) / ACROSS; }
  static ONDOL_DEVICE int lane() { return static_cast<int>(threadIdx.x) % ACROSS; }
  static ONDOL_DEVICE int position() { return static_cast<int>(threadIdx.x) % DEPTH; }
  static ONDOL_DEVICE int line() { return static_cast<int>(threadIdx.x) / DEPTH; }

  static ONDOL_DEVICE Pixel<Coordinate> pixel_at(const ondol_conv_args& args, int64_t oy, int64_t ox) {
    int64_t top = oy * args.stride_h;
    int64_t left = ox * args.stride_w;
    return {ox, oy * args.y_width + ox, top * args.x_width + left, static_cast<Coordinate>(top),
            static_cast<Coordinate>(left)};
  }

  // The pixel DEPTH positions on, which are `rows` rows and `columns` columns.
  static ONDOL_DEVICE void advance(const ondol_conv_args& args, int64_t rows, int64_t columns,
                                   Pixel<Coordinate>& pixel) {
    int64_t ox = pixel.ox + columns;
    if (ox >= args.y_width) {
      ox -= args.y_width;
      ++rows;
    }
    int64_t down = rows * args.stride_h;
    int64_t across = (ox - pixel.ox) * args.stride_w;
    pixel.ox = ox;
    pixel.dy += DEPTH;
    pixel.x += down * args.x_width + across;
    pixel.top = static_cast<Coordinate>(pixel.top + down);
    pixel.left = static_cast<Coordinate>(pixel.left + across);
  }

  static ONDOL_DEVICE void read(const WeightProblem& problem, const Shared& s, int64_t n,
                                const Pixel<Coordinate>& pixel, bool inside, Stage& stage) {
    const ondol_conv_args& args = problem.conv.args;
    const float* dy = problem.dy + n * problem.dy_batch + pixel.dy;
    Place<Coordinate> place{n * args.x_batch + pixel.x, 0, 0, pixel.top, pixel.left,
                            static_cast<Coordinate>(inside ? args.x_height : 0)};
#pragma unroll
    for (int i = 0; i < DY_LOADS; ++i) {
      int c = line() + i * LINES;
      stage.dy[i] = inside && c < s.job.count ? dy[s.dy[c]] : 0.0f;
    }
#pragma unroll
    for (int i = 0; i < X_LOADS; ++i) {
      int e = line() + i * LINES;
      stage.x[i] = e < s.entries_count ? gather(args, place, s.entries[e]) : 0.0f;
    }
  }

  static ONDOL_DEVICE void keep(const Stage& stage, Slice& slice) {
#pragma unroll
    for (int i = 0; i < DY_LOADS; ++i) slice.dy[position()][line() + i * LINES] = stage.dy[i];
#pragma unroll
    for (int i = 0; i < X_LOADS; ++i) slice.x[position()][line() + i * LINES] = stage.x[i];
  }

  static ONDOL_DEVICE void step(const Slice& slice, int k, float (&sum)[HEIGHT][WIDTH]) {
    float dy[HEIGHT];
    float x[WIDTH];
    Channels::load(slice.dy[k], row(), dy);
    Entries::load(slice.x[k], lane(), x);
#pragma unroll
    for (int c = 0; c < HEIGHT; ++c) {
#pragma unroll
      for (int e = 0; e < WIDTH; ++e) sum[c][e] = fma(dy[c], x[e], sum[c][e]);
    }
  }

  // The tail is cut short and not padded, as everywhere.
  static ONDOL_DEVICE void multiply(const Slice& slice, int64_t depth, float (&sum)[HEIGHT][WIDTH]) {
    if (depth >= DEPTH) {
#pragma unroll
      for (int k = 0; k < DEPTH; ++k) step(slice, k, sum);
    } else {
#pragma unroll 1
      for (int k = 0; k < depth; ++k) step(slice, k, sum);
    }
  }

  static ONDOL_DEVICE void chain(const WeightProblem& problem, Shared& s, int64_t n, Pixel<Coordinate> pixel,
                                 float (&sum)[HEIGHT][WIDTH]) {
    const ondol_conv_args& args = problem.conv.args;
    int64_t positions = args.y_height * args.y_width;
    int64_t rows = DEPTH / args.y_width;
    int64_t columns = DEPTH % args.y_width;
    Stage stage;
    read(problem, s, n, pixel, position() < positions, stage);
    keep(stage, s.slices[0]);
    __syncthreads();
    int here = 0;
    for (int64_t first = 0; first < positions; first += DEPTH) {
      bool more = first + DEPTH < positions;
      if (more) {
        advance(args, rows, columns, pixel);
        read(problem, s, n, pixel, first + DEPTH + position() < positions, stage);
      }
      multiply(s.slices[here], positions - first, sum);
      here = 1 - here;
      if (more) keep(stage, s.slices[here]);
      __syncthreads();
    }
  }

  static ONDOL_DEVICE void write(const WeightProblem& problem, const Shared& s, int64_t slot,
                                 const float (&total)[HEIGHT][WIDTH]) {
#pragma unroll
    for (int c = 0; c < HEIGHT; ++c) {
      int channel = Channels::index(row(), c);
      if (channel >= s.job.count) continue;
      float* out = problem.out + slot * problem.size + s.job.channel(channel) * problem.conv.depth;
#pragma unroll
      for (int e = 0; e < WIDTH; ++e) {
        int entry = Entries::index(lane(), e);
        if (entry < s.entries_count) out[s.elements[entry]] = total[c][e];
      }
    }
  }
};

}  // namespace ondol::cuda

#endif
