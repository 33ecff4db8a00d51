// Gradient of attention in bfloat16 and float16 for sm_90a, D at most 128, by five products for each pair of rows and
// keys. Has not run on a device yet.
//
// A block owns KEYS keys, 64 each of two consumer warpgroups, and walks over the rows that see any of them, ROWS at a
// step, for every head of its group:
//
//   scores^T = k q^T   products^T = v dout^T   weights and score gradients from both, rounded
//   dv += weights^T dout   dk += gradients^T q   part of dq = gradients k
//
// The first four stay within a consumer, and what is rounded there is an operand in registers. The part of dq is a sum
// over all KEYS keys: the score gradients of both consumers meet in shared memory, and each computes half of the part
// (of its columns; with D = 64 of its rows). hopper_walk.cuh says in which order parts are added, and why blocks do not
// wait for each other for long. A part leaves by bulk copies from one of PARTS buffers; each has a warp of the producer
// that waits for its turn while the consumers go on.
//
// A step of a consumer: its scores and the part of the step before are begun together. Weights are made while the
// latter is computed, score gradients while dv is (with D = 64 before it: there are no registers for more). No product
// is under way from one pass of the loop to the next: ptxas would let each of them finish before the next begins. Nor
// is products^T begun before the part is handed over, which would spill.
//
// Options  lengths and windows; all else is mma_backward.cu's.
// Sizes    D     ROWS   shared memory   floats of a consumer's thread: scores, products, dv, dk, part of dq
//          64    128    227 KB          64, 64, 32, 32, 32
//          128   64     226 KB          32, 32, 64, 64, 32
//          With D = 256 the two sums would need 256 registers. 24 and 240 registers a thread as in hopper.cu.
// Memory   D float32 of each query row of each head, and an integer of each tile of ROWS. An item has q_len rows there,
//          however many it uses.
#include "hopper_walk.cuh"
#include "operands.cuh"
#include "tensorcores.h"

