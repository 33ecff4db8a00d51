// The forward pass and sampling of every nade variant.
#ifndef ONDOL_NADE_BODY_H
#define ONDOL_NADE_BODY_H

#include "lanes16.h"
#include "nade/nade.h"
#include "nade/nade_units.h"

namespace ondol {
namespace {

template <class V>
class Nade {
  typedef typename V::F F;
  typedef NadeUnits<V> Units;
  typedef ondol_nade_args Args;

  static constexpr int64_t ROWS = 8;   // of a task: they share a reading of the weights
  static constexpr int64_t PART = 32;  // variables below which a pass is not cut
  // Rows whose sums are in registers at once: eight chains keep two multiply-add units busy.
  static constexpr int GROUP = V::lanes >= 16 ? 8 : V::lanes >= 8 ? 4 : 2;

  enum { TASK_ROWS, PARTS, PART_SIZE };

 public:
  static void plan(const Args* a, ondol_plan* plan) {
    const int64_t rows = max_of<int64_t>(1, min_of(ROWS, ceil_div(a->rows, plan->threads)));
    const int64_t blocks = ceil_div(a->rows, rows);
    // With few rows the variables are cut too: a task first adds up the activations before its part, which costs a
    // multiply-add where an output costs an activation.
    const bool whole = a->uniform != nullptr || a->outputs == 0 || blocks == 0 || blocks >= plan->threads;
    const int64_t parts =
        whole ? 1 : max_of<int64_t>(1, min_of(ceil_div(plan->threads, blocks), a->variables / PART));
    plan->choice[TASK_ROWS] = rows;
    plan->choice[PARTS] = parts;
    plan->choice[PART_SIZE] = ceil_div(a->variables, parts);
    plan->phases = 1;
    plan->tasks[0] = blocks * parts;
    plan->workspace = 0;
    plan->scratch = 2 * rows * width(*a) * (int64_t)sizeof(float);
  }

  static void run(const Args* a, const ondol_plan* plan, int64_t, int64_t begin, int64_t end, int64_t, void*,
                  void* scratch) {
    const int64_t rows = plan->choice[TASK_ROWS], parts = plan->choice[PARTS], size = plan->choice[PART_SIZE];
    for (int64_t task = begin; task < end; task++) {
      const int64_t row = task / parts * rows;
      const int64_t first = min_of(a->variables, task % parts * size);
      const int64_t last = task % parts == parts - 1 ? a->variables : min_of(a->variables, first + size);
      Nade pass(*a, row, min_of(rows, a->rows - row), (float*)scratch);
      if (a->activation == ONDOL_RELU) {
        pass.template variables<true>(first, last);
      } else {
        pass.template variables<false>(first, last);
      }
    }
  }

 private:
  const Args& args;
  const int64_t row, rows, padded;
  float* const a;  // [rows, padded]
  float* const h;  // [rows, padded]
  float x[ROWS];   // of the variable before

  static int64_t width(const Args& a) { return round_up(a.hidden, 16); }

  Nade(const Args& args, int64_t row, int64_t rows, float* scratch)
      : args(args), row(row), rows(rows), padded(width(args)), a(scratch), h(scratch + rows * padded) {
    for (int64_t r = 0; r < rows; r++) {
      Units::copy(args.start + (row + r) * args.start_row, args.hidden, a + r * padded);
    }
  }

  // The outputs of variables [first, last), and the state where last is the end.
  template <bool relu>
  void variables(int64_t first, int64_t last) {
    for (int64_t d = 0; d < last; d++) {
      const bool wanted = d >= first && args.outputs > 0;
      update<relu>(d, wanted, wanted && d == first);
      if (wanted) outputs(d);
      for (int64_t r = 0; r < rows; r++) x[r] = value(d, r);
    }
    if (args.state == nullptr || last < args.variables) return;
    if (last > 0) update<relu>(last, false, false);
    for (int64_t r = 0; r < rows; r++) {
      each_vector<V>(args.hidden, [&](int64_t i, int64_t count) {
        store_part<V>(args.state + (row + r) * args.hidden + i, V::load(a + r * padded + i), count);
      });
    }
  }

