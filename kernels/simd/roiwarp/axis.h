// Where the cells of a warped box lie along one axis of its image.
#ifndef ONDOL_ROIWARP_AXIS_H
#define ONDOL_ROIWARP_AXIS_H

#include "roiwarp/roiwarp.h"
#include "simd.h"

namespace ondol {
namespace {

// One axis of one box. All in float64, operation by operation as docs/arithmetic.md has them.
struct WarpAxis {
  double middle, extent, scale, low, high;
  int64_t in, out;

  double position(int64_t j) const { return middle + (((double)j + 0.5) - 0.5 * (double)out) * scale; }
  bool inside(double t) const { return t >= low && t <= high; }  // not where it is NaN
};

struct WarpAxes {
  WarpAxis x, y;

  WarpAxes(const ondol_roiwarp_args& a, const float* box)
      : x(axis(a, box[0], box[2], a.x_width, a.y_width)), y(axis(a, box[1], box[3], a.x_height, a.y_height)) {
    if (a.mode == ONDOL_ROIWARP) return;
    const double scale = x.scale > y.scale ? x.scale : y.scale;
    x.scale = scale;
    y.scale = scale;
  }

 private:
  static WarpAxis axis(const ondol_roiwarp_args& a, double first, double last, int64_t in, int64_t out) {
    WarpAxis axis;
    const double span = (last - first) + (double)a.pixel;
    axis.in = in;
    axis.out = out;
    axis.extent = span < 0 ? 0 : span;
    axis.middle = first + 0.5 * axis.extent;
    axis.scale = axis.extent / (double)(out - 2 * a.context);
    axis.low = 0;
    axis.high = (double)in;
    if (a.mode == ONDOL_ROIWARP_ALONE) {
      const double end = first + axis.extent;
      axis.low = 0 > first ? 0 : first;
      axis.high = axis.high < end ? axis.high : end;
    }
    return axis;
  }
};

// The cells and weights of the outputs [begin, end) of an axis that are not outside; entry k is of output begin + k. Cells
// never decrease. Behind the last entry it is repeated with no weight, up to a whole vector.
struct WarpTable {
  int32_t *first, *second;
  float *first_weight, *second_weight;
  int64_t begin, end;

  // `out`: the number of outputs, rounded up to whole vectors.
  WarpTable(float* room, int64_t out)
      : first((int32_t*)room), second((int32_t*)room + out), first_weight(room + 2 * out), second_weight(room + 3 * out),
        begin(0), end(0) {}

  static int64_t floats(int64_t out) { return 4 * out; }

  int64_t count() const { return end - begin; }

  void fill(const WarpAxis& axis, int64_t lanes) {
    begin = 0;
    while (begin < axis.out && !axis.inside(axis.position(begin))) begin++;
    int64_t n = 0;
    for (end = begin; end < axis.out; end++, n++) {
      const double t = axis.position(end);
      if (!axis.inside(t)) break;
      put(n, t - 0.5, axis.in);
    }
    for (int64_t k = n; n > 0 && k < round_up(n, lanes); k++) {
      first[k] = second[k] = second[n - 1];
      first_weight[k] = second_weight[k] = 0.0f;
    }
  }

 private:
  void put(int64_t k, double p, int64_t in) {
    // p is at least -0.5: truncation is the floor but for a p below 0, whose cell is 0 anyway.
    const int32_t f = (int32_t)p;
    const bool low = p < 0, edge = low || f >= in - 1;
    const int32_t cell = low ? 0 : f >= in - 1 ? (int32_t)(in - 1) : f;
    const double r = p - (double)f;
    first[k] = cell;
    second[k] = edge ? cell : cell + 1;
    first_weight[k] = edge ? 1.0f : (float)(1.0 - r);
    second_weight[k] = edge ? 0.0f : (float)r;
  }
};

}  // namespace
}  // namespace ondol

#endif
