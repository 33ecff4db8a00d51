// The body of every attention_backward variant: tasks, and what each walks over.
#ifndef ONDOL_ATTENTION_BACKWARD_BODY_H
#define ONDOL_ATTENTION_BACKWARD_BODY_H

#include "attention/backward.h"
#include "attention/backward_products.h"

namespace ondol {
namespace {

struct BackwardTiling {
  int64_t rows;  // of a query block
  int64_t item_tasks, key_tasks, query_tasks, bias_tasks;
  int64_t bias_blocks;  // of rows of dbias
};
static_assert(sizeof(BackwardTiling) <= sizeof(ondol_plan::choice), "choice is what a plan may keep");

template <class V>
class AttentionBackward {
  typedef ondol_attention_backward_args Args;
  typedef typename V::F F;

 public:
  static void plan(const Args* args, ondol_plan* plan) {
    const ondol_attention_args& a = args->forward;
    const Shape shape(a);
    BackwardTiling t = {};
    t.rows = block_rows(a);
    const bool want_keys = args->dk != nullptr || args->dv != nullptr, want_queries = args->dq != nullptr;
    const int64_t items = a.batch * a.kv_heads;
    if (want_keys && want_queries && items >= plan->threads) {
      t.item_tasks = items;
    } else {
      if (want_keys) t.key_tasks = shape.key_slots(KEY_BLOCK).first(a.batch) * a.kv_heads;
      if (want_queries) t.query_tasks = shape.row_slots(t.rows, a.q_len).first(a.batch) * a.heads;
    }
    if (args->dbias != nullptr) {
      const int64_t* stride = args->dbias_stride;
      t.bias_blocks = stride[2] != 0 ? ceil_div(a.q_len, t.rows) : 1;
      t.bias_tasks = (stride[0] != 0 ? a.batch : 1) * (stride[1] != 0 ? a.heads : 1) * t.bias_blocks;
    }
    plan->phases = 1;
    plan->tasks[0] = t.item_tasks + t.key_tasks + t.query_tasks + t.bias_tasks;
    plan->workspace = 0;
    Arena arena(nullptr);
    AttentionBackward none(*args, t, arena);
    plan->scratch = arena.bytes();
    __builtin_memcpy(plan->choice, &t, sizeof t);
  }

  static void run(const Args* args, const ondol_plan* plan, int64_t, int64_t begin, int64_t end, int64_t, void*,
                  void* scratch) {
    BackwardTiling t;
    __builtin_memcpy(&t, plan->choice, sizeof t);
    Arena arena(scratch);
    AttentionBackward call(*args, t, arena);
    for (int64_t task = begin; task < end; task++) call.task(task);
  }

 private:
  AttentionBackward(const Args& args, const BackwardTiling& tiling, Arena& arena)
      : args(args),
        a(args.forward),
        shape(a),
        t(tiling),
        q(args, t.rows, arena),
        k(args, arena),
        pairs(args, t.rows, arena) {
    dq = arena.take(t.rows * q.query_width);
    dk = arena.take(KEY_BLOCK * q.query_width);
    dv = arena.take(KEY_BLOCK * q.value_width);
  }

  // 128 x 128 pairs of D = 64 take 400 KB of a 512 KB L2, 64 x 128 of D = 128 about as much.
  static int64_t block_rows(const ondol_attention_args& a) {
    const int64_t most = a.head_dim + a.value_dim <= 160 ? 128 : 64;
    const int64_t length = max_of<int64_t>(1, a.q_len);
    return ceil_div(length, ceil_div(length, most));
  }

  void task(int64_t index) {
    if (index < t.item_tasks) return whole_item(index);
    index -= t.item_tasks;
    if (index < t.key_tasks) return keys_of(index);
    index -= t.key_tasks;
    if (index < t.query_tasks) return queries_of(index);
    biases_of(index - t.query_tasks);
  }

  static void ignore(int64_t, int64_t, int64_t, const float*) {}

  // Keys that are stored, in use or not: dk and dv exist for them.
  int64_t stored(const Item& item) const { return a.kv_offsets != nullptr ? item.keys : a.kv_len; }

  // ---- a whole item and key head ----

