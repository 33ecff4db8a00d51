// conv and deconv. A task is a band of rows of some row phases of one image, for some panels of output channels. It takes
// the input channels a block at a time: fills the block's patch, which all panels and phases of the task read, and
// continues their sums over the block's entries; then the sums become rows of y.
#ifndef ONDOL_CONV_BODY_H
#define ONDOL_CONV_BODY_H

#include "conv/ahead.h"
#include "conv/conv.h"
#include "conv/conv_plan.h"
#include "conv/filters.h"
#include "conv/patch.h"
#include "conv/planes.h"
#include "conv/points.h"
#include "conv/store.h"
#include "conv/straight.h"
#include "conv/tiles.h"

namespace ondol {
namespace {

template <class V, bool transposed>
class ConvBody {
  typedef ConvPlanner<V, transposed> Planner;

 public:
  static void plan(const ondol_conv_args* args, ondol_plan* plan) {
    const ondol_conv_args& a = *args;
    plan->phases = 0;
    plan->workspace = 0;
    plan->scratch = 0;
    if (a.batch == 0 || a.begin_h >= a.end_h || a.begin_w >= a.end_w) return;
    if (a.packed == nullptr) {
      plan->workspace = 4 * Panels16::floats(a);
      plan->tasks[plan->phases++] = Panels16::count(a);
    }
    if (!transposed && ConvPlanes<V>::suits(a)) {
      const PlanesChoice c = ConvPlanes<V>::choose(a, BY_PLANE, plan->threads);
      __builtin_memcpy(plan->choice, &c, sizeof c);
      plan->tasks[plan->phases++] = ConvPlanes<V>::tasks(c);
      plan->scratch = ConvPlanes<V>::scratch(a, c);
      return;
    }
    if (!transposed && ConvPoints<V>::suits(a)) {
      const PointsChoice c = ConvPoints<V>::choose(a, BY_POINT, plan->threads);
      __builtin_memcpy(plan->choice, &c, sizeof c);
      plan->tasks[plan->phases++] = c.chunks;
      plan->scratch = ConvPoints<V>::scratch(a, c);
      return;
    }
    const ConvChoice c = Planner::choose(a, plan->threads);
    __builtin_memcpy(plan->choice, &c, sizeof c);
    const Phases phases = {a, transposed};
    plan->tasks[plan->phases++] = a.batch * phases.rows() / c.row_phases * c.bands * c.panel_groups;
    plan->scratch = 4 * Memory(a, c).total;
  }

  static void run(const ondol_conv_args* args, const ondol_plan* plan, int64_t phase, int64_t begin, int64_t end, int64_t,
                  void* workspace, void* scratch) {
    if (phase + 1 < plan->phases) {
      for (int64_t i = begin; i < end; i++) pack_runs<V>(*args, transposed, i, (float*)workspace);
      return;
    }
    const float* packed = args->packed != nullptr ? args->packed : (const float*)workspace;
    if (plan->choice[0] == BY_PLANE) {
      PlanesChoice c;
      __builtin_memcpy(&c, plan->choice, sizeof c);
      ConvPlanes<V>::run(*args, c, packed, (float*)scratch, begin, end);
      return;
    }
    if (plan->choice[0] == BY_POINT) {
      PointsChoice c;
      __builtin_memcpy(&c, plan->choice, sizeof c);
      ConvPoints<V>::run(*args, c, packed, (float*)scratch, begin, end);
      return;
    }
    ConvChoice c;
    __builtin_memcpy(&c, plan->choice, sizeof c);
    const ConvBody body(*args, c, packed, (float*)scratch);
    for (int64_t task = begin; task < end; task++) body.task(task);
  }

 private:
  // The parts of a thread's scratch memory, in floats.
  struct Memory {
    int64_t patch, sums, phase_sums, planes, line, offsets, taps, total;
    int64_t pitch;  // from one channel's sums to the next

