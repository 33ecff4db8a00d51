// Attention forward in bfloat16 and float16 for sm_90a: after Shah et al. 2024, "FlashAttention-3", the parts that need
// no float8. Has not run on a device yet.
//
// A block computes ROWS query rows of one head with three warpgroups.
// - The first is the producer: one thread copies Q once and then K and V block by block into STAGES stages each, by
//   tensor copies. It gives its registers to the others.
// - The two consumers own 64 rows each. They take turns: while one of them has its products on the tensor cores, the
//   other does its softmax (named barriers, TURN + 0 and TURN + 1). Within a consumer the scores of the next block are
//   begun before the weights of this one have met V, so that its own softmax hides behind that product too.
//
// Mask     keys that a row does not see by length or window become -infinity; blocks that all rows of a consumer see
//          whole skip this. The tensor map of an operand ends where the item does, so what lies behind is zeros and
//          never read. Blocks run from the last key to the first: those with a mask first, then those without.
// Softmax  online, in float32, narrow.cuh.
// Sizes    D is the wider of head_dim and value_dim, rounded up; what lies between is zeros.
//            D     KEYS  STAGES  shared memory   floats of a consumer's thread: scores, output, weights / 2
//            64    128   3       113 KB          64, 32, 32
//            128   128   2       161 KB          64, 64, 32
//            256   64    2       193 KB          32, 128, 16
//          Registers: 24 for the producer's threads and 240 for the consumers', 64 K in all, from ptxas's 168 for each.
//
// An infinity or a NaN in V at a key that is in use reaches all rows whose block visits that key, whether the row sees
// it or not: a hidden key has the weight 0, but is multiplied.
#include "operands.cuh"
#include "tensorcores.h"

