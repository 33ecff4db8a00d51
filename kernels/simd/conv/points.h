// conv where only few positions an image are wanted: tiny maps, and above all the pixel that a sampler of an
// autoregressive model computes next, in a batch of images. A task takes some points of all images together: their
// inputs are gathered, [entry][point], so that the filters are read once for all of them.
//
// Where the points lie side by side in a row, one entry's inputs do too: they are copied as vectors, and results go
// straight to y. Samplers keep their images side by side for that.
#ifndef ONDOL_CONV_POINTS_H
#define ONDOL_CONV_POINTS_H

#include "conv/filters.h"
#include "conv/store.h"
#include "conv/tiles.h"

namespace ondol {
namespace {

struct PointsChoice {
  int64_t kind;                  // ConvKind
  int64_t points, chunks;        // points of a task
  int64_t entries;               // of a block
  int64_t panels;                // of all output channels
};
static_assert(sizeof(PointsChoice) <= sizeof(ondol_plan::choice), "fits into ondol_plan.choice");

template <class V>
class ConvPoints {
  static constexpr int64_t POINTS = 48;  // four tiles of AVX-512
  static constexpr int64_t DEPTH = 384;  // entries of a block: 24 KB of filters a panel
  static constexpr double TASK_FLOPS = 1000000;  // below two of them the hand-over costs more than the help

 public:
  static bool suits(const ondol_conv_args& a) {
    const int64_t columns = a.end_w - a.begin_w;
    if (columns < 4) return true;
    // A depthwise filter would leave most lanes of channels idle.
    return in_row(a) && columns <= POINTS && (a.groups == 1 || a.y_channels / a.groups >= 8);
  }

  static PointsChoice choose(const ondol_conv_args& a, int64_t kind, int64_t threads) {
    PointsChoice c = {};
    c.kind = kind;
    const int64_t all = count(a), entries = most_entries(a);
    const double flops = 2.0 * (double)all * (double)a.y_channels * (double)entries;
    const int64_t wanted = threads == 1 ? 1 : max_of<int64_t>(1, (int64_t)min_of(2.0 * (double)threads, flops / TASK_FLOPS));
    c.chunks = min_of(all, max_of(ceil_div(all, POINTS), wanted));
    c.points = ceil_div(all, c.chunks);
    c.chunks = ceil_div(all, c.points);
    c.entries = max_of<int64_t>(1, min_of(DEPTH, entries));
    c.panels = Panels16::count(a);
    return c;
  }

  static int64_t scratch(const ondol_conv_args& a, const PointsChoice& c) { return 4 * Memory(a, c).total; }

  static void run(const ondol_conv_args& a, const PointsChoice& c, const float* packed, float* scratch, int64_t begin, int64_t end) {
    const ConvPoints points(a, c, packed, scratch);
    for (int64_t task = begin; task < end; task++) points.task(task);
  }

 private:
  // Whether the points are neighbours in one row of one image, and what a tap reads for them too.
  static bool in_row(const ondol_conv_args& a) { return a.batch == 1 && a.end_h - a.begin_h == 1 && a.stride_w == 1; }

  static int64_t count(const ondol_conv_args& a) { return a.batch * (a.end_h - a.begin_h) * (a.end_w - a.begin_w); }

  static int64_t most_entries(const ondol_conv_args& a) {
    int64_t most = 0;
    for (int64_t i = 0; i < (a.classes == 0 ? 1 : a.classes); i++) most = max_of(most, class_of(a, i).entries);
    return most;
  }

  // The parts of a thread's scratch memory, in floats.
  struct Memory {
    int64_t pitch, inputs, sums, planes, places, offsets, points, total;

    Memory(const ondol_conv_args& a, const PointsChoice& c) {
      pitch = round_up(c.points, 16);
      inputs = c.entries * pitch + 16;
      sums = c.panels * pitch * PANEL_WIDTH;
      planes = 18 * pitch;  // of a panel, then a residual and a result
      places = 2 * a.kernel_h * a.kernel_w * pitch;
      offsets = 2 * round_up(c.entries, 8);
      points = 4 * pitch;
      total = inputs + sums + planes + places + offsets + points;
    }
  };

  const ondol_conv_args& a;
  const PointsChoice& c;
  const float* const packed;
  const Memory memory;
  float* const inputs;
  float* const sums;
  float* const planes;
  int64_t* const places;   // [tap][point]: where x lies in a channel, or -1 in the padding
  int64_t* const offsets;
  int64_t* const image;    // of a point
  int64_t* const position; // of a point in a plane of y
  const typename Store<V>::Functions& store;
  const bool row;

  ConvPoints(const ondol_conv_args& args, const PointsChoice& choice, const float* packed, float* scratch)
      : a(args),
        c(choice),
        packed(packed),
        memory(args, choice),
        inputs(scratch),
        sums(inputs + memory.inputs),
        planes(sums + memory.sums),
        places((int64_t*)(planes + memory.planes)),
        offsets(places + memory.places / 2),
        image(offsets + memory.offsets / 2),
        position(image + memory.pitch),
        store(Store<V>::functions(args)),
        row(in_row(args)) {}

  void task(int64_t index) const {
    const int64_t first = index * c.points, n = min_of(c.points, count(a) - first);
    locate(first, n);
    for (int64_t e = 0; e < c.entries; e++) offsets[e] = e * memory.pitch;
    for (int64_t i = 0, panel = 0; i < class_count(a); i++) {
      const Class cls = class_of(a, i);
      compute(cls, Panels16(a).at(panel), n);
      for (int64_t p = 0; p < ceil_div(cls.channels, 16); p++) finish(cls, p, n);
      panel += ceil_div(cls.channels, 16);
    }
  }

