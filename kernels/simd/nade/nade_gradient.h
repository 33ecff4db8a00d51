// The gradient of every nade variant.
#ifndef ONDOL_NADE_GRADIENT_H
#define ONDOL_NADE_GRADIENT_H

#include "lanes16.h"
#include "nade/nade_back.h"
#include "nade/nade_replay.h"

namespace ondol {
namespace {

template <class V>
class NadeBackward {
  typedef typename V::F F;
  typedef NadeUnits<V> Units;
  typedef ondol_nade_backward_args Args;

  static constexpr int64_t BITS = 64;      // rows of a word of NadeLive
  static constexpr int64_t BLOCK = 32;     // rows that a slice of hidden units goes back with at a time
  static constexpr int64_t SLICE = 64;     // hidden units of a slice, fewer where there are many threads
  static constexpr int64_t ROWS = 4;       // of a task that sums over hidden units
  static constexpr int64_t VARIABLES = 16; // of a task that transposes

  enum { TASK_UNITS };
  enum { TRANSPOSE, SLICES, SUMS };

 public:
  static void plan(const Args* a, ondol_plan* plan) {
    const ondol_nade_args& f = a->forward;
    int64_t slice = SLICE;
    while (slice > 16 && ceil_div(f.hidden, slice) < 2 * plan->threads) slice /= 2;
    plan->choice[TASK_UNITS] = slice;
    plan->phases = 3;
    plan->tasks[TRANSPOSE] = ceil_div(f.variables, VARIABLES);
    plan->tasks[SLICES] =
        a->dw != nullptr || a->dv != nullptr || a->dstart != nullptr ? ceil_div(f.hidden, slice) : 0;
    plan->tasks[SUMS] = a->dx != nullptr || a->dscale != nullptr ? ceil_div(f.rows, ROWS) : 0;
    plan->workspace = Shared(*a, nullptr).bytes;
    plan->scratch = max_of(scratch(*a, BLOCK, slice, false), scratch(*a, ROWS, f.hidden, a->dscale != nullptr));
  }

  static void run(const Args* a, const ondol_plan* plan, int64_t phase, int64_t begin, int64_t end, int64_t,
                  void* workspace, void* scratch) {
    const NadeBackward gradient(*a, Shared(*a, (char*)workspace), (float*)scratch);
    const bool relu = a->forward.activation == ONDOL_RELU;
    for (int64_t task = begin; task < end; task++) {
      if (phase == TRANSPOSE) {
        gradient.transpose(task * VARIABLES);
      } else if (phase == SLICES) {
        const int64_t column = task * plan->choice[TASK_UNITS];
        const int64_t units = min_of(plan->choice[TASK_UNITS], a->forward.hidden - column);
        relu ? gradient.slice<true>(column, units) : gradient.slice<false>(column, units);
      } else {
        relu ? gradient.sums<true>(task * ROWS) : gradient.sums<false>(task * ROWS);
      }
    }
  }

 private:
  // What all tasks read, variable by variable.
  struct Shared {
    float* x;        // [variables, rows]
    float* dy;       // [variables, rows, outputs]
    uint64_t* live;  // [blocks, variables]: which rows have x != 0
    int64_t bytes;

    Shared(const Args& a, char* memory) {
      const ondol_nade_args& f = a.forward;
      const int64_t xs = round_up(f.variables * f.rows * (int64_t)sizeof(float), 64);
      const int64_t dys = round_up(f.variables * f.rows * f.outputs * (int64_t)sizeof(float), 64);
      x = (float*)memory;
      dy = (float*)(memory + xs);
      live = (uint64_t*)(memory + xs + dys);
      bytes = xs + dys + ceil_div(f.rows, BITS) * f.variables * (int64_t)sizeof(uint64_t);
    }
  };

  const Args& args;
  const ondol_nade_args& forward;
  const Shared shared;
  float* const memory;

  NadeBackward(const Args& args, const Shared& shared, float* memory)
      : args(args), forward(args.forward), shared(shared), memory(memory) {}

  static int64_t width(int64_t units) { return round_up(units, V::lanes); }

  // g and e, then the replay's.
  static int64_t scratch(const Args& a, int64_t rows, int64_t units, bool keep) {
    const int64_t some = min_of(rows, a.forward.rows), w = width(units);
    return 2 * some * w * (int64_t)sizeof(float) + NadeReplay<V>::bytes(a.forward, some, w, keep);
  }

