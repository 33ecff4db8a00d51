// Attention forward in bfloat16 and float16 with mma.sync, for sm_80 and everything later: all options of the contract,
// any strides. After Dao 2023, "FlashAttention-2". Has not run on a device yet.
//
// A block computes ROWS rows, 16 a warp, and walks over the keys in blocks of KEYS: Q, K and V lie in shared memory, K
// of the next block is copied while this one's weights meet V, V while the scores are computed.
//
// Rows     of one head; or, where a call has few rows (decoding), the rows of all heads that share keys together, so
//          that these are read once.
// Chunks   an item of at most 16 rows and more than 256 keys is cut into chunks of 256 keys, a block each, whose states
//          a second kernel merges in order. That follows from the shape alone, as everywhere, and so do the bits.
// Options  mask, bias, slopes, softcap and dropout are long code, which registers unrolled would repeat 32 times: those
//          scores go through shared memory, each thread its own, in a loop (ANY).
// Sizes    D is the wider of head_dim and value_dim, rounded up to 64, 128 or 256; what lies between is zeros. KEYS =
//          64. Registers hold 128 columns of the output beside the scores: with D = 256 a block computes half of them,
//          and the scores are computed twice. Shared memory 24, 48 and 80 KB, and 17 KB more with options.
//          Registers of a thread (ptxas, sm_80): 182 with D = 64, 203 with 128, 208 with 256 and options; no spills.
//
// An infinity or a NaN in V at a key that is in use reaches all rows whose block visits that key, as in hopper.cu.
#include "fragments.cuh"
#include "tensorcores.h"

namespace ondol::cuda {
namespace {

constexpr int ROWS = 64;
constexpr int KEYS = 64;
constexpr int THREADS = 128;

// Columns of output of a block: registers hold no more beside the scores.
template <int D>
constexpr int COLUMNS = D < 128 ? D : 128;

template <int D, bool ANY>
struct Shared {
  Lines<ROWS, D> q;
  Lines<KEYS, D> k;
  Lines<KEYS, COLUMNS<D>> v;
  float pairs[ANY ? ROWS : 1][KEYS + 4];
};

// How a launch cuts its work.
struct Cut {
  int64_t row_tiles;  // of an item
  int64_t chunks;     // of its keys; 0: items that stay whole
  int64_t together;   // heads whose rows form one run of rows
  int64_t column_tiles;
  float* states;      // of chunks
  bool whole_q, whole_k, whole_v, pairs_out;
};

struct Work {
  Item item;
  int64_t kv_head, first_head;
  int64_t first_row;  // of the run of rows of all heads together
  int64_t rows;       // in that run
  int64_t first_column;
  int64_t chunk;
};

struct Place {
  int64_t head, row;
};

ONDOL_DEVICE Place place_of(const Work& work, int64_t run) {
  int64_t rows = work.item.rows;
  if (run < rows) return {work.first_head, run};
  return {work.first_head + run / rows, run % rows};
}

ONDOL_DEVICE Work work_of(const ondol_attention_args& args, const Cut& cut, int columns) {
  Work work;
  int64_t block = blockIdx.x;
  work.first_column = block % cut.column_tiles * columns;
  block /= cut.column_tiles;
  work.chunk = 0;
  if (cut.chunks > 0) {
    work.chunk = block % cut.chunks;
    block /= cut.chunks;
  }
  int64_t tiles = args.heads / cut.together;
  work.first_head = block % tiles * cut.together;
  work.kv_head = work.first_head / (args.heads / args.kv_heads);
  block /= tiles;
  work.item = item_of(args, block % args.batch);
  work.first_row = (cut.row_tiles - 1 - block / args.batch) * ROWS;
  work.rows = work.item.rows * cut.together;
  return work;
}

// Keys that the block walks over.
ONDOL_DEVICE Range keys_of(const ondol_attention_args& args, const Work& work, const Cut& cut) {
  int64_t last = work.first_row + ROWS < work.rows ? work.first_row + ROWS - 1 : work.rows - 1;
  bool one_head = place_of(work, work.first_row).head == place_of(work, last).head;
  Range range = one_head ? visible_keys(args, work.item, place_of(work, work.first_row).row, place_of(work, last).row)
                         : visible_keys(args, work.item, 0, work.item.rows - 1);
  if (cut.chunks > 0) {
    int64_t begin = work.chunk * SPLIT_KEYS;
    if (begin > range.begin) range.begin = begin;
    if (begin + SPLIT_KEYS < range.end) range.end = begin + SPLIT_KEYS;
  }
  range.begin = range.begin / KEYS * KEYS;
  return range;
}

// From dot products to scores in units of log 2, with every option.
ONDOL_DEVICE void score_own(const Problem& problem, const Work& work, int64_t j0, float (&pairs)[ROWS][KEYS + 4]) {
#pragma unroll 1
  for (int i = 0; i < KEYS / 2; ++i) {
    int row = pair_row(i % 4 / 2);
    int key = pair_column(i);
    int64_t run = work.first_row + row;
    float& z = pairs[row][key];
    if (run >= work.rows) {
      z = -infinity();
      continue;
    }
    Place place = place_of(work, run);
    bool visible = is_visible(problem.args, work.item, place.head, place.row, j0 + key);
    z = visible ? score_of(problem, work.item, place.head, place.row, j0 + key, mul(z, problem.query_scale)).z
                : -infinity();
  }
}

ONDOL_DEVICE void drop_own(const Problem& problem, const Work& work, int64_t j0, float (&pairs)[ROWS][KEYS + 4]) {
#pragma unroll 1
  for (int i = 0; i < KEYS / 2; ++i) {
    int row = pair_row(i % 4 / 2);
    int key = pair_column(i);
    if (work.first_row + row >= work.rows) continue;
    Place place = place_of(work, work.first_row + row);
    float factor = dropout_factor(problem, work.item, place.head, place.row, j0 + key);
    pairs[row][key] = factor != 0.0f ? mul(pairs[row][key], factor) : 0.0f;
  }
}

// Hides by length and windows alone. Rows of several heads in a warp differ in nothing else.
template <int FLOATS>
ONDOL_DEVICE void hide_own(const ondol_attention_args& args, const Work& work, int64_t j0, float (&s)[FLOATS]) {
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    int64_t run = work.first_row + pair_row(r);
    int64_t row = run < work.rows ? place_of(work, run).row : 0;
    Range seen = visible_keys(args, work.item, row, row);
    hide_row(seen, j0, r, s);
  }
}

template <class T, int D, bool ANY>
struct Walk {
  const Problem& problem;
  const Work& work;
  const Cut& cut;
  Shared<D, ANY>& s;