    Memory(const ondol_conv_args& a, const ConvChoice& c) {
      const Phases phases = {a, transposed};
      const Axis y = phases.y(0), x = phases.x(0);
      const Patch<V> p(y, x, c.rows, c.most_columns);
      patch = c.direct ? 0 : round_up(p.floats(c.channels), 16);
      offsets = 2 * round_up(c.most_entries, 8);
      taps = 2 * round_up(a.kernel_h * a.kernel_w, 8);
      if (c.kind == STRAIGHT) {
        pitch = phase_sums = line = 0;
        sums = Straight<V>::tail_floats(c.most_entries);
        planes = offsets;  // those of the tail
        total = patch + sums + planes + offsets + taps;
        return;
      }
      const int64_t row = c.kind == BY_POSITION && c.lines == 0 ? p.pitch : c.most_columns;
      pitch = round_up(c.rows * row, c.kind == BY_POSITION ? V::lanes : 16);
      phase_sums = c.kind == BY_POSITION ? c.most_channels * pitch : 16 * pitch;
      sums = c.row_phases * phases.columns() * c.panels * phase_sums;
      planes = c.kind == BY_POSITION || !transposed ? 16 * V::lanes : phases.columns() * 16 * pitch;  // or slack
      line = round_up(a.end_w - a.begin_w, 16) + 4 * V::lanes;
      total = patch + sums + planes + line + offsets + taps;
    }
  };

  const ondol_conv_args& a;
  const ConvChoice& c;
  const float* const packed;
  const Phases phases;
  const Memory memory;
  float* const patch_floats;
  float* const sums;
  float* const planes;
  float* const line;
  int64_t* const offsets;
  int64_t* const taps;
  const typename Store<V>::Functions& store;

  ConvBody(const ondol_conv_args& args, const ConvChoice& choice, const float* packed, float* scratch)
      : a(args),
        c(choice),
        packed(packed),
        phases{args, transposed},
        memory(args, choice),
        patch_floats(scratch),
        sums(patch_floats + memory.patch),
        planes(sums + memory.sums),
        line(planes + memory.planes),
        offsets((int64_t*)(line + memory.line)),
        taps(offsets + memory.offsets / 2),
        store(Store<V>::functions(args)) {}

  // Rows of some row phases: row `first` of each is where the patch begins.
  struct Band {
    int64_t image, first, phase;
  };

  // A row phase and a column phase of a band, over a patch.
  struct Part {
    const Patch<V>& patch;
    const float* data;
    Axis y, x;
    int64_t rows;  // of y
    int64_t slot;  // of the phase's sums
    Ahead& ahead;
    const Band& band;
  };

  int64_t rows_of(const Axis& y, const Band& band) const {
    return max_of<int64_t>(0, min_of(c.rows, y.count - band.first));
  }

  void task(int64_t index) const {
    const int64_t group = index % c.panel_groups;
    index /= c.panel_groups;
    Band band;
    band.first = index % c.bands * c.rows;
    index /= c.bands;
    const int64_t each = phases.rows() / c.row_phases;
    band.phase = index % each * c.row_phases;
    band.image = index / each;
    const int64_t end = min_of((group + 1) * c.panels, Panels16::count(a));
    for (int64_t p = group * c.panels, next; p < end; p = next) {
      const int64_t of = class_of(a, Panels16(a).at(p).index).group;
      for (next = p + 1; next < end && class_of(a, Panels16(a).at(next).index).group == of;) next++;
      compute(band, of, p, next);
      for (int64_t y = 0; y < c.row_phases && !at_once(); y++) {
        for (int64_t i = p; i < next; i++) finish(band, y, Panels16(a).at(i), i - p);
      }
    }
  }

  // Whether one block has all channels of a group: then panels are finished as soon as they are computed, while their sums
  // are in a first-level cache. Lanes of channels need not ask for y then (Zen 5, 7 x 7 3-128 dense: 1.92 instead of 2.03 ms;
  // 1 x 1 256-64: 0.353 instead of 0.363), lines do (masked 7 x 7: 1.12 instead of 1.24; but asked for one by one within the
  // tile's steps 1.80 instead of 1.64).
  bool at_once() const { return c.channels == a.x_channels / a.groups && c.row_phases * phases.columns() == 1; }

