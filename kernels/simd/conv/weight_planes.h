// convweight of depthwise conv with 3 x 3 or 5 x 5 filters: lanes are 16 channels, where convweight's lanes of output
// channels of one group would leave 15 idle. A task owns 16 channels; for each image it takes bands of rows, turns their x
// and dy into rows of 16 channels a position, and continues the chains of all entries of the window.
//
// On one core of a Zen 5, 128 channels: 3 x 3 over 56 x 56 in 0.115 ms instead of 1.41, at stride 2 in 0.065 instead of
// 0.52, 5 x 5 over 28 x 28 in 0.048 instead of 0.65.
#ifndef ONDOL_CONV_WEIGHT_PLANES_H
#define ONDOL_CONV_WEIGHT_PLANES_H

#include "conv/problem.h"
#include "gemm/tile.h"

namespace ondol {
namespace {

// The planes of up to 16 channels to rows of 16 a position, and zeros for channels that are not there.
template <class V>
class Turn {
 public:
  // Positions [0, n) of planes[l]; null planes are zeros. Writes nothing behind the n-th row.
  static void rows(const float* const* planes, int64_t n, float* out) {
    int64_t i = 0;
    for (; i + V::lanes <= n; i += V::lanes) square(planes, i, V::lanes, out + i * PANEL_WIDTH);
    if (i < n) square(planes, i, n - i, out + i * PANEL_WIDTH);
  }

 private:
  static ONDOL_INLINE void square(const float* const* planes, int64_t at, int64_t n, float* out) {
    for (int64_t l = 0; l < PANEL_WIDTH; l += V::lanes) {
      typename V::F lines[V::lanes];
      for (int64_t j = 0; j < V::lanes; j++) {
        lines[j] = planes[l + j] != nullptr ? load_part<V>(planes[l + j] + at, n) : V::set(0.0f);
      }
      V::transpose(lines);
      for (int64_t j = 0; j < n; j++) V::store(out + j * PANEL_WIDTH + l, lines[j]);
    }
  }
};

struct WeightPlanesChoice {
  int64_t kind;  // 1
  int64_t rows;  // of y in a band
};
static_assert(sizeof(WeightPlanesChoice) <= sizeof(ondol_plan::choice), "fits into ondol_plan.choice");

template <class V>
class WeightPlanes {
  typedef typename V::F F;
  static constexpr int vectors = PANEL_WIDTH / V::lanes;
  static constexpr int64_t FLOATS = 32 * 1024;  // of a band's x and dy: 128 KB of the second-level cache

 public:
  static bool suits(const ondol_conv_args& a) {
    const bool kernel = a.kernel_h == a.kernel_w && (a.kernel_h == 3 || a.kernel_h == 5);
    return a.classes == 0 && a.groups == a.x_channels && a.groups == a.y_channels && a.groups >= 8 && kernel &&
           a.y_height > 0 && a.y_width > 0 && a.dilation_h == 1 && a.dilation_w == 1 && width(a) * PANEL_WIDTH * (a.kernel_h + a.stride_h) <= 8 * FLOATS;
  }

  static WeightPlanesChoice choose(const ondol_conv_args& a) {
    const int64_t row = (width(a) * a.stride_h + a.y_width) * PANEL_WIDTH;
    return {1, max_of<int64_t>(1, min_of(a.y_height, FLOATS / row))};
  }

  static int64_t tasks(const ondol_conv_args& a) { return ceil_div(a.groups, PANEL_WIDTH); }

  static int64_t scratch(const ondol_conv_args& a, const WeightPlanesChoice& c) {
    return 4 * (x_floats(a, c) + dy_floats(a, c) + 2 * a.kernel_h * a.kernel_w * PANEL_WIDTH);
  }

  static void run(const ondol_convweight_args& args, const WeightPlanesChoice& c, float* scratch, int64_t begin, int64_t end) {
    const WeightPlanes planes(args, c, scratch);
    for (int64_t task = begin; task < end; task++) planes.task(task * PANEL_WIDTH);
  }

 private:
  // Columns and rows of x under the windows.
  static int64_t width(const ondol_conv_args& a) { return (a.y_width - 1) * a.stride_w + a.kernel_w; }
  static int64_t height(const ondol_conv_args& a, int64_t rows) { return (rows - 1) * a.stride_h + a.kernel_h; }
  static int64_t x_floats(const ondol_conv_args& a, const WeightPlanesChoice& c) { return height(a, c.rows) * width(a) * PANEL_WIDTH; }
  static int64_t dy_floats(const ondol_conv_args& a, const WeightPlanesChoice& c) { return c.rows * a.y_width * PANEL_WIDTH; }

  const ondol_convweight_args& args;
  const ondol_conv_args& a;
  const WeightPlanesChoice& c;
  const int64_t taps;
  float* const x;      // [row][column][16]
  float* const dy;     // [row][column][16]
  float* const chain;  // [tap][16], of an image
  float* const sums;   // over images

