// Gradients of roialign, a thread for each element of dx, which visits the regions over its cell in ascending order: nothing is
// added atomically. First, a thread for each region finds the cells that its samples have.
#include "geometry.cuh"

namespace ondol::cuda {
namespace {

constexpr int THREADS = 256;

// A region and its cells: rows [top, bottom], columns [left, right].
struct Reach {
  RoiRegion region;
  int top, bottom, left, right;
};

ONDOL_DEVICE void reach(const RoiAxis& axis, int64_t bins, int& first, int& last) {
  first = axis.size;
  last = -1;
  for (int bin = 0; bin < bins; ++bin) {
    RoiRun run = axis.run(bin);
    if (run.first >= run.limit) continue;
    RoiSample one = axis.sample(bin, run.first), other = axis.sample(bin, run.limit - 1);
    int low = one.low < other.low ? one.low : other.low, high = one.high > other.high ? one.high : other.high;
    if (low < first) first = low;
    if (high > last) last = high;
  }
}

__global__ void __launch_bounds__(THREADS, 1) roialign_reaches(ondol_roialign_args a, Reach* reaches) {
  int64_t r = static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x;
  if (r >= a.rois.count) return;
  Reach result = {RoiRegion::of(a, r), 0, -1, 0, -1};
  if (result.region.level >= 0) {
    reach(result.region.rows, a.rows, result.top, result.bottom);
    reach(result.region.columns, a.columns, result.left, result.right);
  }
  reaches[r] = result;
}

// The element of a thread.
struct Cell {
  int level, image, row, column;
  int64_t channel;     // of y
  int row_bin, column_bin, row_end, column_end;  // the bins that may read it

  ONDOL_DEVICE Cell(const ondol_roialign_args& a, int level, int64_t at) : level(level) {
    int64_t width = a.maps[level].width, height = a.maps[level].height, map_channel = at / width / height % a.channels;
    column = static_cast<int>(at % width);
    row = static_cast<int>(at / width % height);
    image = static_cast<int>(at / width / height / a.channels);
    channel = map_channel;
    row_bin = column_bin = 0;
    row_end = static_cast<int>(a.rows);
    column_end = static_cast<int>(a.columns);
    if (a.position_sensitive == 0) return;
    channel = map_channel / (a.rows * a.columns);
    row_bin = static_cast<int>(map_channel / a.columns % a.rows);
    column_bin = static_cast<int>(map_channel % a.columns);
    row_end = row_bin + 1;
    column_end = column_bin + 1;
  }