  ONDOL_DEVICE void load_queries() {
    Source source{reinterpret_cast<const uint16_t*>(problem.args.q), problem.args.head_dim, cut.whole_q};
    load_lines_async<THREADS>(s.q, source, [&](int line) -> int64_t {
      int64_t run = work.first_row + line;
      if (run >= work.rows) return -1;
      Place place = place_of(work, run);
      return row_at(problem.args, work.item, problem.args.q_stride, place.head, place.row);
    });
  }

  template <class Tile>
  ONDOL_DEVICE void load_keys(Tile& tile, const uint16_t* data, const int64_t (&stride)[3], int64_t width,
                              bool whole, int64_t j0) {
    load_lines_async<THREADS>(tile, {data, width, whole}, [&](int line) -> int64_t {
      int64_t j = j0 + line;
      return j < work.item.keys ? key_at(problem.args, work.item, stride, work.kv_head, j) : -1;
    });
    copy_async_commit();
  }

  ONDOL_DEVICE void load_k(int64_t j0) {
    load_keys(s.k, reinterpret_cast<const uint16_t*>(problem.args.k), problem.args.k_stride, problem.args.head_dim,
              cut.whole_k, j0);
  }

  ONDOL_DEVICE void load_v(int64_t j0) {
    load_keys(s.v, reinterpret_cast<const uint16_t*>(problem.args.v) + work.first_column, problem.args.v_stride,
              problem.args.value_dim - work.first_column, cut.whole_v, j0);
  }

