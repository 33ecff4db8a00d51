// The body of every resize variant.
#ifndef ONDOL_RESIZE_BODY_H
#define ONDOL_RESIZE_BODY_H

#include "resize/resize.h"
#include "simd.h"

namespace ondol {
namespace {

// Forward. An input row is taken through the columns once and kept while output rows need it, so that an enlarged image
// costs little more than its vertical blends, which run along the rows.
template <class V>
class Resize {
  typedef typename V::F F;
  typedef typename V::I I;
  typedef ondol_resize_args Args;

  static constexpr int64_t TASK = 16384;  // output elements of a task, about

 public:
  static void plan(const Args* a, ondol_plan* plan) {
    plan->phases = 1;
    plan->tasks[0] = ceil_div(a->planes * a->out_rows, per_task(*a));
    plan->workspace = 0;
    plan->scratch = (padded(a->in_columns) + 2 * V::lanes + 2 * padded(a->out_columns)) * 4;
    plan->choice[0] = near(*a);
  }

  static void run(const Args* a, const ondol_plan* plan, int64_t, int64_t begin, int64_t end, int64_t, void*,
                  void* scratch) {
    const int64_t last = min_of(end * per_task(*a), a->planes * a->out_rows);
    Resize image(*a, plan->choice[0] != 0, (float*)scratch);
    for (int64_t row = begin * per_task(*a); row < last;) {
      const int64_t plane = row / a->out_rows, i = row % a->out_rows;
      const int64_t rows = min_of(last - row, a->out_rows - i);
      image.rows(plane, i, i + rows);
      row += rows;
    }
  }

 private:
  const Args& a;
  const bool near_;
  float* const source;  // room for the copy of an input row, see readable
  float* line[2];       // input rows taken through the columns
  int64_t kept[2];      // and which, counted over all planes; -1 for none

  Resize(const Args& a, bool near, float* scratch)
      : a(a), near_(near), source(scratch), kept{-1, -1} {
    line[0] = scratch + padded(a.in_columns) + 2 * V::lanes;
    line[1] = line[0] + padded(a.out_columns);
  }

  static int64_t per_task(const Args& a) { return max_of<int64_t>(1, TASK / max_of<int64_t>(1, a.out_columns)); }

  static int64_t padded(int64_t n) { return round_up(n, V::lanes); }

  // Whether the cells of every vector of output columns lie within two vectors of its first one: then they are two loads
  // and a permutation. So it is wherever an image is enlarged, or made smaller by less than half.
  static bool near(const Args& a) {
    const int64_t n = a.out_columns;
    if (n < V::lanes) return false;
    bool all = true;
    vectors(n, [&](int64_t j) {
      for (int64_t l = j; l < j + V::lanes; l++) {
        const int64_t first = a.columns[l] - a.columns[j];
        const int64_t second = a.column_weights == nullptr ? first : a.columns[n + l] - a.columns[j];
        all = all && first >= 0 && first < 2 * V::lanes && second >= 0 && second < 2 * V::lanes;
      }
    });
    return all;
  }

  // Visits n >= lanes columns in whole vectors; the last one may repeat some.
  template <class Visit>
  static ONDOL_INLINE void vectors(int64_t n, Visit visit) {
    for (int64_t j = 0; j + V::lanes <= n; j += V::lanes) visit(j);
    if (n % V::lanes != 0) visit(n - V::lanes);
  }

  // Output rows [begin, end) of a plane.
  void rows(int64_t plane, int64_t begin, int64_t end) {
    float* y = a.y + (plane * a.out_rows + begin) * a.out_columns;
    if (a.row_weights == nullptr) {
      for (int64_t i = begin; i < end;) {
        int64_t same = 1;
        while (i + same < end && a.rows[i + same] == a.rows[i]) same++;
        nearest(plane * a.in_rows + a.rows[i], y, same);
        y += same * a.out_columns;
        i += same;
      }
      return;
    }
    for (int64_t i = begin; i < end; i++, y += a.out_columns) {
      const int64_t first = plane * a.in_rows + a.rows[i], second = plane * a.in_rows + a.rows[a.out_rows + i];
      const float* h0 = columns(first, second);
      const float* h1 = columns(second, first);
      const F u0 = V::set(a.row_weights[i]), u1 = V::set(a.row_weights[a.out_rows + i]);
      each_vector<V>(a.out_columns, [&](int64_t j, int64_t n) {
        store_part<V>(y + j, V::fma(u1, V::load(h1 + j), u0 * V::load(h0 + j)), n);
      });
    }
  }

