// The body of every winograd variant. A task is some rows of tiles of one image. The patch of a channel is dealt out by
// fours, so that value (i, j) of all tiles of a row lies together and the input transform runs across tiles; the 36
// products have tiles as rows and output channels as lanes; the output transform runs across output channels.
#ifndef ONDOL_WINOGRAD_BODY_H
#define ONDOL_WINOGRAD_BODY_H

#include "conv/patch.h"
#include "conv/store.h"
#include "conv/tiles.h"
#include "winograd/winograd.h"

namespace ondol {
namespace {

struct WinogradChoice {
  int64_t tiles_h, tiles_w;
  int64_t rows, bands;  // of tiles
  int64_t panels;       // of output channels whose products are kept together
};
static_assert(sizeof(WinogradChoice) <= sizeof(ondol_plan::choice), "fits into ondol_plan.choice");

template <class V>
class Winograd {
  typedef typename V::F F;
  static constexpr int64_t SIDE = 6, POINTS = 36, TILE = 4;
  static constexpr int64_t INPUT_FLOATS = 160 * 1024;  // of a task: most of a second-level cache of 1 MB
  static constexpr int64_t PRODUCT_FLOATS = 48 * 1024;

 public:
  static void plan(const ondol_winograd_args* args, ondol_plan* plan) {
    const ondol_conv_args& a = *args;
    plan->phases = 0;
    plan->workspace = 0;
    plan->scratch = 0;
    if (a.batch == 0) return;
    WinogradChoice c = {};
    c.tiles_h = ceil_div(a.y_height, TILE);
    c.tiles_w = ceil_div(a.y_width, TILE);
    const int64_t panels = ceil_div(a.y_channels, PANEL_WIDTH);
    c.rows = c.tiles_h;
    while (c.rows > 1 && POINTS * a.x_channels * round_up(c.rows * (c.tiles_w + 1), V::lanes) > INPUT_FLOATS) c.rows--;
    while (c.rows > 1 && a.batch * ceil_div(c.tiles_h, c.rows) < 2 * plan->threads) c.rows = ceil_div(c.rows, 2);
    c.bands = ceil_div(c.tiles_h, c.rows);
    c.rows = ceil_div(c.tiles_h, c.bands);
    c.panels = max_of<int64_t>(1, min_of(panels, PRODUCT_FLOATS / (POINTS * c.rows * c.tiles_w * PANEL_WIDTH)));
    if (c.panels > 4) c.panels -= c.panels % 4;  // as tiles take them
    __builtin_memcpy(plan->choice, &c, sizeof c);
    plan->phases = 1;
    plan->tasks[0] = a.batch * c.bands;
    plan->scratch = 4 * Memory(a, c).total;
  }

  static void run(const ondol_winograd_args* args, const ondol_plan* plan, int64_t, int64_t begin, int64_t end, int64_t,
                  void*, void* scratch) {
    WinogradChoice c;
    __builtin_memcpy(&c, plan->choice, sizeof c);
    const Winograd body(*args, c, (float*)scratch);
    for (int64_t task = begin; task < end; task++) body.task(task / c.bands, task % c.bands * c.rows);
  }

 private:
  // The tiles of one dimension as positions that read six values, four apart.
  static Axis axis(int64_t tiles, int64_t pad) {
    Axis a = Axis::conv(0, tiles, SIDE, TILE, 1, pad);
    return a;
  }

  // The parts of a thread's scratch memory, in floats.
  struct Memory {
    int64_t patch, pitch, inputs, products, results, offsets, total;

    Memory(const ondol_conv_args& a, const WinogradChoice& c) {
      const Patch<V> p(axis(c.tiles_h, a.pad_top), axis(c.tiles_w, a.pad_left), c.rows, c.tiles_w);
      patch = round_up(p.floats(1), 16);
      pitch = round_up(c.rows * p.pitch, V::lanes);
      inputs = POINTS * a.x_channels * pitch + 16;
      products = POINTS * c.panels * c.rows * c.tiles_w * PANEL_WIDTH;
      results = TILE * round_up(c.tiles_w * TILE, 16) * PANEL_WIDTH;
      offsets = 2 * round_up(a.x_channels, 8);
      total = patch + inputs + products + results + offsets;
    }
  };

