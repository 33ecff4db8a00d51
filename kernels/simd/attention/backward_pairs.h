// The pairs of a block of query rows and a block of keys: p * k, with which dv weighs dout, and ds, with which dq
// weighs k and dk weighs q. Pairs that are not visible get +0.
#ifndef ONDOL_ATTENTION_BACKWARD_PAIRS_H
#define ONDOL_ATTENTION_BACKWARD_PAIRS_H

#include "attention/backward_blocks.h"

namespace ondol {
namespace {

// Forward's arguments without softcap, which the gradient applies by itself because it needs the value in between.
inline ondol_attention_args uncapped(ondol_attention_args a) {
  a.softcap = 0;
  return a;
}

template <class V>
class PairBlock {
  typedef typename V::F F;

 public:
  // Keys around those of a group that its rows' entries are set for: a tile of keys may reach that far beyond.
  static constexpr int64_t MARGIN = 16;
  static_assert(Tile<V>::ROWS <= MARGIN, "a tile of keys stays inside");

  float* weights;    // [rows][keys], PAIR_PITCH apart
  float* gradients;  // the same of ds

  PairBlock(const ondol_attention_backward_args& args, int64_t most_rows, Arena& arena)
      : a(args.forward),
        rest_args(uncapped(args.forward)),
        rest(rest_args),
        cap_in(a.softcap != 0 ? (float)(AttentionScores<V>::LN2 / a.softcap) : 0.0f),
        cap_out((float)(a.softcap * AttentionScores<V>::LOG2E)) {
    weights = arena.take(most_rows * PAIR_PITCH);
    gradients = arena.take(most_rows * PAIR_PITCH);
    capped = arena.take(a.softcap != 0 ? KEY_BLOCK : 0);
    factors = arena.take(KEY_BLOCK);
  }

  // `collect(r, key, count, ds)` is given the ds of row r before softcap's factor, from `key` of the block on.
  template <class Collect>
  void compute(const QueryBlock<V>& q, const KeyBlock<V>& k, Collect collect) {
    products(q, k);
    for (int64_t g = 0; g < q.groups; g++) {
      const KeyRange keys = in_block(q.group[g].visible, k);
      if (keys.begin >= keys.end) continue;
      for (int64_t r = q.group[g].first; r < q.group[g].first + q.group[g].rows; r++) finish(q, k, r, keys, collect);
    }
  }

  // Of a range of an item's keys those in a block, counted from its first.
  static ONDOL_INLINE KeyRange in_block(KeyRange range, const KeyBlock<V>& k) {
    return {max_of<int64_t>(range.begin - k.first, 0), min_of(range.end - k.first, k.count)};
  }

  // Whether row r sees key j of the block.
  bool visible(const QueryBlock<V>& q, const KeyBlock<V>& k, int64_t r, int64_t j) const {
    const KeyRange range = in_block(q.row[r].visible, k);
    return j >= range.begin && j < range.end && !masked(q.row[r], k.first + j) && live(q.lse2[r]);
  }

 private:
  // z and dp of all visible panels, unfinished. A panel stays in L1 while the rows stream past it.
  void products(const QueryBlock<V>& q, const KeyBlock<V>& k) {
    const int64_t side = Tile<V>::panels((int)ceil_div(q.rows, q.groups));
    for (int64_t p = 0; p < k.count; p += side * PANEL) {
      const int64_t panels = min_of(side, ceil_div(k.count - p, PANEL));
      for (int64_t g = 0; g < q.groups; g++) {
        const KeyRange keys = in_block(q.group[g].visible, k);
        if (keys.end <= p || keys.begin >= p + panels * PANEL) continue;
        const int64_t r = q.group[g].first;
        const typename Tile<V>::Function multiply = Tile<V>::function(true, q.group[g].rows, panels);
        multiply(a.head_dim, q.scaled + r * q.query_width, q.query_width, k.keys_across + p * a.head_dim, PANEL,
                 PANEL * a.head_dim, weights + r * PAIR_PITCH + p, PAIR_PITCH, true);
        multiply(a.value_dim, q.dout + r * q.value_width, q.value_width, k.values_across + p * a.value_dim, PANEL,
                 PANEL * a.value_dim, gradients + r * PAIR_PITCH + p, PAIR_PITCH, true);
      }
    }
  }

