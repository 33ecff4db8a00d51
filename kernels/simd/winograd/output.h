// The transform of the products, lanes are output channels, and what follows it.
#ifndef ONDOL_WINOGRAD_OUTPUT_H
#define ONDOL_WINOGRAD_OUTPUT_H

#include "conv/store.h"
#include "winograd/plan.h"

namespace ondol {
namespace {

template <class V>
class WinogradOutput {
  typedef typename V::F F;
  static constexpr int64_t TILE = WINOGRAD_TILE, SIDE = WINOGRAD_SIDE;

 public:
  WinogradOutput(const ondol_conv_args& args, float* results)
      : a(args), results(results), store(Store<V>::functions(args)) {}

  // A panel of a strip; the products of a point are `step` floats apart. Rows of tiles of one image that span y's width
  // become one run of positions.
  void panel(const WinogradStrip& s, int64_t panel, const float* products, int64_t step) const {
    const int64_t tiles_h = ceil_div(a.y_height, TILE), n = s.end - s.begin;
    const int64_t left = s.begin * TILE, width = min_of(s.end * TILE, a.y_width) - left;
    for (int64_t r = 0; r < s.rows;) {
      const int64_t image = (s.first + r) / tiles_h, top = (s.first + r) % tiles_h * TILE;
      int64_t rows = 0;
      do {
        tiles(products + r * n * PANEL_WIDTH, step, n, width, results + rows * width * PANEL_WIDTH);
        rows += TILE;
        r++;
      } while (r < s.rows && (s.first + r) % tiles_h != 0);
      rows = min_of(rows, a.y_height - top);
      const bool whole = width == a.y_width;
      for (int64_t i = 0; i < (whole ? 1 : rows); i++) {
        write(image, panel, (top + i) * a.y_width + left, whole ? rows * width : width,
              results + i * width * PANEL_WIDTH);
      }
    }
  }

 private:
  const ondol_conv_args& a;
  float* const results;
  const typename Store<V>::Functions& store;

  // A row of n tiles, `width` columns of y.
  static void tiles(const float* products, int64_t step, int64_t n, int64_t width, float* out) {
    for (int64_t t = 0; t < n; t++) {
      const int64_t columns = min_of(TILE, width - t * TILE);
      for (int64_t l = 0; l < PANEL_WIDTH; l += V::lanes) {
        const float* m = products + t * PANEL_WIDTH + l;
        float* y = out + t * TILE * PANEL_WIDTH + l;
        if (columns == TILE) {
          tile<TILE>(m, step, y, width * PANEL_WIDTH);
        } else if (columns == 3) {
          tile<3>(m, step, y, width * PANEL_WIDTH);
        } else if (columns == 2) {
          tile<2>(m, step, y, width * PANEL_WIDTH);
        } else {
          tile<1>(m, step, y, width * PANEL_WIDTH);
        }
      }
    }
  }

  template <int columns>
  static void tile(const float* m, int64_t step, float* out, int64_t line) {
    F half[TILE][SIDE];
    ONDOL_UNROLL for (int64_t j = 0; j < SIDE; j++) {
      F d[SIDE], y[TILE];
      ONDOL_UNROLL for (int64_t i = 0; i < SIDE; i++) d[i] = V::load(m + (i * SIDE + j) * step);
      reduce(d, y);
      ONDOL_UNROLL for (int64_t i = 0; i < TILE; i++) half[i][j] = y[i];
    }
    ONDOL_UNROLL for (int64_t i = 0; i < TILE; i++) {
      F y[TILE];
      reduce(half[i], y);
      ONDOL_UNROLL for (int64_t j = 0; j < columns; j++) V::store(out + i * line + j * PANEL_WIDTH, y[j]);
    }
  }

  // A of docs/arithmetic.md, Winograd.
  static ONDOL_INLINE void reduce(const F* m, F* y) {
    const F s1 = m[1] + m[2], d1 = m[1] - m[2], s2 = m[3] + m[4], d2 = m[3] - m[4];
    y[0] = (m[0] + s1) + s2;
    y[1] = V::fma(V::set(2.0f), d2, d1);
    y[2] = V::fma(V::set(4.0f), s2, s1);
    y[3] = V::fma(V::set(8.0f), d2, d1) + m[5];
  }

  void write(int64_t image, int64_t panel, int64_t place, int64_t positions, const float* from) const {
    typename Store<V>::Block block;
    block.channels = min_of<int64_t>(PANEL_WIDTH, a.y_channels - panel * PANEL_WIDTH);
    block.positions = positions;
    block.sums = from;
    block.biased = a.bias != nullptr;
    block.slope = (float)a.slope;
    for (int64_t i = 0; i < block.channels; i++) {
      const int64_t o = panel * PANEL_WIDTH + i;
      block.y[i] = a.y + image * a.y_batch + o * a.y_channel + place;
      block.residual[i] =
          a.residual == nullptr ? nullptr : a.residual + image * a.residual_batch + o * a.residual_channel + place;
      block.bias[i] = block.biased ? a.bias[o] : 0.0f;
    }
    store.block(block);
  }
};

}  // namespace
}  // namespace ondol

#endif