  // An input row taken through the columns; the row `other` stays where it is.
  const float* columns(int64_t row, int64_t other) {
    if (kept[0] == row) return line[0];
    if (kept[1] == row) return line[1];
    const int slot = kept[0] == other ? 1 : 0;
    kept[slot] = row;
    linear(row, line[slot]);
    return line[slot];
  }

  // An input row from which two vectors may be read anywhere: at the end of x, a copy.
  const float* readable(int64_t row) {
    const float* x = a.x + row * a.in_columns;
    if ((row + 1) * a.in_columns + 2 * V::lanes <= a.planes * a.in_rows * a.in_columns) return x;
    each_vector<V>(a.in_columns, [&](int64_t c, int64_t n) { V::store(source + c, load_part<V>(x + c, n)); });
    return source;
  }

  // Elements `cells`, counted from row x, whose first one is `base`.
  static ONDOL_INLINE F look(const float* x, int32_t base, I cells) {
    return V::lookup(V::load(x + base), V::load(x + base + V::lanes), cells - base);
  }

  // `same` output rows from one input row.
  void nearest(int64_t row, float* y, int64_t same) {
    const int64_t n = a.out_columns;
    if (near_) {
      const float* x = readable(row);
      vectors(n, [&](int64_t j) {
        const F v = look(x, a.columns[j], V::load(a.columns + j));
        for (int64_t r = 0; r < same; r++) V::store(y + r * n + j, v);
      });
      return;
    }
    const float* x = a.x + row * a.in_columns;
    for (int64_t j = 0; j < n; j++) {
      const float v = x[a.columns[j]];
      for (int64_t r = 0; r < same; r++) y[r * n + j] = v;
    }
  }

  void linear(int64_t row, float* h) {
    const int64_t n = a.out_columns;
    const int32_t* x0 = a.columns;
    const int32_t* x1 = x0 + n;
    const float* v0 = a.column_weights;
    const float* v1 = v0 + n;
    if (near_) {
      const float* x = readable(row);
      vectors(n, [&](int64_t j) {
        const F low = look(x, x0[j], V::load(x0 + j)), high = look(x, x0[j], V::load(x1 + j));
        V::store(h + j, V::fma(V::load(v1 + j), high, V::load(v0 + j) * low));
      });
      return;
    }
    const float* x = a.x + row * a.in_columns;
    each_vector<V>(n, [&](int64_t j, int64_t count) {
      alignas(64) float low[V::lanes] = {}, high[V::lanes] = {};
      for (int64_t l = 0; l < count; l++) {
        low[l] = x[x0[j + l]];
        high[l] = x[x1[j + l]];
      }
      const F first = load_part<V>(v0 + j, count) * V::load(low);
      V::store(h + j, V::fma(load_part<V>(v1 + j, count), V::load(high), first));
    });
  }
};

// Backward: rows first, along the output columns; then as many input rows as lanes go through the columns side by side.
template <class V>
class ResizeBackward {
  typedef typename V::F F;
  typedef ondol_resize_backward_args Args;

  static constexpr int64_t L = V::lanes;

 public:
  static void plan(const Args* a, ondol_plan* plan) {
    plan->phases = 2;
    plan->tasks[0] = a->planes == 0 ? 0 : 1;
    plan->tasks[1] = a->planes * ceil_div(a->in_rows, L);
    plan->workspace = 2 * a->in_rows * 8;
    plan->scratch = Space(*a, nullptr).bytes();
  }

  static void run(const Args* a, const ondol_plan*, int64_t phase, int64_t begin, int64_t end, int64_t, void* workspace,
                  void* scratch) {
    int64_t* ranges = (int64_t*)workspace;
    if (phase == 0) return find_ranges(*a, ranges);
    const int64_t blocks = ceil_div(a->in_rows, L);
    for (int64_t task = begin; task < end; task++) {
      block(*a, ranges, Space(*a, (float*)scratch), task / blocks, task % blocks * L);
    }
  }

 private:
  // What a thread works in.
  struct Space {
    int64_t out_columns, in_columns, out_rows;  // the columns rounded up to whole vectors
    float* sum;      // [L, out_columns]: g
    float* side;     // [out_columns, L]: g, rows side by side
    float* acc;      // [in_columns, L]: dx, likewise
    float* weight;   // [2 * out_rows]: of the contributions to an input row
    int64_t* where;  // the output rows that they come from