  void transpose(int64_t first) const {
    const int64_t last = min_of(first + VARIABLES, forward.variables), outputs = forward.outputs;
    for (int64_t block = 0; block * BITS < forward.rows; block++) {
      for (int64_t d = first; d < last; d++) shared.live[block * forward.variables + d] = 0;
      for (int64_t n = block * BITS; n < min_of((block + 1) * BITS, forward.rows); n++) {
        for (int64_t d = first; d < last; d++) {
          const int64_t from = n * forward.variables + d, to = d * forward.rows + n;
          const float x = forward.x[from];
          shared.x[to] = x;
          shared.live[block * forward.variables + d] |= (uint64_t)(x != 0.0f) << (n % BITS);
          for (int64_t o = 0; o < outputs; o++) shared.dy[to * outputs + o] = args.dy[from * outputs + o];
        }
      }
    }
  }

  NadeLive live() const { return {shared.live, shared.x, forward.rows, forward.variables}; }

  NadeStep step(int64_t rows, int64_t units) const {
    NadeStep t = {};
    t.rows = rows;
    t.units = units;
    t.width = width(units);
    t.outputs = forward.outputs;
    t.stride = forward.hidden;
    t.g = memory;
    t.e = memory + rows * t.width;
    return t;
  }

  void start(const NadeStep& t, int64_t row, int64_t column) const {
    for (int64_t r = 0; r < t.rows; r++) {
      float* g = t.g + r * t.width;
      if (args.dstate != nullptr) {
        Units::copy(args.dstate + (row + r) * forward.hidden + column, t.units, g);
      } else {
        for (int64_t i = 0; i < t.width; i += V::lanes) V::store(g + i, V::set(0.0f));
      }
    }
  }

  // The operands of variable d.
  void at(NadeStep& t, const NadeReplay<V>& replay, int64_t row, int64_t column, int64_t d, int64_t first) const {
    t.dy = shared.dy + (d * forward.rows + row) * forward.outputs;
    t.h = replay.h;
    t.slot = replay.slot + (d - first) * 64;
    t.v = forward.v + d * forward.outputs * forward.hidden + column;
    t.s = Units::scale(forward, d);
  }

  // dW, dV and the start's gradient of some hidden units: chains over all rows, block by block.
  template <bool relu>
  void slice(int64_t column, int64_t units) const {
    if (forward.rows == 0) clear(column, units);
    for (int64_t row = 0; row < forward.rows; row += BLOCK) {
      const int64_t rows = min_of(BLOCK, forward.rows - row);
      NadeStep t = step(rows, units);
      start(t, row, column);
      NadeReplay<V> replay(forward, live(), row, rows, column, units, t.width, false, memory + 2 * rows * t.width);
      t.more = row > 0;
      for (int64_t k = replay.segments - 1; k >= 0; k--) {
        replay.template segment<relu>(k);
        for (int64_t d = replay.end(k) - 1; d >= k * replay.length; d--) {
          at(t, replay, row, column, d, k * replay.length);
          t.dv = args.dv == nullptr ? nullptr : args.dv + d * forward.outputs * forward.hidden + column;
          if (args.dw != nullptr) input_weights(t, replay, d, args.dw + d * forward.hidden + column);
          NadeBack<V, relu>::step(t);
        }
      }
      if (args.dstart != nullptr) start_gradient(t, row, column);
    }
  }

  // A sum over no rows.
  void clear(int64_t column, int64_t units) const {
    const auto zero = [&](float* to, int64_t rows) {
      for (int64_t r = 0; to != nullptr && r < rows; r++) {
        for (int64_t i = 0; i < units; i++) to[r * forward.hidden + column + i] = 0.0f;
      }
    };
    zero(args.dw, forward.variables);
    zero(args.dv, forward.variables * forward.outputs);
    if (forward.start_row == 0) zero(args.dstart, 1);
  }

  ONDOL_INLINE void input_weights(const NadeStep& t, const NadeReplay<V>& replay, int64_t d, float* dw) const {
    const uint64_t live = replay.nonzero(d);
    if (t.more && live == 0) return;
    each_vector<V>(t.units, [&](int64_t i, int64_t count) {
      F sum = t.more ? load_part<V>(dw + i, count) : V::set(0.0f);
      each_bit(live, [&](int64_t r) { sum = V::fma(V::set(replay.x(d, r)), V::load(t.g + r * t.width + i), sum); });
      store_part<V>(dw + i, sum, count);
    });
  }