  // The sums of panels [begin, end), all of one group of channels.
  void compute(const Band& band, int64_t group, int64_t begin, int64_t end) const {
    const int64_t x_group = a.x_channels / a.groups;
    const float* x = a.x + band.image * a.x_batch + group * x_group * a.x_channel;
    const Axis y = phases.y(band.phase);
    const int64_t top = y.origin + band.first * y.stride, left = phases.x(0).origin;
    const bool direct = c.direct != 0;
    const Patch<V> patch = direct ? Patch<V>(a.x_channel, a.x_width) : Patch<V>(y, phases.x(0), c.rows, c.most_columns);
    for (int64_t from = 0; from < x_group; from += c.channels) {
      const int64_t to = min_of(from + c.channels, x_group);
      const float* data = patch_floats;
      if (direct) {
        data = x + from * a.x_channel + top * a.x_width + left;
      } else {
        patch.fill(x + from * a.x_channel, a.x_channel, to - from, top, left, a.x_height, a.x_width, patch_floats);
      }
      const int64_t tiles = calls(end - begin);
      Ahead ahead = to < x_group                            ? next_block(x, to, top, patch, tiles)
                    : at_once() && c.kind == BY_CHANNEL ? Ahead()
                                                        : results(band, begin, end, tiles);
      for (int64_t i = 0; i < c.row_phases * phases.columns(); i++) {
        const Axis rows = phases.y(band.phase + i / phases.columns());
        part({patch, data, rows, phases.x(i % phases.columns()), rows_of(rows, band), i, ahead, band}, from, to, begin,
             end);
      }
    }
  }

  // Tiles of a block: about.
  int64_t calls(int64_t panels) const {
    const int64_t positions = c.rows * c.most_columns * c.row_phases * phases.columns();
    return positions * panels / (V::lanes == 16 ? 24 : 12);
  }

  // The rows of x that the block of channels from `from` on will read.
  Ahead next_block(const float* x, int64_t from, int64_t top, const Patch<V>& patch, int64_t calls) const {
    const int64_t first = max_of<int64_t>(0, min_of(top, a.x_height)), count = min_of(c.channels, a.x_channels / a.groups - from);
    const int64_t last = max_of(first, min_of(c.direct != 0 ? top + c.rows : top + patch.height * patch.step_h, a.x_height));
    return Ahead({x + from * a.x_channel + first * a.x_width, a.x_channel, count, (last - first) * a.x_width}, false, calls);
  }

  // The rows of y that panels [begin, end) will be written to, where the task has them all and their channels follow one
  // another.
  Ahead results(const Band& band, int64_t begin, int64_t end, int64_t calls) const {
    const Panel first = Panels16(a).at(begin), last = Panels16(a).at(end - 1);
    const int64_t o = class_of(a, first.index).at(first.begin);
    const int64_t count = class_of(a, last.index).at(last.begin + last.channels - 1) - o + 1;
    const Axis axis = phases.y(band.phase);
    const int64_t rows = rows_of(axis, band) * axis.step, row = axis.first + band.first * axis.step;
    if (count < 0 || count > 16 * (end - begin) || c.row_phases < phases.rows()) return Ahead();
    const float* y = a.y + band.image * a.y_batch + o * a.y_channel;
    const int64_t floats = min_of(rows, a.y_height - row) * a.y_width;
    return Ahead({y + max_of<int64_t>(0, row) * a.y_width, a.y_channel, count, floats}, true, calls);
  }

  // Continues the sums of a part over the entries of channels [from, to).
  void part(const Part& part, int64_t from, int64_t to, int64_t begin, int64_t end) const {
    if (c.kind == STRAIGHT) {
      straight(part, begin, end);
      return;
    }
    const int64_t all = a.kernel_h * a.kernel_w;
    if (a.classes != 0) {
      for (int64_t k = 0; k < all; k++) taps[k] = -1;
    }
    int64_t last_class = -1, entries = 0, first_row = 0;
    for (int64_t p = begin, count; p < end; p += count) {
      const Panel panel = Panels16(a).at(p);
      const Class cls = class_of(a, panel.index);
      if (panel.index != last_class) {
        last_class = panel.index;
        entries = cls.live == nullptr ? list(part, from, to, first_row) : list_live(part, cls, from, to, first_row);
        first_row += rows_before(a, cls, part.y, part.x);
      }
      const int64_t rest = ceil_div(cls.channels - panel.begin, 16);
      const float* w = packed + panel.rows + first_row * PANEL_WIDTH;
      float* out = sums + (part.slot * c.panels + (at_once() ? 0 : p - begin)) * memory.phase_sums;
      count = 1;
      if ((entries == 0 && from > 0) || part.x.count == 0 || part.rows == 0) continue;
      if (c.kind == BY_POSITION) {
        by_position(part, entries, w, panel.channels, out, from == 0);
      } else {
        count = by_channel(part, entries, w, 16 * cls.entries, min_of(rest, end - p), out, from == 0);
      }
      for (int64_t i = 0; i < count && at_once(); i++) finish(part.band, 0, Panels16(a).at(p + i), i);
    }
  }

