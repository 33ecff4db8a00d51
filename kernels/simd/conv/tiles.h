// The register tiles of convolutions. Both compute, for the k-th of n entries, sums += x[offset[k] + position] *
// w[k][channel] with one fused multiply-add each, ascending in k; they differ in what lies across the lanes.
//
// ChannelTile: lanes are 16 output channels of one or more panels, rows are consecutive positions, whose values of x
// are broadcast. The register budget is gemm's tile's (gemm/tile.h), and so is the load per step plus one offset; but with
// AVX-512 sums fill what a row of filters and one broadcast leave of 32 registers, so that maps whose sides are multiples
// of 7 take two panels by 14. From a first-level cache a Zen 5 (235 GFLOP/s a core) runs 12 x 2, 14 x 2, 7 x 3, 8 x 3 and
// 6 x 4 at 215 to 226 GFLOP/s all the same, 7 x 4, whose broadcasts have no register, at 203 and 14 x 1 at 150.
// PositionTile: lanes are consecutive positions, rows are output channels, whose weights are broadcast: for few output
// channels, where lanes of channels would idle. Rows x vectors are at most 24 of 32 registers (AVX-512), 12 of 16.
#ifndef ONDOL_CONV_TILES_H
#define ONDOL_CONV_TILES_H

#include "gemm/tile.h"

// Keeps a vector that was loaded in a register. GCC would rather repeat the load in each multiply-add that reads it, and
// loads that cross a cache line count double: three rows of output channels then wait for 48 cycles of loads instead of 24
// of multiply-adds.
#if defined(__x86_64__) && !defined(ONDOL_EMULATE_AVX512)
#define ONDOL_IN_REGISTER(vector) __asm__("" : "+v"(vector))
#else
#define ONDOL_IN_REGISTER(vector)
#endif

namespace ondol {
namespace {

template <class V>
class ChannelTile {
  typedef typename V::F F;
  static constexpr int vectors = PANEL_WIDTH / V::lanes;

 public:
  static constexpr int ROWS = V::lanes == 16 ? 14 : Tile<V>::ROWS;
  static constexpr int PANELS = Tile<V>::MAX_PANELS;

  // Sums of panel p and position i at c + p * c_panel + i * 16; filters of panel p at w + p * w_panel, 16 a step.
  typedef void (*Function)(int64_t n, const int64_t* offset, const float* x, const float* w, int64_t w_panel, float* c,
                           int64_t c_panel, bool first);

  static Function function(int64_t rows, int64_t panels) { return FUNCTIONS[0][rows - 1][panels - 1]; }

  // The same, and where there are instructions to spare, asks for the filters AHEAD steps before it needs them: for filters
  // that come from a second-level cache or farther, each page of which is a start anew for the processor's own asking.
  static Function asking(int64_t rows, int64_t panels) { return FUNCTIONS[1][rows - 1][panels - 1]; }

  // Panels side by side that `rows` rows leave room for.
  static constexpr int panels(int rows) {
    if (V::lanes != 16) return Tile<V>::panels(rows);
    return 31 / (rows + 1) < PANELS ? 31 / (rows + 1) : PANELS;
  }

  // Panels of `panels` that a tile of `rows` rows takes, spread evenly: a last one alone would wait for its own sums.
  static int64_t side(int64_t rows, int64_t panels) {
    return ceil_div(panels, ceil_div(panels, (int64_t)ChannelTile::panels((int)rows)));
  }

  // Tiles that `positions` are best cut into, for `panels` panels: what counts is how many half cycles their steps take,
  // which are bound by multiply-adds, by loads or by the latency of a sum.
  static int64_t tiles(int64_t positions, int64_t panels) {
    const int64_t fewest = ceil_div(positions, (int64_t)ROWS);
    int64_t best = fewest, least = INT64_MAX;
    for (int64_t n = fewest; n <= min_of(positions, fewest + 2); n++) {
      const int64_t rows = ceil_div(positions, n), width = side(rows, panels);
      const int64_t last = panels - (ceil_div(panels, width) - 1) * width;
      const int64_t steps = n * ((ceil_div(panels, width) - 1) * half_cycles(rows, width) + half_cycles(rows, last));
      if (steps < least) best = n, least = steps;
    }
    return best;
  }

