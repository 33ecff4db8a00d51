// What a conv or deconv is cut into. Everything here changes speed only.
#ifndef ONDOL_CONV_PLAN_H
#define ONDOL_CONV_PLAN_H

#include "conv/filters.h"
#include "conv/patch.h"
#include "conv/straight.h"
#include "conv/tiles.h"

namespace ondol {
namespace {

enum ConvKind : int64_t { BY_CHANNEL, BY_POSITION, BY_POINT, BY_PLANE, STRAIGHT };

struct ConvChoice {
  int64_t kind;                    // ConvKind: of the lanes (ChannelTile, PositionTile), or points.h's, planes.h's, straight.h's
  int64_t rows, bands;             // of a phase's rows
  int64_t row_phases;              // of a task
  int64_t panels, panel_groups;    // of output channels
  int64_t channels;                // input channels of a block
  int64_t most_rows, most_columns; // of the largest phase
  int64_t most_entries;            // of a block
  int64_t most_channels;           // of a class, at most 16
  int64_t direct;                  // 1: x itself serves as the patch
  int64_t lines;                   // BY_POSITION: 1: vectors of positions end where rows do
};
static_assert(sizeof(ConvChoice) <= sizeof(ondol_plan::choice), "fits into ondol_plan.choice");

template <class V, bool transposed>
class ConvPlanner {
  // Entries of a block: 24 KB of filters a panel stay in a first-level cache of 32 KB while the positions pass.
  // On Zen 5 (48 KB) a tile alone runs at 208 GFLOP/s with 378 entries and at 225 with 126, but whole convolutions gain
  // from 192 only where channels are many (3 x 3, 256-256, 14 x 14: 9.1 instead of 9.5 ms on a core; 1 x 1 256-64: 0.51
  // instead of 0.49, masked 3 x 3 128-128: 11.2 instead of 11.0), and 128 is no better than 192.
  static constexpr int64_t DEPTH = 384;
  static constexpr int64_t SUM_FLOATS = 48 * 1024;    // of a task, a part of the second-level cache
  static constexpr int64_t PATCH_FLOATS = 32 * 1024;
  // Work that is a task of its own where tasks are few. Lower bands have more rows of x in common: with 500 K a deconv 4 x 4
  // 21-21 of 34 x 34 took 1.46 times as long on two threads of a Zen 5, a conv 3 x 3 64-64 of 14 x 14 1.5 times, a 5 x 5 16-24
  // of 28 x 28 1.18 times; with 8 M 1.14, 1.45 and 1.58 times.
  static constexpr double TASK_FLOPS = 4e6;
  static constexpr double LEAST_FLOPS = 5e5;  // of a task: some microseconds
  // Entries up to which sums go straight to y: of x itself, and of a patch, whose lines end within vectors (3 x 3 16-64 of
  // 55 x 55, 144 entries: 183 us instead of 162).
  static constexpr int64_t STRAIGHT_ENTRIES = 144;
  static constexpr int64_t STRAIGHT_PATCH_ENTRIES = 64;

