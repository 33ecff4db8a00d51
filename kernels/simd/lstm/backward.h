// The backward body of every lstm variant.
#ifndef ONDOL_LSTM_BACKWARD_H
#define ONDOL_LSTM_BACKWARD_H

#include "gemm/panels.h"
#include "lstm/group.h"
#include "math.h"

namespace ondol {
namespace {

template <class V>
class LstmBackward {
  typedef typename V::F F;
  typedef ondol_lstm_backward_args Args;

 public:
  static void plan(const Args* args, ondol_plan* plan) {
    const Args& a = *args;
    plan->phases = 0;
    plan->workspace = plan->scratch = 0;
    if (a.steps == 0 || a.sequences * a.positions == 0) return;
    const LstmGroups g = groups(a, plan->threads);
    plan->workspace = 4 * blocks(a) * PANEL_WIDTH * g.depth();
    plan->tasks[plan->phases++] = blocks(a);
    plan->tasks[plan->phases++] = g.count;
    plan->scratch = 4 * (2 * g.state_floats() + cell_floats(a, g) + tile_floats());
  }

  static void run(const Args* args, const ondol_plan* plan, int64_t phase, int64_t begin, int64_t end, int64_t,
                  void* workspace, void* scratch) {
    const Args& a = *args;
    if (phase == 0) {
      const int64_t block = PANEL_WIDTH * a.taps * LSTM_GATES * a.hidden;
      for (int64_t b = begin; b < end; b++) pack(a, b, (float*)workspace + b * block);
      return;
    }
    const LstmGroups g = groups(a, plan->threads);
    for (int64_t task = begin; task < end; task++) {
      const int64_t first = task * g.sequences;
      const int64_t count = min_of(g.sequences, a.sequences - first);
      LstmBackward(a, g, first, count, (const float*)workspace, (float*)scratch).steps();
    }
  }

 private:
  const Args& a;
  const LstmGroups& g;
  const int64_t first, count;
  const float* const panels;
  float* const states;  // two: dz of the step after, and of this one
  float* const cells;   // dc, [row][hidden]
  float* const tile;    // D, `wide` panels

  LstmBackward(const Args& args, const LstmGroups& groups, int64_t first, int64_t count, const float* workspace,
               float* scratch)
      : a(args),
        g(groups),
        first(first),
        count(count),
        panels(workspace),
        states(scratch),
        cells(scratch + 2 * g.state_floats()),
        tile(cells + cell_floats(a, g)) {}

  // Rows of dz: taps change sides.
  static LstmGroups groups(const Args& a, int64_t threads) {
    return LstmGroups::choose(a.sequences, a.positions, a.taps, LSTM_GATES * a.hidden, threads);
  }
  static int64_t blocks(const Args& a) { return ceil_div(a.hidden, PANEL_WIDTH); }
  static int64_t cell_floats(const Args& a, const LstmGroups& g) {
    return round_up(g.sequences * g.positions * a.hidden, PANEL_WIDTH);
  }
  static constexpr int64_t tile_floats() { return Tile<V>::ROWS * PANEL_WIDTH * Tile<V>::MAX_PANELS; }

  // Channels become columns, gates and taps, from the last tap to the first, rows.
  static void pack(const Args& a, int64_t block, float* out) {
    const int64_t gates = LSTM_GATES * a.hidden, channel = block * PANEL_WIDTH;
    for (int64_t tap = 0; tap < a.taps; tap++) {
      Panels<V>::pack_b(a.weight + ((a.taps - 1 - tap) * a.hidden + channel) * gates, 1, gates, gates,
                        min_of(PANEL_WIDTH, a.hidden - channel), out + tap * gates * PANEL_WIDTH, 0);
    }
  }

  void steps() const {
    lstm_clear(states, 2 * g.state_floats());
    const int64_t from = first * a.positions * a.hidden, rows = count * a.positions;
    if (a.dc == nullptr) lstm_clear(cells, rows * a.hidden);
    if (a.dc != nullptr) copy(a.dc + from, cells, rows * a.hidden);
    for (int64_t i = a.steps - 1; i >= 0; i--) {
      const float* after = states + (i + 1) % 2 * g.state_floats();
      float* state = states + i % 2 * g.state_floats();
      each_tile([&](int64_t block, int64_t panel_count, int64_t row, int64_t n) {
        const int64_t t = lstm_time(i, a.steps, a.reverse);
        load(a.dh + ((t * a.sequences + first) * a.positions + row) * a.hidden, block, panel_count, n);
        if (i < a.steps - 1) product(after, block, panel_count, row, n);
        finish(i, t, block, panel_count, row, n, state);
      });
    }
    if (a.dc0 != nullptr) copy(cells, a.dc0 + from, rows * a.hidden);
    if (a.dh0 == nullptr) return;
    each_tile([&](int64_t block, int64_t panel_count, int64_t row, int64_t n) {
      lstm_clear(tile, n * panel_count * PANEL_WIDTH);
      product(states, block, panel_count, row, n);
      store(a.dh0 + from + row * a.hidden, block, panel_count, n);
    });
  }

