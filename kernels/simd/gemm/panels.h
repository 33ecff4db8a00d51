// A and B brought into the order in which the tile reads them.
#ifndef ONDOL_GEMM_PANELS_H
#define ONDOL_GEMM_PANELS_H

#include "gemm/tile.h"

namespace ondol {
namespace {

template <class V>
class Panels {
  typedef typename V::F F;

 public:
  // B [k, n] with strides `row` and `col` into panels of 16 columns, `panel` floats apart; the last is filled with
  // zeros.
  static void pack_b(const float* b, int64_t row, int64_t col, int64_t k, int64_t n, float* out, int64_t panel) {
    if (col == 1) {
      pack_rows(b, row, k, n, out, panel);
      return;
    }
    for (int64_t j = 0; j < n; j += PANEL_WIDTH, b += PANEL_WIDTH * col, out += panel) {
      const int64_t columns = min_of(PANEL_WIDTH, n - j);
      if (row == 1) {
        pack_columns(b, col, k, columns, out);
      } else {
        gather(b, row, col, k, columns, out);
      }
    }
  }

  // Rows [0, m) of A, k contiguous values each, into rows `out_row` apart: one run of memory instead of m.
  static void copy_rows(const float* a, int64_t row, int64_t col, int64_t m, int64_t k, float* out, int64_t out_row) {
    for (int64_t i = 0; i < m; i++, a += row, out += out_row) {
      if (col != 1) {
        for (int64_t r = 0; r < k; r++) out[r] = a[r * col];
        continue;
      }
      int64_t r = 0;
      for (; r + V::lanes <= k; r += V::lanes) V::store(out + r, V::load(a + r));
      if (r < k) V::store(out + r, V::load(a + r, k - r), k - r);
    }
  }

  // The same for A whose columns are contiguous (k values `col` apart), one tile of rows: out[k][rows]. Writes up to a
  // vector past the end.
  static void copy_columns(const float* a, int64_t col, int64_t rows, int64_t k, float* out) {
    for (int64_t r = 0; r < k; r++, a += col, out += rows) {
      for (int64_t i = 0; i < rows; i += V::lanes) {
        V::store(out + i, i + V::lanes <= rows ? V::load(a + i) : V::load(a + i, rows - i));
      }
    }
  }

 private:
  // Four panels at once, so that a row is read 256 bytes at a time: one page a row, not one for every 64 bytes.
  static void pack_rows(const float* b, int64_t row, int64_t k, int64_t n, float* out, int64_t panel) {
    constexpr int64_t TOGETHER = 4;
    for (; n >= PANEL_WIDTH; b += TOGETHER * PANEL_WIDTH, out += TOGETHER * panel, n -= TOGETHER * PANEL_WIDTH) {
      const int64_t panels = min_of(TOGETHER, n / PANEL_WIDTH);
      for (int64_t r = 0; r < k; r++) {
        for (int64_t p = 0; p < panels; p++) {
          for (int64_t l = 0; l < PANEL_WIDTH; l += V::lanes) {
            V::store(out + p * panel + r * PANEL_WIDTH + l, V::load(b + r * row + p * PANEL_WIDTH + l));
          }
        }
      }
      if (panels < TOGETHER) {
        b += panels * PANEL_WIDTH;
        out += panels * panel;
        n -= panels * PANEL_WIDTH;
        break;
      }
    }
    for (int64_t r = 0; n > 0 && r < k; r++) {
      for (int64_t l = 0; l < PANEL_WIDTH; l += V::lanes) {
        const int64_t count = max_of<int64_t>(0, min_of<int64_t>(V::lanes, n - l));
        V::store(out + r * PANEL_WIDTH + l, count > 0 ? V::load(b + r * row + l, count) : V::set(0.0f));
      }
    }
  }

  // k contiguous: squares of lanes x lanes are transposed in registers.
  static void pack_columns(const float* b, int64_t col, int64_t k, int64_t columns, float* out) {
    int64_t r = 0;
    for (; r + V::lanes <= k; r += V::lanes) {
      for (int64_t l = 0; l < PANEL_WIDTH; l += V::lanes) {
        F square[V::lanes];
        for (int64_t c = 0; c < V::lanes; c++) {
          square[c] = l + c < columns ? V::load(b + (l + c) * col + r) : V::set(0.0f);
        }
        V::transpose(square);
        for (int64_t c = 0; c < V::lanes; c++) V::store(out + (r + c) * PANEL_WIDTH + l, square[c]);
      }
    }
    gather(b + r, 1, col, k - r, columns, out + r * PANEL_WIDTH);
  }

  static void gather(const float* b, int64_t row, int64_t col, int64_t k, int64_t columns, float* out) {
    for (int64_t r = 0; r < k; r++, b += row, out += PANEL_WIDTH) {
      for (int64_t c = 0; c < PANEL_WIDTH; c++) out[c] = c < columns ? b[c * col] : 0.0f;
    }
  }
};

}  // namespace
}  // namespace ondol

#endif