  const ondol_conv_args& a;
  const WinogradChoice& c;
  const Memory memory;
  const Patch<V> patch;
  float* const patch_floats;
  float* const inputs;    // [point][channel][tile of the patch]
  float* const products;  // [point][panel][tile][channel of the panel]
  float* const results;   // [row of a tile][column of y][channel of the panel]
  int64_t* const offsets;
  const typename Store<V>::Functions& store;

  Winograd(const ondol_conv_args& args, const WinogradChoice& choice, float* scratch)
      : a(args),
        c(choice),
        memory(args, choice),
        patch(axis(choice.tiles_h, args.pad_top), axis(choice.tiles_w, args.pad_left), choice.rows, choice.tiles_w),
        patch_floats(scratch),
        inputs(patch_floats + memory.patch),
        products(inputs + memory.inputs),
        results(products + memory.products),
        offsets((int64_t*)(results + memory.results)),
        store(Store<V>::functions(args)) {}

  void task(int64_t image, int64_t first) const {
    const int64_t rows = min_of(c.rows, c.tiles_h - first), panels = ceil_div(a.y_channels, PANEL_WIDTH);
    for (int64_t i = 0; i < a.x_channels; i++) {
      offsets[i] = i * memory.pitch;
      patch.fill(a.x + image * a.x_batch + i * a.x_channel, 0, 1, first * TILE - a.pad_top, -a.pad_left, a.x_height,
                 a.x_width, patch_floats);
      input(inputs + i * memory.pitch, rows);
    }
    for (int64_t p = 0, count; p < panels; p += count) {
      count = min_of(c.panels, panels - p);
      for (int64_t point = 0; point < POINTS; point++) multiply(point, p, count, rows);
      for (int64_t i = 0; i < count; i++) output(image, first, rows, p + i, i);
    }
  }

  // B^T d B of all tiles of a channel, a vector of tiles at a time.
  void input(float* out, int64_t rows) const {
    const int64_t flat = (rows - 1) * patch.pitch + c.tiles_w, step = a.x_channels * memory.pitch;
    for (int64_t t = 0; t < flat; t += V::lanes) {
      F half[SIDE][SIDE];
      for (int64_t j = 0; j < SIDE; j++) {
        F d[SIDE];
        for (int64_t i = 0; i < SIDE; i++) d[i] = V::load(patch_floats + patch.offset(0, i, j) + t);
        transform(d);
        for (int64_t i = 0; i < SIDE; i++) half[i][j] = d[i];
      }
      for (int64_t i = 0; i < SIDE; i++) {
        transform(half[i]);
        for (int64_t j = 0; j < SIDE; j++) V::store(out + (i * SIDE + j) * step + t, half[i][j]);
      }
    }
  }

  static ONDOL_INLINE void transform(F* d) {
    const F four = V::set(4.0f), minus_four = V::set(-4.0f), minus_five = V::set(-5.0f);
    const F t0 = V::fma(four, d[0], V::fma(minus_five, d[2], d[4]));
    const F t5 = V::fma(four, d[1], V::fma(minus_five, d[3], d[5]));
    const F p = V::fma(minus_four, d[2], d[4]), q = V::fma(minus_four, d[1], d[3]);
    const F r = d[4] - d[2], s = (d[3] - d[1]) * 2.0f;
    d[0] = t0;
    d[1] = p + q;
    d[2] = p - q;
    d[3] = r + s;
    d[4] = r - s;
    d[5] = t5;
  }