namespace ondol::cuda {
namespace {

constexpr int ROWS = 128;
constexpr int THREADS = 3 * WARPGROUP;
constexpr int TURN = 1;  // the first of the two barriers by which the consumers take turns

template <int D_>
struct Sizes {
  static constexpr int D = D_;
  static constexpr int KEYS = D == 256 ? 64 : 128;
  static constexpr int STAGES = D == 64 ? 3 : 2;
  static constexpr int PANELS = D / PANEL;
};

template <class S>
struct alignas(1024) Shared {
  uint16_t q[S::PANELS][ROWS * PANEL];
  uint16_t k[S::STAGES][S::PANELS][S::KEYS * PANEL];
  uint16_t v[S::STAGES][S::PANELS][S::KEYS * PANEL];
  Barrier q_full, k_full[S::STAGES], k_empty[S::STAGES], v_full[S::STAGES], v_empty[S::STAGES];
};

struct Maps {
  TensorMap q, k, v;
};

// What a block works on: its rows and the blocks of keys that any of them sees.
struct Tile {
  Item item;
  int head, kv_head;
  int64_t first_row;
  int64_t first_key;  // of the first block
  int blocks;
};

template <class S>
ONDOL_DEVICE Tile tile_of(const ondol_attention_args& args, int64_t row_tiles) {
  Tile tile;
  int64_t block = blockIdx.x;
  tile.head = static_cast<int>(block % args.heads);
  tile.kv_head = tile.head / static_cast<int>(args.heads / args.kv_heads);
  block /= args.heads;
  tile.item = item_of(args, block % args.batch);
  // With a causal mask the last rows have the most keys: they begin first.
  tile.first_row = (row_tiles - 1 - block / args.batch) * ROWS;
  int64_t last = tile.first_row + ROWS < tile.item.rows ? tile.first_row + ROWS - 1 : tile.item.rows - 1;
  Range range = visible_keys(args, tile.item, tile.first_row, last);
  tile.first_key = range.begin / S::KEYS * S::KEYS;
  tile.blocks = range.end > range.begin ? static_cast<int>((range.end - tile.first_key + S::KEYS - 1) / S::KEYS) : 0;
  return tile;
}

#ifdef ONDOL_HOPPER

// The keys of the n-th block that is worked on.
template <class S>
ONDOL_DEVICE int64_t first_key_of(const Tile& tile, int n) {
  return tile.first_key + static_cast<int64_t>(tile.blocks - 1 - n) * S::KEYS;
}

// A full or empty barrier's parity in the n-th use of its stage.
template <class S>
ONDOL_DEVICE int parity_of(int n) {
  return n / S::STAGES % 2;
}

template <class S>
ONDOL_DEVICE void copy_keys(const TensorMap& map, const ondol_attention_args& args, const Tile& tile, int64_t j0,
                            Barrier& full, uint16_t (&stage)[S::PANELS][S::KEYS * PANEL]) {
  barrier_expect(full, sizeof stage);
  copy_positions(map, full, stage, args.kv_len, tile.item.keys, tile.item.first_key, j0, tile.kv_head,
                 args.kv_offsets != nullptr ? 0 : tile.item.batch);
}

template <class S>
ONDOL_DEVICE void produce(const Maps& maps, const ondol_attention_args& args, const Tile& tile, Shared<S>& s) {
  barrier_expect(s.q_full, sizeof s.q);
  copy_positions(maps.q, s.q_full, s.q, args.q_len, tile.item.rows, tile.item.first_row, tile.first_row, tile.head,
                 args.q_offsets != nullptr ? 0 : tile.item.batch);
#pragma unroll 1
  for (int n = 0; n < tile.blocks; ++n) {
    int stage = n % S::STAGES;
    bool used = n >= S::STAGES;
    if (used) barrier_wait(s.k_empty[stage], parity_of<S>(n - S::STAGES));
    copy_keys<S>(maps.k, args, tile, first_key_of<S>(tile, n), s.k_full[stage], s.k[stage]);
    if (used) barrier_wait(s.v_empty[stage], parity_of<S>(n - S::STAGES));
    copy_keys<S>(maps.v, args, tile, first_key_of<S>(tile, n), s.v_full[stage], s.v[stage]);
  }
}

// scores = Q K^T, of the 64 rows whose panels begin at q.
template <class T, class S>
ONDOL_DEVICE void begin_scores(uint32_t q, uint32_t k, float (&scores)[S::KEYS / 2]) {
  pin(scores);
  product_fence();
#pragma unroll
  for (int d = 0; d < S::D / 16; ++d) {
    uint32_t step = static_cast<uint32_t>(d % 4 * 32);
    uint32_t panel = static_cast<uint32_t>(d / 4);
    product<T::BFLOAT16, Stored::LINES>(scores, lines_descriptor(q + panel * (ROWS * PANEL * 2) + step),
                                        lines_descriptor(k + panel * (S::KEYS * PANEL * 2) + step), d != 0);
  }
  product_commit();
}

// output += weights V.
template <class T, class S>
ONDOL_DEVICE void begin_output(const uint32_t (&weights)[S::KEYS / 16][4], uint32_t v, float (&output)[S::D / 2]) {
  pin(output);
  product_fence();
#pragma unroll
  for (int k = 0; k < S::KEYS / 16; ++k) {
    uint64_t values = columns_descriptor(v + static_cast<uint32_t>(k) * (16 * PANEL * 2), S::KEYS * PANEL * 2);
    product<T::BFLOAT16, Stored::COLUMNS>(output, weights[k], values, true);
  }
  product_commit();
}

struct Rows {
  int64_t first;  // this thread's; the other is eight below
  Range whole;    // keys that all rows of the consumer see
};

template <class S>
ONDOL_DEVICE void hide_block(const ondol_attention_args& args, const Tile& tile, const Rows& rows, int64_t j0,
                             float (&scores)[S::KEYS / 2]) {
  if (j0 >= rows.whole.begin && j0 + S::KEYS <= rows.whole.end) return;
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    int64_t i = rows.first + 8 * r;
    hide_row(visible_keys(args, tile.item, i, i), j0, r, scores);
  }
}

template <class T, class S>
ONDOL_DEVICE void write_output(const ondol_attention_args& args, const Tile& tile, const Rows& rows,
                               const RowState& state, float unit, float (&output)[S::D / 2]) {
  float inverse[2], lse[2];
  finish_rows(state, unit, inverse, lse);
  int column = static_cast<int>(threadIdx.x) % 4 * 2;
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    int64_t i = rows.first + 8 * r;
    if (i >= tile.item.rows) continue;
    uint16_t* out = reinterpret_cast<uint16_t*>(args.out) + row_at(args, tile.item, args.out_stride, tile.head, i);
#pragma unroll
    for (int j = 0; j < S::D / 8; ++j) {
      write_pair<T>(out + 8 * j + column, mul(output[4 * j + 2 * r], inverse[r]),
                    mul(output[4 * j + 2 * r + 1], inverse[r]), args.value_dim - (8 * j + column), true);
    }
    if (args.lse != nullptr && column == 0) {
      args.lse[row_at(args, tile.item, args.lse_stride, tile.head, i)] = lse[r];
    }
  }
}