  // All sums of a part, and what follows them.
  void straight(const Part& part, int64_t begin, int64_t end) const {
    int64_t first_row = 0;
    const int64_t entries = list(part, 0, c.channels, first_row);
    const Straight<V> tiles(a, packed, entries, offsets, sums, (int64_t*)planes);
    const bool flat = c.direct != 0 && Planner::flat(a, part.x);
    const int64_t lines = flat ? 1 : part.rows, width = flat ? part.rows * part.x.count : part.x.count;
    typename Straight<V>::Line line;
    line.n = width;
    line.image = part.band.image;
    for (int64_t i = 0; i < lines; i++) {
      const int64_t row = part.y.first + part.band.first + i;
      line.x = part.data + i * part.patch.pitch;
      line.place = row * a.y_width + a.begin_w;
      // The patch has slack behind its last row; x ends with its last channel's plane.
      line.readable = c.direct == 0 ? INT64_MAX : (a.x_height - (part.y.origin + part.band.first + i)) * a.x_width - part.x.origin;
      tiles.line(line, begin, end);
    }
  }

  // Offsets of all entries in channels [from, to) of a phase; first_row: their first in the packed filters' phase.
  int64_t list(const Part& part, int64_t from, int64_t to, int64_t& first_row) const {
    int64_t n = 0;
    each_tap(part.y, part.x,
             [&](int64_t, int64_t y, int64_t x) { taps[n++] = part.patch.offset(0, y, x); });
    int64_t* out = offsets;
    for (int64_t channel = 0; channel < to - from; channel++) {
      const int64_t place = channel * part.patch.plane;
      for (int64_t t = 0; t < n; t++) *out++ = place + taps[t];
    }
    first_row = from * n;
    return (to - from) * n;
  }

  // The same for the live entries of a class.
  int64_t list_live(const Part& part, const Class& cls, int64_t from, int64_t to, int64_t& first_row) const {
    each_tap(part.y, part.x,
             [&](int64_t k, int64_t y, int64_t x) { taps[k] = part.patch.offset(0, y, x); });
    int64_t n = 0;
    first_row = 0;
    each_live(cls, taps, a.kernel_h * a.kernel_w, from, to, [&](int64_t row, int64_t channel, int64_t k) {
      if (n == 0) first_row = row;
      offsets[n++] = (channel - from) * part.patch.plane + taps[k];
    });
    return n;
  }

  // Panels side by side as far as the tile has room; returns how many.
  int64_t by_channel(const Part& part, int64_t entries, const float* w, int64_t w_panel, int64_t panels, float* out,
                     bool first) const {
    const bool flat = part.patch.pitch == part.x.count;
    const int64_t rows = part.rows;
    const int64_t lines = flat ? 1 : rows, width = flat ? rows * part.x.count : part.x.count;
    const int64_t tiles = ChannelTile<V>::tiles(width, panels);
    const int64_t count = ChannelTile<V>::side(ceil_div(width, tiles), panels);
    for (int64_t i = 0; i < lines; i++) {
      for (int64_t t = 0; t < tiles; t++) {
        const int64_t j = width * t / tiles, n = width * (t + 1) / tiles - j;
        ChannelTile<V>::function(n, count)(entries, offsets, part.data + i * part.patch.pitch + j, w, w_panel,
                                           out + (i * width + j) * PANEL_WIDTH, memory.phase_sums, first);
        part.ahead.ask();
      }
    }
    return count;
  }

