// The forward body of every lstm variant.
#ifndef ONDOL_LSTM_BODY_H
#define ONDOL_LSTM_BODY_H

#include "gemm/panels.h"
#include "lstm/group.h"
#include "math.h"

namespace ondol {
namespace {

template <class V>
class Lstm {
  typedef typename V::F F;
  typedef ondol_lstm_args Args;

  // Columns of a block: the four gates of 16 channels, which a tile leaves side by side for their activations.
  static constexpr int64_t BLOCK = LSTM_GATES * PANEL_WIDTH;
  // With fewer rows than this a pass over K as it is costs less than bringing it into panels.
  static constexpr int64_t PLAIN_ROWS = 24;

 public:
  static void plan(const Args* args, ondol_plan* plan) {
    const Args& a = *args;
    plan->phases = 0;
    plan->workspace = plan->scratch = 0;
    if (a.steps == 0 || a.sequences * a.positions == 0) return;
    const LstmGroups g = groups(a, plan->threads);
    if (packs(a)) {
      plan->workspace = 4 * blocks(a) * BLOCK * g.depth();
      plan->tasks[plan->phases++] = blocks(a);
    }
    plan->tasks[plan->phases++] = g.count;
    plan->scratch = 4 * (2 * g.state_floats() + cell_floats(a, g) + tile_floats() + (packs(a) ? 0 : BLOCK * g.depth()));
  }

  static void run(const Args* args, const ondol_plan* plan, int64_t phase, int64_t begin, int64_t end, int64_t,
                  void* workspace, void* scratch) {
    const Args& a = *args;
    if (phase + 1 < plan->phases) {
      for (int64_t b = begin; b < end; b++) pack(a, b, (float*)workspace + b * BLOCK * a.taps * a.hidden);
      return;
    }
    const LstmGroups g = groups(a, plan->threads);
    for (int64_t task = begin; task < end; task++) {
      const int64_t first = task * g.sequences;
      Lstm(a, g, first, min_of(g.sequences, a.sequences - first), (const float*)workspace, (float*)scratch).steps();
    }
  }

 private:
  const Args& a;
  const LstmGroups& g;
  const int64_t first, count;  // sequences of this group
  const float* const panels;
  float* const states;  // two: a step reads one and writes the other
  float* const cells;   // [row][hidden]
  float* const tile;    // of sums, BLOCK columns
  float* const own;     // K's ragged block, where K is not in panels

  Lstm(const Args& args, const LstmGroups& groups, int64_t first, int64_t count, const float* workspace, float* scratch)
      : a(args),
        g(groups),
        first(first),
        count(count),
        panels(workspace),
        states(scratch),
        cells(scratch + 2 * g.state_floats()),
        tile(cells + cell_floats(a, g)),
        own(tile + tile_floats()) {}

  static LstmGroups groups(const Args& a, int64_t threads) {
    return LstmGroups::choose(a.sequences, a.positions, a.taps, a.hidden, threads);
  }
  static int64_t blocks(const Args& a) { return ceil_div(a.hidden, PANEL_WIDTH); }
  static bool packs(const Args& a) { return (double)a.steps * (double)(a.sequences * a.positions) > PLAIN_ROWS; }
  static int64_t cell_floats(const Args& a, const LstmGroups& g) {
    return round_up(g.sequences * g.positions * a.hidden, PANEL_WIDTH);
  }
  static constexpr int64_t tile_floats() { return Tile<V>::ROWS * BLOCK; }

  // A panel for each gate of a block of channels, one after the other.
  static void pack(const Args& a, int64_t block, float* out) {
    const int64_t depth = a.taps * a.hidden, channel = block * PANEL_WIDTH;
    for (int64_t gate = 0; gate < LSTM_GATES; gate++) {
      Panels<V>::pack_b(a.weight + gate * a.hidden + channel, LSTM_GATES * a.hidden, 1, depth,
                        min_of(PANEL_WIDTH, a.hidden - channel), out + gate * depth * PANEL_WIDTH, 0);
    }
  }

  // Where a block's panels are.
  struct Right {
    const float* at;
    int64_t row, panel;
  };

  Right right(int64_t block) const {
    const int64_t depth = g.depth();
    if (packs(a)) return {panels + block * BLOCK * depth, PANEL_WIDTH, depth * PANEL_WIDTH};
    if ((block + 1) * PANEL_WIDTH <= a.hidden) return {a.weight + block * PANEL_WIDTH, LSTM_GATES * a.hidden, a.hidden};
    return {own, PANEL_WIDTH, depth * PANEL_WIDTH};
  }

  void steps() const {
    begin();
    for (int64_t i = 0; i < a.steps; i++) {
      const int64_t t = lstm_time(i, a.steps, a.reverse);
      const float* state = states + i % 2 * g.state_floats();
      float* next = states + (i + 1) % 2 * g.state_floats();
      for (int64_t b = 0; b < blocks(a); b++) {
        const Right k = right(b);
        g.tiles(count, Tile<V>::ROWS, [&](int64_t row, int64_t rows) {
          inputs(t, b, row, rows);
          product(state + g.window(row), k, rows);
          finish(t, b, row, rows, next);
        });
      }
    }
    if (a.c == nullptr) return;
    LstmPlace p = {0, 0};
    for (int64_t row = 0; row < count * a.positions; row++, p.next(a.positions)) {
      float* c = a.c + (first + p.sequence) * a.c_stride[0] + p.position * a.c_stride[1];
      copy(cells + row * a.hidden, c);
    }
  }

