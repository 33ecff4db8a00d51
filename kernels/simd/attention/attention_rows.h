// A tile of query rows against a range of keys: scores, online softmax and weighted values, block of keys by block.
//
// Loops run panel of 16 keys (or of 16 columns of Dv) outside, group of rows inside: a panel of B stays in the L1 cache while
// the rows stream from L2 at 4 bytes a cycle. A group is what one matrix tile takes; groups have nearly equal heights,
// because a short one cannot hide the latency of its chains.
#ifndef ONDOL_ATTENTION_ROWS_H
#define ONDOL_ATTENTION_ROWS_H

#include "attention/attention_pack.h"
#include "attention/attention_scores.h"
#include "attention/attention_tile.h"
#include "attention/attention_tiling.h"
#include "lanes16.h"

namespace ondol {
namespace {

// Rows [first, first + rows) of the rows of an item's query heads from `head` on, one head after another.
struct RowTile {
  Item item;
  int64_t head, first, rows;
};

// K and V of one item and key head in the layout of AttentionPack, block after block; null: not packed.
struct PackedBlocks {
  float* keys;
  float* values;
};

template <class V>
ONDOL_INLINE float sum16(const float* l) {
  Lanes16<V> sum(0.0f);
  for (int v = 0; v < sum.vectors; v++) sum.part[v] = V::load(l + v * V::lanes);
  return sum.sum();
}

// Writes a row's result from its state.
template <class V>
inline void finish_row(const Shape& shape, const Item& item, int64_t head, int64_t i, float max, const float* sum,
                       const float* state) {
  const float total = sum16<V>(sum);
  float* const out = shape.out(item, head, i);
  const float inverse = 1 / total;
  const int64_t n = shape.a.value_dim;
  for (int64_t d = 0; d < n; d += V::lanes) {
    typename V::F y = V::set(0.0f);
    if (total != 0) y = V::fma(V::load(state + d), V::set(inverse), y);
    if (n - d >= V::lanes) {
      V::store(out + d, y);
    } else {
      V::store(out + d, y, n - d);
    }
  }
  if (shape.a.lse == nullptr) return;
  const typename V::F log = Math<V>::log(V::set(total));
  *shape.lse(item, head, i) = total == 0 ? -Math<V>::INF : V::fma(V::set(max), V::set(0x1.62e43p-1f), log)[0];
}

template <class V>
class AttentionRows {
  typedef typename V::F F;
  typedef TileShape<V> Tile;

  // Floats between rows of scores: 16 more than a block, or rows would lie in 8 of the 64 sets of an L1 cache.
  static constexpr int64_t PITCH = KEY_BLOCK + 16;

  struct Group {
    int64_t first, rows;
    KeyRange visible;  // of any of its rows
  };

 public:
  // Bytes for tiles of up to `rows` rows.
  static int64_t scratch(const ondol_attention_args& a, int64_t rows) {
    AttentionRows none(Shape(a), rows, nullptr);
    return none.bytes;
  }

  AttentionRows(const Shape& shape, int64_t rows, float* scratch) : a(shape.a), shape(shape), widths(a), scores(a) {
    int64_t used = 0;
    auto take = [&](int64_t floats) {
      float* const p = scratch == nullptr ? nullptr : scratch + used;
      used += round_up(floats, 16);
      return p;
    };
    q = take(rows * widths.query);
    s = take(rows * PITCH);
    o = take(rows * widths.value);
    sum = take(rows * 16);
    max = take(rows + 16);
    factor = take(rows + 16);
    ones = take(rows + 16);
    key_block = take(widths.key_block(a));
    value_block = take(widths.value_block());
    row = (QueryRow*)take(rows * (int64_t)(sizeof(QueryRow) / sizeof(float)));
    group = (Group*)take(rows * (int64_t)(sizeof(Group) / sizeof(float)));
    bytes = used * (int64_t)sizeof(float);
  }

  const QueryRow& query_row(int64_t r) const { return row[r]; }

