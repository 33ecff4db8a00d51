// Gradient of attention in bfloat16 and float16 for sm_90a, D at most 128. Has not run on a device yet.
//
// dq and dk, dv are the same computation with rows and keys exchanged: a block OWNS 128 of the one, 64 each of two
// consumer warpgroups, and STREAMs over the other in tiles of 64, which a producer brings by tensor copies. With (x1,
// x2) what is owned, (q, dout) or (k, v), and (y1, y2) what is streamed,
//
//   scores = x1 y1^T   products = x2 y2^T   weights and score gradients from both, rounded, stay in registers
//   first += score gradients y1             second += weights y2, for dk and dv alone
//
// so that dq is `first` of rows, dk and dv are `first` and `second` of keys. Sums are those of one thread in ascending
// order of the streamed tiles (for keys: of heads, then rows): the same bits in every run, for seven products instead
// of five.
//
// Options  lengths and windows; all else is mma_backward.cu's.
// Sizes    D     shared memory   floats of a consumer's thread: scores, products, first, second
//          64    66 KB           32, 32, 32, 32
//          128   130 KB          32, 32, 64, 64
//          With D = 256 the two sums would need 256 registers. 24 and 240 registers a thread as in hopper.cu.
#include "gradient.cuh"
#include "operands.cuh"
#include "tensorcores.h"