 private:
  static int64_t half_cycles(int64_t rows, int64_t panels) {
    return max_of(max_of(rows * panels * vectors, rows + panels * vectors + 1), (int64_t)8);
  }

  static constexpr int64_t AHEAD = 16;

  template <int rows, int panels, bool asks>
  static void compute(int64_t n, const int64_t* offset, const float* x, const float* w, int64_t w_panel, float* c,
                      int64_t c_panel, bool first) {
    constexpr int width = panels * vectors;
    F sum[rows][width];
    ONDOL_UNROLL for (int i = 0; i < rows; i++) {
      ONDOL_UNROLL for (int j = 0; j < width; j++) sum[i][j] = V::set(0.0f);
    }
    if (!first) {
      ONDOL_UNROLL for (int i = 0; i < rows; i++) {
        ONDOL_UNROLL for (int j = 0; j < width; j++) {
          sum[i][j] = V::load(c + j / vectors * c_panel + i * PANEL_WIDTH + j % vectors * V::lanes);
        }
      }
    }
    _Pragma("GCC unroll 1") for (int64_t k = 0; k < n; k++) {
      const float* at = x + offset[k];
      ONDOL_UNROLL for (int p = 0; asks && p < panels; p++) __builtin_prefetch(w + p * w_panel + AHEAD * PANEL_WIDTH);
      F row[width];
      ONDOL_UNROLL for (int j = 0; j < width; j++) row[j] = V::load(w + j / vectors * w_panel + j % vectors * V::lanes);
      ONDOL_UNROLL for (int i = 0; i < rows; i++) {
        const F factor = V::set(at[i]);
        ONDOL_UNROLL for (int j = 0; j < width; j++) sum[i][j] = V::fma(factor, row[j], sum[i][j]);
      }
      w += PANEL_WIDTH;
    }
    ONDOL_UNROLL for (int i = 0; i < rows; i++) {
      ONDOL_UNROLL for (int j = 0; j < width; j++) {
        V::store(c + j / vectors * c_panel + i * PANEL_WIDTH + j % vectors * V::lanes, sum[i][j]);
      }
    }
  }

  template <int rows, int count, bool asks>
  static constexpr Function choose() {
    if constexpr (rows <= ROWS && count <= panels(rows)) return &compute<rows, count, asks && Tile<V>::ASKS>;
    return nullptr;
  }

#define ONDOL_TILE_ROW(rows, asks) \
  {choose<rows, 1, asks>(), choose<rows, 2, asks>(), choose<rows, 3, asks>(), choose<rows, 4, asks>()}
#define ONDOL_TILE_TABLE(asks)                                                                                         \
  {                                                                                                                    \
    ONDOL_TILE_ROW(1, asks), ONDOL_TILE_ROW(2, asks), ONDOL_TILE_ROW(3, asks), ONDOL_TILE_ROW(4, asks),                \
        ONDOL_TILE_ROW(5, asks), ONDOL_TILE_ROW(6, asks), ONDOL_TILE_ROW(7, asks), ONDOL_TILE_ROW(8, asks),            \
        ONDOL_TILE_ROW(9, asks), ONDOL_TILE_ROW(10, asks), ONDOL_TILE_ROW(11, asks), ONDOL_TILE_ROW(12, asks),         \
        ONDOL_TILE_ROW(13, asks), ONDOL_TILE_ROW(14, asks)                                                             \
  }
  static constexpr Function FUNCTIONS[2][14][PANELS] = {ONDOL_TILE_TABLE(false), ONDOL_TILE_TABLE(true)};
#undef ONDOL_TILE_TABLE
#undef ONDOL_TILE_ROW
};

template <class V>
class PositionTile {
  typedef typename V::F F;

 public:
  static constexpr int ROWS = 8;
  static constexpr int WIDTH = 8;