  // Sets the rows that the following calls work on, and packs their queries.
  void start(const RowTile& t) {
    tile = t;
    const float c = (float)(a.scale * AttentionScores<V>::LOG2E);
    for (int64_t r = 0; r < tile.rows; r++) {
      const int64_t flat = tile.first + r;
      const int64_t head = tile.head + flat / tile.item.rows, i = flat % tile.item.rows;
      row[r] = {tile.item.index, head, i, i + tile.item.diagonal, shape.visible(tile.item, i)};
      AttentionPack<V>::query(shape.query(tile.item, head, i), a.head_dim, c, q + r * widths.query);
      ones[r] = 1.0f;
    }
    make_groups();
  }

  // From a fresh state over keys [begin, end), begin a multiple of the block.
  void attend(KeyRange keys, const PackedBlocks& packed) {
    pass(keys, packed, false);
    // A weight of +0 met an inf or a NaN in V, or the result is NaN anyway: the same again with a loop that skips them.
    if (not_finite()) pass(keys, packed, true);
  }

  void finish(int64_t r) const {
    finish_row<V>(shape, tile.item, row[r].head, row[r].i, max[r], sum + r * 16, o + r * widths.value);
  }

  // Writes a row's state for the merge.
  void save(int64_t r, float* state) const {
    for (int v = 0; v < 16; v += V::lanes) V::store(state + v, V::load(sum + r * 16 + v));
    state[STATE_MAX] = max[r];
    for (int64_t d = 0; d < widths.value; d += V::lanes) V::store(state + STATE_OUT + d, V::load(o + r * widths.value + d));
  }

 private:
  void make_groups() {
    groups = ceil_div(tile.rows, Tile::rows);
    const int64_t height = tile.rows / groups, taller = tile.rows % groups;
    int64_t first = 0;
    all = {tile.item.keys, 0};
    for (int64_t g = 0; g < groups; g++) {
      group[g] = {first, height + (g < taller), {tile.item.keys, 0}};
      KeyRange& visible = group[g].visible;
      for (int64_t r = first; r < first + group[g].rows; r++) {
        if (row[r].visible.begin >= row[r].visible.end) continue;
        visible = {min_of(visible.begin, row[r].visible.begin), max_of(visible.end, row[r].visible.end)};
      }
      all = {min_of(all.begin, visible.begin), max_of(all.end, visible.end)};
      first += group[g].rows;
    }
  }

  void pass(KeyRange keys, const PackedBlocks& packed, bool skip_zeros) {
    for (int64_t i = 0; i < tile.rows * 16; i += V::lanes) V::store(sum + i, V::set(0.0f));
    for (int64_t i = 0; i < tile.rows * widths.value; i += V::lanes) V::store(o + i, V::set(0.0f));
    for (int64_t r = 0; r < tile.rows; r++) max[r] = -Math<V>::INF;
    const KeyRange wanted = cut(all, keys.begin, keys.end);
    for (int64_t j = wanted.begin / KEY_BLOCK * KEY_BLOCK; j < wanted.end; j += KEY_BLOCK) {
      block(cut(wanted, j, j + KEY_BLOCK), j, packed, skip_zeros);
    }
  }

  static ONDOL_INLINE KeyRange cut(KeyRange range, int64_t begin, int64_t end) {
    return {max_of(range.begin, begin), min_of(range.end, end)};
  }

  // Keys `wanted` of the block that starts at key j.
  void block(KeyRange wanted, int64_t j, const PackedBlocks& packed, bool skip_zeros) {
    const float* keys = key_block;
    const int64_t begin = wanted.begin / PANEL * PANEL;
    if (packed.keys != nullptr) {
      keys = packed.keys + j / KEY_BLOCK * widths.key_block(a);
    } else {
      AttentionPack<V>::keys(shape.keys(tile.item, tile.head / shape.group), begin, wanted.end - begin, a.head_dim,
                             key_block + (begin - j) * a.head_dim);
    }
    score(wanted, j, keys);
    for (int64_t g = 0; g < groups; g++) soften(group[g], cut(group[g].visible, wanted.begin, wanted.end), j);
    if (skip_zeros) {
      weigh_nonzero(wanted, j);
    } else {
      weigh(wanted, j, packed);
    }
  }