  void by_position(const Part& part, int64_t entries, const float* w, int64_t channels, float* out, bool first) const {
    if (c.lines != 0) {
      by_line(part, entries, w, channels, out, first);
      return;
    }
    const int64_t flat = (part.rows - 1) * part.patch.pitch + part.x.count;
    const int64_t vectors = ceil_div(flat, (int64_t)V::lanes);
    const int64_t tiles = ceil_div(channels, (int64_t)PositionTile<V>::MOST_ROWS);
    for (int64_t t = 0; t < tiles; t++) {
      const int64_t r = channels * t / tiles, n = channels * (t + 1) / tiles - r;
      const int64_t most = PositionTile<V>::width((int)n), steps = ceil_div(vectors, most);
      for (int64_t s = 0; s < steps; s++) {
        const int64_t v = vectors * s / steps, width = vectors * (s + 1) / steps - v;
        PositionTile<V>::function(n, width)(entries, offsets, part.data + v * V::lanes, w + r,
                                            out + r * memory.pitch + v * V::lanes, memory.pitch, first);
        part.ahead.ask();
      }
    }
  }

  void by_line(const Part& part, int64_t entries, const float* w, int64_t channels, float* out, bool first) const {
    const int64_t vectors = c.most_columns / V::lanes, tiles = ceil_div(channels, (int64_t)LineTile<V>::ROWS);
    const int64_t most = min_of<int64_t>(vectors, LineTile<V>::WIDTH), steps = ceil_div(vectors, most);
    for (int64_t i = 0, lines; i < part.rows; i += lines) {
      lines = LineTile<V>::WIDTH / most;
      while (lines > part.rows - i) lines /= 2;
      for (int64_t t = 0; t < tiles; t++) {
        const int64_t r = channels * t / tiles, n = channels * (t + 1) / tiles - r;
        for (int64_t s = 0; s < steps; s++) {
          const int64_t v = vectors * s / steps, width = vectors * (s + 1) / steps - v;
          LineTile<V>::function(n, lines, width)(entries, offsets, part.data + i * part.patch.pitch + v * V::lanes,
                                                 part.patch.pitch, w + r,
                                                 out + r * memory.pitch + i * c.most_columns + v * V::lanes,
                                                 memory.pitch, c.most_columns, first);
          part.ahead.ask();
        }
      }
    }
  }

  // Where the sums of a channel and a row of a column phase lie once they are planes.
  struct Planes {
    const float* at;
    int64_t phase, channel, row;
  };

  // Row phase `y` of the band, and the panel's place among the task's.
  void finish(const Band& band, int64_t y, const Panel& panel, int64_t slot) const {
    const Class cls = class_of(a, panel.index);
    const Axis axis = phases.y(band.phase + y);
    const int64_t rows = rows_of(axis, band);
    if (c.kind == BY_CHANNEL && phases.columns() == 1 && axis.step == 1) {
      blocks(band, axis, rows, cls, panel, sums + slot * memory.phase_sums);
      return;
    }
    const Patch<V> patch(axis, phases.x(0), c.rows, c.most_columns);
    Planes from = {sums + (y * phases.columns() * c.panels + slot) * memory.phase_sums, c.panels * memory.phase_sums,
                   memory.pitch, c.lines != 0 ? c.most_columns : patch.pitch};
    if (c.kind == BY_CHANNEL) {
      for (int64_t j = 0; j < phases.columns(); j++) {
        Store<V>::transpose(from.at + j * from.phase, rows * phases.x(j).count, panel.channels,
                            planes + j * 16 * memory.pitch, memory.pitch);
      }
      from = {planes, 16 * memory.pitch, memory.pitch, 0};
    }
    for (int64_t i = 0; i < panel.channels; i++) channel(band, axis, rows, cls.at(panel.begin + i), i, from);
  }

  // Sums [row][column][channel] straight into y: all rows at once where they follow one another.
  void blocks(const Band& band, const Axis& axis, int64_t rows, const Class& cls, const Panel& panel, const float* from) const {
    const int64_t width = a.end_w - a.begin_w;
    const bool whole = width == a.y_width;
    typename Store<V>::Block block;
    block.channels = panel.channels;
    block.positions = whole ? rows * width : width;
    block.biased = a.bias != nullptr;
    block.slope = (float)a.slope;
    for (int64_t r = 0; r < (whole ? min_of<int64_t>(1, rows) : rows); r++) {
      const int64_t place = (axis.first + band.first + r) * a.y_width + a.begin_w;
      block.sums = from + r * width * PANEL_WIDTH;
      for (int64_t i = 0; i < panel.channels; i++) {
        const int64_t o = cls.at(panel.begin + i);
        block.y[i] = a.y + band.image * a.y_batch + o * a.y_channel + place;
        block.residual[i] =
            a.residual == nullptr ? nullptr : a.residual + band.image * a.residual_batch + o * a.residual_channel + place;
        block.bias[i] = block.biased ? a.bias[o] : 0.0f;
      }
      store.block(block);
    }
  }