  WeightPlanes(const ondol_convweight_args& args, const WeightPlanesChoice& choice, float* scratch)
      : args(args),
        a(args.forward),
        c(choice),
        taps(a.kernel_h * a.kernel_w),
        x(scratch),
        dy(x + x_floats(a, choice)),
        chain(dy + dy_floats(a, choice)),
        sums(chain + taps * PANEL_WIDTH) {}

  void task(int64_t first) const {
    const int64_t channels = min_of(PANEL_WIDTH, a.groups - first), n = taps * PANEL_WIDTH;
    clear(sums, n);
    for (int64_t image = 0; image < a.batch; image++) {
      clear(chain, n);
      for (int64_t row = 0; row < a.y_height; row += c.rows) band(image, first, channels, row, min_of(c.rows, a.y_height - row));
      for (int64_t k = 0; k < n; k += V::lanes) V::store(sums + k, V::load(sums + k) + V::load(chain + k));
    }
    for (int64_t i = 0; i < channels; i++) {
      for (int64_t k = 0; k < taps; k++) args.dw[(first + i) * taps + k] = sums[k * PANEL_WIDTH + i];
    }
  }

  static void clear(float* p, int64_t n) {
    for (int64_t i = 0; i < n; i += V::lanes) V::store(p + i, V::set(0.0f));
  }

  void band(int64_t image, int64_t first, int64_t channels, int64_t row, int64_t rows) const {
    const float* planes[PANEL_WIDTH] = {};
    for (int64_t i = 0; i < channels; i++) {
      planes[i] = args.dy + image * args.dy_batch + (first + i) * args.dy_channel + row * a.y_width;
    }
    Turn<V>::rows(planes, rows * a.y_width, dy);
    fill(image, first, channels, row * a.stride_h - a.pad_top, height(a, rows));
    for (int64_t r = 0; r < rows; r++) {
      if (a.kernel_h == 3) {
        window<3, 3>(r, 0);
      } else {
        window<5, 3>(r, 0);
        window<5, 2>(r, 3);
      }
    }
  }

  // Rows of x from `top` on, with zeros around.
  void fill(int64_t image, int64_t first, int64_t channels, int64_t top, int64_t rows) const {
    const int64_t pitch = width(a) * PANEL_WIDTH, begin = min_of(width(a), a.pad_left);
    const int64_t end = max_of(begin, min_of(width(a), a.pad_left + a.x_width));
    for (int64_t r = 0; r < rows; r++) {
      float* out = x + r * pitch;
      if (top + r < 0 || top + r >= a.x_height) {
        clear(out, pitch);
        continue;
      }
      const float* planes[PANEL_WIDTH] = {};
      for (int64_t i = 0; i < channels; i++) {
        planes[i] = a.x + image * a.x_batch + (first + i) * a.x_channel + (top + r) * a.x_width;
      }
      clear(out, begin * PANEL_WIDTH);
      Turn<V>::rows(planes, end - begin, out + begin * PANEL_WIDTH);
      clear(out + end * PANEL_WIDTH, pitch - end * PANEL_WIDTH);
    }
  }

  // Continues the chains of rows `ky` to ky + rows of the filter over row r of the band.
  template <int kernel, int rows>
  void window(int64_t r, int64_t ky) const {
    const int64_t pitch = width(a) * PANEL_WIDTH, step = a.stride_w * PANEL_WIDTH;
    for (int l = 0; l < vectors; l++) {
      float* sum_floats = chain + ky * kernel * PANEL_WIDTH + l * V::lanes;
      F sum[rows][kernel];
      ONDOL_UNROLL for (int i = 0; i < rows; i++) {
        ONDOL_UNROLL for (int j = 0; j < kernel; j++) sum[i][j] = V::load(sum_floats + (i * kernel + j) * PANEL_WIDTH);
      }
      const float* at = x + (r * a.stride_h + ky) * pitch + l * V::lanes;
      const float* by = dy + r * a.y_width * PANEL_WIDTH + l * V::lanes;
      _Pragma("GCC unroll 1") for (int64_t n = a.y_width; n > 0; n--) {
        const F factor = V::load(by);
        ONDOL_UNROLL for (int i = 0; i < rows; i++) {
          ONDOL_UNROLL for (int j = 0; j < kernel; j++) {
            sum[i][j] = V::fma(factor, V::load(at + i * pitch + j * PANEL_WIDTH), sum[i][j]);
          }
        }
        at += step;
        by += PANEL_WIDTH;
      }
      ONDOL_UNROLL for (int i = 0; i < rows; i++) {
        ONDOL_UNROLL for (int j = 0; j < kernel; j++) V::store(sum_floats + (i * kernel + j) * PANEL_WIDTH, sum[i][j]);
      }
    }
  }
};

}  // namespace
}  // namespace ondol

#endif
