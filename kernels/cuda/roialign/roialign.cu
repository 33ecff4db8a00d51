// Samples of regions, a thread for each bin: neighbouring threads read neighbouring bins of one plane.
#include "geometry.cuh"

namespace ondol::cuda {
namespace {

constexpr int THREADS = 256;

// The bin of a thread, and the plane that it reads.
struct Bin {
  RoiRegion region;
  int i, j;
  const float* x;

  ONDOL_DEVICE Bin(const ondol_roialign_args& a, int64_t at) {
    int64_t grid = a.rows * a.columns, channels = roi_channels(a), cell = at % grid, c = at / grid % channels;
    region = RoiRegion::of(a, at / grid / channels);
    i = static_cast<int>(cell / a.columns);
    j = static_cast<int>(cell % a.columns);
    x = nullptr;
    if (region.level < 0) return;
    const ondol_roi_map& map = a.maps[region.level];
    x = map.x + region.image * map.x_batch + (a.position_sensitive != 0 ? c * grid + cell : c) * map.x_channel;
  }

  ONDOL_DEVICE const float* row(int r) const { return x + static_cast<int64_t>(r) * region.columns.size; }
};

// h(r, j)
ONDOL_DEVICE float line(const Bin& bin, int r, RoiRun across) {
  const float* row = bin.row(r);
  float h = 0.0f;
  for (int k = across.first; k < across.limit; ++k) {
    RoiSample s = bin.region.columns.sample(bin.j, k);
    h = fma(s.high_weight, row[s.high], fma(s.low_weight, row[s.low], h));
  }
  return h;
}

__global__ void __launch_bounds__(THREADS, 1) roialign_average(ondol_roialign_args a, int64_t results) {
  int64_t at = static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x;
  if (at >= results) return;
  Bin bin(a, at);
  if (bin.x == nullptr) {
    a.y[at] = 0.0f;
    return;
  }
  RoiRun down = bin.region.rows.run(bin.i), across = bin.region.columns.run(bin.j);
  float sum = 0.0f, low = 0.0f, high = 0.0f;
  int low_row = -1, high_row = -1;
  for (int k = down.first; k < down.limit; ++k) {
    RoiSample s = bin.region.rows.sample(bin.i, k);
    if (s.low != low_row) low = s.low == high_row ? high : line(bin, s.low, across);
    low_row = s.low;
    if (s.high != high_row) high = s.high == low_row ? low : line(bin, s.high, across);
    high_row = s.high;
    sum = fma(s.high_weight, high, fma(s.low_weight, low, sum));
  }
  a.y[at] = div(sum, bin.region.divisor());
}

// The first NaN or else the first greatest.
struct Best {
  float value = 0.0f;
  int index = -1;
  bool found = false;

  ONDOL_DEVICE void see(float v, int number) {
    if (!found || v > value || (is_nan(v) && !is_nan(value))) {
      value = v;
      index = number;
    }
    found = true;
  }
};

__global__ void __launch_bounds__(THREADS, 1) roialign_maximum(ondol_roialign_args a, int64_t results) {
  int64_t at = static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x;
  if (at >= results) return;
  Bin bin(a, at);
  Best best;
  if (bin.x != nullptr) {
    const RoiAxis &rows = bin.region.rows, &columns = bin.region.columns;
    RoiRun down = rows.run(bin.i), across = columns.run(bin.j);
    unsigned number = 0;
    for (int k = down.first; k < down.limit; ++k) {
      RoiSample s = rows.sample(bin.i, k);
      const float *upper = bin.row(s.low), *lower = bin.row(s.high);
      for (int l = across.first; l < across.limit; ++l, ++number) {
        RoiSample t = columns.sample(bin.j, l);
        if (a.op == ONDOL_ROIALIGN_MAX) {
          float low = fma(t.high_weight, upper[t.high], mul(t.low_weight, upper[t.low]));
          float high = fma(t.high_weight, lower[t.high], mul(t.low_weight, lower[t.low]));
          best.see(fma(s.high_weight, high, mul(s.low_weight, low)), static_cast<int>(number));
        } else {
          int first = static_cast<int>(4 * number);
          best.see(mul(mul(s.low_weight, t.low_weight), upper[t.low]), first);
          best.see(mul(mul(s.low_weight, t.high_weight), upper[t.high]), first + 1);
          best.see(mul(mul(s.high_weight, t.low_weight), lower[t.low]), first + 2);
          best.see(mul(mul(s.high_weight, t.high_weight), lower[t.high]), first + 3);
        }
      }
    }
    bool outside = down.limit - down.first < rows.samples || across.limit - across.first < columns.samples;
    if (outside && best.value < 0.0f) {
      best.value = 0.0f;
      best.index = -1;
    }
  }
  a.y[at] = add(best.value, 0.0f);
  if (a.indices != nullptr) a.indices[at] = best.index;
}

}  // namespace
}  // namespace ondol::cuda

using namespace ondol::cuda;

int64_t ondol_cuda_roialign_workspace(const ondol_roialign_args*) { return 0; }

int64_t ondol_cuda_roialign(const ondol_roialign_args* args, const ondol_cuda_queue* queue, ondol_error* error) {
  Launcher launcher(queue, error);
  int64_t results = args->rois.count * args->channels * (args->position_sensitive != 0 ? 1 : args->rows * args->columns);
  launcher.launch("roialign", args->op == ONDOL_ROIALIGN_AVERAGE ? roialign_average : roialign_maximum, ceil_div(results, THREADS),
                  THREADS, 0, *args, results);
  return launcher.status();
}