  void locate(int64_t first, int64_t n) const {
    const int64_t width = a.end_w - a.begin_w, height = a.end_h - a.begin_h;
    for (int64_t p = 0; p < n; p++) {
      const int64_t column = a.begin_w + (first + p) % width, row = a.begin_h + (first + p) / width % height;
      image[p] = (first + p) / width / height;
      position[p] = row * a.y_width + column;
      int64_t* place = places + p;
      for (int64_t ky = 0; ky < a.kernel_h; ky++) {
        const int64_t y = row * a.stride_h - a.pad_top + ky * a.dilation_h;
        for (int64_t kx = 0; kx < a.kernel_w; kx++, place += memory.pitch) {
          const int64_t x = column * a.stride_w - a.pad_left + kx * a.dilation_w;
          const bool inside = y >= 0 && y < a.x_height && x >= 0 && x < a.x_width;
          *place = inside ? image[p] * a.x_batch + y * a.x_width + x : -1;
        }
      }
    }
  }

  // The sums of all panels of a class, from the first on.
  void compute(const Class& cls, const Panel& panel, int64_t n) const {
    const int64_t panels = ceil_div(cls.channels, 16), all = a.kernel_h * a.kernel_w;
    const float* x = a.x + cls.group * (a.x_channels / a.groups) * a.x_channel;
    const int64_t tiles = ceil_div(n, (int64_t)ChannelTile<V>::ROWS);
    const int64_t side = ChannelTile<V>::side(ceil_div(n, tiles), panels);
    int64_t e = 0, channel = 0, next = all;  // the channel of an entry, and the first entry of the one after
    do {
      const int64_t depth = min_of(c.entries, cls.entries - e);
      for (int64_t k = 0; k < depth; k++) {
        const int64_t entry = cls.live != nullptr ? cls.live[e + k] : e + k;
        for (; entry >= next; next += all) channel += a.x_channel;
        const int64_t* place = places + (entry + all - next) * memory.pitch;
        float* out = inputs + k * memory.pitch;
        if (row && place[0] >= 0 && place[n - 1] >= 0) {
          copy(x + channel + place[0], n, out);
        } else {
          gather(x + channel, place, n, out);
        }
      }
      for (int64_t p = 0, together; p < panels; p += together) {
        together = min_of(side, panels - p);
        const float* w = packed + panel.rows + (p * cls.entries + e) * PANEL_WIDTH;
        for (int64_t t = 0; t < tiles; t++) {
          const int64_t i = n * t / tiles, rows = n * (t + 1) / tiles - i;
          ChannelTile<V>::function(rows, together)(depth, offsets, inputs + i, w, 16 * cls.entries,
                                                   sums + (p * memory.pitch + i) * PANEL_WIDTH, memory.pitch * PANEL_WIDTH,
                                                   e == 0);
        }
      }
      e += depth;
    } while (e < cls.entries);
  }

  static void copy(const float* from, int64_t n, float* to) {
    each_vector<V>(n, [&](int64_t i, int64_t count) { store_part<V>(to + i, load_part<V>(from + i, count), count); });
  }

  static void gather(const float* plane, const int64_t* place, int64_t n, float* out) {
    for (int64_t p = 0; p < n; p++) out[p] = place[p] < 0 ? 0.0f : plane[place[p]];
  }

  void finish(const Class& cls, int64_t panel, int64_t n) const {
    const int64_t channels = min_of<int64_t>(16, cls.channels - 16 * panel);
    const float* from = sums + panel * memory.pitch * PANEL_WIDTH;
    if (row) {
      finish_row(cls, panel, from, channels, n);
      return;
    }
    // Whole squares: what lies behind the last point is moved, never used.
    Store<V>::transpose(from, round_up(n, V::lanes), channels, planes, memory.pitch);
    float* const residual = planes + 16 * memory.pitch;
    float* const result = residual + memory.pitch;
    for (int64_t i = 0; i < channels; i++) {
      const int64_t o = cls.at(16 * panel + i);
      typename Store<V>::Line line;
      line.n = n;
      line.sums = planes + i * memory.pitch;
      line.y = result;
      line.residual = a.residual == nullptr ? nullptr : residual;
      line.biased = a.bias != nullptr;
      line.bias = line.biased ? a.bias[o] : 0.0f;
      line.slope = (float)a.slope;
      for (int64_t p = 0; p < n && a.residual != nullptr; p++) {
        residual[p] = a.residual[image[p] * a.residual_batch + o * a.residual_channel + position[p]];
      }
      store.line(line);
      for (int64_t p = 0; p < n; p++) a.y[image[p] * a.y_batch + o * a.y_channel + position[p]] = result[p];
    }
  }

  void finish_row(const Class& cls, int64_t panel, const float* from, int64_t channels, int64_t n) const {
    typename Store<V>::Block block;
    block.positions = n;
    block.channels = channels;
    block.sums = from;
    block.biased = a.bias != nullptr;
    block.slope = (float)a.slope;
    block.residual[0] = nullptr;
    for (int64_t i = 0; i < channels; i++) {
      const int64_t o = cls.at(16 * panel + i);
      block.y[i] = a.y + o * a.y_channel + position[0];
      if (a.residual != nullptr) block.residual[i] = a.residual + o * a.residual_channel + position[0];
      if (block.biased) block.bias[i] = a.bias[o];
    }
    store.block(block);
  }
};

}  // namespace
}  // namespace ondol

#endif
