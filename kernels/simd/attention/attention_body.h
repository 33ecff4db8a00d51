// The body of every attention variant: tiling, tasks and the merge of chunks. attention_rows.h does the work on a tile.
#ifndef ONDOL_ATTENTION_BODY_H
#define ONDOL_ATTENTION_BODY_H

#include <string.h>

#include "attention/attention.h"
#include "attention/attention_rows.h"
#include "attention/attention_tiling.h"

namespace ondol {
namespace {

template <class V>
class Attention {
  typedef typename V::F F;
  enum Phase { PACK, ATTEND, MERGE };

 public:
  static void plan(const ondol_attention_args* args, ondol_plan* plan) {
    const Shape shape(*args);
    const Widths widths(*args);
    const bool split = shape.any_split(), whole = shape.any_whole();
    Tiling t = {};
    t.tile_rows = tile_rows(shape, plan->threads);
    t.merged = 2 * args->q_len <= t.tile_rows;
    t.state_rows = min_of(args->q_len, SPLIT_MAX_ROWS);
    t.chunk_tiles = ceil_div(shape.group * t.state_rows, t.tile_rows);
    if (whole) share_keys(shape, plan->threads, t);

    const int64_t chunks = split ? shape.key_slots(SPLIT).first(args->batch) : 0;
    t.chunk_tasks = chunks * args->kv_heads * t.chunk_tiles;
    const int64_t blocks = t.ahead ? shape.key_slots(KEY_BLOCK).first(args->batch) * args->kv_heads : 0;
    t.states = blocks * (widths.key_block(*args) + widths.value_block());
    plan->workspace = (t.states + chunks * args->heads * t.state_rows * widths.state()) * (int64_t)sizeof(float);
    plan->scratch = AttentionRows<V>::scratch(*args, t);

    plan->phases = 0;
    if (t.ahead) {
      plan->tasks[plan->phases++] = shape.key_slots(KEY_BLOCK * PACK_BLOCKS).first(args->batch) * args->kv_heads;
    }
    plan->tasks[plan->phases++] = t.row_tasks + t.chunk_tasks;
    if (t.chunk_tasks > 0) plan->tasks[plan->phases++] = args->batch * args->heads;
    memcpy(plan->choice, &t, sizeof t);
  }

  static void run(const ondol_attention_args* args, const ondol_plan* plan, int64_t phase, int64_t begin, int64_t end,
                  int64_t, void* workspace, void* scratch) {
    const Attention call(*args, *plan, (float*)workspace);
    const int64_t kind = phase + (call.tiling.ahead ? PACK : ATTEND);
    if (kind == ATTEND) {
      AttentionRows<V> rows(call.shape, call.tiling, (float*)scratch);
      for (int64_t task = begin; task < end; task++) call.attend(rows, task);
    } else {
      for (int64_t task = begin; task < end; task++) kind == PACK ? call.pack(task) : call.merge(task);
    }
  }

 private:
  Attention(const ondol_attention_args& args, const ondol_plan& plan, float* workspace)
      : a(args), shape(args), widths(args), packed(workspace) {
    memcpy(&tiling, plan.choice, sizeof tiling);
    states = workspace + tiling.states;
  }

  static int64_t tile_rows(const Shape& shape, int64_t threads) {
    const ondol_attention_args& a = shape.a;
    const int64_t step = TileShape<V>::rows;
    // Rows whose Q, scores and out fit beside a block of K and V in half an L2.
    const Widths widths(a);
    const int64_t row = widths.query + KEY_BLOCK + widths.value;
    int64_t rows = min_of<int64_t>(MAX_TILE_ROWS, max_of<int64_t>(48, (98304 - widths.value_block()) / row));
    // At least four tasks a thread, as long as a tile keeps enough rows to pay for reading K and V.
    const int64_t heads = max_of<int64_t>(1, a.batch * a.heads);
    const int64_t wanted = ceil_div(4 * threads, heads);
    rows = min_of(rows, max_of<int64_t>(24, ceil_div(a.q_len, wanted)));
    // Tiles of equal height.
    if (a.q_len > rows) rows = ceil_div(a.q_len, ceil_div(a.q_len, rows));
    return round_up(max_of<int64_t>(rows, 24), step);
  }

