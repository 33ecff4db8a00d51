// conv with few entries: what its tiles take to compute is then little more than what lanes of channels take to become
// rows of y. Here lanes are positions, sums stay in registers to the end, and bias, residual and activation are applied on
// the way to y.
#ifndef ONDOL_CONV_STRAIGHT_H
#define ONDOL_CONV_STRAIGHT_H

#include "conv/ahead.h"
#include "conv/problem.h"
#include "conv/tiles.h"
#include "math.h"

namespace ondol {
namespace {

// StraightTile: rows are output channels, whose filters are broadcast, lanes are consecutive positions of x and of y.
// AVX-512: 8 x 3 vectors are 24 multiply-adds, 12 cycles, for 8 broadcasts and 3 loads, 7 cycles where all of them cross a
// cache line.
template <class V>
class StraightTile {
  typedef typename V::F F;

 public:
  static constexpr int ROWS = V::lanes == 8 ? 6 : 8;
  static constexpr int WIDTH = 6;

  // Where the sums go: row i to y + i * y_channel, and of the last vector `last` lanes.
  struct Out {
    float* y;
    int64_t y_channel;
    const float* residual;  // or null
    int64_t residual_channel;
    const float* bias;      // or null
    bool rectified;
    float slope;            // of negative values where rectified
    int64_t last;
  };

  // Adds n products to each sum: offset, x and w as of PositionTile.
  typedef void (*Function)(int64_t n, const int64_t* offset, const float* x, const float* w, const Out& out);

  static Function function(int64_t rows, int64_t width) { return FUNCTIONS[rows - 1][width - 1]; }

  // Vectors of positions that `rows` rows leave room for.
  static constexpr int width(int rows) {
    constexpr int sums = V::lanes == 16 ? 24 : V::lanes == 8 ? 12 : 16;
    return sums / rows < WIDTH ? sums / rows : WIDTH;
  }

 private:
  template <int rows, int width>
  static void compute(int64_t n, const int64_t* offset, const float* x, const float* w, const Out& out) {
    F sum[rows][width];
    ONDOL_UNROLL for (int i = 0; i < rows; i++) {
      ONDOL_UNROLL for (int j = 0; j < width; j++) sum[i][j] = V::set(0.0f);
    }
    _Pragma("GCC unroll 1") for (int64_t k = 0; k < n; k++) {
      const float* at = x + offset[k];
      F value[width];
      ONDOL_UNROLL for (int j = 0; j < width; j++) {
        value[j] = V::load(at + j * V::lanes);
        if (rows > 1) { ONDOL_IN_REGISTER(value[j]); }
      }
      ONDOL_UNROLL for (int i = 0; i < rows; i++) {
        const F factor = V::set(w[i]);
        ONDOL_UNROLL for (int j = 0; j < width; j++) sum[i][j] = V::fma(value[j], factor, sum[i][j]);
      }
      w += PANEL_WIDTH;
    }
    if (out.bias != nullptr) {
      ONDOL_UNROLL for (int i = 0; i < rows; i++) {
        const F bias = V::set(out.bias[i]);
        ONDOL_UNROLL for (int j = 0; j < width; j++) sum[i][j] = sum[i][j] + bias;
      }
    }
    if (out.residual != nullptr) {
      ONDOL_UNROLL for (int i = 0; i < rows; i++) {
        const float* residual = out.residual + i * out.residual_channel;
        ONDOL_UNROLL for (int j = 0; j < width; j++) {
          sum[i][j] = sum[i][j] + load_part<V>(residual + j * V::lanes, j + 1 < width ? (int64_t)V::lanes : out.last);
        }
      }
    }
    if (out.rectified && out.slope == 0.0f) {
      ONDOL_UNROLL for (int i = 0; i < rows; i++) {
        ONDOL_UNROLL for (int j = 0; j < width; j++) sum[i][j] = Math<V>::relu(sum[i][j]);
      }
    } else if (out.rectified) {
      const F slope = V::set(out.slope), zero = V::set(0.0f);
      ONDOL_UNROLL for (int i = 0; i < rows; i++) {
        ONDOL_UNROLL for (int j = 0; j < width; j++) {
          sum[i][j] = V::select(V::lt(sum[i][j], zero), sum[i][j] * slope, sum[i][j]);
        }
      }
    }
    ONDOL_UNROLL for (int i = 0; i < rows; i++) {
      float* y = out.y + i * out.y_channel;
      ONDOL_UNROLL for (int j = 0; j + 1 < width; j++) V::store(y + j * V::lanes, sum[i][j]);
      store_part<V>(y + (width - 1) * V::lanes, sum[i][width - 1], out.last);
    }
  }

