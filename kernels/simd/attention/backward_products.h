// The three products of a pair of blocks that sum over pairs: dv += (p k)^T dout, dk += ds^T q, dq += ds k.
#ifndef ONDOL_ATTENTION_BACKWARD_PRODUCTS_H
#define ONDOL_ATTENTION_BACKWARD_PRODUCTS_H

#include "attention/backward_pairs.h"

namespace ondol {
namespace {

template <class V>
class BackwardProducts {
  typedef typename V::F F;

 public:
  // sums [keys][width] += (columns of `weights`)^T times the rows in `panels`, each key's chain over ascending rows.
  // `finite`: of those rows; else pairs that are not visible have to be left out, as 0 * inf is NaN.
  static void over_rows(const PairBlock<V>& pairs, const QueryBlock<V>& q, const KeyBlock<V>& k, const float* weights,
                        const float* panels, bool finite, int64_t width, float* sums) {
    if (!finite) {
      for (int64_t r = 0; r < q.rows; r++) {
        for (int64_t j = 0; j < k.count; j++) {
          if (pairs.visible(q, k, r, j)) add(weights[r * PAIR_PITCH + j], panels + r * PANEL, width, sums + j * width);
        }
      }
      return;
    }
    const int64_t tiles = ceil_div(k.count, (int64_t)Tile<V>::ROWS);
    const int64_t side = Tile<V>::panels((int)ceil_div(k.count, tiles));
    for (int64_t d = 0; d < width; d += side * PANEL) {
      const int64_t count = min_of(side, (width - d) / PANEL);
      KeyRange rows = {0, 0};  // that see a tile's keys: both ends ascend with the keys
      for (int64_t t = 0; t < tiles; t++) {
        const int64_t j = k.count * t / tiles, j_end = k.count * (t + 1) / tiles;
        while (rows.begin < q.rows && q.row[rows.begin].visible.end <= k.first + j) rows.begin++;
        rows.end = max_of(rows.end, rows.begin);
        while (rows.end < q.rows && q.row[rows.end].visible.begin < k.first + j_end) rows.end++;
        if (rows.begin == rows.end) continue;
        Tile<V>::function(false, j_end - j, count)(rows.end - rows.begin, weights + rows.begin * PAIR_PITCH + j,
                                                   PAIR_PITCH, panels + d / PANEL * PANEL_FLOATS + rows.begin * PANEL,
                                                   PANEL, PANEL_FLOATS, sums + j * width + d, width, false);
      }
    }
  }

  // dq [rows][width] += ds times k, each row's chain over ascending keys.
  static void over_keys(const PairBlock<V>& pairs, const QueryBlock<V>& q, const KeyBlock<V>& k, float* dq) {
    const int64_t width = q.query_width;
    if (!k.finite) {
      for (int64_t r = 0; r < q.rows; r++) {
        for (int64_t j = 0; j < k.count; j++) {
          if (pairs.visible(q, k, r, j)) {
            add(pairs.gradients[r * PAIR_PITCH + j], k.keys + j * PANEL, width, dq + r * width);
          }
        }
      }
      return;
    }
    const int64_t side = Tile<V>::panels((int)ceil_div(q.rows, q.groups));
    for (int64_t d = 0; d < width; d += side * PANEL) {
      const int64_t count = min_of(side, (width - d) / PANEL);
      for (int64_t g = 0; g < q.groups; g++) {
        const KeyRange keys = PairBlock<V>::in_block(q.group[g].visible, k);
        if (keys.begin >= keys.end) continue;
        const int64_t r = q.group[g].first;
        Tile<V>::function(true, q.group[g].rows, count)(keys.end - keys.begin,
                                                        pairs.gradients + r * PAIR_PITCH + keys.begin, PAIR_PITCH,
                                                        k.keys + d / PANEL * PANEL_FLOATS + keys.begin * PANEL, PANEL,
                                                        PANEL_FLOATS, dq + r * width + d, width, false);
      }
    }
  }

 private:
  static void add(float weight, const float* panel, int64_t width, float* sums) {
    for (int64_t d = 0; d < width; d += PANEL, panel += PANEL_FLOATS) {
      for (int64_t v = 0; v < PANEL; v += V::lanes) {
        V::store(sums + d + v, V::fma(V::set(weight), V::load(panel + v), V::load(sums + d + v)));
      }
    }
  }
};

}  // namespace
}  // namespace ondol

#endif
