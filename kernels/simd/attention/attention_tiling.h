// How a call is cut into tasks and where its buffers lie: filled in by plan, read by run. Changes speed, never a bit.
#ifndef ONDOL_ATTENTION_TILING_H
#define ONDOL_ATTENTION_TILING_H

#include "attention/attention_shape.h"

namespace ondol {
namespace {

// The state of a chunk's row in the workspace: sum[16], max, padding, out[Dv rounded up].
constexpr int64_t STATE_MAX = 16, STATE_OUT = 32;

struct Tiling {
  int64_t merged;  // a tile's rows run over all query heads of a key head, else over one head
  int64_t tile_rows;
  int64_t ahead;          // K and V are packed by a phase of their own, else by the task that needs them
  int64_t cached_blocks;  // blocks of K and V that a task packs and keeps from one tile to the next; or 0
  int64_t whole_spaces;   // items and heads that are an attend task each
  int64_t slices;         // tasks of each other item and head, each of some tiles; 0: one per slot of tile_rows rows
  int64_t row_tasks;      // attend tasks over whole items; those of chunks follow
  int64_t chunk_tiles;    // attend tasks of a chunk and key head
  int64_t chunk_tasks;
  int64_t states;      // first float of the chunk states in the workspace, behind K and V
  int64_t state_rows;  // of a slot and head
};
static_assert(sizeof(Tiling) <= sizeof(ondol_plan::choice), "choice is what a plan may keep");

// Tasks of a pack phase hold this many blocks of keys.
constexpr int64_t PACK_BLOCKS = 4;

// 132 query rows: with 128 keys and D = 128 a tile's Q, scores, out, and its K and V blocks take 340 KB of an L2.
// 96 and 192 rows measure the same, except that 128 rows of D = 32 are two tiles of up to 96 (4 % slower).
constexpr int64_t MAX_TILE_ROWS = 132;

// Attend tasks of each of the last heads of a call.
constexpr int64_t LAST_SLICES = 3;

// Floats of packed K and V of one head that fit in an L2 beside a tile. A phase of its own writes them to memory and
// reads them back: 4 % of the time at L = 512, D = 64 and 9 % at L = 128, D = 32; packing inside the tasks 2 % and 3 %.
constexpr int64_t CACHE_FLOATS = 98304;

struct Widths {
  int64_t query, value;  // floats of a row of Q in scratch, and of a row of out: D and Dv rounded up to a panel

  explicit Widths(const ondol_attention_args& a)
      : query(round_up(a.head_dim, PANEL)), value(round_up(a.value_dim, PANEL)) {}

  int64_t key_block(const ondol_attention_args& a) const { return KEY_BLOCK * a.head_dim; }
  int64_t value_block() const { return KEY_BLOCK * value; }
  int64_t state() const { return STATE_OUT + value; }
};

}  // namespace
}  // namespace ondol

#endif