template <class T, class S>
ONDOL_DEVICE void consume(const ondol_attention_args& args, const Tile& tile, float unit, int consumer, Shared<S>& s) {
  int thread = static_cast<int>(threadIdx.x) % WARPGROUP;
  int64_t first = tile.first_row + consumer * 64;
  Rows rows{first + thread / WARP * 16 + thread % WARP / 4, keys_seen_by_all(args, tile.item, first, first + 63)};
  uint32_t q = shared_address(s.q) + static_cast<uint32_t>(consumer) * (64 * PANEL * 2);
  RowState state;
  float scores[S::KEYS / 2], output[S::D / 2], shrink[2];
  uint32_t weights[S::KEYS / 16][4];
#pragma unroll
  for (int i = 0; i < S::D / 2; ++i) output[i] = 0.0f;

  if (tile.blocks > 0) {
    if (consumer == 1) named_barrier_arrive(TURN, 2 * WARPGROUP);
    barrier_wait(s.q_full, 0);
    barrier_wait(s.k_full[0], 0);
    begin_scores<T, S>(q, shared_address(s.k[0]), scores);
    product_wait<0>();
    pin(scores);
    release(s.k_empty[0]);
    hide_block<S>(args, tile, rows, first_key_of<S>(tile, 0), scores);
    soften(scores, unit, state, shrink);
    round_weights<T>(scores, weights);
  }
#pragma unroll 1
  for (int n = 1; n < tile.blocks; ++n) {
    int stage = n % S::STAGES;
    int before = (n - 1) % S::STAGES;
    barrier_wait(s.k_full[stage], parity_of<S>(n));
    named_barrier_sync(TURN + consumer, 2 * WARPGROUP);
    begin_scores<T, S>(q, shared_address(s.k[stage]), scores);
    barrier_wait(s.v_full[before], parity_of<S>(n - 1));
    begin_output<T, S>(weights, shared_address(s.v[before]), output);
    // The second consumer's last turn is followed by none.
    if (consumer == 0 || n + 1 < tile.blocks) named_barrier_arrive(TURN + 1 - consumer, 2 * WARPGROUP);
    product_wait<1>();
    pin(scores);
    release(s.k_empty[stage]);
    hide_block<S>(args, tile, rows, first_key_of<S>(tile, n), scores);
    soften(scores, unit, state, shrink);
    product_wait<0>();
    pin(output);
    release(s.v_empty[before]);
    scale_rows(output, shrink);
    round_weights<T>(scores, weights);
  }
  if (tile.blocks > 0) {
    int stage = (tile.blocks - 1) % S::STAGES;
    barrier_wait(s.v_full[stage], parity_of<S>(tile.blocks - 1));
    begin_output<T, S>(weights, shared_address(s.v[stage]), output);
    product_wait<0>();
    pin(output);
  }
  write_output<T, S>(args, tile, rows, state, unit, output);
}

#endif

