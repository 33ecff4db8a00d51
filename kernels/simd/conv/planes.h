// Depthwise conv with 3 x 3 or 5 x 5 filters at stride 1 or 2: plane by plane, lanes are positions of a row. At stride 1
// four rows of y share the rows of x that they read: 18 loads for 36 multiply-adds where each row alone would take 36, and
// loads that cross a cache line are what bounds this kernel. At stride 2 a row's even and odd columns are parted in
// registers. The patch's borders are zeroed once a task: planes of a task have them in the same place.
#ifndef ONDOL_CONV_PLANES_H
#define ONDOL_CONV_PLANES_H

#include "conv/filters.h"
#include "conv/store.h"
#include "conv/tiles.h"

namespace ondol {
namespace {

struct PlanesChoice {
  int64_t kind;            // ConvKind
  int64_t rows, bands;     // of y
  int64_t planes, groups;  // planes of a task
};
static_assert(sizeof(PlanesChoice) <= sizeof(ondol_plan::choice), "fits into ondol_plan.choice");

template <class V>
class ConvPlanes {
  typedef typename V::F F;
  static constexpr int64_t PATCH_FLOATS = 8 * 1024;
  static constexpr int64_t TASK_FLOATS = 16 * 1024;  // of y: some microseconds

 public:
  static bool suits(const ondol_conv_args& a) {
    const bool kernel = a.kernel_h == a.kernel_w && (a.kernel_h == 3 || a.kernel_h == 5);
    const bool stride = a.stride_h == a.stride_w && a.stride_h <= 2;
    const bool whole = a.begin_h == 0 && a.end_h == a.y_height && a.begin_w == 0 && a.end_w == a.y_width;
    const bool small = a.x_width <= 4096 && a.pad_left <= 64 && a.y_width <= 4096 && a.pad_top <= 64;
    return a.classes == 0 && a.groups == a.x_channels && a.groups == a.y_channels && kernel && stride && whole && small &&
           a.dilation_h == 1 && a.dilation_w == 1 && a.y_width >= V::lanes / 2;
  }

  static PlanesChoice choose(const ondol_conv_args& a, int64_t kind, int64_t threads) {
    PlanesChoice c = {};
    c.kind = kind;
    c.rows = max_of<int64_t>(4, min_of(a.y_height, PATCH_FLOATS / pitch(a) / a.stride_h));
    c.bands = ceil_div(a.y_height, c.rows);
    const int64_t all = a.batch * a.groups, each = max_of<int64_t>(1, TASK_FLOATS / (c.rows * a.y_width));
    c.planes = threads == 1 ? each : max_of<int64_t>(1, min_of(each, ceil_div(all, 4 * threads)));
    c.groups = ceil_div(all, c.planes);
    return c;
  }

  static int64_t tasks(const PlanesChoice& c) { return c.bands * c.groups; }
  static int64_t scratch(const ondol_conv_args& a, const PlanesChoice& c) { return 4 * (patch_floats(a, c) + sum_floats(a, c)); }

  static void run(const ondol_conv_args& a, const PlanesChoice& c, const float* packed, float* scratch, int64_t begin, int64_t end) {
    const ConvPlanes planes(a, c, packed, scratch);
    for (int64_t task = begin; task < end; task++) planes.task(task);
  }

 private:
  // Vectors are read whole: a row has room behind its last column.
  static int64_t pitch(const ondol_conv_args& a) {
    return round_up((a.y_width - 1) * a.stride_w + a.kernel_w, 16) + 2 * V::lanes * a.stride_w;
  }
  static int64_t patch_rows(const ondol_conv_args& a, const PlanesChoice& c) { return (c.rows - 1) * a.stride_h + a.kernel_h; }
  static int64_t patch_floats(const ondol_conv_args& a, const PlanesChoice& c) { return patch_rows(a, c) * pitch(a); }
  static int64_t sum_floats(const ondol_conv_args& a, const PlanesChoice& c) { return round_up(c.rows * a.y_width, 16); }

  const ondol_conv_args& a;
  const PlanesChoice& c;
  const float* const packed;
  const int64_t step;
  float* const patch;
  float* const sums;
  const typename Store<V>::Functions& store;

  ConvPlanes(const ondol_conv_args& args, const PlanesChoice& choice, const float* packed, float* scratch)
      : a(args),
        c(choice),
        packed(packed),
        step(pitch(args)),
        patch(scratch),
        sums(patch + patch_floats(args, choice)),
        store(Store<V>::functions(args)) {}

  void task(int64_t index) const {
    const int64_t first = index % c.bands * c.rows, rows = min_of(c.rows, a.y_height - first);
    const int64_t begin = index / c.bands * c.planes, end = min_of(begin + c.planes, a.batch * a.groups);
    for (int64_t i = 0; i < patch_floats(a, c); i += V::lanes) V::store(patch + i, V::set(0.0f));
    for (int64_t plane = begin; plane < end; plane++) {
      const int64_t image = plane / a.groups, channel = plane % a.groups;
      fill(a.x + image * a.x_batch + channel * a.x_channel, first);
      const float* w = packed + channel * a.kernel_h * a.kernel_w * PANEL_WIDTH;
      if (a.kernel_h == 3) {
        compute<3>(rows, w);
      } else {
        compute<5>(rows, w);
      }
      finish(image, channel, first, rows);
    }
  }

