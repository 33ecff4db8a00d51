// convweight. A task owns the filters between some panels of output channels and a block of input channels. For each
// image it takes bands of rows: dy becomes rows of 16 channels a position, x a patch, and each filter entry's chain over
// the positions goes on; the tile of an image's last band adds the chain to the sum over images. Where several blocks of
// input channels need the same dy, a phase before turns all of it once.
#ifndef ONDOL_CONV_WEIGHT_BODY_H
#define ONDOL_CONV_WEIGHT_BODY_H

#include "conv/conv.h"
#include "conv/filters.h"
#include "conv/patch.h"
#include "conv/store.h"
#include "conv/weight_planes.h"
#include "gemm/tile.h"

namespace ondol {
namespace {

// Rows of the tile are filter entries, lanes output channels: sums += x[row][place[p]] * dy[p][channel], ascending in p.
template <class V>
class EntryTile {
  typedef typename V::F F;
  static constexpr int vectors = PANEL_WIDTH / V::lanes;

 public:
  // One pointer a row: more than eight would not stay in registers beside the rest.
  static constexpr int ROWS = V::lanes == 16 ? 8 : Tile<V>::ROWS;
  static constexpr int PANELS = 2;

  // Where chains come from and go to: row i's at i * 16 and, for the second panel, panel + i * 16.
  struct Chains {
    const float* begun;  // null: they begin here
    float* ended;
    bool add;  // to what is there
    int64_t panel;
  };

  typedef void (*Function)(int64_t n, const int64_t* place, const float* const* x, const float* dy, int64_t dy_panel,
                           const Chains& chains);

  static Function function(int64_t rows, int64_t panels) { return FUNCTIONS[rows - 1][panels - 1]; }
  static constexpr int panels(int rows) { return Tile<V>::panels(rows) < PANELS ? Tile<V>::panels(rows) : PANELS; }

 private:
  template <int rows, int panels>
  static void compute(int64_t n, const int64_t* place, const float* const* x, const float* dy, int64_t dy_panel,
                      const Chains& chains) {
    constexpr int width = panels * vectors;
    F sum[rows][width];
    const float* base[rows];
    ONDOL_UNROLL for (int i = 0; i < rows; i++) {
      base[i] = x[i];
      ONDOL_UNROLL for (int j = 0; j < width; j++) {
        sum[i][j] = chains.begun == nullptr ? V::set(0.0f) : V::load(chains.begun + at(i, j, chains.panel));
      }
    }
    _Pragma("GCC unroll 1") for (int64_t p = 0; p < n; p++) {
      const int64_t position = place[p];
      F row[width];
      ONDOL_UNROLL for (int j = 0; j < width; j++) row[j] = V::load(dy + j / vectors * dy_panel + j % vectors * V::lanes);
      ONDOL_UNROLL for (int i = 0; i < rows; i++) {
        const F factor = V::set(base[i][position]);
        ONDOL_UNROLL for (int j = 0; j < width; j++) sum[i][j] = V::fma(factor, row[j], sum[i][j]);
      }
      dy += PANEL_WIDTH;
    }
    ONDOL_UNROLL for (int i = 0; i < rows; i++) {
      ONDOL_UNROLL for (int j = 0; j < width; j++) {
        float* const to = chains.ended + at(i, j, chains.panel);
        V::store(to, chains.add ? V::load(to) + sum[i][j] : sum[i][j]);
      }
    }
  }

  static int64_t at(int i, int j, int64_t panel) { return j / vectors * panel + i * PANEL_WIDTH + j % vectors * V::lanes; }

  template <int rows, int count>
  static constexpr Function choose() {
    if constexpr (rows <= ROWS && count <= panels(rows)) return &compute<rows, count>;
    return nullptr;
  }

#define ONDOL_TILE_ROW(rows) {choose<rows, 1>(), choose<rows, 2>()}
  static constexpr Function FUNCTIONS[8][PANELS] = {ONDOL_TILE_ROW(1), ONDOL_TILE_ROW(2), ONDOL_TILE_ROW(3),
                                                    ONDOL_TILE_ROW(4), ONDOL_TILE_ROW(5), ONDOL_TILE_ROW(6),
                                                    ONDOL_TILE_ROW(7), ONDOL_TILE_ROW(8)};
#undef ONDOL_TILE_ROW
};

struct WeightChoice {
  int64_t kind;                  // 0; 1 is weight_planes.h's
  int64_t turned;                // 1: dy is turned before, into the workspace
  int64_t panels, panel_groups;  // of output channels; the panels of a task are of one class
  int64_t channels, blocks;      // input channels of a task
  int64_t rows;                  // of y in a band
  int64_t entries;               // most of a task
};
static_assert(sizeof(WeightChoice) <= sizeof(ondol_plan::choice), "fits into ondol_plan.choice");

template <class V>
class ConvWeight {
  static constexpr int64_t POSITIONS = 384;  // 24 KB of dy a panel
  static constexpr int64_t ENTRIES = 256;
  static constexpr int64_t PATCH_FLOATS = 64 * 1024;
  static constexpr int64_t DY_FLOATS = 32 * 1024;
  static constexpr int64_t MOST_PANELS = 16;  // 256 KB of sums, or, over several bands, 128 of sums and as much of chains
  static constexpr int64_t TURNED_FLOATS = 16 * 1024 * 1024;  // 64 MB

