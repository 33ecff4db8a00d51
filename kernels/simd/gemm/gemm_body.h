// The body of every gemm variant.
#ifndef ONDOL_GEMM_BODY_H
#define ONDOL_GEMM_BODY_H

#include "gemm/blocking.h"
#include "gemm/finish.h"
#include "gemm/gemm.h"
#include "gemm/panels.h"
#include "gemm/tile.h"

namespace ondol {
namespace {

template <class V>
class Gemm {
  typedef Planner<V> Plan;

 public:
  static void plan(const ondol_gemm_args* args, ondol_plan* plan) {
    const ondol_gemm_args a = folded(*args);
    const Blocking b = Plan::choose(a, plan->threads);
    __builtin_memcpy(plan->choice, &b, sizeof b);
    plan->phases = 0;
    plan->workspace = 0;
    plan->scratch = 0;
    if (b.units() == 0) return;
    if (b.source == SHARED) {
      plan->workspace = 4 * panel_count(a) * PANEL_WIDTH * a.k;
      plan->tasks[plan->phases++] = ceil_div(panel_count(a), PACK_TASK);
    }
    plan->tasks[plan->phases++] = ceil_div(b.units(), b.group);
    plan->scratch = 4 * (Plan::panel_floats(b) + Plan::a_floats(b) + Plan::sum_floats(b, a.k));
  }

  static void run(const ondol_gemm_args* args, const ondol_plan* plan, int64_t phase, int64_t begin, int64_t end,
                  int64_t, void* workspace, void* scratch) {
    const Gemm gemm(folded(*args), plan, (float*)workspace, (float*)scratch);
    if (phase + 1 < plan->phases) {
      gemm.pack(begin * PACK_TASK, min_of(end * PACK_TASK, panel_count(gemm.a)));
      return;
    }
    const int64_t last = min_of(end * gemm.b.group, gemm.b.units());
    for (int64_t u = begin * gemm.b.group; u < last; u++) gemm.unit(u);
  }

 private:
  static constexpr int64_t PACK_TASK = 4;  // panels: what pack_b reads together

  // One block of C and its operands.
  struct Block {
    int64_t m, n;
    const float* a;
    const float* b;  // plain B, at the block's first column; null where it is packed
    const float* panels;
    int64_t panel;  // floats from one panel to the next
    typename Finish<V>::Target to;
  };

  // Where the tiles of one depth block find A.
  struct Left {
    const float* at;
    int64_t row;   // from one row to the next
    int64_t step;  // of the tile
    bool by_rows;
    bool by_tiles;  // each tile's rows are packed by themselves: the step is their number
  };

  const ondol_gemm_args a;
  const Blocking b;
  float* const workspace;
  float* const own_panels;
  float* const own_a;
  float* const sums;
  const typename Finish<V>::Function finish;

  Gemm(const ondol_gemm_args& args, const ondol_plan* plan, float* workspace, float* scratch)
      : a(args),
        b(blocking(plan)),
        workspace(workspace),
        own_panels(scratch),
        own_a(own_panels + Plan::panel_floats(b)),
        sums(own_a + Plan::a_floats(b)),
        finish(Finish<V>::function(args.activation)) {}

  static Blocking blocking(const ondol_plan* plan) {
    Blocking b;
    __builtin_memcpy(&b, plan->choice, sizeof b);
    return b;
  }

  // Panels of all of B: of each batch item, unless the batch shares B.
  static int64_t panel_count(const ondol_gemm_args& a) { return b_items(a) * ceil_div(a.n, PANEL_WIDTH); }

  static int64_t b_items(const ondol_gemm_args& a) {
    int64_t items = 1;
    for (int64_t d = 0; d < ONDOL_BATCH_RANK; d++) items *= a.b_batch[d] != 0 ? a.batch[d] : 1;
    return items;
  }

  static int64_t offset(const int64_t* index, const int64_t* strides) {
    int64_t at = 0;
    for (int64_t d = 0; d < ONDOL_BATCH_RANK; d++) at += index[d] * strides[d];
    return at;
  }

  void pack(int64_t begin, int64_t end) const {
    const int64_t panels = ceil_div(a.n, PANEL_WIDTH), depth = a.k * PANEL_WIDTH;
    while (begin < end) {
      int64_t item = begin / panels, index[ONDOL_BATCH_RANK];
      const int64_t first = begin % panels;
      const int64_t count = min_of(end - begin, panels - first);
      for (int64_t d = ONDOL_BATCH_RANK - 1; d >= 0; d--) {
        const int64_t size = a.b_batch[d] != 0 ? a.batch[d] : 1;
        index[d] = item % size;
        item /= size;
      }
      const float* from = a.b + offset(index, a.b_batch) + first * PANEL_WIDTH * a.b_col;
      Panels<V>::pack_b(from, a.b_row, a.b_col, a.k, min_of(count * PANEL_WIDTH, a.n - first * PANEL_WIDTH),
                        workspace + begin * depth, depth);
      begin += count;
    }
  }