  // How the tiles of an item and key head come by packed keys.
  static void share_keys(const Shape& shape, int64_t threads, Tiling& t) {
    const ondol_attention_args& a = shape.a;
    const Widths widths(a);
    const int64_t spaces = a.batch * (t.merged ? a.kv_heads : a.heads);
    const int64_t tiles = ceil_div(a.q_len * (t.merged ? shape.group : 1), t.tile_rows);
    const bool several = tiles * (t.merged ? 1 : shape.group) > 1;
    const int64_t blocks = ceil_div(a.kv_len, KEY_BLOCK);
    const bool fits = blocks * (widths.key_block(a) + widths.value_block()) <= CACHE_FLOATS;
    t.cached_blocks = several && fits ? blocks : 0;
    t.ahead = several && !fits;
    // A slice packs the keys again. So many spaces are a task each, and only the last one of each thread is sliced, to
    // even out how the threads end; few spaces are cut into eight tasks a thread.
    const bool many = spaces >= 2 * threads;
    t.whole_spaces = t.ahead ? 0 : many ? spaces - threads : 0;
    const int64_t few = ceil_div(8 * threads, max_of<int64_t>(spaces, 1));
    t.slices = min_of(tiles, threads == 1 ? 1 : many ? LAST_SLICES : few);
    if (t.ahead) t.slices = t.merged ? tiles : 0;
    t.row_tasks = t.slices > 0 ? t.whole_spaces + (spaces - t.whole_spaces) * t.slices
                               : shape.row_slots(t.tile_rows, a.q_len).first(a.batch) * a.heads;
  }

  PackedBlocks packed_blocks(const Item& item, int64_t kv_head) const {
    const Slots slots = shape.key_slots(KEY_BLOCK);
    const int64_t all = slots.first(a.batch);
    const int64_t block = kv_head * all + slots.first(item.index);
    float* const values = packed + all * a.kv_heads * widths.key_block(a);
    return {packed + block * widths.key_block(a), values + block * widths.value_block()};
  }

  void pack(int64_t task) const {
    const Slots slots = shape.key_slots(KEY_BLOCK * PACK_BLOCKS);
    const int64_t all = slots.first(a.batch);
    const int64_t kv_head = task / all, slot = task % all;
    const Item item = shape.item(slots.owner(slot, a.batch));
    const int64_t first = (slot - slots.first(item.index)) * KEY_BLOCK * PACK_BLOCKS;
    const PackedBlocks to = packed_blocks(item, kv_head);
    const KeyRows keys = shape.keys(item, kv_head), values = shape.values(item, kv_head);
    if (item.split) return;
    for (int64_t j = first; j < min_of(first + KEY_BLOCK * PACK_BLOCKS, item.keys); j += KEY_BLOCK) {
      const int64_t count = min_of(KEY_BLOCK, item.keys - j), block = j / KEY_BLOCK;
      AttentionPack<V>::keys(keys, j, count, a.head_dim, to.keys + block * widths.key_block(a));
      AttentionPack<V>::values(values, j, count, a.value_dim, to.values + block * widths.value_block());
    }
  }

  void attend(AttentionRows<V>& rows, int64_t task) const {
    if (task < tiling.row_tasks) {
      attend_whole(rows, task);
    } else {
      attend_chunk(rows, task - tiling.row_tasks);
    }
  }

  void attend_whole(AttentionRows<V>& rows, int64_t task) const {
    if (tiling.slices == 0) {
      attend_slot(rows, task);
      return;
    }
    const int64_t spaces = tiling.merged ? a.kv_heads : a.heads;
    const bool sliced = task >= tiling.whole_spaces;
    const int64_t slices = sliced ? tiling.slices : 1, index = sliced ? task - tiling.whole_spaces : task;
    const int64_t slice = index % slices, space = (sliced ? tiling.whole_spaces : 0) + index / slices;
    RowTile tile;
    tile.item = shape.item(space / spaces);
    tile.head = space % spaces * (tiling.merged ? shape.group : 1);
    const int64_t all = tile.item.rows * (tiling.merged ? shape.group : 1);
    const int64_t tiles = ceil_div(all, tiling.tile_rows);
    // Last rows first: under a causal mask they take longest.
    const int64_t end = tiles - slice * tiles / slices, begin = tiles - (slice + 1) * tiles / slices;
    for (int64_t t = end - 1; t >= begin; t--) {
      tile.first = t * tiling.tile_rows;
      tile.rows = min_of(all - tile.first, tiling.tile_rows);
      attend_tile(rows, tile);
    }
  }

