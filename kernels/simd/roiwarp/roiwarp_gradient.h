// The body of every roiwarp_backward variant.
#ifndef ONDOL_ROIWARP_GRADIENT_H
#define ONDOL_ROIWARP_GRADIENT_H

#include "roiwarp/axis.h"

namespace ondol {
namespace {

// Rows first, along the output columns; then as many image rows as lanes go through the columns side by side. Rows that
// an RoI does not touch take steps with zeros, which the final + 0 hides.
template <class V>
class RoiWarpBackward {
  typedef typename V::F F;
  typedef ondol_roiwarp_args Forward;
  typedef ondol_roiwarp_backward_args Args;

  static constexpr int64_t L = V::lanes;

 public:
  static void plan(const Args* a, ondol_plan* plan) {
    const Forward& f = a->forward;
    plan->phases = 1;
    plan->tasks[0] = f.batch * groups(f) * ceil_div(f.x_height, L);
    plan->workspace = 0;
    plan->scratch = Space::floats(f) * 4;
  }

  static void run(const Args* a, const ondol_plan*, int64_t, int64_t begin, int64_t end, int64_t, void*, void* scratch) {
    const Forward& f = a->forward;
    const int64_t blocks = ceil_div(f.x_height, L);
    RoiWarpBackward gradient(*a, (float*)scratch);
    for (int64_t task = begin; task < end; task++) {
      const int64_t group = task / blocks % groups(f);
      gradient.block(task / blocks / groups(f), group * together(f), task % blocks * L);
    }
  }

 private:
  // What a thread works in.
  struct Space {
    int64_t rows, columns, width;  // outputs and image columns, rounded up to whole vectors
    float* tables;  // of rows, then of columns
    float* sum;     // [L, columns]: g
    float* side;    // [columns, L]: g, rows side by side
    float* acc;     // [channels of a task, width, L]: dx, likewise
    float* weight;  // [2 * rows]: of the contributions to the image rows of a block, row after row
    int32_t* where;  // the output rows that they come from

    Space(const Forward& f, float* scratch)
        : rows(round_up(f.y_height, L)), columns(round_up(f.y_width, L)), width(round_up(f.x_width, L)), tables(scratch),
          sum(tables + WarpTable::floats(rows) + WarpTable::floats(columns)), side(sum + columns * L), acc(side + columns * L),
          weight(acc + together(f) * width * L), where((int32_t*)(weight + 2 * rows)) {}

    static int64_t floats(const Forward& f) {
      const int64_t rows = round_up(f.y_height, L), columns = round_up(f.y_width, L), width = round_up(f.x_width, L);
      return WarpTable::floats(rows) + WarpTable::floats(columns) + 2 * columns * L + together(f) * width * L + 4 * rows;
    }
  };

  const Args& args;
  const Forward& f;
  Space space;
  WarpTable rows, columns;
  int64_t start[L + 1];  // where the contributions to each image row of a block begin

  RoiWarpBackward(const Args& a, float* scratch)
      : args(a), f(a.forward), space(f, scratch), rows(space.tables, space.rows),
        columns(space.tables + WarpTable::floats(space.rows), space.columns) {}

  // Channels of a task: the tables of a box serve them all, and all their image rows should stay in the L2 cache.
  static int64_t together(const Forward& f) { return max_of<int64_t>(1, min_of<int64_t>(4, 4096 / f.x_width)); }

  static int64_t groups(const Forward& f) { return ceil_div(f.channels, together(f)); }

  void block(int64_t image, int64_t channel, int64_t top) {
    const int64_t channels = min_of(together(f), f.channels - channel), height = min_of(L, f.x_height - top);
    for (int64_t c = 0; c < channels * space.width; c++) V::store(space.acc + c * L, V::set(0.0f));
    for (int64_t r = 0; r < f.rois; r++) {
      if (f.images[r] != image || !begin(r, top, height)) continue;
      for (int64_t c = 0; c < channels; c++) {
        const float* dy = args.dy + (r * f.channels + channel + c) * f.y_height * f.y_width;
        for (int64_t k = 0; k < height; k++) row(dy, start[k], start[k + 1], space.sum + k * space.columns);
        turn(height);
        through(space.acc + c * space.width * L);
      }
    }
    for (int64_t c = 0; c < channels; c++) {
      finish(space.acc + c * space.width * L, ((image * f.channels + channel + c) * f.x_height + top) * f.x_width, height);
    }
  }

  // Fills the tables, unless the box does not touch these rows.
  bool begin(int64_t r, int64_t top, int64_t height) {
    const WarpAxes axes(f, f.boxes + 4 * r);
    rows.fill(axes.y, L);
    if (rows.count() == 0 || rows.second[rows.count() - 1] < top || rows.first[0] >= top + height) return false;
    columns.fill(axes.x, L);
    if (columns.count() == 0) return false;
    int64_t from = 0, found = 0;
    for (int64_t k = 0; k < height; k++) {
      const int32_t row = (int32_t)(top + k);
      start[k] = found;
      while (from < rows.count() && rows.second[from] < row) from++;
      for (int64_t i = from; i < rows.count() && rows.first[i] <= row; i++) {
        if (rows.first[i] == row) contribution(found++, i, rows.first_weight[i]);
        if (rows.second[i] == row) contribution(found++, i, rows.second_weight[i]);
      }
    }
    start[height] = found;
    return true;
  }

  void contribution(int64_t k, int64_t i, float weight) {
    space.where[k] = (int32_t)(rows.begin + i);
    space.weight[k] = weight;
  }

  // g of an image row, with zeros in the padding.
  void row(const float* dy, int64_t first, int64_t last, float* sum) {
    dy += columns.begin;
    each_vector<V>(columns.count(), [&](int64_t j, int64_t n) {
      F acc = V::set(0.0f);
      for (int64_t k = first; k < last; k++) {
        const F d = load_part<V>(dy + space.where[k] * f.y_width + j, n);
        acc = V::fma(V::set(space.weight[k]), d, acc);
      }
      V::store(sum + j, acc);
    });
  }

  void turn(int64_t height) {
    for (int64_t j = 0; j < columns.count(); j += L) {
      F g[L];
      for (int64_t k = 0; k < L; k++) g[k] = k < height ? V::load(space.sum + k * space.columns + j) : V::set(0.0f);
      V::transpose(g);
      for (int64_t l = 0; l < L; l++) V::store(space.side + (j + l) * L, g[l]);
    }
  }

  void through(float* acc) {
    for (int64_t j = 0; j < columns.count(); j++) {
      const F g = V::load(space.side + j * L);
      add(acc + columns.first[j] * L, columns.first_weight[j], g);
      add(acc + columns.second[j] * L, columns.second_weight[j], g);
    }
  }

  static ONDOL_INLINE void add(float* acc, float v, F g) { V::store(acc, V::fma(V::set(v), g, V::load(acc))); }

  void finish(const float* acc, int64_t at, int64_t height) {
    for (int64_t c = 0; c < f.x_width; c += L) {
      F out[L];
      for (int64_t l = 0; l < L; l++) out[l] = V::load(acc + (c + l) * L) + V::set(0.0f);
      V::transpose(out);
      for (int64_t k = 0; k < height; k++) store_part<V>(args.dx + at + k * f.x_width + c, out[k], min_of(L, f.x_width - c));
    }
  }
};

}  // namespace
}  // namespace ondol

#endif