  void whole_item(int64_t index) {
    const Item item = shape.item(index / a.kv_heads);
    const int64_t kv_head = index % a.kv_heads, first_head = kv_head * shape.group;
    for (int64_t h = first_head; h < first_head + shape.group; h++) {
      for (int64_t i = 0; i < item.rows; i++) fill(dq_row(item, h, i), a.head_dim, 0.0f);
    }
    for (int64_t j = 0; j < stored(item); j += KEY_BLOCK) key_block(item, kv_head, j, true);
    for (int64_t h = first_head; h < first_head + shape.group; h++) {
      for (int64_t i = 0; i < item.rows; i++)
        finish(dq_row(item, h, i), a.head_dim, (float)a.scale, dq_row(item, h, i));
    }
  }

  void keys_of(int64_t index) {
    const Slots slots = shape.key_slots(KEY_BLOCK);
    const int64_t all = slots.first(a.batch), slot = index % all;
    const Item item = shape.item(slots.owner(slot, a.batch));
    const int64_t j = (slot - slots.first(item.index)) * KEY_BLOCK;
    if (j < stored(item)) key_block(item, index / all, j, false);
  }

  // dk and dv of keys [j, j + KEY_BLOCK), and what they add to dq.
  void key_block(const Item& item, int64_t kv_head, int64_t j, bool add_queries) {
    const int64_t count = max_of<int64_t>(0, min_of(item.keys - j, KEY_BLOCK));
    fill(dk, KEY_BLOCK * q.query_width, 0.0f);
    fill(dv, KEY_BLOCK * q.value_width, 0.0f);
    if (count > 0) k.load(shape, item, kv_head, j, count);
    for (int64_t h = kv_head * shape.group; count > 0 && h < (kv_head + 1) * shape.group; h++) {
      for (int64_t i = 0; i < item.rows; i += t.rows) {
        const int64_t rows = min_of(t.rows, item.rows - i);
        if (!meet(item, i, rows)) continue;
        q.load(shape, item, h, i, rows);
        pairs.compute(q, k, ignore);
        if (args.dv != nullptr) {
          BackwardProducts<V>::over_rows(pairs, q, k, pairs.weights, q.dout_panels, q.finite, q.value_width, dv);
        }
        if (args.dk != nullptr) {
          BackwardProducts<V>::over_rows(pairs, q, k, pairs.gradients, q.queries, q.finite, q.query_width, dk);
        }
        if (add_queries) add_to_dq();
      }
    }
    const int64_t end = min_of(j + KEY_BLOCK, stored(item));
    for (int64_t x = j; x < end; x++) {
      if (args.dk != nullptr) {
        finish(dk + (x - j) * q.query_width, a.head_dim, (float)a.scale,
               args.dk + key_at(shape, item, args.dk_stride, kv_head, x));
      }
      if (args.dv != nullptr) {
        finish(dv + (x - j) * q.value_width, a.value_dim, 1.0f,
               args.dv + key_at(shape, item, args.dv_stride, kv_head, x));
      }
    }
  }

  void add_to_dq() {
    for (int64_t r = 0; r < q.rows; r++) copy(dq_row(q.item, q.head, q.first + r), a.head_dim, dq + r * q.query_width);
    BackwardProducts<V>::over_keys(pairs, q, k, dq);
    for (int64_t r = 0; r < q.rows; r++) copy(dq + r * q.query_width, a.head_dim, dq_row(q.item, q.head, q.first + r));
  }

  // ---- dq of a block of query rows ----

  void queries_of(int64_t index) {
    const Slots slots = shape.row_slots(t.rows, a.q_len);
    const int64_t all = slots.first(a.batch), slot = index % all, head = index / all;
    const Item item = shape.item(slots.owner(slot, a.batch));
    const int64_t i = (slot - slots.first(item.index)) * t.rows;
    if (i >= item.rows) return;
    q.load(shape, item, head, i, min_of(t.rows, item.rows - i));
    fill(dq, q.rows * q.query_width, 0.0f);
    over_key_blocks(ignore, true);
    for (int64_t r = 0; r < q.rows; r++) {
      finish(dq + r * q.query_width, a.head_dim, (float)a.scale, dq_row(item, head, i + r));
    }
  }