  void attend_slot(AttentionRows<V>& rows, int64_t task) const {
    const Slots slots = shape.row_slots(tiling.tile_rows, a.q_len);
    const int64_t all = slots.first(a.batch);
    const int64_t slot = task % all;
    RowTile tile;
    tile.item = shape.item(slots.owner(slot, a.batch));
    tile.head = task / all;
    const int64_t tiles = ceil_div(tile.item.rows, tiling.tile_rows);
    tile.first = (tiles - 1 - (slot - slots.first(tile.item.index))) * tiling.tile_rows;
    if (tile.first < 0) return;
    tile.rows = min_of(tile.item.rows - tile.first, tiling.tile_rows);
    attend_tile(rows, tile);
  }

  void attend_tile(AttentionRows<V>& rows, const RowTile& tile) const {
    if (tile.item.split) return;
    rows.start(tile);
    rows.attend({0, tile.item.keys}, tiling.ahead ? packed_blocks(tile.item, tile.head / shape.group) : PackedBlocks{});
    for (int64_t r = 0; r < tile.rows; r++) rows.finish(r);
  }

  void attend_chunk(AttentionRows<V>& rows, int64_t task) const {
    const Slots slots = shape.key_slots(SPLIT);
    const int64_t all = slots.first(a.batch);
    const int64_t index = task / tiling.chunk_tiles, slot = index % all;
    RowTile tile;
    tile.item = shape.item(slots.owner(slot, a.batch));
    tile.head = index / all * shape.group;
    tile.first = task % tiling.chunk_tiles * tiling.tile_rows;
    tile.rows = min_of(shape.group * tile.item.rows - tile.first, tiling.tile_rows);
    const int64_t first = (slot - slots.first(tile.item.index)) * SPLIT;
    if (tile.rows <= 0 || first >= tile.item.keys || !tile.item.split) return;
    rows.start(tile);
    rows.attend({first, min_of(first + SPLIT, tile.item.keys)}, PackedBlocks{});
    for (int64_t r = 0; r < tile.rows; r++) rows.save(r, state(slot, rows.query_row(r).head, rows.query_row(r).i));
  }

  float* state(int64_t slot, int64_t head, int64_t i) const {
    return states + ((slot * a.heads + head) * tiling.state_rows + i) * widths.state();
  }

  void merge(int64_t task) const {
    const Item item = shape.item(task / a.heads);
    if (!item.split) return;
    const int64_t head = task % a.heads;
    const int64_t first = shape.key_slots(SPLIT).first(item.index), chunks = ceil_div(item.keys, SPLIT);
    for (int64_t i = 0; i < item.rows; i++) merge_row(item, head, i, first, chunks);
  }

  // Adds the chunks up in the first one's state.
  void merge_row(const Item& item, int64_t head, int64_t i, int64_t first, int64_t chunks) const {
    float max = -Math<V>::INF;
    for (int64_t s = 0; s < chunks; s++) {
      const float m = state(first + s, head, i)[STATE_MAX];
      max = m > max ? m : max;
    }
    const float u = max == -Math<V>::INF ? 0.0f : max;
    float* const total = state(first, head, i);
    for (int64_t s = 0; s < chunks; s++) {
      const float* part = state(first + s, head, i);
      const F w = Math<V>::exp2w(V::set(part[STATE_MAX] - u));
      for (int64_t d = 0; d < widths.state(); d += V::lanes) {
        if (d >= STATE_MAX && d < STATE_OUT) continue;
        V::store(total + d, V::fma(V::load(part + d), w, s == 0 ? V::set(0.0f) : V::load(total + d)));
      }
    }
    finish_row<V>(shape, item, head, i, max, total, total + STATE_OUT);
  }

  const ondol_attention_args& a;
  const Shape shape;
  const Widths widths;
  Tiling tiling;
  float* const packed;
  float* states;
};

}  // namespace
}  // namespace ondol

#endif