  void start_gradient(const NadeStep& t, int64_t row, int64_t column) const {
    each_vector<V>(t.units, [&](int64_t i, int64_t count) {
      if (forward.start_row != 0) {
        for (int64_t r = 0; r < t.rows; r++) {
          float* to = args.dstart + (row + r) * forward.start_row + column + i;
          store_part<V>(to, V::load(t.g + r * t.width + i), count);
        }
        return;
      }
      F sum = t.more ? load_part<V>(args.dstart + column + i, count) : V::set(0.0f);
      for (int64_t r = 0; r < t.rows; r++) sum = sum + V::load(t.g + r * t.width + i);
      store_part<V>(args.dstart + column + i, sum, count);
    });
  }

  // dx and the scale's gradient of some rows: sums over all hidden units.
  template <bool relu>
  void sums(int64_t row) const {
    const int64_t rows = min_of(ROWS, forward.rows - row), hidden = forward.hidden;
    NadeStep t = step(rows, hidden);
    start(t, row, 0);
    NadeReplay<V> replay(forward, live(), row, rows, 0, hidden, t.width, args.dscale != nullptr,
                         memory + 2 * rows * t.width);
    t.products = args.dscale != nullptr;
    for (int64_t k = replay.segments - 1; k >= 0; k--) {
      replay.template segment<relu>(k);
      for (int64_t d = replay.end(k) - 1; d >= k * replay.length; d--) {
        at(t, replay, row, 0, d, k * replay.length);
        const float* operands[ROWS];
        if (args.dx != nullptr) {
          for (int64_t r = 0; r < ROWS; r++) operands[r] = forward.w + d * hidden;
          dots(t.g, t, operands, args.dx + row * forward.variables + d);
        }
        NadeBack<V, relu>::step(t);
        if (args.dscale != nullptr) {
          for (int64_t r = 0; r < rows; r++) operands[r] = replay.kept + t.slot[r] * t.width;
          dots(t.e, t, operands, args.dscale + row * forward.variables + d);
        }
      }
    }
  }

  // out[r] = sum16 of row r of a with b[r], several rows at once: one row alone waits for its own additions.
  ONDOL_INLINE void dots(const float* a, const NadeStep& t, const float* const* b, float* out) const {
    if (t.rows == ROWS) {
      rows_of<ROWS>(a, t.width, b, out);
      return;
    }
    for (int64_t r = 0; r < t.rows; r++) rows_of<1>(a + r * t.width, t.width, b + r, out + r * forward.variables);
  }

  template <int R>
  ONDOL_INLINE void rows_of(const float* a, int64_t width, const float* const* b, float* out) const {
    constexpr int vectors = 16 / V::lanes;
    const int64_t hidden = forward.hidden;
    F sum[R][vectors];
    for (int r = 0; r < R; r++) {
      for (int k = 0; k < vectors; k++) sum[r][k] = V::set(0.0f);
    }
    int64_t i = 0;
    for (; i + 16 <= hidden; i += 16) {
      for (int k = 0; k < vectors; k++) {
        const int64_t at = i + k * V::lanes;
        for (int r = 0; r < R; r++) sum[r][k] = V::fma(V::load(a + r * width + at), V::load(b[r] + at), sum[r][k]);
      }
    }
    for (int k = 0; k < vectors && i < hidden; k++, i += V::lanes) {
      // Lanes beyond the end keep what they have: whatever they held could be NaN, and +0 would turn a -0.
      const int64_t count = min_of<int64_t>(V::lanes, hidden - i);
      const auto inside = V::lt(V::load(LANE), V::set((float)count));
      for (int r = 0; r < R; r++) {
        const F more = V::fma(V::load(a + r * width + i), load_part<V>(b[r] + i, count), sum[r][k]);
        sum[r][k] = V::select(inside, more, sum[r][k]);
      }
    }
    for (int r = 0; r < R; r++) {
      Lanes16<V> all(0.0f);
      for (int k = 0; k < vectors; k++) all.part[k] = sum[r][k];
      out[r * forward.variables] = all.sum();
    }
  }

  static constexpr float LANE[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
};

}  // namespace
}  // namespace ondol

#endif
