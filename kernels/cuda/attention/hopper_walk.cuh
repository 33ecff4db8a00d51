// How hopper_backward.cu's blocks share the work, and dq with it, which is a sum over blocks.
//
// Order of dq. Parts are added to float32 sums in the workspace in ascending order of the keys: a tile of rows has a
// count of the blocks that have added theirs, and a block waits until all before it have. How many these are follows
// from the windows, because the keys that a row sees are one range. The first to come stores and does not add, so that
// nothing needs to be zero; a second kernel scales and rounds the sums. The bits are the same in every run.
//
// Why the waiting is short:
// - Blocks take numbers as they begin and wait for smaller numbers alone, so for blocks that run or are done: there is
//   no deadlock, however many are resident and in whichever order the device begins them.
// - Numbers go over the heads first, up to SIDE of them, then over the keys: few blocks of a head run at a time. They
//   begin at the same rows and follow each other as on a belt, each a step behind the one before. The belt forms once;
//   a block that begins when another ends finds its predecessors far ahead.
// - Rows run from the last to the first, keys from the first to the last. With a causal mask the blocks of a head begin
//   at the same rows and end at different ones, the later keys the earlier, and the longest blocks begin first. In
//   ascending order of rows each would begin at its own, and stand still until its predecessor had come there. For the
//   same reason the heads of a group take turns within a tile of rows.
// - Blocks of a head that run together read the same rows at about the same time, all but the first from the L2 cache.
//   That is why SIDE is no larger: of 132 multiprocessors eight work on a head.
#ifndef ONDOL_CUDA_ATTENTION_HOPPER_WALK_CUH
#define ONDOL_CUDA_ATTENTION_HOPPER_WALK_CUH

#include "../common/hopper.cuh"
#include "gradient.cuh"

namespace ondol::cuda {

template <int D_>
struct GradientSizes {
  static constexpr int D = D_;
  static constexpr int ROWS = hopper_gradient_rows(D);
  static constexpr int KEYS = 128;  // of a block
  static constexpr int PANELS = D / PANEL;
  static constexpr int SIDE = 16;      // heads side by side
  static constexpr int GRADIENTS = 1;  // named barrier: the score gradients of both consumers are there
};

// The steps of a block: from tile `last_tile` of its rows down, for each of the heads from place.head on.
struct Walk {
  Place place;
  int64_t first_key;
  int64_t last_tile;
  int group, steps;
};

struct Step {
  int64_t tile, head;
};

template <class S>
ONDOL_DEVICE Walk walk_of(const ondol_attention_args& args, int64_t number, int64_t key_tiles) {
  Walk walk;
  int64_t heads = args.batch * args.kv_heads;
  int64_t beside = number / (S::SIDE * key_tiles) * S::SIDE;  // heads before those that lie side by side
  int64_t width = heads - beside < S::SIDE ? heads - beside : S::SIDE;
  int64_t rest = number - beside * key_tiles;
  int64_t head = beside + rest % width;
  walk.first_key = rest / width * S::KEYS;
  walk.group = static_cast<int>(args.heads / args.kv_heads);
  walk.place.kv_head = head % args.kv_heads;
  walk.place.head = walk.place.kv_head * walk.group;
  walk.place.item = item_of(args, head / args.kv_heads);
  const Item& item = walk.place.item;
  int64_t last = walk.first_key + S::KEYS < item.keys ? walk.first_key + S::KEYS - 1 : item.keys - 1;
  Range range = seeing_rows(args, item, walk.first_key, last);
  bool any = range.end > range.begin;
  walk.last_tile = any ? (range.end - 1) / S::ROWS : 0;
  walk.steps = any ? static_cast<int>((walk.last_tile - range.begin / S::ROWS + 1) * walk.group) : 0;
  return walk;
}

// The keys that any row of a tile sees.
template <class S>
ONDOL_DEVICE Range keys_of_tile(const ondol_attention_args& args, const Item& item, int64_t tile) {
  int64_t first = tile * S::ROWS;
  int64_t last = first + S::ROWS < item.rows ? first + S::ROWS - 1 : item.rows - 1;
  return visible_keys(args, item, first, last);
}

// Where the sums and the count of a head's tile are.
template <class S>
ONDOL_DEVICE int64_t index_of_tile(const Gradient& problem, const Item& item, int64_t head, int64_t tile) {
  return (item.batch * problem.forward.args.heads + head) * (problem.padded_rows / S::ROWS) + tile;
}

// A thread's four floats of a part, at [consumer][4-float of the thread][thread]: no two lanes meet in a bank.
struct alignas(16) Four {
  float x[4];
};

template <class S>
constexpr int FOURS = S::ROWS * S::D / 4 / (2 * WARPGROUP);

ONDOL_DEVICE int four_at(int fours, int consumer, int i, int thread) {
  return (consumer * fours + i) * WARPGROUP + thread;
}

// Of the two lines of a warpgroup's 64 that a thread has in a fragment.
ONDOL_DEVICE int line_of_thread(int r) {
  return static_cast<int>(threadIdx.x) % WARPGROUP / WARP * 16 + lane_of_warp() / 4 + 8 * r;
}

ONDOL_DEVICE Step step_of(const Walk& walk, int n) {
  return {walk.last_tile - n / walk.group, walk.place.head + n % walk.group};
}

// dq from its sums; a tile that no block came to has none.
template <class T, class S>
__global__ void __launch_bounds__(2 * WARPGROUP) attention_hopper_dq(const __grid_constant__ Gradient problem) {
  const ondol_attention_args& args = problem.forward.args;
  int64_t tiles = problem.padded_rows / S::ROWS;
  int64_t tile = static_cast<int64_t>(blockIdx.x) % tiles;
  int64_t head = static_cast<int64_t>(blockIdx.x) / tiles % args.heads;
  Item item = item_of(args, static_cast<int64_t>(blockIdx.x) / tiles / args.heads);
  if (tile * S::ROWS >= item.rows) return;
  Range keys = keys_of_tile<S>(args, item, tile);
  int consumer = static_cast<int>(threadIdx.x) / WARPGROUP;
  int thread = static_cast<int>(threadIdx.x) % WARPGROUP;
  float sums[PANEL / 2] = {};
  if (keys.end > keys.begin) {
    int64_t first = static_cast<int64_t>(blockIdx.x) * (S::ROWS * S::D);
    const Four* from = reinterpret_cast<const Four*>(problem.dq_sums + first);
#pragma unroll
    for (int i = 0; i < FOURS<S>; ++i) {
      Four four = from[four_at(FOURS<S>, consumer, i, thread)];
#pragma unroll
      for (int e = 0; e < 4; ++e) sums[4 * i + e] = four.x[e];
    }
  }
  int64_t row = tile * S::ROWS + line_of_thread(0) + (S::D == PANEL ? consumer * 64 : 0);
  int column = S::D == PANEL ? 0 : consumer * PANEL;
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    if (row + 8 * r >= item.rows) continue;
    uint16_t* line = narrow(problem.args.dq) + row_at(args, item, problem.args.dq_stride, head, row + 8 * r) + column;
    write_line<T>(line, sums, r, problem.scale, args.head_dim - column, true);
  }
}

}  // namespace ondol::cuda

#endif