  ONDOL_DEVICE void run(RowState& state, float (&output)[COLUMNS<D> / 2]) {
    float unit = ANY ? 1.0f : problem.query_scale;
    Range range = keys_of(problem.args, work, cut);
    int first_row = static_cast<int>(threadIdx.x) / WARP * 16;
    bool live = work.first_row + first_row < work.rows;  // this warp has rows
#pragma unroll
    for (int i = 0; i < COLUMNS<D> / 2; ++i) output[i] = 0.0f;
    load_queries();
    if (range.begin < range.end) load_k(range.begin);
    for (int64_t j0 = range.begin; j0 < range.end; j0 += KEYS) {
      float scores[KEYS / 2], shrink[2];
      uint32_t weights[KEYS / 16][4];
      copy_async_wait<0>();
      __syncthreads();
      load_v(j0);
      if (live) {
        multiply_lines<T>(scores, s.q, first_row, s.k);
        if constexpr (ANY) {
          store_own(scores, s.pairs);
          score_own(problem, work, j0, s.pairs);
          load_own(scores, s.pairs);
        } else {
          hide_own(problem.args, work, j0, scores);
        }
        soften(scores, unit, state, shrink);
        if constexpr (ANY) {
          if (problem.args.dropout > 0) {
            store_own(scores, s.pairs);
            drop_own(problem, work, j0, s.pairs);
            load_own(scores, s.pairs);
          }
        }
        round_weights<T>(scores, weights);
        scale_rows(output, shrink);
      }
      copy_async_wait<0>();
      __syncthreads();
      if (j0 + KEYS < range.end) load_k(j0 + KEYS);
      if (live) multiply_columns<T>(output, weights, s.v, 0);
    }
    copy_async_wait<0>();
  }
};

template <class T, int FLOATS>
ONDOL_DEVICE void write_rows(const Problem& problem, const Work& work, const Cut& cut, const RowState& state,
                             float unit, const float (&output)[FLOATS]) {
  const ondol_attention_args& args = problem.args;
  float inverse[2], lse[2];
  finish_rows(state, unit, inverse, lse);
  int column = lane_of_warp() % 4 * 2;
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    int64_t run = work.first_row + pair_row(r);
    if (run >= work.rows) continue;
    Place place = place_of(work, run);
    uint16_t* out = reinterpret_cast<uint16_t*>(args.out) + work.first_column +
                    row_at(args, work.item, args.out_stride, place.head, place.row);
#pragma unroll
    for (int j = 0; j < FLOATS / 4; ++j) {
      write_pair<T>(out + 8 * j + column, mul(output[4 * j + 2 * r], inverse[r]),
                    mul(output[4 * j + 2 * r + 1], inverse[r]),
                    args.value_dim - work.first_column - (8 * j + column), cut.pairs_out);
    }
    if (args.lse != nullptr && column == 0 && work.first_column == 0) {
      args.lse[row_at(args, work.item, args.lse_stride, place.head, place.row)] = lse[r];
    }
  }
}

// The state of one row of one chunk: its maximum in units of log 2, its sum, its output before the division.
ONDOL_DEVICE float* state_at(const ondol_attention_args& args, const Cut& cut, int64_t b, int64_t h, int64_t i,
                             int64_t chunk) {
  return cut.states + (((b * args.heads + h) * SPLIT_ROWS + i) * cut.chunks + chunk) * (2 + args.value_dim);
}

template <int FLOATS>
ONDOL_DEVICE void write_states(const Problem& problem, const Work& work, const Cut& cut, const RowState& state,
                               float unit, const float (&output)[FLOATS]) {
  const ondol_attention_args& args = problem.args;
  int column = lane_of_warp() % 4 * 2;
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    float sum = quad_sum(state.l[r]);
    int64_t run = work.first_row + pair_row(r);
    if (run >= work.rows) continue;
    Place place = place_of(work, run);
    float* at = state_at(args, cut, work.item.batch, place.head, place.row, work.chunk);
    if (column == 0 && work.first_column == 0) {
      at[0] = mul(state.m[r], unit);
      at[1] = sum;
    }
#pragma unroll
    for (int i = 0; i < FLOATS / 2; ++i) {
      int64_t c = work.first_column + i / 2 * 8 + column + i % 2;
      if (c < args.value_dim) at[2 + c] = output[i / 2 * 4 + 2 * r + i % 2];
    }
  }
}

template <class T, int D, bool ANY>
__global__ void __launch_bounds__(THREADS, 1) attention_mma(Problem problem, Cut cut) {
  Work work = work_of(problem.args, cut, COLUMNS<D>);
  bool split = cut.chunks > 0;
  if (work.first_row >= work.rows || is_split(work.item) != split) return;
  if (split && work.chunk * SPLIT_KEYS >= work.item.keys) return;
  RowState state;
  float output[COLUMNS<D> / 2];
  Walk<T, D, ANY>{problem, work, cut, shared<Shared<D, ANY>>()}.run(state, output);
  float unit = ANY ? 1.0f : problem.query_scale;
  if (split) {
    write_states(problem, work, cut, state, unit, output);
  } else {
    write_rows<T>(problem, work, cut, state, unit, output);
  }
}

constexpr int MERGE_THREADS = 128;