 public:
  static void plan(const ondol_convweight_args* args, ondol_plan* plan) {
    const ondol_conv_args& a = args->forward;
    plan->phases = 0;
    plan->workspace = 0;
    if (WeightPlanes<V>::suits(a)) {
      const WeightPlanesChoice c = WeightPlanes<V>::choose(a);
      __builtin_memcpy(plan->choice, &c, sizeof c);
      plan->tasks[plan->phases++] = WeightPlanes<V>::tasks(a);
      plan->scratch = WeightPlanes<V>::scratch(a, c);
      return;
    }
    const WeightChoice c = choose(a, plan->threads);
    __builtin_memcpy(plan->choice, &c, sizeof c);
    if (c.turned != 0) {
      plan->workspace = 4 * turned_floats(a);
      plan->tasks[plan->phases++] = a.batch * Panels16::count(a);
    }
    plan->tasks[plan->phases++] = c.panel_groups * c.blocks;
    plan->scratch = 4 * Memory(a, c).total;
  }

  static void run(const ondol_convweight_args* args, const ondol_plan* plan, int64_t phase, int64_t begin, int64_t end, int64_t,
                  void* workspace, void* scratch) {
    if (plan->choice[0] != 0) {
      WeightPlanesChoice c;
      __builtin_memcpy(&c, plan->choice, sizeof c);
      WeightPlanes<V>::run(*args, c, (float*)scratch, begin, end);
      return;
    }
    if (phase + 1 < plan->phases) {
      for (int64_t i = begin; i < end; i++) turn(*args, i, (float*)workspace);
      return;
    }
    WeightChoice c;
    __builtin_memcpy(&c, plan->choice, sizeof c);
    const ConvWeight weight(*args, c, (const float*)workspace, (float*)scratch);
    for (int64_t task = begin; task < end; task++) weight.task(task);
  }

 private:
  static Axis axis_y(const ondol_conv_args& a) {
    return Axis::conv(0, a.y_height, a.kernel_h, a.stride_h, a.dilation_h, a.pad_top);
  }
  static Axis axis_x(const ondol_conv_args& a) {
    return Axis::conv(0, a.y_width, a.kernel_w, a.stride_w, a.dilation_w, a.pad_left);
  }

  // dy as rows of 16 channels a position: [image][panel][position][16].
  static int64_t turned_floats(const ondol_conv_args& a) {
    return a.batch * Panels16::count(a) * a.y_height * a.y_width * PANEL_WIDTH;
  }

  static void turn(const ondol_convweight_args& args, int64_t index, float* out) {
    const ondol_conv_args& a = args.forward;
    const int64_t all = Panels16::count(a), positions = a.y_height * a.y_width;
    const Panel panel = Panels16(a).at(index % all);
    gather(args, index / all, class_of(a, panel.index), panel.begin, panel.begin + panel.channels, 0, positions,
           out + index * positions * PANEL_WIDTH);
  }

  // Groups of panels: a class has ceil(panels / c.panels) of them.
  static int64_t groups(const ondol_conv_args& a, int64_t panels) {
    int64_t n = 0;
    for (int64_t i = 0; i < (a.classes == 0 ? 1 : a.classes); i++) n += ceil_div(class_of(a, i).channels, 16 * panels);
    return a.classes == 0 ? n * a.groups : n;
  }