  void unit(int64_t u) const {
    const int64_t blocks = b.row_blocks * b.column_blocks;
    const int64_t item = u / blocks, within = u % blocks;
    const int64_t i = (b.rows_inner ? within % b.row_blocks : within / b.column_blocks) * b.rows;
    const int64_t j = (b.rows_inner ? within / b.row_blocks : within % b.column_blocks) * b.columns;
    int64_t index[ONDOL_BATCH_RANK], rest = item, b_item = 0, b_step = 1;
    for (int64_t d = ONDOL_BATCH_RANK - 1; d >= 0; d--) {
      index[d] = rest % a.batch[d];
      rest /= a.batch[d];
      if (a.b_batch[d] == 0) continue;
      b_item += index[d] * b_step;
      b_step *= a.batch[d];
    }

    Block block;
    block.m = min_of(b.rows, a.m - i);
    block.n = min_of(b.columns, a.n - j);
    block.a = a.a + offset(index, a.a_batch) + i * a.a_row;
    block.panel = a.k * PANEL_WIDTH;
    block.b = nullptr;
    block.panels = nullptr;
    if (b.source == PACKED) block.panels = a.packed + j * a.k;
    if (b.source == SHARED) block.panels = workspace + (b_item * ceil_div(a.n, PANEL_WIDTH) * PANEL_WIDTH + j) * a.k;
    if (b.source == OWN || b.source == PLAIN) block.b = a.b + offset(index, a.b_batch) + j * a.b_col;
    block.to.c = a.c + offset(index, a.c_batch) + i * a.c_row + j;
    block.to.c_row = a.c_row;
    block.to.residual =
        a.residual == nullptr ? nullptr : a.residual + offset(index, a.residual_batch) + i * a.residual_row + j;
    block.to.residual_row = a.residual_row;
    block.to.bias = a.bias == nullptr ? nullptr : a.bias + j;
    block.to.alpha = (float)a.alpha;
    compute(block);
  }

  void compute(Block& block) const {
    if (b.source == OWN) {
      block.panels = own_panels;
      block.panel = b.pack_k * PANEL_WIDTH;
    }
    for (int64_t i = 0; i < block.m; i += b.mc) {
      const int64_t rows = min_of(b.mc, block.m - i);
      int64_t k = 0;
      do {
        const int64_t depth = min_of(b.kc, a.k - k);
        if (b.source == OWN && (i == 0 || b.pack_k < a.k)) {
          float* out = own_panels + (b.pack_k < a.k ? 0 : k * PANEL_WIDTH);
          Panels<V>::pack_b(block.b + k * a.b_row, a.b_row, a.b_col, depth, block.n, out, block.panel);
        }
        const Left left = left_block(block.a + i * a.a_row + k * a.a_col, rows, depth);
        pass(block, i, rows, k, depth, left);
        k += depth;
      } while (k < a.k);
    }
  }

  Left left_block(const float* at, int64_t rows, int64_t depth) const {
    const bool by_rows = a.a_col == 1 || a.a_row != 1;
    if (!b.copy_a) return by_rows ? Left{at, a.a_row, a.a_row, true, false} : Left{at, 1, a.a_col, false, false};
    if (by_rows) {
      const int64_t step = Plan::a_step(b);
      Panels<V>::copy_rows(at, a.a_row, a.a_col, rows, depth, own_a, step);
      return {own_a, step, step, true, false};
    }
    const int64_t tiles = ceil_div(rows, (int64_t)Tile<V>::ROWS);
    for (int64_t t = 0; t < tiles; t++) {
      const int64_t r = rows * t / tiles, r_end = rows * (t + 1) / tiles;
      Panels<V>::copy_columns(at + r, a.a_col, r_end - r, depth, own_a + r * depth);
    }
    return {own_a, depth, 0, false, true};
  }