namespace ondol::cuda {
namespace {

constexpr int OWN = 128;
constexpr int STREAM = 64;
constexpr int STAGES = 2;
constexpr int THREADS = 3 * WARPGROUP;
constexpr int VALUES = 1;  // the first of two named barriers, each of one consumer

template <int D>
struct alignas(1024) Shared {
  static constexpr int PANELS = D / PANEL;
  uint16_t own[2][PANELS][OWN * PANEL];
  uint16_t stream[STAGES][2][PANELS][STREAM * PANEL];
  RowValues values[2][STREAM];  // of the streamed rows, for each consumer
  Barrier own_full, full[STAGES], empty[STAGES];
};

struct Maps {
  TensorMap own[2], stream[2];
};

// The tiles that a block streams over: `each` of them for every head.
struct Walk {
  Place place;
  int64_t first_own;
  int64_t first_stream;
  int each, tiles;
};

template <bool OF_KEYS>
ONDOL_DEVICE Walk walk_of(const ondol_attention_args& args, int64_t own_tiles) {
  Walk walk;
  int64_t block = blockIdx.x;
  int64_t heads = OF_KEYS ? args.kv_heads : args.heads;
  int64_t head = block % heads;
  block /= heads;
  int64_t group = args.heads / args.kv_heads;
  walk.place = {item_of(args, block % args.batch), OF_KEYS ? head * group : head, OF_KEYS ? head : head / group};
  // With a causal mask the last rows and the first keys have the most to do.
  int64_t tile = block / args.batch;
  walk.first_own = (OF_KEYS ? tile : own_tiles - 1 - tile) * OWN;
  const Item& item = walk.place.item;
  int64_t count = OF_KEYS ? item.keys : item.rows;
  int64_t last = walk.first_own + OWN < count ? walk.first_own + OWN - 1 : count - 1;
  Range range = OF_KEYS ? seeing_rows(args, item, walk.first_own, last)
                        : visible_keys(args, item, walk.first_own, last);
  walk.first_stream = range.begin / STREAM * STREAM;
  int64_t each = range.end > range.begin ? (range.end - walk.first_stream + STREAM - 1) / STREAM : 0;
  walk.each = static_cast<int>(each);
  walk.tiles = static_cast<int>(OF_KEYS ? each * group : each);
  return walk;
}

#ifdef ONDOL_HOPPER

struct Streamed {
  int64_t head;   // of the rows
  int64_t first;  // row or key
};

template <bool OF_KEYS>
ONDOL_DEVICE Streamed streamed_of(const Walk& walk, int n) {
  if (!OF_KEYS) return {walk.place.head, walk.first_stream + static_cast<int64_t>(n) * STREAM};
  return {walk.place.head + n / walk.each, walk.first_stream + static_cast<int64_t>(n % walk.each) * STREAM};
}

template <bool KEYS, int PANELS, int ELEMENTS>
ONDOL_DEVICE void copy_tile(const TensorMap& map, Barrier& full, uint16_t (&panels)[PANELS][ELEMENTS],
                            const ondol_attention_args& args, const Place& place, int64_t head, int64_t first) {
  const Item& item = place.item;
  if (KEYS) {
    copy_positions(map, full, panels, args.kv_len, item.keys, item.first_key, first, place.kv_head,
                   args.kv_offsets != nullptr ? 0 : item.batch);
  } else {
    copy_positions(map, full, panels, args.q_len, item.rows, item.first_row, first, head,
                   args.q_offsets != nullptr ? 0 : item.batch);
  }
}

template <int D, bool OF_KEYS>
ONDOL_DEVICE void produce(const Maps& maps, const ondol_attention_args& args, const Walk& walk, Shared<D>& s) {
  barrier_expect(s.own_full, sizeof s.own);
  for (int i = 0; i < 2; ++i) {
    copy_tile<OF_KEYS>(maps.own[i], s.own_full, s.own[i], args, walk.place, walk.place.head, walk.first_own);
  }
#pragma unroll 1
  for (int n = 0; n < walk.tiles; ++n) {
    int stage = n % STAGES;
    if (n >= STAGES) barrier_wait(s.empty[stage], (n - STAGES) / STAGES % 2);
    Streamed at = streamed_of<OF_KEYS>(walk, n);
    barrier_expect(s.full[stage], sizeof s.stream[stage]);
    for (int i = 0; i < 2; ++i) {
      copy_tile<!OF_KEYS>(maps.stream[i], s.full[stage], s.stream[stage][i], args, walk.place, at.head, at.first);
    }
  }
}

// out = x y^T of the consumer's 64 lines; committed by the caller.
template <class T, int D>
ONDOL_DEVICE void begin_lines(uint32_t x, uint32_t y, float (&out)[STREAM / 2]) {
#pragma unroll
  for (int d = 0; d < D / 16; ++d) {
    uint32_t step = static_cast<uint32_t>(d % 4 * 32);
    uint32_t panel = static_cast<uint32_t>(d / 4);
    product<T::BFLOAT16, Stored::LINES>(out, lines_descriptor(x + panel * (OWN * PANEL * 2) + step),
                                        lines_descriptor(y + panel * (STREAM * PANEL * 2) + step), d != 0);
  }
}

// out += a y.
template <class T, int D>
ONDOL_DEVICE void begin_columns(const uint32_t (&a)[STREAM / 16][4], uint32_t y, float (&out)[D / 2]) {
#pragma unroll
  for (int k = 0; k < STREAM / 16; ++k) {
    uint64_t values = columns_descriptor(y + static_cast<uint32_t>(k) * (16 * PANEL * 2), STREAM * PANEL * 2);
    product<T::BFLOAT16, Stored::COLUMNS>(out, a[k], values, true);
  }
}

// Scores become weights, products score gradients; of the thread's rows r one after the other.
template <bool OF_KEYS>
ONDOL_DEVICE void weigh(const Gradient& problem, const Place& place, int64_t own, int64_t stream,
                        const RowValues (&rows)[2], const RowValues (&values)[STREAM], float (&scores)[STREAM / 2],
                        float (&products)[STREAM / 2]) {
  const ondol_attention_args& args = problem.forward.args;
  int column = lane_of_warp() % 4 * 2;
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    int64_t at = own + 8 * r;
    Range seen = OF_KEYS ? seeing_rows(args, place.item, at, at) : visible_keys(args, place.item, at, at);
    hide_row(seen, stream, r, scores);
  }
#pragma unroll
  for (int i = 0; i < STREAM / 2; ++i) {
    RowValues row = OF_KEYS ? values[i / 4 * 8 + column + i % 2] : rows[i % 4 / 2];
    scores[i] = fast_exp2(fma(scores[i], problem.forward.query_scale, -row.lse));
    products[i] = mul(scores[i], sub(products[i], row.delta));
  }
}

template <class T, int D, bool OF_KEYS>
ONDOL_DEVICE void consume(const Gradient& problem, const Walk& walk, int consumer, Shared<D>& s,
                          float (&first)[D / 2], float (&second)[D / 2]) {
  int thread = static_cast<int>(threadIdx.x) % WARPGROUP;
  int64_t own = walk.first_own + consumer * 64 + thread / WARP * 16 + lane_of_warp() / 4;
  Place place = walk.place;
  RowValues rows[2] = {{0.0f, 0.0f}, {0.0f, 0.0f}};
  if (!OF_KEYS) {
    rows[0] = row_values(problem, place, own);
    rows[1] = row_values(problem, place, own + 8);
  }
  uint32_t offset = static_cast<uint32_t>(consumer) * (64 * PANEL * 2);
  uint32_t x1 = shared_address(s.own[0]) + offset;
  uint32_t x2 = shared_address(s.own[1]) + offset;
  if (walk.tiles > 0) barrier_wait(s.own_full, 0);
#pragma unroll 1
  for (int n = 0; n < walk.tiles; ++n) {
    int stage = n % STAGES;
    Streamed at = streamed_of<OF_KEYS>(walk, n);
    uint32_t y1 = shared_address(s.stream[stage][0]);
    uint32_t y2 = shared_address(s.stream[stage][1]);
    float scores[STREAM / 2], products[STREAM / 2];
    uint32_t weights[STREAM / 16][4], gradients[STREAM / 16][4];
    if (OF_KEYS) {
      place.head = at.head;
      named_barrier_sync(VALUES + consumer, WARPGROUP);  // the tile before has been read
      if (thread < STREAM) s.values[consumer][thread] = row_values(problem, place, at.first + thread);
      named_barrier_sync(VALUES + consumer, WARPGROUP);
    }
    barrier_wait(s.full[stage], n / STAGES % 2);
    pin(scores);
    pin(products);
    product_fence();
    begin_lines<T, D>(x1, y1, scores);
    begin_lines<T, D>(x2, y2, products);
    product_commit();
    product_wait<0>();
    pin(scores);
    pin(products);
    weigh<OF_KEYS>(problem, place, own, at.first, rows, s.values[consumer], scores, products);
    if (OF_KEYS) round_weights<T>(scores, weights);
    round_weights<T>(products, gradients);
    pin(first);
    if (OF_KEYS) pin(second);
    product_fence();
    if (OF_KEYS) begin_columns<T, D>(weights, y2, second);
    begin_columns<T, D>(gradients, y1, first);
    product_commit();
    product_wait<0>();
    pin(first);
    if (OF_KEYS) pin(second);
    release(s.empty[stage]);
  }
}

template <class T, int D, bool OF_KEYS>
ONDOL_DEVICE void write(const Gradient& problem, const Walk& walk, int consumer, const float (&first)[D / 2],
                        const float (&second)[D / 2]) {
  const ondol_attention_args& args = problem.forward.args;
  const Place& place = walk.place;
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    int64_t at = walk.first_own + consumer * 64 + static_cast<int64_t>(threadIdx.x) % WARPGROUP / WARP * 16 +
                 lane_of_warp() / 4 + 8 * r;
    if (at >= (OF_KEYS ? place.item.stored : place.item.rows)) continue;
    if (!OF_KEYS) {
      uint16_t* dq = narrow(problem.args.dq) + row_at(args, place.item, problem.args.dq_stride, place.head, at);
      write_line<T>(dq, first, r, problem.scale, args.head_dim, true);
      continue;
    }
    if (problem.args.dk != nullptr) {
      uint16_t* dk = narrow(problem.args.dk) + key_at(args, place.item, problem.args.dk_stride, place.kv_head, at);
      write_line<T>(dk, first, r, problem.scale, args.head_dim, true);
    }
    if (problem.args.dv != nullptr) {
      uint16_t* dv = narrow(problem.args.dv) + key_at(args, place.item, problem.args.dv_stride, place.kv_head, at);
      write_line<T>(dv, second, r, 1.0f, args.value_dim, true);
    }
  }
}