  // Sums of row i at c + i * c_row; the filter of row i at w + i, 16 a step. Reads and writes whole vectors.
  typedef void (*Function)(int64_t n, const int64_t* offset, const float* x, const float* w, float* c, int64_t c_row,
                           bool first);

  static Function function(int64_t rows, int64_t width) { return FUNCTIONS[rows - 1][width - 1]; }

  // Vectors of positions that `rows` rows leave room for.
  static constexpr int width(int rows) {
    constexpr int sums = V::lanes == 16 ? 24 : V::lanes == 8 ? 12 : 16;
    return sums / rows < WIDTH ? sums / rows : WIDTH;
  }

  // Rows are spread evenly over the tiles.
  static constexpr int MOST_ROWS = V::lanes == 8 ? 6 : 8;

 private:
  template <int rows, int width>
  static void compute(int64_t n, const int64_t* offset, const float* x, const float* w, float* c, int64_t c_row,
                      bool first) {
    F sum[rows][width];
    ONDOL_UNROLL for (int i = 0; i < rows; i++) {
      ONDOL_UNROLL for (int j = 0; j < width; j++) sum[i][j] = V::set(0.0f);
    }
    if (!first) {
      ONDOL_UNROLL for (int i = 0; i < rows; i++) {
        ONDOL_UNROLL for (int j = 0; j < width; j++) sum[i][j] = V::load(c + i * c_row + j * V::lanes);
      }
    }
    _Pragma("GCC unroll 1") for (int64_t k = 0; k < n; k++) {
      const float* at = x + offset[k];
      if constexpr (rows < width) {
        F factor[rows];
        ONDOL_UNROLL for (int i = 0; i < rows; i++) factor[i] = V::set(w[i]);
        ONDOL_UNROLL for (int j = 0; j < width; j++) {
          F value = V::load(at + j * V::lanes);
          if (rows > 1) { ONDOL_IN_REGISTER(value); }
          ONDOL_UNROLL for (int i = 0; i < rows; i++) sum[i][j] = V::fma(value, factor[i], sum[i][j]);
        }
      } else {
        F value[width];
        ONDOL_UNROLL for (int j = 0; j < width; j++) {
          value[j] = V::load(at + j * V::lanes);
          if (rows > 1) { ONDOL_IN_REGISTER(value[j]); }
        }
        ONDOL_UNROLL for (int i = 0; i < rows; i++) {
          const F factor = V::set(w[i]);
          ONDOL_UNROLL for (int j = 0; j < width; j++) sum[i][j] = V::fma(value[j], factor, sum[i][j]);
        }
      }
      w += PANEL_WIDTH;
    }
    ONDOL_UNROLL for (int i = 0; i < rows; i++) {
      ONDOL_UNROLL for (int j = 0; j < width; j++) V::store(c + i * c_row + j * V::lanes, sum[i][j]);
    }
  }

  template <int rows, int count>
  static constexpr Function choose() {
    if constexpr (rows <= MOST_ROWS && count <= width(rows)) return &compute<rows, count>;
    return nullptr;
  }

#define ONDOL_TILE_ROW(rows)                                                                                          \
  {choose<rows, 1>(), choose<rows, 2>(), choose<rows, 3>(), choose<rows, 4>(), choose<rows, 5>(), choose<rows, 6>(), \
   choose<rows, 7>(), choose<rows, 8>()}
  static constexpr Function FUNCTIONS[ROWS][WIDTH] = {ONDOL_TILE_ROW(1), ONDOL_TILE_ROW(2), ONDOL_TILE_ROW(3),
                                                      ONDOL_TILE_ROW(4), ONDOL_TILE_ROW(5), ONDOL_TILE_ROW(6),
                                                      ONDOL_TILE_ROW(7), ONDOL_TILE_ROW(8)};
#undef ONDOL_TILE_ROW
};

// LineTile: lanes are positions of one or more lines that are whole vectors, rows are output channels. No lane is idle, no
// position between the lines is computed, and what is left of PositionTile's loads, most of which cross a cache line, hides
// behind the multiply-adds: AVX-512 6 x 4 vectors, 4 loads and 6 broadcasts for 24 multiply-adds. Zen 5, 7 x 7 mask A 3-128,
// 43 channels a class, 32 columns, two threads: 1.12 ms, by lanes of channels, of which 5 in 48 idle, 1.30; lines one by one
// with PositionTile's 8 x 2 vectors are no slower within 1 %.
template <class V>
class LineTile {
  typedef typename V::F F;