template <class T>
__global__ void __launch_bounds__(MERGE_THREADS) attention_mma_merge(Problem problem, Cut cut) {
  const ondol_attention_args& args = problem.args;
  int64_t i = blockIdx.x % SPLIT_ROWS;
  int64_t h = blockIdx.x / SPLIT_ROWS % args.heads;
  Item item = item_of(args, blockIdx.x / SPLIT_ROWS / args.heads);
  if (!is_split(item) || i >= item.rows) return;
  int64_t used = (item.keys + SPLIT_KEYS - 1) / SPLIT_KEYS;
  const float* state = state_at(args, cut, item.batch, h, i, 0);
  int64_t words = 2 + args.value_dim;
  float largest = -infinity();
  for (int64_t n = 0; n < used; ++n) largest = greater(largest, state[n * words]);
  float u = largest == -infinity() ? 0.0f : largest;
  float sum = 0.0f;
  for (int64_t n = 0; n < used; ++n) sum = fma(state[n * words + 1], fast_exp2(sub(state[n * words], u)), sum);
  float inverse = sum == 0.0f ? 0.0f : div(1.0f, sum);
  uint16_t* out = reinterpret_cast<uint16_t*>(args.out) + row_at(args, item, args.out_stride, h, i);
  for (int64_t column = threadIdx.x; column < args.value_dim; column += MERGE_THREADS) {
    float o = 0.0f;
    for (int64_t n = 0; n < used; ++n) o = fma(state[n * words + 2 + column], fast_exp2(sub(state[n * words], u)), o);
    out[column] = T::round(mul(o, inverse));
  }
  if (args.lse != nullptr && threadIdx.x == 0) {
    args.lse[row_at(args, item, args.lse_stride, h, i)] = sum == 0.0f ? -infinity() : fma(largest, LN2, log(sum));
  }
}

// ---- host ---------------------------------------------------------------------------------------------------------

template <class T, int D, bool ANY>
void launch_cut(Launcher& launcher, const Problem& problem, Cut cut) {
  const ondol_attention_args& args = problem.args;
  cut.column_tiles = args.value_dim > COLUMNS<D> ? ceil_div(args.value_dim, COLUMNS<D>) : 1;
  int64_t chunks = cut.chunks > 0 ? cut.chunks : 1;
  launcher.launch("attention", attention_mma<T, D, ANY>,
                  args.batch * (args.heads / cut.together) * cut.row_tiles * chunks * cut.column_tiles, THREADS,
                  sizeof(Shared<D, ANY>), problem, cut);
}

template <class T, int D>
void launch_options(Launcher& launcher, const Problem& problem, const Cut& cut) {
  needs_options(problem.args) ? launch_cut<T, D, true>(launcher, problem, cut)
                              : launch_cut<T, D, false>(launcher, problem, cut);
}

template <class T>
void launch_widths(Launcher& launcher, const Problem& problem, const Cut& cut) {
  int64_t widest = problem.args.head_dim > problem.args.value_dim ? problem.args.head_dim : problem.args.value_dim;
  if (widest <= 64) {
    launch_options<T, 64>(launcher, problem, cut);
  } else if (widest <= 128) {
    launch_options<T, 128>(launcher, problem, cut);
  } else {
    launch_options<T, 256>(launcher, problem, cut);
  }
}

template <class T>
void launch_type(Launcher& launcher, const Problem& problem, bool whole, bool split, float* states) {
  const ondol_attention_args& args = problem.args;
  Cut cut{};
  cut.together = args.q_len <= SPLIT_ROWS ? args.heads / args.kv_heads : 1;
  cut.row_tiles = ceil_div(args.q_len * cut.together, ROWS);
  cut.whole_q = is_whole(args.q, args.q_stride);
  cut.whole_k = is_whole(args.k, args.k_stride);
  cut.whole_v = is_whole(args.v, args.v_stride);
  cut.pairs_out = reinterpret_cast<uintptr_t>(args.out) % 4 == 0 && args.out_stride[0] % 2 == 0 &&
                  args.out_stride[1] % 2 == 0 && args.out_stride[2] % 2 == 0;
  if (whole) launch_widths<T>(launcher, problem, cut);
  if (!split) return;
  cut.together = args.heads / args.kv_heads;
  cut.row_tiles = ceil_div(SPLIT_ROWS * cut.together, ROWS);
  cut.chunks = ceil_div(args.kv_len, SPLIT_KEYS);
  cut.states = states;
  launch_widths<T>(launcher, problem, cut);
  launcher.launch("attention", attention_mma_merge<T>, args.batch * args.heads * SPLIT_ROWS, MERGE_THREADS, 0, problem,
                  cut);
}

}  // namespace

int64_t mma_workspace(const ondol_attention_args& args) {
  int64_t states = args.batch * args.heads * SPLIT_ROWS * ceil_div(args.kv_len, SPLIT_KEYS);
  return states * (2 + args.value_dim) * static_cast<int64_t>(sizeof(float));
}

void launch_mma(Launcher& launcher, const Problem& problem, bool whole, bool split, float* states) {
  if (problem.args.precision == ONDOL_BFLOAT16) {
    launch_type<Bfloat16>(launcher, problem, whole, split, states);
  } else {
    launch_type<Float16>(launcher, problem, whole, split, states);
  }
}

}  // namespace ondol::cuda