#endif

// Keys that are stored but not in use are covered too: their gradient is zero.
template <class T, int D, bool OF_KEYS>
__global__ void __launch_bounds__(THREADS, 1)
    attention_hopper_gradient(const __grid_constant__ Gradient problem, const __grid_constant__ Maps maps,
                              int64_t own_tiles) {
#ifdef ONDOL_HOPPER
  const ondol_attention_args& args = problem.forward.args;
  auto& s = swizzled_shared<Shared<D>>();
  Walk walk = walk_of<OF_KEYS>(args, own_tiles);
  walk.tiles = uniform(walk.tiles);
  if (walk.first_own >= (OF_KEYS ? walk.place.item.stored : walk.place.item.rows)) return;
  if (threadIdx.x == 0) {
    barrier_init(s.own_full, 1);
    for (int stage = 0; stage < STAGES; ++stage) {
      barrier_init(s.full[stage], 1);
      barrier_init(s.empty[stage], 2 * WARPGROUP / WARP);
    }
    fence_barriers();
  }
  __syncthreads();
  int group = uniform(static_cast<int>(threadIdx.x) / WARPGROUP);
  if (group == 0) {
    fewer_registers<24>();
    if (threadIdx.x == 0 && walk.tiles > 0) produce<D, OF_KEYS>(maps, args, walk, s);
  } else {
    more_registers<240>();
    float first[D / 2], second[D / 2];
#pragma unroll
    for (int i = 0; i < D / 2; ++i) first[i] = second[i] = 0.0f;
    consume<T, D, OF_KEYS>(problem, walk, group - 1, s, first, second);
    write<T, D, OF_KEYS>(problem, walk, group - 1, first, second);
  }
#endif
}