 public:
  static ConvChoice choose(const ondol_conv_args& a, int64_t threads) {
    ConvChoice c = {};
    const Phases phases = {a, transposed};
    c.most_rows = ceil_div(a.end_h - a.begin_h, transposed ? a.stride_h : 1);
    c.most_columns = ceil_div(a.end_w - a.begin_w, transposed ? a.stride_w : 1);
    const int64_t all = Panels16::count(a), classes = class_count(a);
    int64_t entries = 0;
    for (int64_t i = 0; i < (a.classes == 0 ? 1 : classes); i++) {
      const Class cls = class_of(a, i);
      entries = max_of(entries, cls.entries);
      c.most_channels = max_of(c.most_channels, min_of<int64_t>(16, cls.channels));
    }
    const Axis y = phases.y(0), x = phases.x(0);
    if (straight(a, y, x, entries)) return straight_choice(a, c, threads);
    c.kind = by_position(a, x, c.most_columns, a.y_channels / classes) ? BY_POSITION : BY_CHANNEL;
    c.lines = c.kind == BY_POSITION && by_lines(c.most_columns, a.y_channels / classes);

    // Reading whole vectors of positions could pass x's end.
    c.direct = c.kind == BY_CHANNEL && arranged(a, y, x);

    c.row_phases = phases.rows() <= 4 ? phases.rows() : 1;
    const int64_t columns = phases.columns() * c.row_phases;
    c.panels = min_of<int64_t>(all, 16);
    const int64_t row_floats = columns * sum_floats(c, a, x);
    const int64_t few = min_of<int64_t>(8, c.most_rows);  // rows that a band should have before it takes all panels
    // Not down to one panel: its tile waits for broadcasts (3 x 3 64-64 of 224 x 224, two threads: 13.9 ms).
    while (c.panels > 2 && c.panels * few * row_floats > SUM_FLOATS) c.panels = ceil_div(c.panels, 2);
    // Many column phases: the filters are read once a band, so bands may fill more of the cache.
    const int64_t budget = columns > 4 ? 4 * SUM_FLOATS : SUM_FLOATS;
    c.rows = max_of<int64_t>(1, min_of(c.most_rows, budget / max_of<int64_t>(1, c.panels * row_floats)));
    const double flops = 2.0 * (double)a.batch * (double)(a.end_h - a.begin_h) * (double)(a.end_w - a.begin_w) *
                         (double)a.y_channels * (double)entries / (double)(phases.rows() * columns);
    const int64_t wanted = tasks_wanted(flops, TASK_FLOPS, threads);
    // Bands read all filters, panels all of x: the larger of the two is read once.
    const bool filters = (double)entries * (double)a.y_channels > (double)a.x_channels * (double)a.x_height * (double)a.x_width;
    while (a.batch * phases.rows() / c.row_phases * ceil_div(c.most_rows, c.rows) * ceil_div(all, c.panels) < wanted) {
      if (filters && c.panels % 4 == 0) {
        c.panels = ceil_div(c.panels, 2);
      } else if (c.rows > 4 || (c.panels == 1 && c.rows > 1)) {
        c.rows = ceil_div(c.rows, 2);
      } else if (c.panels > 1) {
        c.panels = ceil_div(c.panels, 2);
      } else {
        break;
      }
    }
    c.bands = ceil_div(c.most_rows, c.rows);
    c.rows = ceil_div(c.most_rows, c.bands);
    c.panel_groups = ceil_div(all, c.panels);
    c.panels = ceil_div(all, c.panel_groups);

    const int64_t x_group = a.x_channels / a.groups;
    const int64_t taps = ceil_div(a.kernel_h, transposed ? a.stride_h : 1) * ceil_div(a.kernel_w, transposed ? a.stride_w : 1);
    const int64_t typical = max_of<int64_t>(1, a.classes == 0 ? taps : ceil_div(entries, x_group));
    const Patch<V> patch(y, x, c.rows, c.most_columns);
    int64_t block = max_of<int64_t>(1, DEPTH / typical);
    if (!c.direct) block = max_of<int64_t>(1, min_of(block, PATCH_FLOATS / patch.plane));
    block = min_of(block, x_group);
    c.channels = ceil_div(x_group, ceil_div(x_group, block));
    c.most_entries = c.channels * most_taps(a.kernel_h, a.stride_h, a.dilation_h) * most_taps(a.kernel_w, a.stride_w, a.dilation_w);
    return c;
  }

  // Sums of one panel and one row of one column phase.
  static int64_t sum_floats(const ConvChoice& c, const ondol_conv_args&, const Axis& x) {
    if (c.kind == BY_CHANNEL) return 16 * c.most_columns;
    return c.most_channels * (c.most_columns + (x.span - 1) / x.stride);
  }

  // Whether x is read as one line of all rows, and y written so.
  static bool flat(const ondol_conv_args& a, const Axis& x) {
    return x.span == 1 && x.stride == 1 && x.origin == 0 && x.count == a.x_width && a.x_width == a.y_width;
  }

 private:
  static int64_t most_taps(int64_t kernel, int64_t stride, int64_t dilation) {
    if (!transposed) return kernel;
    int64_t most = 1;
    for (int64_t first = 0; first < min_of(kernel, stride); first++) {
      int64_t n = 0;
      for (int64_t k = first; k < kernel; k++) n += k * dilation % stride == first * dilation % stride;
      most = max_of(most, n);
    }
    return most;
  }

  // As many tasks as keep all threads busy to the end, but each of `task` flops; and one a thread of much fewer.
  static int64_t tasks_wanted(double flops, double task, int64_t threads) {
    if (threads == 1) return 1;
    const double few = min_of((double)threads, flops / LEAST_FLOPS), many = min_of(4.0 * (double)threads, flops / task);
    return max_of<int64_t>(1, (int64_t)max_of(few, many));
  }

