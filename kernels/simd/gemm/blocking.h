// What a call is cut into. Everything here changes speed only.
//
// A unit is a block of rows x columns of one batch item of C, for all of k; a task is `group` units. Inside a unit,
// rows are taken `mc` and k `kc` at a time: mc x kc of A stays in L2 while every panel of the unit passes over it, and
// kc x 16 of B stays in L1 (24 of 32 KB) while the row tiles pass over that.
#ifndef ONDOL_GEMM_BLOCKING_H
#define ONDOL_GEMM_BLOCKING_H

#include "gemm/tile.h"
#include "ondol.h"

namespace ondol {
namespace {

// Where a unit finds B.
enum BSource : int64_t {
  PACKED,  // in the caller's panels
  SHARED,  // in panels that phase 0 has packed into the workspace
  OWN,     // in panels that the unit packs for itself
  PLAIN    // in B's rows: so few rows of A that packing would cost more than computing
};

struct Blocking {
  int64_t batch;             // items
  int64_t row_blocks, rows;  // units along m, rows of each but the last
  int64_t column_blocks, columns;
  int64_t mc, kc;
  int64_t source;      // BSource
  int64_t pack_k;      // depth of the panels a unit packs for itself: kc, or k where it has several row blocks
  int64_t copy_a;      // 1: A's block is copied together
  int64_t rows_inner;  // 1: consecutive units go down a column block
  int64_t group;       // units of a task

  int64_t units() const { return batch * row_blocks * column_blocks; }
};
static_assert(sizeof(Blocking) <= sizeof(ondol_plan::choice), "fits into ondol_plan.choice");

// The same product with as much of the batch as possible made rows of A, and with unit strides where a stride is not
// used.
inline ondol_gemm_args folded(const ondol_gemm_args& args) {
  ondol_gemm_args a = args;
  for (int64_t d = ONDOL_BATCH_RANK - 1; d >= 0; d--) {
    if (a.batch[d] == 1) continue;
    const bool one_row = a.m == 1;
    const bool stacked = one_row || (a.a_batch[d] == a.m * a.a_row && a.c_batch[d] == a.m * a.c_row &&
                                     (a.residual == nullptr || a.residual_batch[d] == a.m * a.residual_row));
    if (!stacked || (a.packed == nullptr && a.b_batch[d] != 0)) break;
    if (one_row) {
      a.a_row = a.a_batch[d];
      a.c_row = a.c_batch[d];
      a.residual_row = a.residual_batch[d];
    }
    a.m *= a.batch[d];
    a.batch[d] = 1;
  }
  if (a.k <= 1) a.a_col = 1;
  if (a.k <= 1 && a.b_col != 1) a.b_row = 1;
  if (a.n <= 1) a.b_col = 1;
  if (a.m <= 1 && a.a_col != 1) a.a_row = 1;
  return a;
}

template <class V>
class Planner {
  // 384 deep panels measured better than 256 (C is reloaded less often) and than 512 (which leave L1).
  static constexpr int64_t KC = 384;
  static constexpr int64_t MC = 192;
  static constexpr int64_t NC = 512;
  static constexpr int64_t PLAIN_KC = 16;        // streams of rows of B read side by side
  static constexpr int64_t UNIT_FLOPS = 500000;  // about 5 microseconds: below, claiming a task would show
  static constexpr int64_t TASK_FLOPS = 4 * UNIT_FLOPS;