namespace ondol::cuda {
namespace {

constexpr int STAGES = 2;
constexpr int PARTS = 2;
constexpr int THREADS = 3 * WARPGROUP;

template <class S>
struct alignas(1024) Shared {
  uint16_t k[S::PANELS][S::KEYS * PANEL];
  uint16_t v[S::PANELS][S::KEYS * PANEL];
  uint16_t q[STAGES][S::PANELS][S::ROWS * PANEL];
  uint16_t dout[STAGES][S::PANELS][S::ROWS * PANEL];
  uint16_t gradients[2][S::ROWS / PANEL][S::KEYS * PANEL];  // of this step and the last; a line is a key's
  float part[PARTS][S::ROWS * S::D];
  RowValues values[STAGES][S::ROWS];
  Barrier keys_full, q_full[STAGES], dout_full[STAGES], rows_empty[STAGES], part_full[PARTS], part_empty[PARTS];
  int number;
};

struct Maps {
  TensorMap q, k, v, dout;
};

#ifdef ONDOL_HOPPER

// A barrier's parity in the n-th use of one of two.
ONDOL_DEVICE int parity_of(int n) { return n / 2 % 2; }
static_assert(STAGES == 2 && PARTS == 2, "parity_of");

template <class S>
ONDOL_DEVICE void copy_rows(const TensorMap& map, const ondol_attention_args& args, const Item& item, const Step& at,
                            Barrier& full, uint16_t (&stage)[S::PANELS][S::ROWS * PANEL]) {
  copy_positions(map, full, stage, args.q_len, item.rows, item.first_row, at.tile * S::ROWS, at.head,
                 args.q_offsets != nullptr ? 0 : item.batch);
}

template <class S>
ONDOL_DEVICE void produce(const Gradient& problem, const Maps& maps, const Walk& walk, Shared<S>& s) {
  const ondol_attention_args& args = problem.forward.args;
  const Item& item = walk.place.item;
  int64_t batch = args.kv_offsets != nullptr ? 0 : item.batch;
  barrier_expect(s.keys_full, sizeof s.k + sizeof s.v);
  copy_positions(maps.k, s.keys_full, s.k, args.kv_len, item.keys, item.first_key, walk.first_key, walk.place.kv_head,
                 batch);
  copy_positions(maps.v, s.keys_full, s.v, args.kv_len, item.keys, item.first_key, walk.first_key, walk.place.kv_head,
                 batch);
#pragma unroll 1
  for (int n = 0; n < walk.steps; ++n) {
    int stage = n % STAGES;
    Step at = step_of(walk, n);
    if (n >= STAGES) barrier_wait(s.rows_empty[stage], parity_of(n - STAGES));
    barrier_expect(s.q_full[stage], sizeof s.q[stage] + sizeof s.values[stage]);
    copy_rows<S>(maps.q, args, item, at, s.q_full[stage], s.q[stage]);
    bulk_load(s.q_full[stage], s.values[stage], rows_of(problem, item, at.head) + at.tile * S::ROWS,
              sizeof s.values[stage]);
    barrier_expect(s.dout_full[stage], sizeof s.dout[stage]);
    copy_rows<S>(maps.dout, args, item, at, s.dout_full[stage], s.dout[stage]);
  }
}

// Adds the parts of dq in one of the buffers, each once it is its turn.
template <class S>
ONDOL_DEVICE void add_parts(const Gradient& problem, const Walk& walk, int buffer, Shared<S>& s) {
#pragma unroll 1
  for (int n = buffer; n < walk.steps; n += PARTS) {
    const Item& item = walk.place.item;
    Step at = step_of(walk, n);
    int64_t tile = index_of_tile<S>(problem, item, at.head, at.tile);
    float* sums = problem.dq_sums + tile * (S::ROWS * S::D);
    int* count = problem.counts + tile;
    int64_t first = keys_of_tile<S>(problem.forward.args, item, at.tile).begin / S::KEYS;
    int before = static_cast<int>(walk.first_key / S::KEYS - first);
    barrier_wait(s.part_full[buffer], parity_of(n));
    if (before == 0) {
      bulk_store(sums, s.part[buffer], sizeof s.part[buffer]);
    } else {
      await_count(count, before);
      bulk_add(sums, s.part[buffer], sizeof s.part[buffer]);
    }
    bulk_commit();
    bulk_wait_read();
    barrier_arrive(s.part_empty[buffer]);
    bulk_wait();
    raise_count(count, before + 1);
  }
}

// out = x y^T of the consumer's 64 keys.
template <class T, class S>
ONDOL_DEVICE void begin_lines(uint32_t x, uint32_t y, float (&out)[S::ROWS / 2]) {
  pin(out);
  product_fence();
#pragma unroll
  for (int d = 0; d < S::D / 16; ++d) {
    uint32_t step = static_cast<uint32_t>(d % 4 * 32);
    uint32_t panel = static_cast<uint32_t>(d / 4);
    product<T::BFLOAT16, Stored::LINES>(out, lines_descriptor(x + panel * (S::KEYS * PANEL * 2) + step),
                                        lines_descriptor(y + panel * (S::ROWS * PANEL * 2) + step), d != 0);
  }
  product_commit();
}

// out += a y.
template <class T, class S>
ONDOL_DEVICE void begin_columns(const uint32_t (&a)[S::ROWS / 16][4], uint32_t y, float (&out)[S::D / 2]) {
  pin(out);
  product_fence();
#pragma unroll
  for (int k = 0; k < S::ROWS / 16; ++k) {
    uint64_t values = columns_descriptor(y + static_cast<uint32_t>(k) * (16 * PANEL * 2), S::ROWS * PANEL * 2);
    product<T::BFLOAT16, Stored::COLUMNS>(out, a[k], values, true);
  }
  product_commit();
}

// part = 64 rows of gradients times 64 columns of k.
template <class T, class S>
ONDOL_DEVICE void begin_part(uint32_t gradients, uint32_t k, float (&part)[PANEL / 2]) {
  pin(part);
  product_fence();
#pragma unroll
  for (int i = 0; i < S::KEYS / 16; ++i) {
    uint32_t step = static_cast<uint32_t>(i) * (16 * PANEL * 2);
    uint64_t rows = columns_descriptor(gradients + step, S::KEYS * PANEL * 2);
    uint64_t columns = columns_descriptor(k + step, S::KEYS * PANEL * 2);
    product<T::BFLOAT16, Stored::COLUMNS, Stored::COLUMNS>(part, rows, columns, i != 0);
  }
  product_commit();
}

struct Rows {
  int begin, end;
};

ONDOL_DEVICE Rows rows_of_range(const Range& range) {
  int64_t end = range.end > 0 ? range.end : 0;
  return {static_cast<int>(range.begin < end ? range.begin : end), static_cast<int>(end)};
}

// A consumer's thread and what it works on; kept small, for the sums leave few registers.
template <class S>
struct Consumer {
  Shared<S>& s;
  int number, steps, last_tile, group;
  Rows seen[2];  // by the thread's two keys
  Rows whole;    // those that see all 64 keys of the consumer
  bool wants_dq;
  float unit;    // of scores, to those in units of log 2