  // All tiles of rows [i, i + rows) for one depth block. Rows are spread evenly over the tiles: 16 rows are 6 + 5 + 5,
  // as four rows or more fill the pipes and fewer do not.
  void pass(const Block& block, int64_t i, int64_t rows, int64_t k, int64_t depth, const Left& left) const {
    const bool first = k == 0, last = k + depth >= a.k;
    const bool one_pass = first && last;
    const int64_t tiles = ceil_div(rows, (int64_t)Tile<V>::ROWS);
    const int64_t side = Tile<V>::panels((int)ceil_div(rows, tiles));
    const int64_t panels = ceil_div(block.n, PANEL_WIDTH);
    for (int64_t p = 0, count; p < panels; p += count) {
      count = min_of(side, panels - p);
      int64_t b_row = PANEL_WIDTH, b_panel = block.panel;
      const float* right = block.panels + p * block.panel + (b.source == OWN && b.pack_k < a.k ? 0 : k * PANEL_WIDTH);
      if (b.source == PLAIN) {
        count = min_of(count, max_of<int64_t>(1, block.n / PANEL_WIDTH - p));
        right = plain(block, p, k, depth, b_row);
        b_panel = PANEL_WIDTH;
      }
      for (int64_t t = 0; t < tiles; t++) {
        const int64_t r = rows * t / tiles, r_rows = rows * (t + 1) / tiles - r;
        float* sum = one_pass ? sums : sums + (p * rows + r * count) * PANEL_WIDTH;
        const typename Finish<V>::Target to = target(block, i + r, r_rows, p, count);
        if (last && (p == 0 || !Tile<V>::ASKS)) prefetch(to);
        Walk ahead = next_walk(block, {i, rows, p, count, t, last}, right, left, depth);
        if (ahead.at == nullptr) ahead = {sum, 0};
        const typename Tile<V>::Asking multiply = Tile<V>::asking(left.by_rows, r_rows, count);
        multiply(depth, left.at + r * left.row, left.by_tiles ? r_rows : left.step, right, b_row, b_panel, sum,
                 count * PANEL_WIDTH, first, ahead.at, ahead.step);
        if (last) finish(sum, to);
      }
    }
  }

  // Where a pass is: row tile t, panels [p, p + count).
  struct Position {
    int64_t i, rows, p, count, t;
    bool last;
  };

  // A line of memory for each step of a tile: at, at + step, ...
  struct Walk {
    const float* at;
    int64_t step;
  };

  // What a tile asks memory for. Its own operands stream from L2 and it has bandwidth to spare, but what comes from
  // further away (the next panels of B, C and the residual under them, the next rows of A) no hardware prefetcher
  // brings in time: twelve rows are twelve streams that end every few lines. M1024 K384 N1536 on one Zen 4 core of 116
  // GFLOP/s: 101 without, 106 with. Asking for all lines of C at a tile's start instead of one a step: 103.
  Walk next_walk(const Block& block, const Position& at, const float* right, const Left& left, int64_t depth) const {
    const int64_t next = at.p + at.count;
    const int64_t more = min_of(at.count, ceil_div(block.n, PANEL_WIDTH) - next);
    const int64_t turn = at.t / at.count, panel = at.t % at.count;
    if (panel < more && turn == 0 && b.source != PLAIN) return {right + (at.count + panel) * block.panel, PANEL_WIDTH};
    if (panel < more && turn == 1 && at.last) {
      return {block.to.c + at.i * block.to.c_row + (next + panel) * PANEL_WIDTH, block.to.c_row};
    }
    if (panel < more && turn == 2 && at.last && block.to.residual != nullptr && block.to.residual != block.to.c) {
      return {block.to.residual + at.i * block.to.residual_row + (next + panel) * PANEL_WIDTH, block.to.residual_row};
    }
    // Rows of A that lie together: a tile's, in as many lines as it has steps.
    const bool dense = left.by_rows && !b.copy_a && left.row * Tile<V>::ROWS <= depth * PANEL_WIDTH;
    const int64_t tiles = ceil_div(at.rows, (int64_t)Tile<V>::ROWS);
    if (dense && at.p == 0) return {left.at + at.rows * (at.t + 1) / tiles * left.row, PANEL_WIDTH};
    if (dense && more <= 0) return {left.at + (at.rows + at.rows * at.t / tiles) * left.row, PANEL_WIDTH};
    return {nullptr, 0};
  }

  // Rows of B as they are; the ragged last panel through a copy, so that nothing past a row's end is read.
  const float* plain(const Block& block, int64_t p, int64_t k, int64_t depth, int64_t& b_row) const {
    const float* at = block.b + k * a.b_row + p * PANEL_WIDTH;
    b_row = a.b_row;
    if ((p + 1) * PANEL_WIDTH <= block.n) return at;
    Panels<V>::pack_b(at, a.b_row, 1, depth, block.n - p * PANEL_WIDTH, own_panels, 0);
    b_row = PANEL_WIDTH;
    return own_panels;
  }

  static typename Finish<V>::Target target(const Block& block, int64_t i, int64_t rows, int64_t p, int64_t count) {
    typename Finish<V>::Target to = block.to;
    to.rows = rows;
    to.width = count * PANEL_WIDTH;
    to.columns = min_of(to.width, block.n - p * PANEL_WIDTH);
    to.c += i * to.c_row + p * PANEL_WIDTH;
    if (to.residual != nullptr) to.residual += i * to.residual_row + p * PANEL_WIDTH;
    if (to.bias != nullptr) to.bias += p * PANEL_WIDTH;
    return to;
  }

  // C's lines travel while the tile computes: those of the first panels, which no earlier tile asked for.
  static void prefetch(const typename Finish<V>::Target& to) {
    for (int64_t r = 0; r < to.rows; r++) __builtin_prefetch(to.c + r * to.c_row, 1, 3);
  }
};

}  // namespace
}  // namespace ondol

#endif