  // Rows of x under the band; what lies outside x stays zero.
  void fill(const float* x, int64_t first) const {
    const int64_t top = first * a.stride_h - a.pad_top;
    const int64_t begin = max_of<int64_t>(0, -top), end = min_of(patch_rows(a, c), a.x_height - top);
    const int64_t columns = min_of(a.x_width, step - a.pad_left);
    for (int64_t r = begin; r < end; r++) {
      const float* from = x + (top + r) * a.x_width;
      float* to = patch + r * step + a.pad_left;
      int64_t i = 0;
      for (; i + V::lanes <= columns; i += V::lanes) V::store(to + i, V::load(from + i));
      if (i < columns) V::store(to + i, V::load(from + i, columns - i), columns - i);
    }
  }

  template <int kernel>
  void compute(int64_t rows, const float* w) const {
    float filter[kernel * kernel];
    for (int64_t k = 0; k < kernel * kernel; k++) filter[k] = w[k * PANEL_WIDTH];
    int64_t i = 0;
    if (a.stride_h == 1) {
      for (; i + 4 <= rows; i += 4) columns<kernel, 4>(i, filter);
      for (; i < rows; i++) columns<kernel, 1>(i, filter);
    } else {
      for (; i < rows; i++) halves<kernel>(i, filter);
    }
  }

  template <int kernel, int rows>
  void columns(int64_t i, const float* filter) const {
    constexpr int64_t PAIR = 2 * V::lanes;
    int64_t j = 0;
    for (; j + PAIR <= a.y_width; j += PAIR) tile<kernel, rows, 2>(i, j, PAIR, filter);
    for (; j < a.y_width; j += V::lanes) tile<kernel, rows, 1>(i, j, min_of<int64_t>(V::lanes, a.y_width - j), filter);
  }

  template <int kernel, int rows, int width>
  void tile(int64_t i, int64_t j, int64_t count, const float* filter) const {
    const float* p = patch + i * step + j;
    F sum[rows][width];
    ONDOL_UNROLL for (int r = 0; r < rows; r++) {
      ONDOL_UNROLL for (int v = 0; v < width; v++) sum[r][v] = V::set(0.0f);
    }
    ONDOL_UNROLL for (int row = 0; row < rows + kernel - 1; row++) {
      ONDOL_UNROLL for (int kx = 0; kx < kernel; kx++) {
        ONDOL_UNROLL for (int v = 0; v < width; v++) {
          F x = V::load(p + row * step + kx + v * V::lanes);
          if (rows > 1) ONDOL_IN_REGISTER(x);
          ONDOL_UNROLL for (int r = 0; r < rows; r++) {
            const int ky = row - r;
            if (ky >= 0 && ky < kernel) sum[r][v] = V::fma(x, V::set(filter[ky * kernel + kx]), sum[r][v]);
          }
        }
      }
    }
    ONDOL_UNROLL for (int r = 0; r < rows; r++) {
      float* out = sums + (i + r) * a.y_width + j;
      ONDOL_UNROLL for (int v = 0; v < width; v++) store_part<V>(out + v * V::lanes, sum[r][v], min_of<int64_t>(V::lanes, count - v * V::lanes));
    }
  }

  // One row at stride 2.
  template <int kernel>
  void halves(int64_t i, const float* filter) const {
    typename V::I even, odd;
    for (int l = 0; l < V::lanes; l++) {
      even[l] = 2 * l;
      odd[l] = 2 * l + 1;
    }
    for (int64_t j = 0; j < a.y_width; j += V::lanes) {
      const float* p = patch + 2 * i * step + 2 * j;
      F sum = V::set(0.0f);
      ONDOL_UNROLL for (int ky = 0; ky < kernel; ky++) {
        ONDOL_UNROLL for (int kx = 0; kx < kernel; kx += 2) {
          const F low = V::load(p + ky * step + kx), high = V::load(p + ky * step + kx + V::lanes);
          sum = V::fma(__builtin_shuffle(low, high, even), V::set(filter[ky * kernel + kx]), sum);
          if (kx + 1 < kernel) sum = V::fma(__builtin_shuffle(low, high, odd), V::set(filter[ky * kernel + kx + 1]), sum);
        }
      }
      store_part<V>(sums + i * a.y_width + j, sum, min_of<int64_t>(V::lanes, a.y_width - j));
    }
  }

  void finish(int64_t image, int64_t channel, int64_t first, int64_t rows) const {
    typename Store<V>::Line line;
    line.n = rows * a.y_width;
    line.sums = sums;
    line.y = a.y + image * a.y_batch + channel * a.y_channel + first * a.y_width;
    line.residual = a.residual == nullptr
                        ? nullptr
                        : a.residual + image * a.residual_batch + channel * a.residual_channel + first * a.y_width;
    line.biased = a.bias != nullptr;
    line.bias = line.biased ? a.bias[channel] : 0.0f;
    line.slope = (float)a.slope;
    store.line(line);
  }
};

}  // namespace
}  // namespace ondol

#endif