// ---- host ---------------------------------------------------------------------------------------------------------

struct Shapes {
  TensorShape q, k, v, dout;
};

Shapes shapes_of(const ondol_attention_backward_args& all, bool rows_own) {
  const ondol_attention_args& args = all.forward;
  int64_t q_batch = args.q_offsets != nullptr ? 1 : args.batch;
  int64_t kv_batch = args.kv_offsets != nullptr ? 1 : args.batch;
  int rows = rows_own ? OWN : STREAM;
  int keys = rows_own ? STREAM : OWN;
  return {shape_of(args.q, args.q_stride, args.head_dim, args.q_len, args.heads, q_batch, rows),
          shape_of(args.k, args.k_stride, args.head_dim, args.kv_len, args.kv_heads, kv_batch, keys),
          shape_of(args.v, args.v_stride, args.value_dim, args.kv_len, args.kv_heads, kv_batch, keys),
          shape_of(all.dout, all.dout_stride, args.value_dim, args.q_len, args.heads, q_batch, rows)};
}

template <class T, int D, bool OF_KEYS>
void launch(Launcher& launcher, const Gradient& problem) {
  static_assert(sizeof(Shared<D>) <= 227 * 1024, "a block's shared memory");
  const ondol_attention_args& args = problem.forward.args;
  Shapes shapes = shapes_of(problem.args, !OF_KEYS);
  TensorMap q = tensor_map(launcher, shapes.q, T::BFLOAT16), k = tensor_map(launcher, shapes.k, T::BFLOAT16);
  TensorMap v = tensor_map(launcher, shapes.v, T::BFLOAT16), dout = tensor_map(launcher, shapes.dout, T::BFLOAT16);
  Maps maps = OF_KEYS ? Maps{{k, v}, {q, dout}} : Maps{{q, dout}, {k, v}};
  int64_t own_tiles = ceil_div(OF_KEYS ? args.kv_len : args.q_len, OWN);
  int64_t heads = OF_KEYS ? args.kv_heads : args.heads;
  launcher.launch("attention_backward", attention_hopper_gradient<T, D, OF_KEYS>, args.batch * heads * own_tiles,
                  THREADS, sizeof(Shared<D>), problem, maps, own_tiles);
}

template <class T, int D>
void launch_wanted(Launcher& launcher, const Gradient& problem) {
  if (problem.args.dq != nullptr) launch<T, D, false>(launcher, problem);
  if (problem.args.dk != nullptr || problem.args.dv != nullptr) launch<T, D, true>(launcher, problem);
}

template <class T>
void launch_type(Launcher& launcher, const Gradient& problem) {
  const ondol_attention_args& args = problem.forward.args;
  if (args.head_dim <= 64 && args.value_dim <= 64) {
    launch_wanted<T, 64>(launcher, problem);
  } else {
    launch_wanted<T, 128>(launcher, problem);
  }
}

bool pairs_fit(const float* data, const int64_t (&stride)[3]) {
  return reinterpret_cast<uintptr_t>(data) % 4 == 0 && stride[0] % 2 == 0 && stride[1] % 2 == 0 && stride[2] % 2 == 0;
}

}  // namespace

bool hopper_takes_gradient(const ondol_attention_backward_args& all) {
  const ondol_attention_args& args = all.forward;
  if (needs_options(args) || args.head_dim > 128 || args.value_dim > 128) return false;
  if (args.kv_len < 1 || args.q_len < 1) return false;
  if (!pairs_fit(all.dq, all.dq_stride) || !pairs_fit(all.dk, all.dk_stride) || !pairs_fit(all.dv, all.dv_stride)) {
    return false;
  }
  Shapes shapes = shapes_of(all, true);
  return fits_tensor_copy(shapes.q) && fits_tensor_copy(shapes.k) && fits_tensor_copy(shapes.v) &&
         fits_tensor_copy(shapes.dout);
}

void launch_hopper_gradient(Launcher& launcher, const Gradient& problem) {
  if (problem.forward.args.precision == ONDOL_BFLOAT16) {
    launch_type<Bfloat16>(launcher, problem);
  } else {
    launch_type<Float16>(launcher, problem);
  }
}

}  // namespace ondol::cuda