  // All blocks of keys that rows of the loaded query block see.
  template <class Collect>
  void over_key_blocks(Collect collect, bool add_queries) {
    for (int64_t j = 0; j < q.item.keys; j += KEY_BLOCK) {
      k.first = j;
      if (!meet(q.item, q.first, q.rows)) continue;
      k.load(shape, q.item, q.head / shape.group, j, min_of(KEY_BLOCK, q.item.keys - j));
      pairs.compute(q, k, collect);
      if (add_queries) BackwardProducts<V>::over_keys(pairs, q, k, dq);
    }
  }

  // Whether any of the rows may see a key of the block: both ends of what a row sees ascend with the row.
  bool meet(const Item& item, int64_t i, int64_t rows) const {
    return shape.visible(item, i + rows - 1).end > k.first && shape.visible(item, i).begin < k.first + KEY_BLOCK;
  }

  // ---- dbias ----

  void biases_of(int64_t index) {
    const int64_t* stride = args.dbias_stride;
    const int64_t block = index % t.bias_blocks;
    index /= t.bias_blocks;
    const KeyRange heads = stride[1] != 0 ? KeyRange{index % a.heads, index % a.heads + 1} : KeyRange{0, a.heads};
    const int64_t item = stride[1] != 0 ? index / a.heads : index;
    const KeyRange items = stride[0] != 0 ? KeyRange{item, item + 1} : KeyRange{0, a.batch};
    const KeyRange rows =
        stride[2] != 0 ? KeyRange{block * t.rows, min_of((block + 1) * t.rows, a.q_len)} : KeyRange{0, a.q_len};
    clear_bias(items.begin, heads.begin, rows);
    // An element that both rows and keys share takes the rows one by one.
    const int64_t step = stride[2] == 0 && stride[3] == 0 ? 1 : t.rows;
    for (int64_t b = items.begin; b < items.end; b++) {
      const Item of = shape.item(b);
      for (int64_t h = heads.begin; h < heads.end; h++) {
        for (int64_t i = rows.begin; i < min_of(rows.end, of.rows); i += step) {
          q.load(shape, of, h, i, min_of(step, min_of(rows.end, of.rows) - i));
          over_key_blocks([&](int64_t r, int64_t j, int64_t count, const float* ds) { add_bias(r, j, count, ds); },
                          false);
        }
      }
    }
  }

  void clear_bias(int64_t b, int64_t h, KeyRange rows) {
    const int64_t* stride = args.dbias_stride;
    for (int64_t i = rows.begin; i < (stride[2] != 0 ? rows.end : rows.begin + 1); i++) {
      float* const to = args.dbias + b * stride[0] + h * stride[1] + i * stride[2];
      for (int64_t j = 0; j < (stride[3] != 0 ? a.kv_len : 1); j++) to[j * stride[3]] = 0.0f;
    }
  }

  void add_bias(int64_t r, int64_t j, int64_t count, const float* ds) {
    const int64_t* stride = args.dbias_stride;
    float* const to = args.dbias + q.item.index * stride[0] + q.head * stride[1] + (q.first + r) * stride[2] +
                      (k.first + j) * stride[3];
    for (int64_t x = 0; x < count; x++) to[x * stride[3]] = to[x * stride[3]] + ds[x];
  }

  // ---- rows ----

  float* dq_row(const Item& item, int64_t head, int64_t i) const {
    return args.dq + row_at(shape, item, args.dq_stride, head, i);
  }

  static void fill(float* to, int64_t n, float x) {
    for (int64_t i = 0; i < n; i++) to[i] = x;
  }

  static void copy(const float* from, int64_t n, float* to) {
    for (int64_t i = 0; i < n; i++) to[i] = from[i];
  }

  // + 0 turns -0 into +0.
  static void finish(const float* sums, int64_t n, float scale, float* to) {
    for (int64_t i = 0; i < n; i++) to[i] = sums[i] * scale + 0.0f;
  }

  const Args& args;
  const ondol_attention_args& a;
  const Shape shape;
  const BackwardTiling t;
  QueryBlock<V> q;
  KeyBlock<V> k;
  PairBlock<V> pairs;
  float *dq, *dk, *dv;  // of the blocks, unscaled, rows as wide as their panels
};

}  // namespace
}  // namespace ondol

#endif