  static WeightChoice choose(const ondol_conv_args& a, int64_t threads) {
    WeightChoice c = {};
    const int64_t x_group = a.x_channels / a.groups, taps = a.kernel_h * a.kernel_w;
    c.rows = max_of<int64_t>(1, min_of(a.y_height, POSITIONS / max_of<int64_t>(1, a.y_width)));
    const Patch<V> patch(axis_y(a), axis_x(a), c.rows, a.y_width);
    // A patch serves all panels of its task.
    const int64_t side = EntryTile<V>::panels(EntryTile<V>::ROWS);
    const int64_t most = c.rows < a.y_height ? MOST_PANELS / 2 : MOST_PANELS;
    c.panels = max_of(side, min_of(most, DY_FLOATS / (c.rows * a.y_width * PANEL_WIDTH)) / side * side);
    int64_t block = max_of<int64_t>(1, min_of(ENTRIES / taps, PATCH_FLOATS / patch.plane));
    c.channels = min_of(block, x_group);
    while (groups(a, c.panels) * ceil_div(x_group, c.channels) < 4 * threads && threads > 1) {
      if (c.panels > side) {
        c.panels = max_of(side, c.panels / 2 / side * side);
      } else if (c.channels * taps >= 64 && c.channels > 1) {
        c.channels = ceil_div(c.channels, 2);
      } else if (c.panels > 1) {
        c.panels = 1;
      } else if (c.channels > 1) {
        c.channels = ceil_div(c.channels, 2);
      } else {
        break;
      }
    }
    c.blocks = ceil_div(x_group, c.channels);
    c.turned = c.blocks > 1 && a.batch > 0 && turned_floats(a) <= TURNED_FLOATS;
    c.panel_groups = groups(a, c.panels);
    c.entries = c.channels * taps;
    return c;
  }

  struct Memory {
    int64_t patch, dy, total_sums, chain, places, bases, entries, taps, total;

    Memory(const ondol_conv_args& a, const WeightChoice& c) {
      patch = round_up(Patch<V>(axis_y(a), axis_x(a), c.rows, a.y_width).floats(c.channels), 16);
      dy = c.turned != 0 ? 0 : c.panels * c.rows * a.y_width * PANEL_WIDTH;
      total_sums = c.panels * c.entries * PANEL_WIDTH;
      chain = c.rows < a.y_height ? total_sums : 0;
      places = 2 * round_up(c.rows * a.y_width, 8);
      bases = 2 * round_up(c.entries, 16);  // pointers
      entries = round_up(c.entries, 16);
      taps = 2 * round_up(a.kernel_h * a.kernel_w, 8);
      total = patch + dy + chain + total_sums + places + bases + entries + taps;
    }
  };

  const ondol_convweight_args& args;
  const float* const turned;  // where dy is
  const ondol_conv_args& a;
  const WeightChoice& c;
  const Memory memory;
  const Axis y, x;
  float* const patch_floats;
  float* const dy;
  float* const chain;
  float* const sums;
  int64_t* const places;
  const float** const bases;
  int32_t* const entries;  // as the weight counts them
  int64_t* const taps;     // their offsets in a channel of the patch

  ConvWeight(const ondol_convweight_args& args, const WeightChoice& choice, const float* turned, float* scratch)
      : args(args),
        turned(turned),
        a(args.forward),
        c(choice),
        memory(args.forward, choice),
        y(axis_y(args.forward)),
        x(axis_x(args.forward)),
        patch_floats(scratch),
        dy(patch_floats + memory.patch),
        chain(dy + memory.dy),
        sums(chain + memory.chain),
        places((int64_t*)(sums + memory.total_sums)),
        bases((const float**)(places + memory.places / 2)),
        entries((int32_t*)((float*)bases + memory.bases)),
        taps((int64_t*)(entries + memory.entries)) {}

  void task(int64_t index) const {
    const int64_t from = index % c.blocks * c.channels, to = min_of(from + c.channels, a.x_channels / a.groups);
    int64_t group = index / c.blocks, i = 0, panel = 0;
    Class cls = class_of(a, 0);
    for (;; i++) {
      cls = class_of(a, i);
      const int64_t each = ceil_div(cls.channels, 16 * c.panels);
      if (group < each) break;
      group -= each;
      panel += ceil_div(cls.channels, 16);
    }
    const int64_t first = group * c.panels * 16, last = min_of(first + c.panels * 16, cls.channels);
    const int64_t n = list(cls, from, to);
    const int64_t panels = ceil_div(last - first, 16);
    for (int64_t k = 0; k < panels * c.entries * PANEL_WIDTH; k++) sums[k] = 0.0f;
    for (int64_t image = 0; image < a.batch && n > 0; image++) add(image, cls, first, last, panel + first / 16, from, to, n);
    write(cls, first, last, from, to, n);
  }