  ONDOL_DEVICE Consumer(const Gradient& problem, const Walk& walk, Shared<S>& shared, int the_number)
      : s(shared), number(the_number), steps(walk.steps), last_tile(static_cast<int>(walk.last_tile)),
        group(walk.group), wants_dq(problem.args.dq != nullptr), unit(problem.forward.query_scale) {
    const ondol_attention_args& args = problem.forward.args;
    const Item& item = walk.place.item;
    int64_t first = walk.first_key + number * 64;
    whole = rows_of_range(rows_seen_by_all(args, item, first, first + 63));
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      int64_t key = first + line_of_thread(r);
      seen[r] = rows_of_range(seeing_rows(args, item, key, key));
    }
  }
};

// Scores become weights.
template <class S>
ONDOL_DEVICE void weigh(const Consumer<S>& c, int n, float (&scores)[S::ROWS / 2]) {
  int first = (c.last_tile - n / c.group) * S::ROWS;
  if (first < c.whole.begin || first + S::ROWS > c.whole.end) {
#pragma unroll
    for (int r = 0; r < 2; ++r) hide_row(c.seen[r].begin - first, c.seen[r].end - first, r, scores);
  }
  int column = lane_of_warp() % 4 * 2;
#pragma unroll
  for (int i = 0; i < S::ROWS / 2; ++i) {
    float lse = c.s.values[n % STAGES][i / 4 * 8 + column + i % 2].lse;
    scores[i] = fast_exp2(fma(scores[i], c.unit, -lse));
  }
}

// Products become score gradients.
template <class S>
ONDOL_DEVICE void differentiate(const Consumer<S>& c, int n, const float (&weights)[S::ROWS / 2],
                                float (&products)[S::ROWS / 2]) {
  int column = lane_of_warp() % 4 * 2;
#pragma unroll
  for (int i = 0; i < S::ROWS / 2; ++i) {
    float delta = c.s.values[n % STAGES][i / 4 * 8 + column + i % 2].delta;
    products[i] = mul(weights[i], sub(products[i], delta));
  }
}

// Fragments of a consumer's score gradients, to the lines of its keys in panels of 64 rows.
template <class S>
ONDOL_DEVICE void share_gradients(const Consumer<S>& c, int n, const uint32_t (&gradients)[S::ROWS / 16][4]) {
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    int line = c.number * 64 + line_of_thread(r);
#pragma unroll
    for (int j = 0; j < S::ROWS / 8; ++j) {
      uint16_t* at = c.s.gradients[n % 2][j / 8] + line * PANEL + (j % 8 ^ line % 8) * 8 + lane_of_warp() % 4 * 2;
      *reinterpret_cast<uint32_t*>(at) = gradients[j / 2][j % 2 * 2 + r];
    }
  }
  fence_async();
}

// Hands a consumer's half of the part of step n to the warp that adds it.
template <class S>
ONDOL_DEVICE void hand_over(const Consumer<S>& c, int n, const float (&part)[PANEL / 2]) {
  static_assert(FOURS<S> == PANEL / 8, "half a part is 64 by 64");
  if (!c.wants_dq) return;
  int buffer = n % PARTS;
  if (n >= PARTS) barrier_wait(c.s.part_empty[buffer], parity_of(n - PARTS));
  int thread = static_cast<int>(threadIdx.x) % WARPGROUP;
  Four* to = reinterpret_cast<Four*>(c.s.part[buffer]);
#pragma unroll
  for (int i = 0; i < FOURS<S>; ++i) {
    to[four_at(FOURS<S>, c.number, i, thread)] = {{part[4 * i], part[4 * i + 1], part[4 * i + 2], part[4 * i + 3]}};
  }
  fence_async();
  __syncwarp();
  release(c.s.part_full[buffer]);
}

// Once both consumers have come here the score gradients of step n are there, and what they read of the step before it
// may be written again.
template <class T, class S>
ONDOL_DEVICE void begin_part_of(const Consumer<S>& c, int n, float (&part)[PANEL / 2]) {
  named_barrier_sync(S::GRADIENTS, 2 * WARPGROUP);
  int row_panel = S::D == PANEL ? c.number : 0;
  int column_panel = S::D == PANEL ? 0 : c.number;
  begin_part<T, S>(shared_address(c.s.gradients[n % 2][row_panel]), shared_address(c.s.k[column_panel]), part);
}