  // Adds variable d - 1 to a; where wanted brings h up to date, of all rows or of those that changed.
  template <bool relu>
  void update(int64_t d, bool wanted, bool all) {
    const float s = wanted ? Units::scale(args, d) : 1.0f;
    const bool rescaled = wanted && (all || Units::rescaled(args, d));
    const float* w = args.w + (d - 1) * args.hidden;
    for (int64_t r = 0; r < rows; r++) {
      float *ar = a + r * padded, *hr = h + r * padded;
      const bool live = d > 0 && x[r] != 0.0f;
      if (live && wanted) {
        Units::template step<relu>(x[r], w, s, args.hidden, ar, hr);
      } else if (live) {
        Units::advance(x[r], w, args.hidden, ar);
      } else if (rescaled) {
        Units::template activate<relu>(ar, s, args.hidden, hr);
      }
      // With the +0 that is read beyond the weights, -1 adds -0, which changes no partial sum.
      if (wanted && (live || rescaled)) {
        for (int64_t i = args.hidden; i < padded; i++) hr[i] = -1.0f;
      }
    }
  }

  void outputs(int64_t d) {
    for (int64_t o = 0; o < args.outputs; o++) {
      int64_t r = 0;
      for (; r + GROUP <= rows; r += GROUP) dots<GROUP>(d, o, r);
      if constexpr (GROUP > 4) {
        if (r + 4 <= rows) dots<4>(d, o, r), r += 4;
      }
      if constexpr (GROUP > 2) {
        if (r + 2 <= rows) dots<2>(d, o, r), r += 2;
      }
      for (; r < rows; r++) dots<1>(d, o, r);
    }
  }

  template <int N>
  ONDOL_INLINE void dots(int64_t d, int64_t o, int64_t r) {
    constexpr int vectors = 16 / V::lanes;
    const int64_t at = d * args.outputs + o;
    const float *v = args.v + at * args.hidden, *from = h + r * padded;
    F sums[N][vectors];
    for (int n = 0; n < N; n++) {
      for (int k = 0; k < vectors; k++) sums[n][k] = V::set(0.0f);
    }
    int64_t i = 0;
    for (; i + 16 <= args.hidden; i += 16) {
      for (int k = 0; k < vectors; k++) {
        const F weight = V::load(v + i + k * V::lanes);
        for (int n = 0; n < N; n++) {
          sums[n][k] = V::fma(weight, V::load(from + n * padded + i + k * V::lanes), sums[n][k]);
        }
      }
    }
    for (int k = 0; k < vectors && i < args.hidden; k++, i += V::lanes) {
      const F weight = load_part<V>(v + i, min_of<int64_t>(V::lanes, args.hidden - i));
      for (int n = 0; n < N; n++) sums[n][k] = V::fma(weight, V::load(from + n * padded + i), sums[n][k]);
    }
    for (int n = 0; n < N; n++) {
      Lanes16<V> all(0.0f);
      for (int k = 0; k < vectors; k++) all.part[k] = sums[n][k];
      const float sum = all.sum();
      args.y[(row + r + n) * args.variables * args.outputs + at] = args.bias != nullptr ? sum + args.bias[at] : sum;
    }
  }

  // x of variable d, drawn where this samples.
  ONDOL_INLINE float value(int64_t d, int64_t r) {
    const int64_t at = (row + r) * args.variables + d;
    if (args.uniform == nullptr) return args.x[at];
    float drawn;
    if (args.known != nullptr && args.known[at] != 0) {
      drawn = args.given[at];
    } else {
      const F p = Math<V>::sigmoid(V::set(args.y[at]));
      drawn = args.uniform[at] < p[0] ? 1.0f : 0.0f;
    }
    args.sample[at] = drawn;
    return drawn;
  }
};

}  // namespace
}  // namespace ondol

#endif