 public:
  static constexpr int ROWS = 6;
  static constexpr int WIDTH = V::lanes == 16 ? 4 : 2;  // vectors of all lines together

  // Sums of row i and line l at c + i * c_row + l * c_line; line l of x at x + l * x_line; the filter of row i at w + i, 16
  // a step. A line has `vectors` vectors; there are 1, 2 or 4.
  typedef void (*Function)(int64_t n, const int64_t* offset, const float* x, int64_t x_line, const float* w, float* c,
                           int64_t c_row, int64_t c_line, bool first);

  static Function function(int64_t rows, int64_t lines, int64_t vectors) {
    return FUNCTIONS[rows - 1][lines / 2][vectors - 1];
  }

 private:
  template <int rows, int lines, int vectors>
  static void compute(int64_t n, const int64_t* offset, const float* x, int64_t x_line, const float* w, float* c,
                      int64_t c_row, int64_t c_line, bool first) {
    constexpr int width = lines * vectors;
    F sum[rows][width];
    ONDOL_UNROLL for (int i = 0; i < rows; i++) {
      ONDOL_UNROLL for (int j = 0; j < width; j++) sum[i][j] = V::set(0.0f);
    }
    if (!first) {
      ONDOL_UNROLL for (int i = 0; i < rows; i++) {
        ONDOL_UNROLL for (int j = 0; j < width; j++) {
          sum[i][j] = V::load(c + i * c_row + j / vectors * c_line + j % vectors * V::lanes);
        }
      }
    }
    _Pragma("GCC unroll 1") for (int64_t k = 0; k < n; k++) {
      const float* at = x + offset[k];
      F value[width];
      ONDOL_UNROLL for (int j = 0; j < width; j++) {
        value[j] = V::load(at + j / vectors * x_line + j % vectors * V::lanes);
        if (rows > 1) { ONDOL_IN_REGISTER(value[j]); }
      }
      ONDOL_UNROLL for (int i = 0; i < rows; i++) {
        const F factor = V::set(w[i]);
        ONDOL_UNROLL for (int j = 0; j < width; j++) sum[i][j] = V::fma(value[j], factor, sum[i][j]);
      }
      w += PANEL_WIDTH;
    }
    ONDOL_UNROLL for (int i = 0; i < rows; i++) {
      ONDOL_UNROLL for (int j = 0; j < width; j++) {
        V::store(c + i * c_row + j / vectors * c_line + j % vectors * V::lanes, sum[i][j]);
      }
    }
  }

  template <int rows, int lines, int vectors>
  static constexpr Function choose() {
    if constexpr (lines * vectors <= WIDTH) return &compute<rows, lines, vectors>;
    return nullptr;
  }

#define ONDOL_TILE_LINE(rows, lines) \
  {choose<rows, lines, 1>(), choose<rows, lines, 2>(), choose<rows, lines, 3>(), choose<rows, lines, 4>()}
#define ONDOL_TILE_ROW(rows) {ONDOL_TILE_LINE(rows, 1), ONDOL_TILE_LINE(rows, 2), ONDOL_TILE_LINE(rows, 4)}
  static constexpr Function FUNCTIONS[ROWS][3][4] = {ONDOL_TILE_ROW(1), ONDOL_TILE_ROW(2), ONDOL_TILE_ROW(3),
                                                     ONDOL_TILE_ROW(4), ONDOL_TILE_ROW(5), ONDOL_TILE_ROW(6)};
#undef ONDOL_TILE_ROW
#undef ONDOL_TILE_LINE
};

}  // namespace
}  // namespace ondol

#endif