// Step n, and the part of dq of the step before it.
template <class T, class S, bool FIRST>
ONDOL_DEVICE void step(const Consumer<S>& c, int n, float (&dk)[S::D / 2], float (&dv)[S::D / 2],
                       float (&part)[PANEL / 2]) {
  constexpr bool FIT = S::ROWS == 64;  // weights beside scores and products in the registers
  int stage = n % STAGES;
  uint32_t offset = static_cast<uint32_t>(c.number) * (64 * PANEL * 2);  // of its keys
  uint32_t q = shared_address(c.s.q[stage]);
  uint32_t dout = shared_address(c.s.dout[stage]);
  float scores[S::ROWS / 2], products[S::ROWS / 2];
  uint32_t weights[S::ROWS / 16][4], gradients[S::ROWS / 16][4];
  barrier_wait(c.s.q_full[stage], parity_of(n));
  begin_lines<T, S>(shared_address(c.s.k) + offset, q, scores);
  if constexpr (FIRST) {
    product_wait<0>();
    pin(scores);
    weigh(c, n, scores);
  } else {
    begin_part_of<T>(c, n - 1, part);
    product_wait<1>();
    pin(scores);
    weigh(c, n, scores);
    product_wait<0>();
    pin(part);
    hand_over(c, n - 1, part);
  }
  barrier_wait(c.s.dout_full[stage], parity_of(n));
  begin_lines<T, S>(shared_address(c.s.v) + offset, dout, products);
  if constexpr (FIT) {
    round_weights<T>(scores, weights);
    begin_columns<T, S>(weights, dout, dv);
    product_wait<1>();
  } else {
    product_wait<0>();
  }
  pin(products);
  differentiate(c, n, scores, products);
  round_weights<T>(products, gradients);
  share_gradients(c, n, gradients);
  if constexpr (!FIT) {
    round_weights<T>(scores, weights);
    begin_columns<T, S>(weights, dout, dv);
  }
  begin_columns<T, S>(gradients, q, dk);
  product_wait<0>();
  pin(dv);
  pin(dk);
  release(c.s.rows_empty[stage]);
}

template <class T, class S>
ONDOL_DEVICE void consume(const Consumer<S>& c, float (&dk)[S::D / 2], float (&dv)[S::D / 2]) {
  if (c.steps == 0) return;
  float part[PANEL / 2];
#pragma unroll
  for (int i = 0; i < PANEL / 2; ++i) part[i] = 0.0f;
  barrier_wait(c.s.keys_full, 0);
  step<T, S, true>(c, 0, dk, dv, part);
#pragma unroll 1
  for (int n = 1; n < c.steps; ++n) step<T, S, false>(c, n, dk, dv, part);
  begin_part_of<T>(c, c.steps - 1, part);
  product_wait<0>();
  pin(part);
  hand_over(c, c.steps - 1, part);
}

template <class T, class S>
ONDOL_DEVICE void write(const Gradient& problem, const Walk& walk, int consumer, const float (&dk)[S::D / 2],
                        const float (&dv)[S::D / 2]) {
  const ondol_attention_args& args = problem.forward.args;
  const Place& place = walk.place;
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    int64_t at = walk.first_key + consumer * 64 + line_of_thread(r);
    if (at >= place.item.stored) continue;
    if (problem.args.dk != nullptr) {
      uint16_t* line = narrow(problem.args.dk) + key_at(args, place.item, problem.args.dk_stride, place.kv_head, at);
      write_line<T>(line, dk, r, problem.scale, args.head_dim, true);
    }
    if (problem.args.dv != nullptr) {
      uint16_t* line = narrow(problem.args.dv) + key_at(args, place.item, problem.args.dv_stride, place.kv_head, at);
      write_line<T>(line, dv, r, 1.0f, args.value_dim, true);
    }
  }
}

#endif

