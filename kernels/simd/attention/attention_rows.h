// A tile of query rows against a range of keys: scores, online softmax and weighted values, block of keys by block.
//
// Loops run panel of 16 keys (or of 16 columns of Dv) outside, group of rows inside: a panel of B stays in the L1 cache
// while the rows stream from L2 at 4 bytes a cycle. A group is what one matrix tile takes; groups have nearly equal
// heights, because a short one cannot hide the latency of its chains.
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
    bool fresh;        // no value added yet: o is to start from zero
  };

 public:
  // Bytes of scratch.
  static int64_t scratch(const ondol_attention_args& a, const Tiling& tiling) {
    AttentionRows none(Shape(a), tiling, nullptr);
    return none.bytes;
  }

  AttentionRows(const Shape& shape, const Tiling& tiling, float* scratch)
      : a(shape.a), shape(shape), widths(a), scores(a), caching(tiling.cached_blocks > 0) {
    const int64_t rows = tiling.tile_rows, blocks = max_of<int64_t>(tiling.cached_blocks, 1);
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
    key_blocks = take(blocks * widths.key_block(a));
    value_blocks = take(blocks * widths.value_block());
    row = (QueryRow*)take(rows * (int64_t)(sizeof(QueryRow) / sizeof(float)));
    group = (Group*)take(rows * (int64_t)(sizeof(Group) / sizeof(float)));
    bytes = used * (int64_t)sizeof(float);
  }

  const QueryRow& query_row(int64_t r) const { return row[r]; }

  // Sets the rows that the following calls work on, and packs their queries.
  void start(const RowTile& t) {
    tile = t;
    const int64_t kv_head = tile.head / shape.group;
    if (cached_item != tile.item.index || cached_head != kv_head) cached = 0;
    cached_item = tile.item.index;
    cached_head = kv_head;
    keys = shape.keys(tile.item, kv_head);
    values = shape.values(tile.item, kv_head);
    const float c = (float)(a.scale * AttentionScores<V>::LOG2E);
    int64_t head = tile.head + tile.first / tile.item.rows, i = tile.first % tile.item.rows;
    for (int64_t r = 0; r < tile.rows; r++, i++) {
      if (i == tile.item.rows) head++, i = 0;
      row[r] = {tile.item.index, head, i, i + tile.item.diagonal, shape.visible(tile.item, i)};
      AttentionPack<V>::query(shape.query(tile.item, head, i), a.head_dim, c, q + r * widths.query);
      ones[r] = 1.0f;
    }
    make_groups();
  }

  // From a fresh state over keys [begin, end), begin a multiple of the block.
  void attend(KeyRange range, PackedBlocks packed) {
    if (caching) packed = {key_blocks, value_blocks};
    pass(range, packed, false);
    // A weight of +0 met an inf or a NaN in V, or the result is NaN anyway: the same again with a loop that skips them.
    if (not_finite()) pass(range, packed, true);
  }

  void finish(int64_t r) const {
    finish_row<V>(shape, tile.item, row[r].head, row[r].i, max[r], sum + r * 16, o + r * widths.value);
  }

  // Writes a row's state for the merge.
  void save(int64_t r, float* state) const {
    for (int v = 0; v < 16; v += V::lanes) V::store(state + v, V::load(sum + r * 16 + v));
    state[STATE_MAX] = max[r];
    for (int64_t d = 0; d < widths.value; d += V::lanes)
      V::store(state + STATE_OUT + d, V::load(o + r * widths.value + d));
  }

 private:
  void make_groups() {
    groups = ceil_div(tile.rows, Tile::rows);
    const int64_t height = tile.rows / groups, taller = tile.rows % groups;
    int64_t first = 0;
    all = {tile.item.keys, 0};
    for (int64_t g = 0; g < groups; g++) {
      group[g] = {first, height + (g < taller), {tile.item.keys, 0}, true};
      KeyRange& visible = group[g].visible;
      for (int64_t r = first; r < first + group[g].rows; r++) {
        if (row[r].visible.begin >= row[r].visible.end) continue;
        visible = {min_of(visible.begin, row[r].visible.begin), max_of(visible.end, row[r].visible.end)};
      }
      all = {min_of(all.begin, visible.begin), max_of(all.end, visible.end)};
      first += group[g].rows;
    }
  }

  void pass(KeyRange range, const PackedBlocks& packed, bool skip_zeros) {
    for (int64_t i = 0; i < tile.rows * 16; i += V::lanes) V::store(sum + i, V::set(0.0f));
    for (int64_t r = 0; r < tile.rows; r++) max[r] = -Math<V>::INF;
    const KeyRange wanted = cut(all, range.begin, range.end);
    for (int64_t g = 0; g < groups; g++) {
      group[g].fresh = true;
      if (group[g].visible.begin < wanted.end && group[g].visible.end > wanted.begin) continue;
      for (int64_t i = 0; i < group[g].rows * widths.value; i += V::lanes)
        V::store(o + group[g].first * widths.value + i, V::set(0.0f));
    }
    for (int64_t j = wanted.begin / KEY_BLOCK * KEY_BLOCK; j < wanted.end; j += KEY_BLOCK) {
      block(cut(wanted, j, j + KEY_BLOCK), j, packed, skip_zeros);
    }
  }

  static ONDOL_INLINE KeyRange cut(KeyRange range, int64_t begin, int64_t end) {
    return {max_of(range.begin, begin), min_of(range.end, end)};
  }

  // Keys `wanted` of the block that starts at key j.
  void block(KeyRange wanted, int64_t j, const PackedBlocks& packed, bool skip_zeros) {
    const float* panels = key_blocks;
    ahead = nullptr;
    if (packed.keys != nullptr) {
      if (caching) fill_cache(j / KEY_BLOCK);
      panels = packed.keys + j / KEY_BLOCK * widths.key_block(a);
    } else {
      pack_keys(wanted, j);
    }
    score(wanted, j, panels);
    for (int64_t g = 0; g < groups; g++) soften(group[g], cut(group[g].visible, wanted.begin, wanted.end), j);
    if (skip_zeros) {
      weigh_nonzero(wanted, j);
    } else {
      weigh(wanted, j, packed);
    }
    for (int64_t g = 0; g < groups; g++) {
      if (group[g].visible.begin < wanted.end && group[g].visible.end > wanted.begin) group[g].fresh = false;
    }
  }

  // Packs K and V up to a block.
  void fill_cache(int64_t block) {
    for (; cached <= block; cached++) {
      const int64_t j = cached * KEY_BLOCK, count = min_of(KEY_BLOCK, tile.item.keys - j);
      AttentionPack<V>::keys(keys, j, count, a.head_dim, key_blocks + cached * widths.key_block(a));
      AttentionPack<V>::values(values, j, count, a.value_dim, value_blocks + cached * widths.value_block());
    }
  }

  // Packs the wanted keys of a block, and asks for the values that belong to them: those are read where they are, a
  // panel of columns at a time, which no hardware prefetcher follows. With few rows the time is that of reading memory,
  // and bursts of prefetches stop the arithmetic meanwhile; then the tiles ask for a cache line a step and panel instead:
  // D steps for each of 8 panels are just the lines of a block of V, and the weighing of V likewise of the next block
  // of K.
  void pack_keys(KeyRange wanted, int64_t j) {
    ahead = groups == 1 && dense(values, a.value_dim) ? values.row(wanted.begin) : nullptr;
    for (int64_t p = wanted.begin / PANEL * PANEL; p < wanted.end; p += PANEL) {
      const int64_t end = min_of(p + PANEL, wanted.end);
      for (int64_t key = max_of(p, wanted.begin); ahead == nullptr && key < end; key++) {
        prefetch(values.row(key), a.value_dim);
      }
      AttentionPack<V>::keys(keys, p, end - p, a.head_dim, key_blocks + (p - j) * a.head_dim);
    }
  }

  static bool dense(const KeyRows& rows, int64_t width) { return rows.pages == nullptr && rows.stride == width; }

  void score(KeyRange wanted, int64_t j, const float* panels_at) {
    const int64_t width = PANEL * Tile::panels;
    for (int64_t p = wanted.begin / PANEL * PANEL; p < wanted.end; p += width) {
      const int64_t panels = min_of<int64_t>(Tile::panels, ceil_div(wanted.end - p, PANEL));
      for (int64_t g = 0, next; g < groups; g = next) {
        next = g + 1;
        if (!reaches(group[g], p, panels)) continue;
        while (next < groups && group[next].rows == group[g].rows && reaches(group[next], p, panels)) next++;
        const int64_t r = group[g].first;
        MatrixTile<V>::run(group[g].rows, panels,
                           {q + r * widths.query, widths.query, panels_at + (p - j) * a.head_dim, PANEL,
                            PANEL * a.head_dim, s + r * PITCH + (p - j), PITCH, nullptr, a.head_dim, next - g, ahead});
        if (ahead != nullptr) ahead += (next - g) * a.head_dim * panels * MatrixTile<V>::LINE;
      }
    }
  }

  static ONDOL_INLINE bool reaches(const Group& g, int64_t p, int64_t panels) {
    return g.visible.end > p && g.visible.begin < p + panels * PANEL;
  }

  // Scores to weights, for the keys of a group in the block that starts at key j.
  void soften(const Group& g, KeyRange range, int64_t j) {
    if (range.begin >= range.end) return;
    const int64_t first = range.begin / PANEL * PANEL, count = round_up(range.end, PANEL) - first;
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
    if (a.value_dim % PANEL != 0) {
      AttentionPack<V>::values(values, wanted.begin, wanted.end - wanted.begin, a.value_dim, value_blocks);
      weigh_run(wanted, wanted, value_blocks, PANEL, panel);
      return;
    }
    prefetch_keys(wanted.end);
    for (int64_t begin = wanted.begin, end; begin < wanted.end; begin = end) {
      end = begin + values.run(begin, wanted.end);
      weigh_run({begin, end}, wanted, values.row(begin), values.stride, PANEL);
    }
  }

  // The next block's first keys, while this one's values are worked on.
  void prefetch_keys(int64_t from) {
    ahead = groups == 1 && dense(keys, a.head_dim) && from < tile.item.keys ? keys.row(from) : nullptr;
    for (int64_t j = from; ahead == nullptr && j < min_of(from + KEY_BLOCK, tile.item.keys); j++)
      prefetch(keys.row(j), a.head_dim);
  }

  // Adds the values of a run of the wanted keys, `pitch` apart, panels of 16 columns `panel` apart.
  void weigh_run(KeyRange run, KeyRange wanted, const float* from, int64_t pitch, int64_t panel) {
    const int64_t width = PANEL * Tile::panels;
    for (int64_t d = 0; d < widths.value; d += width) {
      const int64_t panels = min_of<int64_t>(Tile::panels, (widths.value - d) / PANEL);
      for (int64_t g = 0, next; g < groups; g = next) {
        next = g + 1;
        const KeyRange cut_to = cut(group[g].visible, run.begin, run.end);
        if (cut_to.begin >= cut_to.end) continue;
        const bool first = cut_to.begin == max_of(group[g].visible.begin, wanted.begin);
        while (next < groups && alike(group[g], group[next], run, wanted)) next++;
        const int64_t r = group[g].first;
        const float* const by = !first ? ones + r : group[g].fresh ? nullptr : factor + r;
        MatrixTile<V>::run(group[g].rows, panels,
                           {s + r * PITCH + cut_to.begin % KEY_BLOCK, PITCH,
                            from + d / PANEL * panel + (cut_to.begin - run.begin) * pitch, pitch, panel,
                            o + r * widths.value + d, widths.value, by, cut_to.end - cut_to.begin, next - g, ahead});
        if (ahead != nullptr) ahead += (next - g) * (cut_to.end - cut_to.begin) * panels * MatrixTile<V>::LINE;
      }
    }
  }

  // Whether one call can serve both groups.
  static ONDOL_INLINE bool alike(const Group& x, const Group& y, KeyRange run, KeyRange wanted) {
    const KeyRange kx = cut(x.visible, run.begin, run.end), ky = cut(y.visible, run.begin, run.end);
    return x.rows == y.rows && x.fresh == y.fresh && kx.begin == ky.begin && kx.end == ky.end &&
           max_of(x.visible.begin, wanted.begin) == max_of(y.visible.begin, wanted.begin);
  }

  // The same one key at a time, leaving out weights of +0.
  void weigh_nonzero(KeyRange wanted, int64_t j) {
    for (int64_t g = 0; g < groups; g++) {
      const KeyRange range = cut(group[g].visible, wanted.begin, wanted.end);
      if (range.begin >= range.end) continue;
      for (int64_t r = group[g].first; r < group[g].first + group[g].rows; r++) {
        float* const out = o + r * widths.value;
        for (int64_t d = 0; d < widths.value; d += V::lanes) {
          V::store(out + d, group[g].fresh ? V::set(0.0f) : V::load(out + d) * factor[r]);
        }
        for (int64_t key = range.begin; key < range.end; key++) {
          const float w = s[r * PITCH + (key - j)];
          if (w != 0) add_weighted(w, values.row(key), out);
        }
      }
    }
  }

  void add_weighted(float w, const float* value, float* out) const {
    int64_t d = 0;
    for (; d + V::lanes <= a.value_dim; d += V::lanes) {
      V::store(out + d, V::fma(V::set(w), V::load(value + d), V::load(out + d)));
    }
    if (d < a.value_dim)
      V::store(out + d, V::fma(V::set(w), V::load(value + d, a.value_dim - d), V::load(out + d)), a.value_dim - d);
  }

  bool not_finite() const {
    F sums[Tile::vectors];  // of 0 * x: NaN from the first x that is NaN or inf
    for (F& sum : sums) sum = V::set(0.0f);
    for (int64_t i = 0; i < tile.rows * widths.value; i += PANEL) {
      for (int v = 0; v < Tile::vectors; v++) sums[v] = V::fma(V::load(o + i + v * V::lanes), V::set(0.0f), sums[v]);
    }
    F sum = sums[0];
    for (int v = 1; v < Tile::vectors; v++) sum = sum + sums[v];
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
  float *key_blocks, *value_blocks;
  QueryRow* row;
  Group* group;
  int64_t bytes, groups;
  const bool caching;
  int64_t cached_item = -1, cached_head = -1, cached = 0;  // blocks of which item and key head are packed
  RowTile tile;
  KeyRows keys, values;
  const float* ahead = nullptr;  // what the next tiles are to ask memory for
  KeyRange all;                  // visible to any row
};

}  // namespace
}  // namespace ondol

#endif