  // The class's entries in channels [from, to): where their rows of the patch begin, and their place in the weight.
  int64_t list(const Class& cls, int64_t from, int64_t to) const {
    const Patch<V> patch(y, x, c.rows, a.y_width);
    const int64_t all = a.kernel_h * a.kernel_w;
    int64_t n = 0;
    each_tap(y, x, [&](int64_t k, int64_t tap_y, int64_t tap_x) { taps[k] = patch.offset(0, tap_y, tap_x); });
    const auto add = [&](int64_t channel, int64_t k) {
      bases[n] = patch_floats + (channel - from) * patch.plane + taps[k];
      entries[n++] = (int32_t)(channel * all + k);
    };
    if (cls.live != nullptr) {
      each_live(cls, taps, all, from, to, [&](int64_t, int64_t channel, int64_t k) { add(channel, k); });
      return n;
    }
    for (int64_t channel = from; channel < to; channel++) {
      for (int64_t k = 0; k < all; k++) add(channel, k);
    }
    return n;
  }

  // One image's chains are added to the sums: panels from `panel` of all on.
  void add(int64_t image, const Class& cls, int64_t first, int64_t last, int64_t panel, int64_t from, int64_t to, int64_t n) const {
    const Patch<V> patch(y, x, c.rows, a.y_width);
    const float* map = a.x + image * a.x_batch + (cls.group * (a.x_channels / a.groups) + from) * a.x_channel;
    const int64_t panels = ceil_div(last - first, 16);
    for (int64_t r = 0; r < a.y_height; r += c.rows) {
      const int64_t rows = min_of(c.rows, a.y_height - r), positions = rows * a.y_width;
      patch.fill(map, a.x_channel, to - from, y.origin + r * y.stride, x.origin, a.x_height, a.x_width, patch_floats);
      for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < a.y_width; j++) places[i * a.y_width + j] = i * patch.pitch + j;
      }
      const float* rows_of_dy = dy;
      int64_t pitch = memory.dy / c.panels;
      if (c.turned != 0) {
        pitch = a.y_height * a.y_width * PANEL_WIDTH;
        rows_of_dy = turned + (image * Panels16::count(a) + panel) * pitch + r * a.y_width * PANEL_WIDTH;
      } else {
        for (int64_t p = 0; p < panels; p++) gather(args, image, cls, first + 16 * p, last, r * a.y_width, positions, dy + p * pitch);
      }
      const int64_t tiles = ceil_div(n, (int64_t)EntryTile<V>::ROWS);
      const int64_t side = EntryTile<V>::panels((int)ceil_div(n, tiles));
      for (int64_t p = 0, together; p < panels; p += together) {
        together = min_of(side, panels - p);
        for (int64_t t = 0; t < tiles; t++) {
          const int64_t e = n * t / tiles, count = n * (t + 1) / tiles - e;
          const int64_t at = (p * c.entries + e) * PANEL_WIDTH;
          const bool ends = r + rows == a.y_height;
          EntryTile<V>::function(count, together)(positions, places, bases + e, rows_of_dy + p * pitch, pitch,
                                                  {r == 0 ? nullptr : chain + at, (ends ? sums : chain) + at, ends,
                                                   c.entries * PANEL_WIDTH});
        }
      }
    }
  }

  // dy of 16 channels from `first` on, as rows of 16 a position; zeros beyond the class.
  static void gather(const ondol_convweight_args& args, int64_t image, const Class& cls, int64_t first, int64_t last,
                     int64_t position, int64_t positions, float* out) {
    const float* plane[PANEL_WIDTH];
    for (int64_t l = 0; l < PANEL_WIDTH; l++) {
      plane[l] = first + l < last ? args.dy + image * args.dy_batch + cls.at(first + l) * args.dy_channel + position : nullptr;
    }
    Turn<V>::rows(plane, positions, out);
  }

  // The sums as filters; what is dead becomes zero.
  void write(const Class& cls, int64_t first, int64_t last, int64_t from, int64_t to, int64_t n) const {
    const int64_t taps = a.kernel_h * a.kernel_w, depth = a.x_channels / a.groups * taps;
    if (cls.live == nullptr) {  // its channels follow one another, and so do its entries
      for (int64_t i = first; i < last; i += 16) {
        Store<V>::transpose(sums + (i - first) * c.entries, n, min_of<int64_t>(16, last - i),
                            args.dw + cls.at(i) * depth + from * taps, depth);
      }
      return;
    }
    for (int64_t i = first; i < last; i++) {
      float* out = args.dw + cls.at(i) * depth;
      const float* sum = sums + (i - first) / 16 * c.entries * PANEL_WIDTH + (i - first) % 16;
      for (int64_t k = from * taps; k < to * taps; k++) out[k] = 0.0f;
      for (int64_t e = 0; e < n; e++) out[entries[e]] = sum[e * PANEL_WIDTH];
    }
  }
};

}  // namespace
}  // namespace ondol

#endif