  // The products of one point for `count` panels from p on.
  void multiply(int64_t point, int64_t p, int64_t count, int64_t rows) const {
    const int64_t panels = ceil_div(a.y_channels, PANEL_WIDTH), depth = a.x_channels * PANEL_WIDTH;
    const int64_t sums = c.rows * c.tiles_w * PANEL_WIDTH;
    const int64_t tiles = ceil_div(c.tiles_w, (int64_t)ChannelTile<V>::ROWS);
    const int64_t side = ChannelTile<V>::side(ceil_div(c.tiles_w, tiles), count);
    const float* x = inputs + point * a.x_channels * memory.pitch;
    for (int64_t i = 0, together; i < count; i += together) {
      together = min_of(side, count - i);
      const float* w = a.packed + (point * panels + p + i) * depth;
      float* out = products + (point * c.panels + i) * sums;
      for (int64_t r = 0; r < rows; r++) {
        for (int64_t t = 0; t < tiles; t++) {
          const int64_t j = c.tiles_w * t / tiles, n = c.tiles_w * (t + 1) / tiles - j;
          ChannelTile<V>::function(n, together)(a.x_channels, offsets, x + r * patch.pitch + j, w, depth,
                                                out + (r * c.tiles_w + j) * PANEL_WIDTH, sums, true);
        }
      }
    }
  }

  // A^T m A of a panel's tiles, row of tiles by row of tiles, and into y.
  void output(int64_t image, int64_t first, int64_t rows, int64_t panel, int64_t slot) const {
    const int64_t sums = c.rows * c.tiles_w * PANEL_WIDTH, step = c.panels * sums;
    const int64_t line = round_up(c.tiles_w * TILE, 16) * PANEL_WIDTH;
    for (int64_t r = 0; r < rows; r++) {
      for (int64_t t = 0; t < c.tiles_w; t++) {
        for (int64_t l = 0; l < PANEL_WIDTH; l += V::lanes) {
          tile(products + slot * sums + (r * c.tiles_w + t) * PANEL_WIDTH + l, step, results + t * TILE * PANEL_WIDTH + l, line);
        }
      }
      for (int64_t i = 0; i < TILE; i++) {
        const int64_t row = (first + r) * TILE + i;
        if (row < a.y_height) write(image, row, panel, results + i * line);
      }
    }
  }

  static void tile(const float* m, int64_t step, float* out, int64_t line) {
    F half[TILE][SIDE];
    for (int64_t j = 0; j < SIDE; j++) {
      F d[SIDE];
      for (int64_t i = 0; i < SIDE; i++) d[i] = V::load(m + (i * SIDE + j) * step);
      F y[TILE];
      reduce(d, y);
      for (int64_t i = 0; i < TILE; i++) half[i][j] = y[i];
    }
    for (int64_t i = 0; i < TILE; i++) {
      F y[TILE];
      reduce(half[i], y);
      for (int64_t j = 0; j < TILE; j++) V::store(out + i * line + j * PANEL_WIDTH, y[j]);
    }
  }

  static ONDOL_INLINE void reduce(const F* m, F* y) {
    const F s1 = m[1] + m[2], d1 = m[1] - m[2], s2 = m[3] + m[4], d2 = m[3] - m[4];
    y[0] = (m[0] + s1) + s2;
    y[1] = V::fma(V::set(2.0f), d2, d1);
    y[2] = V::fma(V::set(4.0f), s2, s1);
    y[3] = V::fma(V::set(8.0f), d2, d1) + m[5];
  }

  void write(int64_t image, int64_t row, int64_t panel, const float* from) const {
    typename Store<V>::Block block;
    block.channels = min_of<int64_t>(PANEL_WIDTH, a.y_channels - panel * PANEL_WIDTH);
    block.positions = a.y_width;
    block.sums = from;
    block.biased = a.bias != nullptr;
    block.slope = (float)a.slope;
    for (int64_t i = 0; i < block.channels; i++) {
      const int64_t o = panel * PANEL_WIDTH + i, place = row * a.y_width;
      block.y[i] = a.y + image * a.y_batch + o * a.y_channel + place;
      block.residual[i] = a.residual == nullptr ? nullptr : a.residual + image * a.residual_batch + o * a.residual_channel + place;
      block.bias[i] = block.biased ? a.bias[o] : 0.0f;
    }
    store.block(block);
  }
};

}  // namespace
}  // namespace ondol

#endif
