// Blocks of query rows and of keys in the layouts that the products of the gradient read.
#ifndef ONDOL_ATTENTION_BACKWARD_BLOCKS_H
#define ONDOL_ATTENTION_BACKWARD_BLOCKS_H

#include "attention/attention_pack.h"
#include "attention/attention_scores.h"
#include "gemm/tile.h"
#include "lanes16.h"

namespace ondol {
namespace {

// Of scratch memory; without memory it only counts.
class Arena {
 public:
  explicit Arena(void* memory) : memory_((float*)memory), used_(0) {}

  float* take(int64_t floats) {
    float* const p = memory_ == nullptr ? nullptr : memory_ + used_;
    used_ += round_up(floats, 16);
    return p;
  }
  int64_t bytes() const { return used_ * (int64_t)sizeof(float); }

 private:
  float* const memory_;
  int64_t used_;
};

// Floats between rows of a block of scores: 16 more than keys, or rows would compete for the same sets of an L1 cache.
constexpr int64_t PAIR_PITCH = KEY_BLOCK + 16;
// Floats of a panel of up to KEY_BLOCK rows.
constexpr int64_t PANEL_FLOATS = KEY_BLOCK * PANEL;

// Row i of a head of an operand: packed sequences have no items.
ONDOL_INLINE int64_t row_at(const Shape& shape, const Item& item, const int64_t stride[3], int64_t head, int64_t i) {
  const int64_t index = shape.a.q_offsets != nullptr ? 0 : item.index;
  return index * stride[0] + head * stride[1] + (item.q_first + i) * stride[2];
}

ONDOL_INLINE int64_t key_at(const Shape& shape, const Item& item, const int64_t stride[3], int64_t head, int64_t j) {
  const int64_t index = shape.a.kv_offsets != nullptr ? 0 : item.index;
  return index * stride[0] + head * stride[1] + (item.key_first + j) * stride[2];
}

// Finds inf and NaN: 0 * x is 0 for every other x.
template <class V>
class Finite {
  typedef typename V::F F;

 public:
  Finite() : sum_(V::set(0.0f)) {}

  void see(const float* x, int64_t n) {
    int64_t i = 0;
    for (; i + V::lanes <= n; i += V::lanes) sum_ = V::fma(V::load(x + i), V::set(0.0f), sum_);
    if (i < n) sum_ = V::fma(V::load(x + i, n - i), V::set(0.0f), sum_);
  }

  bool all() const {
    alignas(64) float lane[V::lanes];
    V::store(lane, sum_);
    for (float x : lane) {
      if (x != x) return false;
    }
    return true;
  }

 private:
  F sum_;
};

// What one matrix tile takes of a block's rows.
struct RowGroup {
  int64_t first, rows;
  KeyRange visible;  // of any of its rows
};

template <class V>
class QueryBlock {
  typedef typename V::F F;

 public:
  Item item;
  int64_t head, first, rows, groups;
  bool finite;  // neither q nor dout holds an inf or a NaN
  QueryRow* row;
  RowGroup* group;
  float* scaled;   // [rows][D] of q * c, query_width apart
  float* queries;  // q in panels [rows][16], PANEL_FLOATS apart
  float* dout;     // [rows][Dv], value_width apart
  float* dout_panels;
  float* delta;  // D of the definition
  float* lse2;   // lse * LOG2E
  const int64_t query_width, value_width;

  QueryBlock(const ondol_attention_backward_args& args, int64_t most_rows, Arena& arena)
      : query_width(round_up(args.forward.head_dim, PANEL)),
        value_width(round_up(args.forward.value_dim, PANEL)),
        a(args.forward),
        args(args) {
    scaled = arena.take(most_rows * query_width);
    queries = arena.take(PANEL_FLOATS * query_width / PANEL);
    dout = arena.take(most_rows * value_width);
    dout_panels = arena.take(PANEL_FLOATS * value_width / PANEL);
    delta = arena.take(most_rows);
    lse2 = arena.take(most_rows);
    row = (QueryRow*)arena.take(most_rows * (int64_t)(sizeof(QueryRow) / sizeof(float)));
    group = (RowGroup*)arena.take(most_rows * (int64_t)(sizeof(RowGroup) / sizeof(float)));
  }