  static ONDOL_INLINE bool live(float lse2) { return lse2 != -Math<V>::INF; }

  // Row r over the keys of its group.
  template <class Collect>
  ONDOL_INLINE void finish(const QueryBlock<V>& q, const KeyBlock<V>& k, int64_t r, KeyRange keys, Collect collect) {
    const int64_t first = keys.begin / PANEL * PANEL, end = round_up(keys.end, PANEL), count = end - first;
    float* const w = weights + r * PAIR_PITCH;
    float* const g = gradients + r * PAIR_PITCH;
    const KeyRange set = {max_of<int64_t>(first - MARGIN, 0), min_of(end + MARGIN, KEY_BLOCK)};
    const KeyRange visible = in_block(q.row[r].visible, k);
    if (!live(q.lse2[r]) || visible.begin >= visible.end) {
      clear(w, set.begin, set.end);
      clear(g, set.begin, set.end);
      return;
    }
    if (a.softcap != 0) {
      for (int64_t j = first; j < end; j += V::lanes) {
        const F z = Math<V>::tanh(V::load(w + j) * cap_in) * cap_out;
        V::store(w + j, z);
        V::store(capped + j, z);
      }
    }
    rest.finish(q.row[r], k.first + first, count, w + first);
    if (rest.dropped) {
      for (int64_t j = first; j < end; j += V::lanes) V::store(factors + j, V::set(1.0f));
      rest.drop(q.row[r], k.first + first, count, factors + first);
      gradient<true>(first, end, q.lse2[r], q.delta[r], w, g);
    } else {
      gradient<false>(first, end, q.lse2[r], q.delta[r], w, g);
    }
    clear_invisible(q.row[r], k.first, set, visible, w);
    clear_invisible(q.row[r], k.first, set, visible, g);
    collect(r, visible.begin, visible.end - visible.begin, g + visible.begin);
    if (a.softcap == 0) return;
    clear_invisible(q.row[r], k.first, set, visible, capped);
    uncap(visible, g);
  }

  template <bool dropped>
  ONDOL_INLINE void gradient(int64_t first, int64_t end, float lse2, float delta, float* w, float* g) const {
    for (int64_t j = first; j < end; j += V::lanes) {
      const F p = Math<V>::exp2w(V::load(w + j) - lse2);
      F dp = V::load(g + j);
      if (dropped) dp = dp * V::load(factors + j);
      V::store(g + j, p * (dp - delta));
      V::store(w + j, dropped ? p * V::load(factors + j) : p);
    }
  }

  void uncap(KeyRange visible, float* g) const {
    for (int64_t j = visible.begin; j < visible.end; j += V::lanes) {
      const int64_t n = min_of<int64_t>(V::lanes, visible.end - j);
      const F t = V::load(capped + j, n) / cap_out;
      V::store(g + j, V::load(g + j, n) * V::fma(-t, t, V::set(1.0f)), n);
    }
  }

  void clear_invisible(const QueryRow& row, int64_t block, KeyRange set, KeyRange visible, float* x) const {
    clear(x, set.begin, visible.begin);
    clear(x, visible.end, set.end);
    for (int64_t j = visible.begin; a.mask != nullptr && j < visible.end; j++) {
      if (masked(row, block + j)) x[j] = 0.0f;
    }
  }

  static void clear(float* x, int64_t begin, int64_t end) {
    for (int64_t j = begin; j < end; j++) x[j] = 0.0f;
  }

  bool masked(const QueryRow& row, int64_t j) const {
    return a.mask != nullptr && a.mask[row.item * a.mask_stride[0] + row.head * a.mask_stride[1] +
                                       row.i * a.mask_stride[2] + j * a.mask_stride[3]] == 0;
  }

  const ondol_attention_args& a;
  const ondol_attention_args rest_args;
  const AttentionScores<V> rest;  // bias, ALiBi, mask, window and dropout
  const float cap_in, cap_out;
  float* capped;   // a row of z after softcap
  float* factors;  // a row of dropout's k
};

}  // namespace
}  // namespace ondol

#endif