  template <int rows, int count>
  static constexpr Function choose() {
    if constexpr (rows <= ROWS && count <= width(rows)) return &compute<rows, count>;
    return nullptr;
  }

#define ONDOL_TILE_ROW(rows) \
  {choose<rows, 1>(), choose<rows, 2>(), choose<rows, 3>(), choose<rows, 4>(), choose<rows, 5>(), choose<rows, 6>()}
  static constexpr Function FUNCTIONS[8][WIDTH] = {ONDOL_TILE_ROW(1), ONDOL_TILE_ROW(2), ONDOL_TILE_ROW(3),
                                                   ONDOL_TILE_ROW(4), ONDOL_TILE_ROW(5), ONDOL_TILE_ROW(6),
                                                   ONDOL_TILE_ROW(7), ONDOL_TILE_ROW(8)};
#undef ONDOL_TILE_ROW
};

// Walks the tiles of lines of positions for the panels of one group.
template <class V>
class Straight {
  typedef StraightTile<V> Tile;
  static constexpr int64_t RUN_FLOATS = 8 * 1024;  // of x: half a first-level cache's

 public:
  // A line: `n` positions, whose inputs begin at x + offset of each entry; whole vectors may be read of the first
  // `readable` positions.
  struct Line {
    const float* x;
    int64_t n, readable;
    int64_t image, place;  // of the first position in a plane of y
  };

  static constexpr int64_t tail_floats(int64_t entries) { return entries * Tile::WIDTH * V::lanes; }

  // `tail` has room for tail_floats(entries), `tail_offsets` for as many as there are entries.
  Straight(const ondol_conv_args& args, const float* packed, int64_t entries, const int64_t* offsets, float* tail,
           int64_t* tail_offsets)
      : a(args), packed(packed), entries(entries), offsets(offsets), tail(tail), tail_offsets(tail_offsets) {}

  void line(const Line& line, int64_t begin, int64_t end) const {
    const int64_t most = Tile::width((int)rows(Panels16(a).at(begin).channels));
    const int64_t vectors = ceil_div(line.n, (int64_t)V::lanes), steps = ceil_div(vectors, most);
    const int64_t run = max_of<int64_t>(1, RUN_FLOATS / (max_of<int64_t>(1, entries) * most * V::lanes));
    for (int64_t s = 0; s < steps; s += run) {
      const Steps part = {vectors, steps, s, min_of(s + run, steps)};
      const bool copied = part.end == steps && vectors * V::lanes > line.readable;
      if (copied) copy(line, part.first(steps - 1) * V::lanes);
      for (int64_t p = begin; p < end; p++) panel(line, part, Panels16(a).at(p), copied);
    }
  }

 private:
  // Steps [begin, end) of `all`, over which the vectors of a line are spread.
  struct Steps {
    int64_t vectors, all, begin, end;

    int64_t first(int64_t step) const { return vectors * step / all; }
  };

  const ondol_conv_args& a;
  const float* const packed;
  const int64_t entries;
  const int64_t* const offsets;
  float* const tail;
  int64_t* const tail_offsets;

  // Channels of a panel spread evenly over tiles.
  static int64_t rows(int64_t channels) { return ceil_div(channels, ceil_div(channels, (int64_t)Tile::ROWS)); }

  // The last step's inputs, where whole vectors of them would pass the end of x.
  void copy(const Line& line, int64_t from) const {
    const int64_t n = line.n - from, pitch = round_up(n, V::lanes);
    for (int64_t k = 0; k < entries; k++) {
      const float* x = line.x + offsets[k] + from;
      float* out = tail + k * pitch;
      each_vector<V>(n, [&](int64_t i, int64_t count) { V::store(out + i, load_part<V>(x + i, count)); });
      tail_offsets[k] = k * pitch;
    }
  }

  void panel(const Line& line, const Steps& steps, const Panel& panel, bool copied) const {
    const int64_t tiles = ceil_div(panel.channels, rows(panel.channels));
    typename Tile::Out out;
    out.y_channel = a.y_channel;
    out.residual = nullptr;
    out.residual_channel = a.residual_channel;
    out.bias = nullptr;
    out.rectified = a.activation == ONDOL_RELU;
    out.slope = (float)a.slope;
    for (int64_t t = 0; t < tiles; t++) {
      const int64_t r = panel.channels * t / tiles, n = panel.channels * (t + 1) / tiles - r;
      const int64_t o = class_of(a, panel.index).at(panel.begin + r);
      const float* w = packed + panel.rows + r;
      if (a.bias != nullptr) out.bias = a.bias + o;
      float* const y = a.y + line.image * a.y_batch + o * a.y_channel + line.place;
      for (int64_t s = steps.begin; s < steps.end; s++) {
        const int64_t v = steps.first(s), width = steps.first(s + 1) - v, at = v * V::lanes;
        out.y = y + at;
        if (a.residual != nullptr) {
          out.residual = a.residual + line.image * a.residual_batch + o * a.residual_channel + line.place + at;
        }
        out.last = min_of<int64_t>(V::lanes, line.n - at - (width - 1) * V::lanes);
        const bool from_tail = copied && s + 1 == steps.all;
        Tile::function(n, width)(entries, from_tail ? tail_offsets : offsets, from_tail ? tail : line.x + at, w, out);
      }
    }
  }
};

}  // namespace
}  // namespace ondol

#endif