  void load(const Shape& shape, const Item& of, int64_t of_head, int64_t from, int64_t count) {
    item = of;
    head = of_head;
    first = from;
    rows = count;
    const float c = (float)(a.scale * AttentionScores<V>::LOG2E);
    Finite<V> found;
    for (int64_t r = 0; r < rows; r++) {
      const int64_t i = first + r;
      row[r] = {item.index, head, i, i + item.diagonal, shape.visible(item, i)};
      const float* q = shape.query(item, head, i);
      const float* gradient = args.dout + row_at(shape, item, args.dout_stride, head, i);
      AttentionPack<V>::query(q, a.head_dim, c, scaled + r * query_width);
      AttentionPack<V>::query(gradient, a.value_dim, 1.0f, dout + r * value_width);
      found.see(q, a.head_dim);
      found.see(gradient, a.value_dim);
      delta[r] = dot16(gradient, shape.out(item, head, i), a.value_dim);
      lse2[r] = *shape.lse(item, head, i) * AttentionScores<V>::LOG2E_F;
    }
    finite = found.all();
    AttentionPack<V>::values({shape.query(item, head, first), a.q_stride[2], nullptr, 0, 0}, 0, rows, a.head_dim,
                             queries);
    AttentionPack<V>::values(
        {args.dout + row_at(shape, item, args.dout_stride, head, first), args.dout_stride[2], nullptr, 0, 0}, 0, rows,
        a.value_dim, dout_panels);
    make_groups();
  }

 private:
  static float dot16(const float* x, const float* y, int64_t n) {
    Lanes16<V> sum(0.0f);
    sum.row(
        n, [&](F part, int64_t at, int64_t count) __attribute__((always_inline)) {
          if (count == V::lanes) return V::fma(V::load(x + at), V::load(y + at), part);
          return V::fma(V::load(x + at, count), V::load(y + at, count), part);
        });
    return sum.sum();
  }

  void make_groups() {
    groups = ceil_div(rows, (int64_t)Tile<V>::ROWS);
    for (int64_t g = 0; g < groups; g++) {
      const int64_t begin = rows * g / groups, end = rows * (g + 1) / groups;
      group[g] = {begin, end - begin, {INT64_MAX, 0}};
      KeyRange& visible = group[g].visible;
      for (int64_t r = begin; r < end; r++) {
        if (row[r].visible.begin >= row[r].visible.end) continue;
        visible = {min_of(visible.begin, row[r].visible.begin), max_of(visible.end, row[r].visible.end)};
      }
    }
  }

  const ondol_attention_args& a;
  const ondol_attention_backward_args& args;
};

template <class V>
class KeyBlock {
 public:
  int64_t first, count;
  bool finite;           // k holds neither inf nor NaN
  float* keys_across;    // panels [D][16 keys]
  float* values_across;  // panels [Dv][16 keys]
  float* keys;           // panels [keys][16 of D], PANEL_FLOATS apart

  KeyBlock(const ondol_attention_backward_args& args, Arena& arena) : a(args.forward) {
    keys_across = arena.take(KEY_BLOCK * a.head_dim);
    values_across = arena.take(KEY_BLOCK * a.value_dim);
    keys = arena.take(PANEL_FLOATS * ceil_div(a.head_dim, PANEL));
  }

  void load(const Shape& shape, const Item& item, int64_t kv_head, int64_t from, int64_t wanted) {
    first = from;
    count = wanted;
    const KeyRows k = shape.keys(item, kv_head), v = shape.values(item, kv_head);
    AttentionPack<V>::keys(k, first, count, a.head_dim, keys_across);
    AttentionPack<V>::keys(v, first, count, a.value_dim, values_across);
    AttentionPack<V>::values(k, first, count, a.head_dim, keys);
    Finite<V> found;
    for (int64_t j = 0; j < count; j++) found.see(k.row(first + j), a.head_dim);
    finite = found.all();
  }

 private:
  const ondol_attention_args& a;
};

}  // namespace
}  // namespace ondol

#endif