  // One tap, no stride and no padding: x itself serves as the patch.
  static bool arranged(const ondol_conv_args& a, const Axis& y, const Axis& x) {
    return y.span == 1 && x.span == 1 && y.stride == 1 && x.stride == 1 && y.step == 1 && x.step == 1 && y.origin >= 0 &&
           y.origin + y.count <= a.x_height && x.origin >= 0 && x.origin + x.count <= a.x_width;
  }

  // Whether lines of positions, few entries and a cheap activation make straight.h the fastest.
  static bool straight(const ondol_conv_args& a, const Axis& y, const Axis& x, int64_t entries) {
    const int64_t most = arranged(a, y, x) ? STRAIGHT_ENTRIES : STRAIGHT_PATCH_ENTRIES;
    if (transposed || V::lanes < 8 || a.classes != 0 || entries > most) return false;
    if (a.activation != ONDOL_NONE && a.activation != ONDOL_RELU) return false;
    const int64_t n = arranged(a, y, x) && flat(a, x) ? y.count * x.count : x.count;
    if (n * 7 < round_up(n, V::lanes) * 6 || a.y_channels / a.groups < 4) return false;
    return arranged(a, y, x) || Patch<V>(y, x, 1, x.count).plane * (a.x_channels / a.groups) <= PATCH_FLOATS;
  }

  // All channels of x in a block, and all panels in a task where there are rows enough.
  static ConvChoice straight_choice(const ondol_conv_args& a, ConvChoice c, int64_t threads) {
    const Phases phases = {a, transposed};
    const Axis y = phases.y(0), x = phases.x(0);
    const int64_t all = Panels16::count(a);
    c.kind = STRAIGHT;
    c.lines = 0;
    c.direct = arranged(a, y, x);
    c.row_phases = 1;
    c.channels = a.x_channels / a.groups;
    c.most_entries = c.channels * a.kernel_h * a.kernel_w;
    c.panels = all;
    c.rows = c.most_rows;
    while (c.rows > 1 && c.direct == 0 && Patch<V>(y, x, c.rows, c.most_columns).plane * c.channels > PATCH_FLOATS) {
      c.rows = ceil_div(c.rows, 2);
    }
    const double flops = 2.0 * (double)a.batch * (double)c.most_rows * (double)c.most_columns * (double)a.y_channels *
                         (double)c.most_entries;
    const int64_t wanted = tasks_wanted(flops, LEAST_FLOPS, threads);
    while (a.batch * ceil_div(c.most_rows, c.rows) * ceil_div(all, c.panels) < wanted) {
      if (c.panels > 1 && c.rows * c.most_columns <= 256) {
        c.panels = ceil_div(c.panels, 2);
      } else if (c.rows > 1) {
        c.rows = ceil_div(c.rows, 2);
      } else {
        break;
      }
    }
    c.bands = ceil_div(c.most_rows, c.rows);
    c.rows = ceil_div(c.most_rows, c.bands);
    c.panel_groups = ceil_div(all, c.panels);
    c.panels = ceil_div(all, c.panel_groups);
    return c;
  }

  // Whether rows of y are whole vectors, and output channels enough to fill the pipes.
  static bool by_lines(int64_t columns, int64_t channels) {
    const int64_t rows = ceil_div(channels, ceil_div(channels, (int64_t)LineTile<V>::ROWS));
    return !transposed && columns % V::lanes == 0 && rows * LineTile<V>::WIDTH >= (V::lanes == 16 ? 16 : 12);
  }

  // What share of the multiply-adds either tile spends on sums that are wanted, and how well it fills the pipes.
  static bool by_position(const ondol_conv_args&, const Axis& x, int64_t columns, int64_t channels) {
    if (channels >= 16 && channels % 16 == 0) return false;
    const int64_t pipe = V::lanes == 16 ? 4 : 8;  // sums in flight that hide a multiply-add's latency
    const int64_t vectors = PANEL_WIDTH / V::lanes;
    const double lanes = (double)channels / (double)round_up(channels, 16);
    const int64_t tile = ceil_div(columns, ceil_div(columns, (int64_t)ChannelTile<V>::ROWS));
    const double fill = min_of(1.0, (double)(tile * vectors * min_of<int64_t>(ceil_div(channels, 16), 2)) / (double)pipe);
    const double useful = by_lines(columns, channels) ? 1 : (double)columns / (double)(columns + (x.span - 1) / x.stride);
    const int64_t rows = ceil_div(channels, ceil_div(channels, (int64_t)PositionTile<V>::MOST_ROWS));
    return useful * (rows == 1 ? 0.5 : 0.85) > lanes * fill;
  }
};

}  // namespace
}  // namespace ondol

#endif