    Space(const Args& a, float* scratch)
        : out_columns(round_up(a.out_columns, L)), in_columns(round_up(a.in_columns, L)), out_rows(a.out_rows), sum(scratch) {
      if (scratch == nullptr) return;
      side = sum + out_columns * L;
      acc = side + out_columns * L;
      weight = acc + in_columns * L;
      where = (int64_t*)(weight + round_up(2 * out_rows, 2));
    }

    int64_t bytes() const {
      return ((2 * out_columns + in_columns) * L + round_up(2 * out_rows, 2)) * 4 + 2 * out_rows * 8;
    }
  };

  // For each input row the first output row that it is part of, and the one after the last.
  static void find_ranges(const Args& a, int64_t* ranges) {
    for (int64_t r = 0; r < 2 * a.in_rows; r++) ranges[r] = 0;
    for (int64_t i = a.out_rows - 1; i >= 0; i--) {
      widen(ranges, a.in_rows, a.rows[i], i);
      if (a.row_weights != nullptr) widen(ranges, a.in_rows, a.rows[a.out_rows + i], i);
    }
  }

  static void widen(int64_t* ranges, int64_t in_rows, int64_t row, int64_t i) {
    ranges[row] = i;
    if (ranges[in_rows + row] == 0) ranges[in_rows + row] = i + 1;
  }

  static void block(const Args& a, const int64_t* ranges, const Space& space, int64_t plane, int64_t first) {
    const int64_t rows = min_of(L, a.in_rows - first);
    const float* dy = a.dy + plane * a.out_rows * a.out_columns;
    for (int64_t k = 0; k < rows; k++) {
      const int64_t r = first + k;
      row(a, dy, r, ranges[r], ranges[a.in_rows + r], space, space.sum + k * space.out_columns);
    }
    for (int64_t j = 0; j < space.out_columns; j += L) {
      F g[L];
      for (int64_t k = 0; k < L; k++) g[k] = k < rows ? V::load(space.sum + k * space.out_columns + j) : V::set(0.0f);
      V::transpose(g);
      for (int64_t l = 0; l < L; l++) V::store(space.side + (j + l) * L, g[l]);
    }
    columns(a, space);
    float* dx = a.dx + (plane * a.in_rows + first) * a.in_columns;
    for (int64_t c = 0; c < space.in_columns; c += L) {
      F out[L];
      for (int64_t l = 0; l < L; l++) out[l] = V::load(space.acc + (c + l) * L);
      V::transpose(out);
      for (int64_t k = 0; k < rows; k++) store_part<V>(dx + k * a.in_columns + c, out[k], min_of(L, a.in_columns - c));
    }
  }

  // g(r, ·), with zeros in the padding.
  static void row(const Args& a, const float* dy, int64_t r, int64_t begin, int64_t end, const Space& space, float* sum) {
    int64_t count = 0;
    for (int64_t i = begin; i < end; i++) {
      if (a.rows[i] == r) {
        space.where[count] = i;
        space.weight[count++] = a.row_weights == nullptr ? 1.0f : a.row_weights[i];
      }
      if (a.row_weights != nullptr && a.rows[a.out_rows + i] == r) {
        space.where[count] = i;
        space.weight[count++] = a.row_weights[a.out_rows + i];
      }
    }
    each_vector<V>(a.out_columns, [&](int64_t j, int64_t n) {
      F acc = V::set(0.0f);
      for (int64_t k = 0; k < count; k++) {
        const F d = load_part<V>(dy + space.where[k] * a.out_columns + j, n);
        acc = V::fma(V::set(space.weight[k]), d, acc);
      }
      V::store(sum + j, acc);
    });
  }

  static void columns(const Args& a, const Space& space) {
    const bool linear = a.column_weights != nullptr;
    for (int64_t c = 0; c < space.in_columns; c++) V::store(space.acc + c * L, V::set(0.0f));
    for (int64_t j = 0; j < a.out_columns; j++) {
      const F g = V::load(space.side + j * L);
      add(space.acc + a.columns[j] * L, linear ? a.column_weights[j] : 1.0f, g);
      if (linear) add(space.acc + a.columns[a.out_columns + j] * L, a.column_weights[a.out_columns + j], g);
    }
  }

  static ONDOL_INLINE void add(float* acc, float v, F g) { V::store(acc, V::fma(V::set(v), g, V::load(acc))); }
};

}  // namespace
}  // namespace ondol

#endif
