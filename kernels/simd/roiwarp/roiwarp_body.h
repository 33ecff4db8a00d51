// The body of every roiwarp variant.
#ifndef ONDOL_ROIWARP_BODY_H
#define ONDOL_ROIWARP_BODY_H

#include "roiwarp/axis.h"

namespace ondol {
namespace {

template <class V>
class RoiWarp {
  typedef typename V::F F;
  typedef typename V::I I;
  typedef ondol_roiwarp_args Args;

  static constexpr int64_t TASK = 1 << 16;  // output elements of a task, about

 public:
  static void plan(const Args* a, ondol_plan* plan) {
    plan->phases = 1;
    plan->tasks[0] = a->rois * ceil_div(a->channels, per_task(*a));
    plan->workspace = 0;
    plan->scratch = (WarpTable::floats(padded(a->y_height)) + WarpTable::floats(padded(a->y_width)) +
                     padded(a->x_width) + 2 * V::lanes + 2 * padded(a->y_width)) * 4;
  }

  static void run(const Args* a, const ondol_plan*, int64_t, int64_t begin, int64_t end, int64_t, void*, void* scratch) {
    const int64_t groups = ceil_div(a->channels, per_task(*a));
    RoiWarp warp(*a, (float*)scratch);
    for (int64_t task = begin; task < end; task++) {
      const int64_t channel = task % groups * per_task(*a);
      warp.roi(task / groups, channel, min_of(channel + per_task(*a), a->channels));
    }
  }

 private:
  const Args& a;
  WarpTable rows, columns;
  float* const source;  // room for the copy of an input row, see readable
  float* line[2];       // input rows taken through the columns
  int64_t kept[2];      // and which; -1 for none
  bool near;            // see near_columns

  RoiWarp(const Args& a, float* scratch)
      : a(a), rows(scratch, padded(a.y_height)), columns(scratch + WarpTable::floats(padded(a.y_height)), padded(a.y_width)),
        source(scratch + WarpTable::floats(padded(a.y_height)) + WarpTable::floats(padded(a.y_width))) {
    line[0] = source + padded(a.x_width) + 2 * V::lanes;
    line[1] = line[0] + padded(a.y_width);
  }

  static int64_t padded(int64_t n) { return round_up(n, V::lanes); }

  static int64_t per_task(const Args& a) {
    return max_of<int64_t>(1, min_of(a.channels, TASK / (a.y_height * a.y_width)));
  }

  void roi(int64_t r, int64_t first, int64_t last) {
    const int64_t image = a.images[r];
    const WarpAxes axes(a, a.boxes + 4 * r);
    rows.end = rows.begin = columns.end = columns.begin = 0;
    if (image >= 0 && image < a.batch) {
      rows.fill(axes.y, V::lanes);
      columns.fill(axes.x, V::lanes);
    }
    near = near_columns();
    for (int64_t c = first; c < last; c++) {
      float* y = a.y + (r * a.channels + c) * a.y_height * a.y_width;
      const float value = a.fill == nullptr ? 0.0f : a.fill[c];
      if (rows.count() == 0 || columns.count() == 0) {
        fill(y, a.y_height * a.y_width, value);
      } else {
        plane(image * a.channels + c, y, value);
      }
    }
  }

  // Whether the cells of every vector of columns lie within two vectors of its first one: then they are two loads and a
  // permutation. So it is unless the box is larger than about twice the result.
  bool near_columns() const {
    bool all = true;
    for (int64_t j = 0; j < columns.count(); j += V::lanes) {
      all = all && columns.second[j + V::lanes - 1] - columns.first[j] < 2 * V::lanes;
    }
    return all;
  }

  static void fill(float* y, int64_t n, float value) {
    each_vector<V>(n, [&](int64_t j, int64_t count) { store_part<V>(y + j, V::set(value), count); });
  }

  void plane(int64_t plane, float* y, float value) {
    const int64_t width = a.y_width;
    kept[0] = kept[1] = -1;
    fill(y, rows.begin * width, value);
    for (int64_t k = 0; k < rows.count(); k++) {
      float* to = y + (rows.begin + k) * width;
      const float* h0 = through(plane, rows.first[k], rows.second[k]);
      const float* h1 = through(plane, rows.second[k], rows.first[k]);
      const F u0 = V::set(rows.first_weight[k]), u1 = V::set(rows.second_weight[k]);
      fill(to, columns.begin, value);
      each_vector<V>(columns.count(), [&](int64_t j, int64_t n) {
        store_part<V>(to + columns.begin + j, V::fma(u1, V::load(h1 + j), u0 * V::load(h0 + j)), n);
      });
      fill(to + columns.end, width - columns.end, value);
    }
    fill(y + rows.end * width, (a.y_height - rows.end) * width, value);
  }

  // An input row taken through the columns; the row `other` stays where it is.
  const float* through(int64_t plane, int64_t row, int64_t other) {
    if (kept[0] == row) return line[0];
    if (kept[1] == row) return line[1];
    const int slot = kept[0] == other ? 1 : 0;
    kept[slot] = row;
    mix(plane * a.x_height + row, line[slot]);
    return line[slot];
  }

  // An input row from which two vectors may be read anywhere: at the end of x, a copy.
  const float* readable(int64_t row) {
    const float* x = a.x + row * a.x_width;
    if ((row + 1) * a.x_width + 2 * V::lanes <= a.batch * a.channels * a.x_height * a.x_width) return x;
    each_vector<V>(a.x_width, [&](int64_t c, int64_t n) { V::store(source + c, load_part<V>(x + c, n)); });
    return source;
  }

  void mix(int64_t row, float* h) {
    const int64_t n = padded(columns.count());
    if (near) {
      const float* x = readable(row);
      for (int64_t j = 0; j < n; j += V::lanes) {
        const int32_t base = columns.first[j];
        const F low = V::load(x + base), high = V::load(x + base + V::lanes);
        const F left = V::lookup(low, high, V::load(columns.first + j) - base);
        const F right = V::lookup(low, high, V::load(columns.second + j) - base);
        V::store(h + j, blend(j, left, right));
      }
      return;
    }
    const float* x = a.x + row * a.x_width;
    for (int64_t j = 0; j < n; j += V::lanes) {
      alignas(64) float left[V::lanes], right[V::lanes];
      for (int64_t l = 0; l < V::lanes; l++) {
        left[l] = x[columns.first[j + l]];
        right[l] = x[columns.second[j + l]];
      }
      V::store(h + j, blend(j, V::load(left), V::load(right)));
    }
  }

  ONDOL_INLINE F blend(int64_t j, F left, F right) const {
    return V::fma(V::load(columns.second_weight + j), right, V::load(columns.first_weight + j) * left);
  }
};

}  // namespace
}  // namespace ondol

#endif