  ONDOL_DEVICE bool in(const Reach& r) const {
    return r.region.level == level && r.region.image == image && row >= r.top && row <= r.bottom && column >= r.left &&
           column <= r.right;
  }
};

// L of a row bin at the cell's column; dy is that of the row bin.
ONDOL_DEVICE float line(const Cell& cell, const RoiAxis& columns, const float* dy, float divisor) {
  float sum = 0.0f;
  for (int j = cell.column_bin; j < cell.column_end; ++j) {
    RoiRun run = columns.touching(j, columns.run(j), cell.column);
    if (run.first >= run.limit) continue;
    float d = div(dy[j], divisor);
    for (int k = run.first; k < run.limit; ++k) {
      RoiSample s = columns.sample(j, k);
      if (s.low == cell.column) sum = fma(s.low_weight, d, sum);
      if (s.high == cell.column) sum = fma(s.high_weight, d, sum);
    }
  }
  return sum;
}

__global__ void __launch_bounds__(THREADS, 1)
roialign_average_backward(ondol_roialign_backward_args args, const Reach* reaches, int level, int64_t elements) {
  int64_t at = static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x;
  if (at >= elements) return;
  const ondol_roialign_args& a = args.forward;
  Cell cell(a, level, at);
  int64_t channels = roi_channels(a);
  float sum = 0.0f;
  for (int64_t r = 0; r < a.rois.count; ++r) {
    const Reach& region = reaches[r];
    if (!cell.in(region)) continue;
    RoiAxis rows = region.region.rows, columns = region.region.columns;
    const float* dy = args.dy + (r * channels + cell.channel) * a.rows * a.columns;
    float divisor = region.region.divisor();
    for (int i = cell.row_bin; i < cell.row_end; ++i) {
      RoiRun run = rows.touching(i, rows.run(i), cell.row);
      if (run.first >= run.limit) continue;
      float across = line(cell, columns, dy + i * a.columns, divisor);
      for (int k = run.first; k < run.limit; ++k) {
        RoiSample s = rows.sample(i, k);
        if (s.low == cell.row) sum = fma(s.low_weight, across, sum);
        if (s.high == cell.row) sum = fma(s.high_weight, across, sum);
      }
    }
  }
  args.dx[level][at] = add(sum, 0.0f);
}

// Adds what the sample that an index names says of the cell.
ONDOL_DEVICE float follow(const Cell& cell, const RoiRegion& region, int i, RoiRun down, int j, RoiRun across, int index, bool corners,
                          float dy, float sum) {
  int number = corners ? index >> 2 : index, width = across.limit - across.first;
  if (number < 0 || number >= static_cast<int64_t>(down.limit - down.first) * width) return sum;
  RoiSample s = region.rows.sample(i, down.first + number / width), t = region.columns.sample(j, across.first + number % width);
  for (int corner = 0; corner < 4; ++corner) {
    if (corners && (index & 3) != corner) continue;
    bool high_row = corner >= 2, high_column = (corner & 1) != 0;
    if ((high_row ? s.high : s.low) != cell.row || (high_column ? t.high : t.low) != cell.column) continue;
    sum = fma(mul(high_row ? s.high_weight : s.low_weight, high_column ? t.high_weight : t.low_weight), dy, sum);
  }
  return sum;
}

__global__ void __launch_bounds__(THREADS, 1)
roialign_maximum_backward(ondol_roialign_backward_args args, const Reach* reaches, int level, int64_t elements) {
  int64_t at = static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x;
  if (at >= elements) return;
  const ondol_roialign_args& a = args.forward;
  Cell cell(a, level, at);
  int64_t channels = roi_channels(a);
  bool corners = a.op == ONDOL_ROIALIGN_CORNERS;
  float sum = 0.0f;
  for (int64_t r = 0; r < a.rois.count; ++r) {
    const Reach& region = reaches[r];
    if (!cell.in(region)) continue;
    int64_t first = (r * channels + cell.channel) * a.rows * a.columns;
    for (int i = cell.row_bin; i < cell.row_end; ++i) {
      RoiRun down = region.region.rows.run(i), near_row = region.region.rows.touching(i, down, cell.row);
      if (near_row.first >= near_row.limit) continue;
      for (int j = cell.column_bin; j < cell.column_end; ++j) {
        RoiRun across = region.region.columns.run(j), near_column = region.region.columns.touching(j, across, cell.column);
        if (near_column.first >= near_column.limit) continue;
        int64_t bin = first + i * a.columns + j;
        sum = follow(cell, region.region, i, down, j, across, a.indices[bin], corners, args.dy[bin], sum);
      }
    }
  }
  args.dx[level][at] = add(sum, 0.0f);
}

}  // namespace
}  // namespace ondol::cuda

using namespace ondol::cuda;

int64_t ondol_cuda_roialign_backward_workspace(const ondol_roialign_backward_args* args) {
  return args->forward.rois.count * static_cast<int64_t>(sizeof(Reach));
}

int64_t ondol_cuda_roialign_backward(const ondol_roialign_backward_args* args, const ondol_cuda_queue* queue, ondol_error* error) {
  Launcher launcher(queue, error);
  const ondol_roialign_args& a = args->forward;
  Reach* reaches = static_cast<Reach*>(queue->workspace);
  launcher.launch("roialign_backward", roialign_reaches, ceil_div(a.rois.count, THREADS), THREADS, 0, a, reaches);
  for (int level = 0; level < a.levels; ++level) {
    int64_t elements = a.batch * a.channels * a.maps[level].height * a.maps[level].width;
    launcher.launch("roialign_backward", a.op == ONDOL_ROIALIGN_AVERAGE ? roialign_average_backward : roialign_maximum_backward,
                    ceil_div(elements, THREADS), THREADS, 0, *args, const_cast<const Reach*>(reaches), level, elements);
  }
  return launcher.status();
}
