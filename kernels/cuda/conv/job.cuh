// A block's share of a conv or deconv: which channels, positions and entries are its own, where an entry reads, and
// what becomes of a sum.
#ifndef ONDOL_CUDA_CONV_JOB_CUH
#define ONDOL_CUDA_CONV_JOB_CUH

#include "problem.cuh"

namespace ondol::cuda {

// What a block computes: some channels of one class (without a mask: of one group) at some positions of one phase.
struct Job {
  int64_t group;
  const int32_t* channels;  // of the class; null where they are first_channel, first_channel + 1, ...
  int64_t first_channel;
  int64_t first;            // of the block within the class
  int count;                // channels of the block
  const int32_t* live;      // entries in the order of the chain; null where they are all of `taps_h` x `taps_w`
  int64_t steps;            // of the chain
  int64_t first_row;        // of the chain in a panel
  int64_t rows;             // of a panel
  int64_t panels;           // where the class's panels begin, in floats
  Progression taps_h, taps_w;
  int64_t shift_h, shift_w;      // displacement of the first tap
  int64_t spacing_h, spacing_w;  // of the displacements of neighbouring taps
  Progression oy, ox;
  int64_t first_position, positions;  // of the block, of the phase

  ONDOL_DEVICE int64_t channel(int i) const {
    return channels != nullptr ? channels[first + i] : first_channel + first + i;
  }
};

// Sums over ranges of classes, one for each thread.
template <int THREADS>
struct ClassSums {
  int64_t tiles[THREADS];
  int64_t rows[THREADS];  // of all panels
};

ONDOL_DEVICE int64_t rows_of_class(const ondol_conv_args& args, int64_t i) {
  int64_t panels = (args.channel_start[i + 1] - args.channel_start[i] + PANEL_CHANNELS - 1) / PANEL_CHANNELS;
  return panels * (args.live_start[i + 1] - args.live_start[i]);
}

ONDOL_DEVICE int64_t tiles_of_class(const ondol_conv_args& args, int64_t i, int width) {
  return (args.channel_start[i + 1] - args.channel_start[i] + width - 1) / width;
}

// The class that tile `tile` of the channels is in, or -1 past the last tile: to `which`, with the number of tiles and
// of panel rows before it. All threads of the block call it.
template <int THREADS>
ONDOL_DEVICE void find_class(const ondol_conv_args& args, int width, int64_t tile, ClassSums<THREADS>& sums,
                             int64_t& which, int64_t& tiles_before, int64_t& rows_before) {
  int me = static_cast<int>(threadIdx.x);
  int64_t each = (args.classes + THREADS - 1) / THREADS;
  int64_t begin = me * each;
  int64_t end = begin + each < args.classes ? begin + each : args.classes;
  int64_t tiles = 0;
  int64_t rows = 0;
  for (int64_t i = begin; i < end; ++i) {
    tiles += tiles_of_class(args, i, width);
    rows += rows_of_class(args, i);
  }
  sums.tiles[me] = tiles;
  sums.rows[me] = rows;
  if (me == 0) which = -1;
  __syncthreads();
  int64_t before = 0;
  rows = 0;
  if (begin < end) {
    for (int t = 0; t < me; ++t) {
      before += sums.tiles[t];
      rows += sums.rows[t];
    }
  }
  if (begin < end && before <= tile && tile < before + tiles) {
    int64_t i = begin;
    while (tile >= before + tiles_of_class(args, i, width)) {
      before += tiles_of_class(args, i, width);
      rows += rows_of_class(args, i);
      ++i;
    }
    which = i;
    tiles_before = before;
    rows_before = rows;
  }
  __syncthreads();
}

// Sum over i < n of floor((a i + b) / m), by Euclid's steps; a < m.
ONDOL_DEVICE int64_t floor_sum(int64_t n, int64_t m, int64_t a, int64_t b) {
  int64_t sum = 0;
  while (n > 0) {
    sum += (n - 1) * n / 2 * (a / m) + n * (b / m);
    int64_t last = a % m * n + b % m;
    int64_t next = a % m;
    n = last / m;
    b = last % m;
    a = m;
    m = next;
  }
  return sum;
}

// Taps whose tap * dilation mod stride is below r: they come before the phase of r in packed filters.
ONDOL_DEVICE int64_t taps_before(const Axis& axis, int64_t r) {
  int64_t a = axis.dilation % axis.stride;
  return floor_sum(axis.kernel, axis.stride, a, 0) + axis.kernel -
         floor_sum(axis.kernel, axis.stride, a, axis.stride - r);
}

ONDOL_DEVICE Progression taps_of(const Axis& axis, int64_t r) {
  int64_t step = axis.stride / axis.divisor;
  if (r % axis.divisor != 0) return {0, step, 0};
  int64_t first = r / axis.divisor * axis.inverse % step;
  return {first, step, first < axis.kernel ? (axis.kernel - 1 - first) / step + 1 : 0};
}

// The window's outputs of phase `phase` along an axis.
ONDOL_DEVICE Progression outputs_of(int64_t begin, int64_t end, int64_t phase, int64_t stride) {
  return {begin + phase, stride, (end - begin - phase + stride - 1) / stride};
}

// Sets the positions, the entries and their displacements; the channels and the class are known.
ONDOL_DEVICE void set_phase(const ConvProblem& problem, int64_t which, int64_t phase, Job& job) {
  const ondol_conv_args& args = problem.args;
  job.taps_h = {0, 1, args.kernel_h};
  job.taps_w = {0, 1, args.kernel_w};
  job.shift_h = 0;
  job.shift_w = 0;
  job.spacing_h = problem.transposed ? -args.dilation_h : args.dilation_h;
  job.spacing_w = problem.transposed ? -args.dilation_w : args.dilation_w;
  job.first_row = 0;
  if (args.classes != 0) {
    job.live = args.live + args.live_start[which];
    job.steps = args.live_start[which + 1] - args.live_start[which];
  } else {
    job.live = nullptr;
    job.steps = problem.depth;
  }
  job.rows = job.steps;
  int64_t stride_h = problem.transposed ? args.stride_h : 1;
  int64_t stride_w = problem.transposed ? args.stride_w : 1;
  job.oy = outputs_of(args.begin_h, args.end_h, phase / problem.phases_w, stride_h);
  job.ox = outputs_of(args.begin_w, args.end_w, phase % problem.phases_w, stride_w);
  job.positions = args.batch * job.oy.count * job.ox.count;
  if (problem.shift != nullptr) {
    job.oy.first += problem.shift[0];
    job.ox.first += problem.shift[1];
  }
  if (stride_h == 1 && stride_w == 1) return;
  if (problem.sorted != nullptr) {
    const int32_t* range = problem.ranges + (which * problem.phases_h * problem.phases_w + phase) * 2;
    job.first_row = range[0];
    job.live = problem.sorted + args.live_start[which] + range[0];
    job.steps = range[1];
    return;
  }
  int64_t residue_h = (job.oy.first + args.pad_top) % stride_h;
  int64_t residue_w = (job.ox.first + args.pad_left) % stride_w;
  job.taps_h = taps_of(problem.h, residue_h);
  job.taps_w = taps_of(problem.w, residue_w);
  job.shift_h = -(job.taps_h.first * args.dilation_h / stride_h);
  job.shift_w = -(job.taps_w.first * args.dilation_w / stride_w);
  job.spacing_h = -(args.dilation_h / problem.h.divisor);
  job.spacing_w = -(args.dilation_w / problem.w.divisor);
  job.steps = problem.x_group * job.taps_h.count * job.taps_w.count;
  if (args.packed == nullptr) return;
  job.first_row = problem.x_group * (taps_before(problem.h, residue_h) * args.kernel_w +
                                     job.taps_h.count * taps_before(problem.w, residue_w));
}

// The work of block `block` of a grid of phases x position tiles x channel tiles. All threads call it; false where
// there is none.
template <int THREADS>
ONDOL_DEVICE bool find_job(const ConvProblem& problem, int64_t block, int width, int64_t height,
                           ClassSums<THREADS>& sums, Job& job) {
  const ondol_conv_args& args = problem.args;
  int64_t tile = block % problem.channel_tiles;
  block /= problem.channel_tiles;
  if (args.classes != 0) {
    find_class<THREADS>(args, width, tile, sums, job.group, job.first, job.panels);
    if (job.group < 0) return false;
  }
  if (threadIdx.x == 0) {
    int64_t which = job.group;
    int64_t channels;
    if (args.classes != 0) {
      job.channels = args.channels + args.channel_start[which];
      channels = args.channel_start[which + 1] - args.channel_start[which];
      job.first = (tile - job.first) * width;
      job.panels *= PANEL_CHANNELS;
      job.group = job.channels[0] / problem.y_group;
    } else {
      int64_t tiles = (problem.y_group + width - 1) / width;
      which = tile / tiles;
      channels = problem.y_group;
      job.channels = nullptr;
      job.group = which;
      job.first_channel = which * problem.y_group;
      job.first = tile % tiles * width;
      job.panels = which * ((problem.y_group + PANEL_CHANNELS - 1) / PANEL_CHANNELS) * problem.depth * PANEL_CHANNELS;
    }
    job.count = static_cast<int>(channels - job.first < width ? channels - job.first : width);
    job.first_position = block % problem.position_tiles * height;
    set_phase(problem, which, block / problem.position_tiles, job);
  }
  __syncthreads();
  return job.first_position < job.positions;
}

// A step of the chain: how far from a position's corner it reads x.
template <class Coordinate>
struct alignas(16) Entry {
  int64_t x;
  Coordinate dy, dx;
};

// `weight` is set to where the step's weight is in a plain filter.
template <class Coordinate>
ONDOL_DEVICE Entry<Coordinate> entry_of(const ConvProblem& problem, const Job& job, int64_t step, int64_t& weight) {
  const ondol_conv_args& args = problem.args;
  auto k = static_cast<uint32_t>(job.live != nullptr ? job.live[step] : step);
  auto across = static_cast<uint32_t>(job.taps_w.count);
  uint32_t column = k % across;
  k /= across;
  auto down = static_cast<uint32_t>(job.taps_h.count);
  uint32_t row = k % down;
  int64_t c = job.group * problem.x_group + k / down;
  int64_t ky = job.taps_h.first + row * job.taps_h.step;
  int64_t kx = job.taps_w.first + column * job.taps_w.step;
  int64_t dy = job.shift_h + row * job.spacing_h;
  int64_t dx = job.shift_w + column * job.spacing_w;
  if (problem.sorted != nullptr) {
    dy = -(ky * args.dilation_h / args.stride_h);
    dx = -(kx * args.dilation_w / args.stride_w);
  }
  int64_t tap = ky * args.kernel_w + kx;
  weight = (problem.transposed ? c * problem.y_group : k / down) * problem.taps + tap;
  return {c * args.x_channel + dy * args.x_width + dx, static_cast<Coordinate>(dy), static_cast<Coordinate>(dx)};
}

// Where the weights of the block's channel i begin: packed ones with the first of the chain, the next PANEL_CHANNELS further on,
// plain ones with the filter.
ONDOL_DEVICE int64_t weights_of(const ConvProblem& problem, const Job& job, int i) {
  int64_t within = job.first + i;
  if (problem.args.packed != nullptr) {
    return job.panels + (within / PANEL_CHANNELS * job.rows + job.first_row) * PANEL_CHANNELS + within % PANEL_CHANNELS;
  }
  return problem.transposed ? job.channel(i) % problem.y_group * problem.taps : job.channel(i) * problem.depth;
}

// An output's corner in x, and where the output is. Outside the job rows is 0, so that nothing is read.
template <class Coordinate>
struct Place {
  int64_t x, y, residual;  // y and residual: of channel 0; y is -1 outside the job
  Coordinate top, left, rows;
};

template <class Coordinate>
ONDOL_DEVICE Place<Coordinate> place_of(const ConvProblem& problem, const Job& job, int64_t position) {
  const ondol_conv_args& args = problem.args;
  if (position >= job.positions) return {0, -1, 0, 0, 0, 0};
  int64_t plane = job.oy.count * job.ox.count;
  int64_t n = position / plane;
  int64_t at = position - n * plane;
  int64_t row = at / job.ox.count;
  int64_t oy = job.oy.first + row * job.oy.step;
  int64_t ox = job.ox.first + (at - row * job.ox.count) * job.ox.step;
  int64_t top = problem.transposed ? (oy + args.pad_top) / args.stride_h : oy * args.stride_h - args.pad_top;
  int64_t left = problem.transposed ? (ox + args.pad_left) / args.stride_w : ox * args.stride_w - args.pad_left;
  int64_t pixel = oy * args.y_width + ox;
  return {n * args.x_batch + top * args.x_width + left,
          n * args.y_batch + pixel,
          n * args.residual_batch + pixel,
          static_cast<Coordinate>(top),
          static_cast<Coordinate>(left),
          static_cast<Coordinate>(args.x_height)};
}

// Whether an entry of a place lies in the map.
ONDOL_DEVICE bool inside(const ondol_conv_args& args, const Place<int32_t>& place, const Entry<int32_t>& entry) {
  return static_cast<uint32_t>(place.top + entry.dy) < static_cast<uint32_t>(place.rows) &&
         static_cast<uint32_t>(place.left + entry.dx) < static_cast<uint32_t>(args.x_width);
}

ONDOL_DEVICE bool inside(const ondol_conv_args& args, const Place<int64_t>& place, const Entry<int64_t>& entry) {
  return static_cast<uint64_t>(place.top + entry.dy) < static_cast<uint64_t>(place.rows) &&
         static_cast<uint64_t>(place.left + entry.dx) < static_cast<uint64_t>(args.x_width);
}

// x at an entry of a place, +0 outside the map.
template <class Coordinate>
ONDOL_DEVICE float gather(const ondol_conv_args& args, const Place<Coordinate>& place,
                          const Entry<Coordinate>& entry) {
  return inside(args, place, entry) ? args.x[place.x + entry.x] : 0.0f;
}

ONDOL_DEVICE void finish(const ConvProblem& problem, int64_t channel, int64_t y, int64_t residual, float value) {
  const ondol_conv_args& args = problem.args;
  if (args.bias != nullptr) value = add(value, args.bias[channel]);
  if (args.residual != nullptr) value = add(value, args.residual[residual + channel * args.residual_channel]);
  bool leaky = args.activation == ONDOL_RELU && problem.slope != 0.0f;
  value = leaky ? (value < 0.0f ? mul(value, problem.slope) : value) : activate(value, args.activation);
  args.y[y + channel * args.y_channel] = value;
}

}  // namespace ondol::cuda

#endif
