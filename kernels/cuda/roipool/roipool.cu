// Pooling of regions, a thread for each result, and its gradients, a thread for each element of dx: it visits the bins over
// its element in ascending order, so nothing is added atomically.
#include "bins.cuh"

namespace ondol::cuda {
namespace {

constexpr int THREADS = 256;

ONDOL_DEVICE int64_t global_thread() { return static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x; }

// A result's place in the row of its region.
struct RoiResult {
  int64_t channel, rows, columns, i, j;  // channel of the map

  ONDOL_DEVICE RoiResult(const ondol_roipool_args& a, int64_t at) {
    int64_t g = 0, channels = a.position_sensitive ? a.channels / (a.rows[0] * a.columns[0]) : a.channels;
    while (at >= channels * a.rows[g] * a.columns[g]) {
      at -= channels * a.rows[g] * a.columns[g];
      ++g;
    }
    rows = a.rows[g];
    columns = a.columns[g];
    j = at % columns;
    i = at / columns % rows;
    channel = a.position_sensitive ? at : at / (rows * columns);
  }
};

__global__ void __launch_bounds__(THREADS, 1) roipool_forward(ondol_roipool_args a, int64_t row, int64_t results) {
  int64_t o = global_thread();
  if (o >= results) return;
  int64_t r = o / row, map = roi_map(a, r);
  const float* box = a.rois.boxes + 4 * r;
  const ondol_roi_map& m = a.map[map < 0 ? 0 : map / a.batch];
  float scale = static_cast<float>(m.scale), value = 0.0f;
  int64_t best = -1;
  if (map >= 0 && !roi_void(box, scale)) {
    RoiResult at(a, o % row);
    RoiSpan ys = RoiAxis(a.rounding, box[1], box[3], scale, m.height).bin(at.i, at.rows);
    RoiSpan xs = RoiAxis(a.rounding, box[0], box[2], scale, m.width).bin(at.j, at.columns);
    const float* x = m.x + map % a.batch * m.x_batch + at.channel * m.x_channel;
    int64_t cells = ys.count() * xs.count();
    for (int64_t iy = ys.first; cells > 0 && iy < ys.limit; ++iy) {
      for (int64_t ix = xs.first; ix < xs.limit; ++ix) {
        float v = x[iy * m.width + ix];
        if (a.op == ONDOL_ROIPOOL_AVERAGE) {
          value = add(value, v);
        } else if (best < 0 || v > value || (is_nan(v) && !is_nan(value))) {
          value = v;
          best = iy * m.width + ix;
        }
      }
    }
    if (a.op == ONDOL_ROIPOOL_AVERAGE && cells > 0) value = div(value, static_cast<float>(cells));
  }
  a.y[o] = a.op == ONDOL_ROIPOOL_AVERAGE ? value : add(value, 0.0f);
  if (a.indices != nullptr) a.indices[o] = static_cast<int32_t>(best);
}

// One level of a gradient: its element is (iy, ix) of a channel of an image.
struct RoiCell {
  int64_t image, channel, iy, ix;
};

// What a region adds to the element.
ONDOL_DEVICE float roi_gradient(const ondol_roipool_backward_args& args, const RoiCell& cell, int64_t begin, int64_t rows,
                                int64_t columns, const RoiAxis& y_axis, const RoiAxis& x_axis, int64_t width, float sum) {
  const ondol_roipool_args& a = args.forward;
  int64_t n = rows * columns, own = cell.channel % n;
  int64_t i_from = a.position_sensitive ? own / columns : 0, i_to = a.position_sensitive ? i_from + 1 : rows;
  int64_t j_from = a.position_sensitive ? own % columns : 0, j_to = a.position_sensitive ? j_from + 1 : columns;
  int64_t results = begin + (a.position_sensitive ? cell.channel - own : cell.channel * n);
  for (int64_t i = i_from; i < i_to; ++i) {
    RoiSpan ys = y_axis.bin(i, rows);
    if (!ys.holds(cell.iy)) continue;
    for (int64_t j = j_from; j < j_to; ++j) {
      RoiSpan xs = x_axis.bin(j, columns);
      if (!xs.holds(cell.ix)) continue;
      int64_t o = results + i * columns + j;
      if (a.op == ONDOL_ROIPOOL_AVERAGE) {
        sum = add(sum, div(args.dy[o], static_cast<float>(ys.count() * xs.count())));
      } else if (a.indices[o] == cell.iy * width + cell.ix) {
        sum = add(sum, args.dy[o]);
      }
    }
  }
  return sum;
}

__global__ void __launch_bounds__(THREADS, 1)
roipool_gradient(ondol_roipool_backward_args args, int64_t level, int64_t row, int64_t cells) {
  int64_t e = global_thread();
  if (e >= cells) return;
  const ondol_roipool_args& a = args.forward;
  const ondol_roi_map& m = a.map[level];
  int64_t plane = m.height * m.width, channels = a.position_sensitive ? a.channels / (a.rows[0] * a.columns[0]) : a.channels;
  RoiCell cell = {e / plane / a.channels, e / plane % a.channels, e % plane / m.width, e % m.width};
  float sum = 0.0f, scale = static_cast<float>(m.scale);
  for (int64_t r = 0; r < a.rois.count; ++r) {
    const float* box = a.rois.boxes + 4 * r;
    if (roi_map(a, r) != level * a.batch + cell.image || roi_void(box, scale)) continue;
    RoiAxis y_axis(a.rounding, box[1], box[3], scale, m.height), x_axis(a.rounding, box[0], box[2], scale, m.width);
    int64_t begin = r * row;
    for (int64_t g = 0; g < a.grids; ++g) {
      int64_t rows = a.rows[g], columns = a.columns[g];
      // Bins are in order: the first and the last say whether any can hold the element.
      bool near = cell.iy >= y_axis.bin(0, rows).first && cell.iy < y_axis.bin(rows - 1, rows).limit &&
                  cell.ix >= x_axis.bin(0, columns).first && cell.ix < x_axis.bin(columns - 1, columns).limit;
      if (near) sum = roi_gradient(args, cell, begin, rows, columns, y_axis, x_axis, m.width, sum);
      begin += channels * rows * columns;
    }
  }
  args.dx[level][e] = sum;
}

int64_t row_size(const ondol_roipool_args& a) {
  if (a.position_sensitive) return a.channels;
  int64_t bins = 0;
  for (int64_t g = 0; g < a.grids; ++g) bins += a.rows[g] * a.columns[g];
  return a.channels * bins;
}

}  // namespace
}  // namespace ondol::cuda

using namespace ondol::cuda;

int64_t ondol_cuda_roipool_workspace(const ondol_roipool_args*) { return 0; }

int64_t ondol_cuda_roipool(const ondol_roipool_args* args, const ondol_cuda_queue* queue, ondol_error* error) {
  Launcher launcher(queue, error);
  int64_t row = row_size(*args), results = args->rois.count * row;
  launcher.launch("roipool", roipool_forward, ceil_div(results, THREADS), THREADS, 0, *args, row, results);
  return launcher.status();
}

int64_t ondol_cuda_roipool_backward_workspace(const ondol_roipool_backward_args*) { return 0; }

int64_t ondol_cuda_roipool_backward(const ondol_roipool_backward_args* args, const ondol_cuda_queue* queue, ondol_error* error) {
  Launcher launcher(queue, error);
  const ondol_roipool_args& a = args->forward;
  for (int64_t l = 0; l < a.levels; ++l) {
    int64_t cells = a.batch * a.channels * a.map[l].height * a.map[l].width;
    launcher.launch("roipool_backward", roipool_gradient, ceil_div(cells, THREADS), THREADS, 0, *args, l, row_size(a), cells);
  }
  return launcher.status();
}