  void copy(const float* from, float* to) const {
    each_vector<V>(a.hidden, [&](int64_t j, int64_t n) { store_part<V>(to + j, load_part<V>(from + j, n), n); });
  }

  void begin() const {
    lstm_clear(states, 2 * g.state_floats());
    const int64_t given = a.h0 == nullptr ? 0 : a.halo ? g.around() : a.positions;
    for (int64_t s = 0; s < count; s++) {
      float* row = states + s * g.row_floats() + (a.halo ? 0 : a.before * a.hidden);
      for (int64_t r = 0; r < given; r++) {
        copy(a.h0 + (first + s) * a.h0_stride[0] + r * a.h0_stride[1], row + r * a.hidden);
      }
    }
    if (a.c0 == nullptr) lstm_clear(cells, count * a.positions * a.hidden);
    LstmPlace p = {0, 0};
    for (int64_t row = 0; a.c0 != nullptr && row < count * a.positions; row++, p.next(a.positions)) {
      copy(a.c0 + (first + p.sequence) * a.c0_stride[0] + p.position * a.c0_stride[1], cells + row * a.hidden);
    }
    if (!packs(a) && a.hidden % PANEL_WIDTH != 0) pack(a, blocks(a) - 1, own);
  }

  LstmPlace place(int64_t row) const { return {row / a.positions, row % a.positions}; }

  // What the input gives to the gates, into the tile.
  void inputs(int64_t t, int64_t block, int64_t row, int64_t rows) const {
    const int64_t channel = block * PANEL_WIDTH, width = min_of(PANEL_WIDTH, a.hidden - channel);
    LstmPlace p = place(row);
    for (int64_t i = 0; i < rows; i++, p.next(a.positions)) {
      const float* x = a.x + t * a.x_stride[0] + (first + p.sequence) * a.x_stride[1] + channel;
      x += p.position * a.x_stride[2];
      float* to = tile + i * BLOCK;
      for (int64_t gate = 0; gate < LSTM_GATES; gate++, x += a.hidden, to += PANEL_WIDTH) {
        const float* bias = a.bias != nullptr ? a.bias + gate * a.hidden + channel : nullptr;
        each_vector<V>(width, [&](int64_t j, int64_t n) {
          const F z = load_part<V>(x + j, n);
          V::store(to + j, bias != nullptr ? z + load_part<V>(bias + j, n) : z);
        });
      }
    }
  }

  void product(const float* windows, const Right& k, int64_t rows) const {
    const int64_t wide = Tile<V>::panels((int)rows), each = wide >= LSTM_GATES ? LSTM_GATES : wide >= 2 ? 2 : 1;
    const typename Tile<V>::Function multiply = Tile<V>::function(true, rows, each);
    for (int64_t p = 0; p < LSTM_GATES; p += each) {
      multiply(g.depth(), windows, g.step(), k.at + p * k.panel, k.row, k.panel, tile + p * PANEL_WIDTH, BLOCK, false);
    }
  }

  // The gates' activations, the cells and the state, of one tile.
  void finish(int64_t t, int64_t block, int64_t row, int64_t rows, float* next) const {
    const int64_t channel = block * PANEL_WIDTH, width = min_of(PANEL_WIDTH, a.hidden - channel);
    LstmPlace p = place(row);
    for (int64_t i = 0; i < rows; i++, p.next(a.positions)) {
      const float* z = tile + i * BLOCK;
      float* cell = cells + (row + i) * a.hidden + channel;
      float* h = a.h + t * a.h_stride[0] + (first + p.sequence) * a.h_stride[1] + p.position * a.h_stride[2] + channel;
      float* state = next + p.sequence * g.row_floats() + (p.position + a.before) * a.hidden + channel;
      const int64_t saved = ((t * a.sequences + first + p.sequence) * a.positions + p.position) * a.hidden + channel;
      each_vector<V>(width, [&](int64_t j, int64_t n) {
        const F in = Math<V>::sigmoid(V::load(z + j)), forget = Math<V>::sigmoid(V::load(z + PANEL_WIDTH + j));
        const F g_ = Math<V>::tanh(V::load(z + 2 * PANEL_WIDTH + j));
        const F out = Math<V>::sigmoid(V::load(z + 3 * PANEL_WIDTH + j));
        const F c = V::fma(forget, load_part<V>(cell + j, n), in * g_);
        const F y = out * Math<V>::tanh(c);
        store_part<V>(cell + j, c, n);
        store_part<V>(h + j, y, n);
        store_part<V>(state + j, y, n);
        if (a.gates != nullptr) {
          float* gates = a.gates + LSTM_GATES * (saved - channel) + channel + j;
          store_part<V>(gates, in, n);
          store_part<V>(gates + a.hidden, forget, n);
          store_part<V>(gates + 2 * a.hidden, g_, n);
          store_part<V>(gates + 3 * a.hidden, out, n);
          store_part<V>(a.cells + saved + j, c, n);
        }
      });
    }
  }
};

}  // namespace
}  // namespace ondol

#endif