 public:
  static Blocking choose(const ondol_gemm_args& a, int64_t threads) {
    Blocking b = {};
    b.batch = a.batch[0] * a.batch[1] * a.batch[2] * a.batch[3];
    if (b.batch == 0 || a.m == 0 || a.n == 0) return b;
    const int64_t panels = ceil_div(a.n, PANEL_WIDTH);
    const int64_t tiles = ceil_div(a.m, Tile<V>::ROWS);
    const int64_t wanted = units_wanted(a, b.batch, threads);
    const int64_t wanted_here = ceil_div(wanted, b.batch);

    b.source = a.packed != nullptr ? PACKED : tiles == 1 && a.b_col == 1 ? PLAIN : OWN;
    // A unit of its own panels has all rows, unless that leaves columns too narrow for the threads.
    int64_t most_columns = NC / PANEL_WIDTH, least_columns = 4, row_blocks = ceil_div(a.m, MC);
    if (b.source == OWN) {
      if (row_blocks == 1) most_columns = 8;
      if (row_blocks > 1 && panels < least_columns * wanted_here && panels < least_columns * threads &&
          b.batch < threads) {
        b.source = SHARED;
      } else {
        row_blocks = 1;
      }
    }
    int64_t column_blocks = ceil_div(panels, most_columns);
    if (column_blocks * row_blocks < wanted_here) {
      const int64_t split = ceil_div(wanted_here, row_blocks);
      column_blocks = max_of(column_blocks, min_of(split, max_of<int64_t>(1, panels / least_columns)));
    }
    if (column_blocks * row_blocks < wanted_here && b.source != OWN) {
      row_blocks = max_of(row_blocks, min_of(ceil_div(wanted_here, column_blocks), tiles));
    }
    if (column_blocks * row_blocks < wanted_here) {
      column_blocks = min_of(panels, ceil_div(wanted_here, row_blocks));
    }
    b.columns = ceil_div(panels, column_blocks) * PANEL_WIDTH;
    b.column_blocks = ceil_div(a.n, b.columns);
    b.rows = ceil_div(tiles, row_blocks) * Tile<V>::ROWS;
    b.row_blocks = ceil_div(a.m, b.rows);

    b.mc = ceil_div(ceil_div(b.rows, Tile<V>::ROWS), ceil_div(b.rows, MC)) * Tile<V>::ROWS;
    b.kc = depth(a, b, tiles, panels);
    b.pack_k = b.rows <= b.mc ? b.kc : a.k;
    b.copy_a = copies(a, b);
    b.rows_inner = a.n > a.m;
    b.group = max_of<int64_t>(1, b.units() / tasks_wanted(a, b.batch));
    return b;
  }

  // Floats of the parts of a thread's scratch memory.
  static int64_t panel_floats(const Blocking& b) {
    if (b.source == OWN) return b.columns * b.pack_k;
    return b.source == PLAIN ? PANEL_WIDTH * b.kc : 0;
  }
  static int64_t a_step(const Blocking& b) { return round_up(b.kc, PANEL_WIDTH); }
  static int64_t a_floats(const Blocking& b) {
    return b.copy_a ? round_up(min_of(b.mc, b.rows) * a_step(b) + V::lanes, PANEL_WIDTH) : 0;
  }
  static int64_t sum_floats(const Blocking& b, int64_t k) {
    return k > b.kc ? min_of(b.mc, b.rows) * b.columns : (int64_t)Tile<V>::ROWS * PANEL_WIDTH * Tile<V>::MAX_PANELS;
  }

 private:
  static double flops(const ondol_gemm_args& a, int64_t batch) {
    return 2.0 * (double)batch * (double)a.m * (double)a.n * (double)max_of<int64_t>(1, a.k);
  }

  // Four units a thread even out what else the machine does.
  static int64_t units_wanted(const ondol_gemm_args& a, int64_t batch, int64_t threads) {
    if (threads == 1) return 1;
    return max_of<int64_t>(1, (int64_t)min_of(4.0 * (double)threads, flops(a, batch) / (double)UNIT_FLOPS));
  }

  // As many tasks as are worth claiming one by one: 9 tasks of two units each leave two threads a ninth of the time
  // waiting for each other, 18 of one do not.
  static int64_t tasks_wanted(const ondol_gemm_args& a, int64_t batch) {
    return max_of<int64_t>(1, (int64_t)min_of(1e6, flops(a, batch) / (double)TASK_FLOPS));
  }

  static int64_t depth(const ondol_gemm_args& a, const Blocking& b, int64_t tiles, int64_t panels) {
    const int64_t k = max_of<int64_t>(1, a.k);
    if (b.source == PLAIN && panels > Tile<V>::MAX_PANELS) return min_of(k, PLAIN_KC);
    if (tiles == 1 && (b.source == PACKED || b.source == PLAIN)) return k;
    return round_up(ceil_div(k, ceil_div(k, KC)), 8);
  }

  // Neither unit stride: a copy makes one. Columns: a tile reads a few floats of each line, so a copy pays as soon as
  // the block is read more than a few times. Rows: only where they lie a multiple of 4 KB apart and compete for the
  // same sets.
  static int64_t copies(const ondol_gemm_args& a, const Blocking& b) {
    if (a.a_col != 1 && a.a_row != 1) return 1;
    if (a.a_col != 1) return b.columns > 4 * PANEL_WIDTH;
    return a.a_row % 1024 == 0 && b.columns >= 256 && a.m > Tile<V>::ROWS;
  }
};

}  // namespace
}  // namespace ondol

#endif
