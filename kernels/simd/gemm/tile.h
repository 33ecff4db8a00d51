// The register tile of every matrix product: rows x (16 panels) outputs stay in registers while k runs, each output a
// chain of fused multiply-adds over ascending k.
//
// Register budget (accumulators + a row of B + one broadcast of A): AVX2 6 x 16 = 12 + 2 + 1 of 16, AVX-512 12 x 32 =
// 24 + 2 (+ the broadcast folded into the instruction) of 32, portable 4 x 16 = 16 + 4 + 1, which fits a 32-register
// machine. AVX2 per k: 12 FMA (6 cycles on two pipes) beside 8 loads (4 cycles), so the loads hide. Measured on Zen 3
// from L1: 103 GFLOP/s for 6 x 16 with k >= 128, 97 for 4 x 16.
#ifndef ONDOL_GEMM_TILE_H
#define ONDOL_GEMM_TILE_H

#include "simd.h"

// Complete, and early enough that arrays of accumulators become registers.
#define ONDOL_UNROLL _Pragma("GCC unroll 24")

namespace ondol {
namespace {

constexpr int64_t PANEL_WIDTH = 16;  // columns of a panel of B, whatever the vector width

template <class V>
class Tile {
  typedef typename V::F F;

  static constexpr int vectors = PANEL_WIDTH / V::lanes;  // of a row of a panel
  static constexpr int accumulators = V::lanes == 16 ? 24 : V::lanes == 8 ? 12 : 16;

 public:
  static constexpr int ROWS = V::lanes == 16 ? 12 : V::lanes == 8 ? 6 : 4;
  static constexpr int MAX_PANELS = 4;
  // Whether tiles have instructions to spare for asking: 44 of AVX-512 for 24 cycles of FMA, against 24 of AVX2 for 6,
  // which one more slows down by 4 %.
  static constexpr bool ASKS = V::lanes == 16;

  // Panels side by side in a tile: few rows leave room for more, and need them to fill the pipes.
  static constexpr int panels(int rows) {
    return accumulators / (rows * vectors) < MAX_PANELS ? accumulators / (rows * vectors) : MAX_PANELS;
  }

  // C [rows][16 * panels] = (first ? 0 : C) + A B over k steps; rows of C are c_row apart. A is either by rows (row i
  // at a + i * step, k contiguous) or by columns (column k at a + k * step, rows contiguous). Row k of panel p of B is
  // at b + k * b_row + p * b_panel.
  typedef void (*Function)(int64_t k, const float* a, int64_t step, const float* b, int64_t b_row, int64_t b_panel,
                           float* c, int64_t c_row, bool first);

  static Function function(bool by_rows, int64_t rows, int64_t panels) {
    return FUNCTIONS[by_rows ? 0 : 1][rows - 1][panels - 1];
  }

  // The same, and where ASKS, asks for a line of memory with every step, into L2: ahead, ahead + ahead_step, ...
  typedef void (*Asking)(int64_t k, const float* a, int64_t step, const float* b, int64_t b_row, int64_t b_panel,
                         float* c, int64_t c_row, bool first, const float* ahead, int64_t ahead_step);

  static Asking asking(bool by_rows, int64_t rows, int64_t panels) {
    return ASKING[by_rows ? 0 : 1][rows - 1][panels - 1];
  }

 private:
  template <bool by_rows, int rows, int panels>
  static void plain(int64_t k, const float* a, int64_t step, const float* b, int64_t b_row, int64_t b_panel, float* c,
                    int64_t c_row, bool first) {
    compute<by_rows, rows, panels, false>(k, a, step, b, b_row, b_panel, c, c_row, first, nullptr, 0);
  }

  template <bool by_rows, int rows, int panels>
  static void ask(int64_t k, const float* a, int64_t step, const float* b, int64_t b_row, int64_t b_panel, float* c,
                  int64_t c_row, bool first, const float* ahead, int64_t ahead_step) {
    compute<by_rows, rows, panels, ASKS>(k, a, step, b, b_row, b_panel, c, c_row, first, ahead, ahead_step);
  }