  static void copy(const float* from, float* to, int64_t n) {
    each_vector<V>(n, [&](int64_t j, int64_t m) { store_part<V>(to + j, load_part<V>(from + j, m), m); });
  }

  // Tiles of rows under as many panels of channels as their registers hold.
  template <class Visit>
  void each_tile(Visit visit) const {
    g.tiles(count, Tile<V>::ROWS, [&](int64_t row, int64_t rows) {
      const int64_t wide = Tile<V>::panels((int)rows);
      for (int64_t b = 0; b < blocks(a); b += wide) visit(b, min_of(wide, blocks(a) - b), row, rows);
    });
  }

  int64_t width(int64_t block, int64_t panel_count) const {
    return min_of(panel_count * PANEL_WIDTH, a.hidden - block * PANEL_WIDTH);
  }

  void load(const float* from, int64_t block, int64_t panel_count, int64_t rows) const {
    for (int64_t i = 0; i < rows; i++) {
      const float* row = from + i * a.hidden + block * PANEL_WIDTH;
      float* to = tile + i * panel_count * PANEL_WIDTH;
      const int64_t columns = width(block, panel_count);
      each_vector<V>(columns, [&](int64_t j, int64_t n) { V::store(to + j, load_part<V>(row + j, n)); });
    }
  }

  void store(float* to, int64_t block, int64_t panel_count, int64_t rows) const {
    for (int64_t i = 0; i < rows; i++) {
      copy(tile + i * panel_count * PANEL_WIDTH, to + i * a.hidden + block * PANEL_WIDTH, width(block, panel_count));
    }
  }

  void product(const float* state, int64_t block, int64_t panel_count, int64_t row, int64_t rows) const {
    const int64_t panel = g.depth() * PANEL_WIDTH;
    const typename Tile<V>::Function multiply = Tile<V>::function(true, rows, panel_count);
    multiply(g.depth(), state + g.window(row), g.step(), panels + block * panel, PANEL_WIDTH, panel, tile,
             panel_count * PANEL_WIDTH, false);
  }

  // The gradients of a tile's gates, and of the cells of the step before.
  void finish(int64_t i, int64_t t, int64_t block, int64_t panel_count, int64_t row, int64_t rows, float* state) const {
    const int64_t channel = block * PANEL_WIDTH, step = a.sequences * a.positions * a.hidden;
    LstmPlace p = {row / a.positions, row % a.positions};
    for (int64_t r = 0; r < rows; r++, p.next(a.positions)) {
      const int64_t at = (first * a.positions + row + r) * a.hidden + channel;
      const float* d = tile + r * panel_count * PANEL_WIDTH;
      const float* gates = a.gates + LSTM_GATES * (t * step + at - channel) + channel;
      const float* cell = a.cells + t * step + at;
      const float* before = i > 0 ? a.cells + lstm_time(i - 1, a.steps, a.reverse) * step + at
                                  : a.c0 != nullptr ? a.c0 + at : nullptr;
      float* dx = a.dx + LSTM_GATES * (t * step + at - channel) + channel;
      float* dz = state + p.sequence * g.row_floats() + (p.position + a.taps - 1 - a.before) * g.channels + channel;
      float* dc = cells + (row + r) * a.hidden + channel;
      each_vector<V>(width(block, panel_count), [&](int64_t j, int64_t n) {
        const F in = load_part<V>(gates + j, n), forget = load_part<V>(gates + a.hidden + j, n);
        const F g_ = load_part<V>(gates + 2 * a.hidden + j, n), out = load_part<V>(gates + 3 * a.hidden + j, n);
        const F dh = V::load(d + j), u = Math<V>::tanh(load_part<V>(cell + j, n));
        const F s = load_part<V>(dc + j, n) + Math<V>::tanh_grad(u, dh * out);
        const F c = before != nullptr ? load_part<V>(before + j, n) : V::set(0.0f);
        both(dx + j, dz + j, Math<V>::sigmoid_grad(in, s * g_), n);
        both(dx + a.hidden + j, dz + a.hidden + j, Math<V>::sigmoid_grad(forget, s * c), n);
        both(dx + 2 * a.hidden + j, dz + 2 * a.hidden + j, Math<V>::tanh_grad(g_, s * in), n);
        both(dx + 3 * a.hidden + j, dz + 3 * a.hidden + j, Math<V>::sigmoid_grad(out, dh * u), n);
        store_part<V>(dc + j, s * forget, n);
      });
    }
  }

  static ONDOL_INLINE void both(float* p, float* q, F value, int64_t n) {
    store_part<V>(p, value, n);
    store_part<V>(q, value, n);
  }
};

}  // namespace
}  // namespace ondol

#endif