// Keys that are stored but not in use are covered too: their gradient is zero.
template <class T, class S>
__global__ void __launch_bounds__(THREADS, 1)
    attention_hopper_gradient(const __grid_constant__ Gradient problem, const __grid_constant__ Maps maps,
                              int64_t key_tiles) {
#ifdef ONDOL_HOPPER
  auto& s = swizzled_shared<Shared<S>>();
  if (threadIdx.x == 0) {
    s.number = atomicAdd(problem.numbers, 1);
    constexpr int CONSUMERS = 2 * WARPGROUP / WARP;  // a warp is one
    barrier_init(s.keys_full, 1);
    for (int i = 0; i < STAGES; ++i) {
      barrier_init(s.q_full[i], 1);
      barrier_init(s.dout_full[i], 1);
      barrier_init(s.rows_empty[i], CONSUMERS);
      barrier_init(s.part_full[i], CONSUMERS);
      barrier_init(s.part_empty[i], 1);
    }
    fence_barriers();
  }
  __syncthreads();
  Walk walk = walk_of<S>(problem.forward.args, uniform(s.number), key_tiles);
  walk.steps = uniform(walk.steps);
  if (walk.first_key >= walk.place.item.stored) return;
  int group = uniform(static_cast<int>(threadIdx.x) / WARPGROUP);
  if (group == 0) {
    fewer_registers<24>();
    int warp = static_cast<int>(threadIdx.x) / WARP;
    if (lane_of_warp() != 0) return;
    if (warp == 0 && walk.steps > 0) produce<S>(problem, maps, walk, s);
    if (warp >= 1 && warp <= PARTS && problem.args.dq != nullptr) add_parts<S>(problem, walk, warp - 1, s);
  } else {
    more_registers<240>();
    float dk[S::D / 2], dv[S::D / 2];
#pragma unroll
    for (int i = 0; i < S::D / 2; ++i) dk[i] = dv[i] = 0.0f;
    consume<T>(Consumer<S>(problem, walk, s, group - 1), dk, dv);
    // Found again, so as not to be kept in registers.
    write<T, S>(problem, walk_of<S>(problem.forward.args, s.number, key_tiles), group - 1, dk, dv);
  }
#endif
}

// ---- host ---------------------------------------------------------------------------------------------------------

struct Shapes {
  TensorShape q, k, v, dout;
};

Shapes shapes_of(const ondol_attention_backward_args& all, int rows, int keys) {
  const ondol_attention_args& args = all.forward;
  int64_t q_batch = args.q_offsets != nullptr ? 1 : args.batch;
  int64_t kv_batch = args.kv_offsets != nullptr ? 1 : args.batch;
  return {shape_of(args.q, args.q_stride, args.head_dim, args.q_len, args.heads, q_batch, rows),
          shape_of(args.k, args.k_stride, args.head_dim, args.kv_len, args.kv_heads, kv_batch, keys),
          shape_of(args.v, args.v_stride, args.value_dim, args.kv_len, args.kv_heads, kv_batch, keys),
          shape_of(all.dout, all.dout_stride, args.value_dim, args.q_len, args.heads, q_batch, rows)};
}

template <class T, int D>
void launch(Launcher& launcher, const Gradient& problem) {
  using S = GradientSizes<D>;
  static_assert(sizeof(Shared<S>) <= 227 * 1024, "a block's shared memory");
  const ondol_attention_args& args = problem.forward.args;
  Shapes shapes = shapes_of(problem.args, S::ROWS, S::KEYS);
  Maps maps{tensor_map(launcher, shapes.q, T::BFLOAT16), tensor_map(launcher, shapes.k, T::BFLOAT16),
            tensor_map(launcher, shapes.v, T::BFLOAT16), tensor_map(launcher, shapes.dout, T::BFLOAT16)};
  int64_t key_tiles = ceil_div(args.kv_len, S::KEYS);
  launcher.launch("attention_backward", attention_hopper_gradient<T, S>, args.batch * args.kv_heads * key_tiles,
                  THREADS, sizeof(Shared<S>), problem, maps, key_tiles);
  if (problem.args.dq == nullptr) return;
  launcher.launch("attention_backward", attention_hopper_dq<T, S>,
                  args.batch * args.heads * (problem.padded_rows / S::ROWS), 2 * WARPGROUP, 0, problem);
}

template <class T>
void launch_type(Launcher& launcher, const Gradient& problem) {
  widest_of(problem.forward.args) <= 64 ? launch<T, 64>(launcher, problem) : launch<T, 128>(launcher, problem);
}

bool pairs_fit(const float* data, const int64_t (&stride)[3]) {
  return reinterpret_cast<uintptr_t>(data) % 4 == 0 && stride[0] % 2 == 0 && stride[1] % 2 == 0 && stride[2] % 2 == 0;
}

}  // namespace

bool hopper_takes_gradient(const ondol_attention_backward_args& all) {
  const ondol_attention_args& args = all.forward;
  if (needs_options(args) || widest_of(args) > 128) return false;
  if (args.kv_len < 1 || args.q_len < 1) return false;
  if (!pairs_fit(all.dq, all.dq_stride) || !pairs_fit(all.dk, all.dk_stride) || !pairs_fit(all.dv, all.dv_stride)) {
    return false;
  }
  Shapes shapes = shapes_of(all, PANEL, PANEL);
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