  void score(KeyRange wanted, int64_t j, const float* keys) {
    const int64_t width = PANEL * Tile::panels;
    for (int64_t p = wanted.begin / PANEL * PANEL; p < wanted.end; p += width) {
      const int64_t panels = min_of<int64_t>(Tile::panels, ceil_div(wanted.end - p, PANEL));
      for (int64_t g = 0; g < groups; g++) {
        if (group[g].visible.end <= p || group[g].visible.begin >= p + panels * PANEL) continue;
        const int64_t r = group[g].first;
        MatrixTile<V>::run(group[g].rows, panels,
                           {q + r * widths.query, widths.query, keys + (p - j) * a.head_dim, PANEL, PANEL * a.head_dim,
                            s + r * PITCH + (p - j), PITCH, nullptr, a.head_dim});
      }
    }
  }

  // Scores to weights, for the keys of a group in the block that starts at key j.
  void soften(const Group& g, KeyRange keys, int64_t j) {
    if (keys.begin >= keys.end) return;
    const int64_t first = keys.begin / PANEL * PANEL, count = round_up(keys.end, PANEL) - first;
    float before[16], after[16];
    for (int64_t r = 0; r < 16; r++) before[r] = after[r] = 0.0f;
    for (int64_t r = 0; r < g.rows; r++) {
      float* const z = s + (g.first + r) * PITCH + (first - j);
      scores.finish(row[g.first + r], first, count, z);
      before[r] = max[g.first + r];
      after[r] = row_max(z, count, before[r]);
    }
    float subtract[16];
    for (int64_t r = 0; r < g.rows; r++) {
      max[g.first + r] = after[r];
      subtract[r] = after[r] == -Math<V>::INF ? 0.0f : after[r];
      before[r] -= subtract[r];
    }
    for (int64_t r = 0; r < g.rows; r += V::lanes) V::store(factor + g.first + r, Math<V>::exp2w(V::load(before + r)));
    for (int64_t r = 0; r < g.rows; r++) {
      float* const z = s + (g.first + r) * PITCH + (first - j);
      weights(z, count, subtract[r], factor[g.first + r], sum + (g.first + r) * 16);
      if (scores.dropped) scores.drop(row[g.first + r], first, count, z);
    }
  }

  static ONDOL_INLINE float row_max(const float* z, int64_t count, float start) {
    F m[Tile::vectors];
    for (int v = 0; v < Tile::vectors; v++) m[v] = V::set(start);
    for (int64_t p = 0; p < count; p += PANEL) {
      for (int v = 0; v < Tile::vectors; v++) m[v] = V::greater(V::load(z + p + v * V::lanes), m[v]);
    }
    for (int half = Tile::vectors / 2; half > 0; half /= 2) {
      for (int v = 0; v < half; v++) m[v] = V::greater(m[v], m[v + half]);
    }
    F top = m[0];
    if constexpr (V::lanes >= 16) top = V::greater(top, V::template upper<8>(top));
    if constexpr (V::lanes >= 8) top = V::greater(top, V::template upper<4>(top));
    top = V::greater(top, V::template upper<2>(top));
    top = V::greater(top, V::template upper<1>(top));
    return top[0];
  }

  static ONDOL_INLINE void weights(float* z, int64_t count, float subtract, float factor, float* sum) {
    F l[Tile::vectors];
    for (int v = 0; v < Tile::vectors; v++) l[v] = V::load(sum + v * V::lanes) * factor;
    for (int64_t p = 0; p < count; p += PANEL) {
      for (int v = 0; v < Tile::vectors; v++) {
        const F w = Math<V>::exp2w(V::load(z + p + v * V::lanes) - subtract);
        l[v] = l[v] + w;
        V::store(z + p + v * V::lanes, w);
      }
    }
    for (int v = 0; v < Tile::vectors; v++) V::store(sum + v * V::lanes, l[v]);
  }