  void channel(const Band& band, const Axis& axis, int64_t rows, int64_t o, int64_t i, const Planes& from) const {
    typename Store<V>::Line to;
    to.biased = a.bias != nullptr;
    to.bias = to.biased ? a.bias[o] : 0.0f;
    to.slope = (float)a.slope;
    float* y = a.y + band.image * a.y_batch + o * a.y_channel + a.begin_w;
    const float* residual =
        a.residual == nullptr ? nullptr : a.residual + band.image * a.residual_batch + o * a.residual_channel + a.begin_w;
    const int64_t width = a.end_w - a.begin_w;
    const int64_t row_step = c.kind == BY_POSITION ? from.row : phases.x(0).count;
    const bool whole = axis.step == 1 && phases.columns() == 1 && width == a.y_width && row_step == width;
    to.n = whole ? width * rows : width;
    for (int64_t r = 0; r < (whole ? min_of<int64_t>(1, rows) : rows); r++) {
      const int64_t row = (axis.first + (band.first + r) * axis.step) * a.y_width;
      to.y = y + row;
      to.residual = residual == nullptr ? nullptr : residual + row;
      to.sums = from.at + i * from.channel + r * row_step;
      if (phases.columns() > 1) {
        interleave(from, i, r);
        to.sums = line;
      }
      store.line(to);
    }
  }

  // Where the lanes of two vectors go that are dealt out by turns, from lane `from` on.
  static ONDOL_INLINE typename V::I zip(int from) {
    typename V::I at;
    for (int l = 0; l < V::lanes; l++) at[l] = from + l / 2 + l % 2 * V::lanes;
    return at;
  }

  // Column phase j has the elements j, j + stride, ... of a row. Two phases dealt out on their way into y, not by way of the
  // line, are no faster (Zen 5, 4 x 4 21-21 34 x 34: 0.12 ms either way, 128-3: 1.17).
  void interleave(const Planes& from, int64_t i, int64_t r) const {
    const int64_t step = phases.columns();
    const float* base = from.at + i * from.channel;
    int64_t j = 0;
    if (step == 2) {
      const int64_t even = phases.x(0).count, odd = phases.x(1).count;  // even is odd or one more
      const float* p = base + r * (c.kind == BY_POSITION ? from.row : even);
      const float* q = base + from.phase + r * (c.kind == BY_POSITION ? from.row : odd);
      // Whole vectors: what is behind the row's end is written to the line's slack.
      for (int64_t k = 0; k < even; k += V::lanes) {
        const typename V::F low = V::load(p + k), high = V::load(q + k);
        V::store(line + 2 * k, __builtin_shuffle(low, high, zip(0)));
        V::store(line + 2 * k + V::lanes, __builtin_shuffle(low, high, zip(V::lanes / 2)));
      }
      return;
    }
    // Squares of lanes x lanes; what is loaded past a row's end is not stored.
    for (; c.kind == BY_POSITION && j + V::lanes <= step; j += V::lanes) {
      const float* p = base + j * from.phase + r * from.row;
      const int64_t full = phases.x(j + V::lanes - 1).count;
      for (int64_t k = 0; k < full; k += V::lanes) {
        typename V::F square[V::lanes];
        for (int64_t l = 0; l < V::lanes; l++) square[l] = V::load(p + l * from.phase + k);
        V::transpose(square);
        for (int64_t l = 0; l < min_of<int64_t>(V::lanes, full - k); l++) V::store(line + (k + l) * step + j, square[l]);
      }
      for (int64_t l = 0; l < V::lanes; l++) {
        if (phases.x(j + l).count > full) line[full * step + j + l] = p[l * from.phase + full];
      }
    }
    for (; j < step; j++) {
      const int64_t count = phases.x(j).count;
      const float* p = base + j * from.phase + r * (c.kind == BY_POSITION ? from.row : count);
      for (int64_t k = 0; k < count; k++) line[k * step + j] = p[k];
    }
  }
};

template <class V>
using Conv = ConvBody<V, false>;

template <class V>
using Deconv = ConvBody<V, true>;

}  // namespace
}  // namespace ondol

#endif