  template <bool by_rows, int rows, int panels, bool asks>
  static ONDOL_INLINE void compute(int64_t k, const float* a, int64_t step, const float* b, int64_t b_row,
                                   int64_t b_panel, float* c, int64_t c_row, bool first, const float* ahead,
                                   int64_t ahead_step) {
    constexpr int width = panels * vectors;
    F sum[rows][width];
    ONDOL_UNROLL for (int i = 0; i < rows; i++) {
      ONDOL_UNROLL for (int j = 0; j < width; j++) sum[i][j] = V::set(0.0f);
    }
    if (!first) {
      ONDOL_UNROLL for (int i = 0; i < rows; i++) {
        ONDOL_UNROLL for (int j = 0; j < width; j++) sum[i][j] = V::load(c + i * c_row + j * V::lanes);
      }
    }
    // Of more rows than there are registers for their offsets, a pointer for three each: base, base + step and base +
    // 2 * step are addresses of one instruction.
    constexpr bool by_thirds = by_rows && rows > 6;
    constexpr int thirds = (rows + 2) / 3;
    const float* third[thirds];
    ONDOL_UNROLL for (int i = 0; i < thirds; i++) third[i] = a + 3 * i * step;
    // Not unrolled over k: 24 instructions for 6 cycles of FMA leave the front end idle as it is, and with two or four
    // steps in view GCC 12 reorders them until it spills (86 GFLOP/s instead of 101).
    _Pragma("GCC unroll 1") for (; k > 0; k--) {
      if (asks) {
        __builtin_prefetch(ahead, 0, 2);
        ahead += ahead_step;
      }
      F row[width];
      ONDOL_UNROLL for (int j = 0; j < width; j++) row[j] = V::load(b + j / vectors * b_panel + j % vectors * V::lanes);
      ONDOL_UNROLL for (int i = 0; i < rows; i++) {
        const F factor = V::set(by_thirds ? third[i / 3][i % 3 * step] : by_rows ? a[i * step] : a[i]);
        ONDOL_UNROLL for (int j = 0; j < width; j++) sum[i][j] = V::fma(factor, row[j], sum[i][j]);
      }
      ONDOL_UNROLL for (int i = 0; by_thirds && i < thirds; i++) third[i]++;
      a += by_rows ? 1 : step;
      b += b_row;
    }
    ONDOL_UNROLL for (int i = 0; i < rows; i++) {
      ONDOL_UNROLL for (int j = 0; j < width; j++) V::store(c + i * c_row + j * V::lanes, sum[i][j]);
    }
  }

  template <bool by_rows, int rows, int count>
  static constexpr Function choose(Function) {
    if constexpr (rows <= ROWS && count <= panels(rows)) return &plain<by_rows, rows, count>;
    return nullptr;
  }
  template <bool by_rows, int rows, int count>
  static constexpr Asking choose(Asking) {
    if constexpr (rows <= ROWS && count <= panels(rows)) return &ask<by_rows, rows, count>;
    return nullptr;
  }

#define ONDOL_TILE_ROW(type, by_rows, rows)                                    \
  { choose<by_rows, rows, 1>(type(nullptr)), choose<by_rows, rows, 2>(type(nullptr)), \
        choose<by_rows, rows, 3>(type(nullptr)), choose<by_rows, rows, 4>(type(nullptr)) }
#define ONDOL_TILE_TABLE(type, by_rows)                                                                        \
  {                                                                                                            \
    ONDOL_TILE_ROW(type, by_rows, 1), ONDOL_TILE_ROW(type, by_rows, 2), ONDOL_TILE_ROW(type, by_rows, 3),      \
        ONDOL_TILE_ROW(type, by_rows, 4), ONDOL_TILE_ROW(type, by_rows, 5), ONDOL_TILE_ROW(type, by_rows, 6),  \
        ONDOL_TILE_ROW(type, by_rows, 7), ONDOL_TILE_ROW(type, by_rows, 8), ONDOL_TILE_ROW(type, by_rows, 9),  \
        ONDOL_TILE_ROW(type, by_rows, 10), ONDOL_TILE_ROW(type, by_rows, 11), ONDOL_TILE_ROW(type, by_rows, 12) \
  }
  static constexpr Function FUNCTIONS[2][12][MAX_PANELS] = {ONDOL_TILE_TABLE(Function, true),
                                                            ONDOL_TILE_TABLE(Function, false)};
  static constexpr Asking ASKING[2][12][MAX_PANELS] = {ONDOL_TILE_TABLE(Asking, true),
                                                       ONDOL_TILE_TABLE(Asking, false)};
#undef ONDOL_TILE_TABLE
#undef ONDOL_TILE_ROW
};

}  // namespace
}  // namespace ondol

#endif
