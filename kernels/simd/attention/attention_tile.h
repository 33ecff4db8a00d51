// The matrix tile of attention: C[rows, 16 panels] = factor * C + A[rows, k] B[k, 16 panels], each element one chain
// over k, for several groups of rows one after another: at k = 32 a call for each group costs a tenth.
#ifndef ONDOL_ATTENTION_TILE_H
#define ONDOL_ATTENTION_TILE_H

#include "attention/attention_shape.h"

namespace ondol {
namespace {

struct TileOperands {
  const float* a;  // [rows, k], row-major
  int64_t a_pitch;
  const float* b;  // panels of [k, 16]
  int64_t b_pitch, b_panel;
  float* c;  // [rows, 16 * panels], row-major
  int64_t c_pitch;
  const float* factor;  // [rows]: what C is multiplied by first; null: C starts from +0
  int64_t k;
  int64_t groups;
  const float* ahead;  // memory to ask for, a cache line for each panel a step of k; or null
};

// Register budget. AVX2: 6 x 16 is 12 accumulators, 2 of B and 1 broadcast of 16 registers; an L1-resident k = 128 runs
// at 97 % of the FMA peak (4 and 5 rows the same, 3 rows 75 %, 1 row 28 %: the chains' latency). AVX-512: 12 rows x 2
// panels is 24 accumulators, 2 of B, and broadcasts folded into the multiply-adds. Portable has no FMA to keep busy.
template <class V>
struct TileShape {
  static constexpr int vectors = PANEL / V::lanes;
  static constexpr int panels = V::lanes == 16 ? 2 : 1;
  static constexpr int rows = V::lanes == 16 ? 12 : V::lanes == 8 ? 6 : 4;
};

template <class V>
class MatrixTile {
  typedef typename V::F F;
  typedef TileShape<V> Shape;
  typedef void (*Function)(const TileOperands&);

 public:
  static constexpr int64_t LINE = 16;  // floats of a cache line

  static ONDOL_INLINE void run(int64_t rows, int64_t panels, const TileOperands& t) {
    table[t.ahead != nullptr][panels - 1][rows - 1](t);
  }

 private:
  template <bool asking, int rows, int panels>
  static void tile(const TileOperands& t) {
    const float* a = t.a;
    const float* ahead = t.ahead;
    const float* factor = t.factor;
    float* c = t.c;
    for (int64_t g = t.groups; g > 0; g--) {
      group<asking, rows, panels>(a, t.a_pitch, t.b, t.b_pitch, t.b_panel, c, t.c_pitch, factor, t.k, ahead);
      if (asking) ahead += t.k * panels * LINE;
      a += rows * t.a_pitch;
      c += rows * t.c_pitch;
      if (factor != nullptr) factor += rows;
    }
  }

  template <bool asking, int rows, int panels>
  static ONDOL_INLINE void group(const float* a, int64_t a_pitch, const float* b, int64_t b_pitch, int64_t b_panel,
                                 float* c, int64_t c_pitch, const float* factor, int64_t k, const float* ahead) {
    constexpr int vectors = panels * Shape::vectors;
    F acc[rows][vectors];
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++) {
#pragma GCC unroll 16
      for (int v = 0; v < vectors; v++) {
        acc[r][v] = factor == nullptr ? V::set(0.0f) : V::load(c + r * c_pitch + v * V::lanes) * factor[r];
      }
    }
    const float* const end = a + k;
#pragma GCC unroll 4
    for (; a != end; a++, b += b_pitch) {
      if (asking) {
        // Into L2: fills of L1 are so few at a time that they, not memory, would set the pace (11 GB/s instead of 17).
#pragma GCC unroll 2
        for (int p = 0; p < panels; p++, ahead += LINE) __builtin_prefetch(ahead, 0, 2);
      }
      F column[vectors];
#pragma GCC unroll 16
      for (int v = 0; v < vectors; v++) {
        column[v] = V::load(b + v / Shape::vectors * b_panel + v % Shape::vectors * V::lanes);
      }
#pragma GCC unroll 16
      for (int r = 0; r < rows; r++) {
        const F x = V::set((a + r / 3 * 3 * a_pitch)[r % 3 * a_pitch]);
#pragma GCC unroll 16
        for (int v = 0; v < vectors; v++) acc[r][v] = V::fma(x, column[v], acc[r][v]);
      }
    }
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++) {
#pragma GCC unroll 16
      for (int v = 0; v < vectors; v++) V::store(c + r * c_pitch + v * V::lanes, acc[r][v]);
    }
  }

  template <bool asking, int rows, int panels>
  static constexpr Function pick() {
    if constexpr (rows <= Shape::rows && panels <= Shape::panels) return &tile<asking, rows, panels>;
    return nullptr;
  }

#define ONDOL_ROW(asking, panels)                                                                                     \
  {                                                                                                                   \
    pick<asking, 1, panels>(), pick<asking, 2, panels>(), pick<asking, 3, panels>(), pick<asking, 4, panels>(),       \
        pick<asking, 5, panels>(), pick<asking, 6, panels>(), pick<asking, 7, panels>(), pick<asking, 8, panels>(),   \
        pick<asking, 9, panels>(), pick<asking, 10, panels>(), pick<asking, 11, panels>(), pick<asking, 12, panels>() \
  }
  static constexpr Function table[2][2][12] = {{ONDOL_ROW(false, 1), ONDOL_ROW(false, 2)},
                                               {ONDOL_ROW(true, 1), ONDOL_ROW(true, 2)}};
#undef ONDOL_ROW
};

}  // namespace
}  // namespace ondol

#endif