template <class T, class S>
__global__ void __launch_bounds__(THREADS, 1)
    attention_hopper(const __grid_constant__ Problem problem, const __grid_constant__ Maps maps, int64_t row_tiles) {
#ifdef ONDOL_HOPPER
  const ondol_attention_args& args = problem.args;
  auto& s = swizzled_shared<Shared<S>>();
  Tile tile = tile_of<S>(args, row_tiles);
  tile.blocks = uniform(tile.blocks);
  if (tile.first_row >= tile.item.rows) return;
  if (threadIdx.x == 0) {
    prefetch(maps.q);
    prefetch(maps.k);
    prefetch(maps.v);
    constexpr int CONSUMERS = 2 * WARPGROUP / WARP;  // a warp is one
    barrier_init(s.q_full, 1);
    for (int stage = 0; stage < S::STAGES; ++stage) {
      barrier_init(s.k_full[stage], 1);
      barrier_init(s.v_full[stage], 1);
      barrier_init(s.k_empty[stage], CONSUMERS);
      barrier_init(s.v_empty[stage], CONSUMERS);
    }
    fence_barriers();
  }
  __syncthreads();
  int group = uniform(static_cast<int>(threadIdx.x) / WARPGROUP);
  if (group == 0) {
    fewer_registers<24>();
    if (threadIdx.x == 0 && tile.blocks > 0) produce<S>(maps, args, tile, s);
  } else {
    more_registers<240>();
    consume<T, S>(args, tile, problem.query_scale, group - 1, s);
  }
#endif
}

// ---- host ---------------------------------------------------------------------------------------------------------

struct Shapes {
  TensorShape q, k, v;
};

Shapes shapes_of(const ondol_attention_args& args, int keys) {
  int64_t q_batch = args.q_offsets != nullptr ? 1 : args.batch;
  int64_t kv_batch = args.kv_offsets != nullptr ? 1 : args.batch;
  return {shape_of(args.q, args.q_stride, args.head_dim, args.q_len, args.heads, q_batch, ROWS),
          shape_of(args.k, args.k_stride, args.head_dim, args.kv_len, args.kv_heads, kv_batch, keys),
          shape_of(args.v, args.v_stride, args.value_dim, args.kv_len, args.kv_heads, kv_batch, keys)};
}

template <class T, int D>
void launch(Launcher& launcher, const Problem& problem) {
  using S = Sizes<D>;
  static_assert(sizeof(Shared<S>) <= 227 * 1024, "a block's shared memory");
  const ondol_attention_args& args = problem.args;
  Shapes shapes = shapes_of(args, S::KEYS);
  Maps maps{tensor_map(launcher, shapes.q, T::BFLOAT16), tensor_map(launcher, shapes.k, T::BFLOAT16),
            tensor_map(launcher, shapes.v, T::BFLOAT16)};
  int64_t row_tiles = ceil_div(args.q_len, ROWS);
  launcher.launch("attention", attention_hopper<T, S>, args.batch * args.heads * row_tiles, THREADS, sizeof(Shared<S>),
                  problem, maps, row_tiles);
}

template <class T>
void launch_narrow(Launcher& launcher, const Problem& problem) {
  int64_t widest = problem.args.head_dim > problem.args.value_dim ? problem.args.head_dim : problem.args.value_dim;
  if (widest <= 64) {
    launch<T, 64>(launcher, problem);
  } else if (widest <= 128) {
    launch<T, 128>(launcher, problem);
  } else {
    launch<T, 256>(launcher, problem);
  }
}

}  // namespace

bool hopper_takes(const ondol_attention_args& args) {
  if (needs_options(args) || args.pages != nullptr) return false;
  if (args.head_dim > 256 || args.value_dim > 256 || args.kv_len < 1) return false;
  uint64_t out = reinterpret_cast<uintptr_t>(args.out);
  if (out % 4 != 0 || args.out_stride[0] % 2 != 0 || args.out_stride[1] % 2 != 0 || args.out_stride[2] % 2 != 0) {
    return false;
  }
  Shapes shapes = shapes_of(args, 64);
  return fits_tensor_copy(shapes.q) && fits_tensor_copy(shapes.k) && fits_tensor_copy(shapes.v);
}

void launch_hopper(Launcher& launcher, const Problem& problem) {
  if (problem.args.precision == ONDOL_BFLOAT16) {
    launch_narrow<Bfloat16>(launcher, problem);
  } else {
    launch_narrow<Float16>(launcher, problem);
  }
}

}  // namespace ondol::cuda