  void weigh(KeyRange wanted, int64_t j, const PackedBlocks& packed) {
    constexpr int64_t panel = KEY_BLOCK * PANEL;
    if (packed.values != nullptr) {
      weigh_run(wanted, wanted, packed.values + j * widths.value + (wanted.begin - j) * PANEL, PANEL, panel);
      return;
    }
    const KeyRows rows = shape.values(tile.item, tile.head / shape.group);
    if (a.value_dim % PANEL != 0) {
      AttentionPack<V>::values(rows, wanted.begin, wanted.end - wanted.begin, a.value_dim, value_block);
      weigh_run(wanted, wanted, value_block, PANEL, panel);
      return;
    }
    for (int64_t begin = wanted.begin, end; begin < wanted.end; begin = end) {
      end = begin + rows.run(begin, wanted.end);
      weigh_run({begin, end}, wanted, rows.row(begin), rows.stride, PANEL);
    }
  }

  // Adds the values of a run of the wanted keys, `pitch` apart, panels of 16 columns `panel` apart.
  void weigh_run(KeyRange run, KeyRange wanted, const float* values, int64_t pitch, int64_t panel) {
    const int64_t width = PANEL * Tile::panels;
    for (int64_t d = 0; d < widths.value; d += width) {
      const int64_t panels = min_of<int64_t>(Tile::panels, (widths.value - d) / PANEL);
      for (int64_t g = 0; g < groups; g++) {
        const KeyRange keys = cut(group[g].visible, run.begin, run.end);
        if (keys.begin >= keys.end) continue;
        const bool first = keys.begin == max_of(group[g].visible.begin, wanted.begin);
        const int64_t r = group[g].first;
        MatrixTile<V>::run(group[g].rows, panels,
                           {s + r * PITCH + keys.begin % KEY_BLOCK, PITCH,
                            values + d / PANEL * panel + (keys.begin - run.begin) * pitch, pitch, panel,
                            o + r * widths.value + d, widths.value, (first ? factor : ones) + r, keys.end - keys.begin});
      }
    }
  }

  // The same one key at a time, leaving out weights of +0.
  void weigh_nonzero(KeyRange wanted, int64_t j) {
    const KeyRows rows = shape.values(tile.item, tile.head / shape.group);
    for (int64_t g = 0; g < groups; g++) {
      const KeyRange keys = cut(group[g].visible, wanted.begin, wanted.end);
      if (keys.begin >= keys.end) continue;
      for (int64_t r = group[g].first; r < group[g].first + group[g].rows; r++) {
        float* const out = o + r * widths.value;
        for (int64_t d = 0; d < widths.value; d += V::lanes) V::store(out + d, V::load(out + d) * factor[r]);
        for (int64_t key = keys.begin; key < keys.end; key++) {
          const float w = s[r * PITCH + (key - j)];
          if (w != 0) add_weighted(w, rows.row(key), out);
        }
      }
    }
  }

  void add_weighted(float w, const float* value, float* out) const {
    int64_t d = 0;
    for (; d + V::lanes <= a.value_dim; d += V::lanes) {
      V::store(out + d, V::fma(V::set(w), V::load(value + d), V::load(out + d)));
    }
    if (d < a.value_dim) V::store(out + d, V::fma(V::set(w), V::load(value + d, a.value_dim - d), V::load(out + d)), a.value_dim - d);
  }

  bool not_finite() const {
    F sum = V::set(0.0f);  // of 0 * x: NaN from the first x that is NaN or inf
    for (int64_t i = 0; i < tile.rows * widths.value; i += V::lanes) sum = V::fma(V::load(o + i), V::set(0.0f), sum);
    alignas(64) float lane[V::lanes];
    V::store(lane, sum);
    bool any = false;
    for (int l = 0; l < V::lanes; l++) any |= lane[l] != lane[l];
    return any;
  }

  const ondol_attention_args& a;
  const Shape shape;
  const Widths widths;
  const AttentionScores<V> scores;
  float *q, *s, *o;           // scaled queries, scores then weights, unscaled results
  float *sum, *max, *factor;  // l, m and a of the definition
  float* ones;
  float *key_block, *value_block;
  QueryRow* row;
  Group* group;
  int64_t bytes, groups;
  RowTile tile;
  KeyRange all;  // visible to any row
};

}  // namespace
}  // namespace ondol

#endif
