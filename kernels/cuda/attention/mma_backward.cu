// Gradient of attention in bfloat16 and float16 with mma.sync, for sm_80 and everything later. Has not run on a device
// yet.
//
//   rows    D_i = (dout_i, out_i) and the log-sum-exp in units of log 2, of every query row
//   dq      a block owns 64 query rows, 16 a warp, and walks over the keys
//   dk, dv  a block owns 64 keys, 16 a warp, and walks over the heads of its group and their query rows
//
// Each gradient element is the sum of one thread in a fixed order: no atomics, the same bits in every run. The price is
// that dq recomputes the scores: seven products instead of five. Weights and score gradients are rounded to the element
// type for their products, as the weights of the forward pass are.
//
// Options  as in mma.cu; a gradient through pages is not there, that of the bias is mma_bias.cu's.
// Sizes    D as in mma.cu. Registers hold 128 columns of a gradient: with D = 256 a block sums half of them, and the
//          scores are computed twice. dq takes 64 keys at a time, with D > 64 32; dk and dv take 32 rows, with D > 64
//          16. Shared memory of dq 32, 48 and 96 KB, of dk and dv 24, 40 and 80 KB; options add up to 34 KB.
//          Registers of a thread (ptxas, the most of all D, options and architectures): dq 242, dk and dv 248; no spills.
#include "mma_gradient.cuh"
#include "tensorcores.h"

namespace ondol::cuda {
namespace {

// Columns of a gradient that a block sums: registers hold no more.
template <int D>
constexpr int COLUMNS = D < 128 ? D : 128;

// ---- rows ---------------------------------------------------------------------------------------------------------

template <class T>
__global__ void __launch_bounds__(MMA_THREADS) attention_narrow_rows(Gradient problem) {
  const ondol_attention_args& args = problem.forward.args;
  int64_t thread = static_cast<int64_t>(blockIdx.x) * MMA_THREADS + threadIdx.x;
  if (thread < problem.zeros) problem.numbers[thread] = 0;
  int64_t index = thread / WARP;
  int64_t i = index % problem.padded_rows;
  int64_t h = index / problem.padded_rows % args.heads;
  int64_t b = index / problem.padded_rows / args.heads;
  if (b >= args.batch) return;  // of whole warps
  Item item = item_of(args, b);
  if (i >= item.rows) {
    if (lane_of_warp() == 0) problem.rows[index] = {infinity(), 0.0f};
    return;
  }
  const uint16_t* dout = narrow(problem.args.dout) + row_at(args, item, problem.args.dout_stride, h, i);
  const uint16_t* out = narrow(args.out) + row_at(args, item, args.out_stride, h, i);
  float sum = 0.0f;
  for (int64_t d = lane_of_warp(); d < args.value_dim; d += WARP) sum = fma(T::widen(dout[d]), T::widen(out[d]), sum);
#pragma unroll
  for (int step = WARP / 2; step > 0; step /= 2) sum = add(sum, __shfl_xor_sync(WHOLE_WARP, sum, step, WARP));
  if (lane_of_warp() != 0) return;
  float lse = args.lse[row_at(args, item, args.lse_stride, h, i)];
  problem.rows[index] = {lse == -infinity() ? infinity() : mul(lse, LOG2E), sum};
}

// ---- dq -----------------------------------------------------------------------------------------------------------

template <bool ANY, int FLOATS>
ONDOL_DEVICE void row_gradients(const Gradient& problem, const Place& place, int64_t first, int64_t j0,
                                const RowValues (&rows)[2], Pairs<ANY, 2 * FLOATS>& pairs, float (&scores)[FLOATS],
                                float (&products)[FLOATS]) {
  const Problem& forward = problem.forward;
  if constexpr (ANY) {
    store_own(scores, pairs.scores);
    store_own(products, pairs.products);
#pragma unroll 1
    for (int i = 0; i < FLOATS; ++i) {
      int row = pair_row(i % 4 / 2);
      int key = pair_column(i);
      bool lower = i % 4 / 2 == 0;
      RowValues values{lower ? rows[0].lse : rows[1].lse, lower ? rows[0].delta : rows[1].delta};
      pair_with_options(problem, place, first + row, j0 + key, values, pairs.scores[row][key],
                        pairs.products[row][key]);
    }
    load_own(products, pairs.products);
  } else {
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      int64_t i = first + pair_row(r);
      hide_row(visible_keys(forward.args, place.item, i, i), j0, r, scores);
    }
#pragma unroll
    for (int i = 0; i < FLOATS; ++i) {
      float p = fast_exp2(fma(scores[i], forward.query_scale, -rows[i % 4 / 2].lse));
      products[i] = mul(p, sub(products[i], rows[i % 4 / 2].delta));
    }
  }
}

template <class T, int D, bool ANY>
__global__ void __launch_bounds__(MMA_THREADS, 1)
    attention_narrow_dq(Gradient problem, int64_t row_tiles, int64_t column_tiles) {
  const ondol_attention_args& args = problem.forward.args;
  constexpr int KEYS = MMA_KEYS<D>;
  auto& s = shared<RowsShared<D, ANY>>();
  int64_t block = blockIdx.x;
  int column = static_cast<int>(block % column_tiles) * COLUMNS<D>;
  block /= column_tiles;
  Place place;
  place.head = block % args.heads;
  place.kv_head = place.head / (args.heads / args.kv_heads);
  block /= args.heads;
  place.item = item_of(args, block % args.batch);
  int64_t first = (row_tiles - 1 - block / args.batch) * MMA_OWN;
  if (first >= place.item.rows) return;
  int64_t last = first + MMA_OWN < place.item.rows ? first + MMA_OWN - 1 : place.item.rows - 1;
  Range range = visible_keys(args, place.item, first, last);
  RowValues rows[2] = {row_values(problem, place, first + pair_row(0)),
                       row_values(problem, place, first + pair_row(1))};
  float dq[COLUMNS<D> / 2] = {};
  load_rows(problem, place, args.q, args.q_stride, args.head_dim, first, s.q);
  load_rows(problem, place, problem.args.dout, problem.args.dout_stride, args.value_dim, first, s.dout);
  for (int64_t j0 = range.begin / KEYS * KEYS; j0 < range.end; j0 += KEYS) {
    load_keys(problem, place, args.k, args.k_stride, args.head_dim, j0, s.k);
    load_keys(problem, place, args.v, args.v_stride, args.value_dim, j0, s.v);
    copy_async_commit();
    copy_async_wait<0>();
    __syncthreads();
    int row = pair_row(0) / 16 * 16;
    float scores[KEYS / 2], products[KEYS / 2];
    uint32_t gradients[KEYS / 16][4];
    multiply_lines<T>(scores, s.q, row, s.k);
    multiply_lines<T>(products, s.dout, row, s.v);
    row_gradients<ANY>(problem, place, first, j0, rows, s.pairs, scores, products);
    round_weights<T>(products, gradients);
    multiply_columns<T>(dq, gradients, s.k, column);
    __syncthreads();
  }
  copy_async_wait<0>();
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    int64_t i = first + pair_row(r);
    if (i >= place.item.rows) continue;
    int64_t at = row_at(args, place.item, problem.args.dq_stride, place.head, i) + column;
    write_line<T>(narrow(problem.args.dq) + at, dq, r, problem.scale, args.head_dim - column, false);
  }
}

// ---- dk and dv ----------------------------------------------------------------------------------------------------

template <int D>
constexpr int ROWS = D == 64 ? 32 : 16;

template <int D, bool ANY>
struct KeysShared {
  Lines<MMA_OWN, D> k, v;
  Lines<ROWS<D>, D> q, dout;
  RowValues rows[ROWS<D>];
  Pairs<ANY, ROWS<D>> pairs;
};

template <bool ANY, int FLOATS>
ONDOL_DEVICE void key_gradients(const Gradient& problem, const Place& place, int64_t i0, int64_t first,
                                const RowValues (&rows)[2 * FLOATS], Pairs<ANY, 2 * FLOATS>& pairs,
                                float (&scores)[FLOATS], float (&products)[FLOATS]) {
  const Problem& forward = problem.forward;
  if constexpr (ANY) {
    store_own(scores, pairs.scores);
    store_own(products, pairs.products);
#pragma unroll 1
    for (int i = 0; i < FLOATS; ++i) {
      int key = pair_row(i % 4 / 2);
      int row = pair_column(i);
      pair_with_options(problem, place, i0 + row, first + key, rows[row], pairs.scores[key][row],
                        pairs.products[key][row]);
    }
    load_own(scores, pairs.scores);
    load_own(products, pairs.products);
  } else {
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      int64_t j = first + pair_row(r);
      hide_row(seeing_rows(forward.args, place.item, j, j), i0, r, scores);
    }
#pragma unroll
    for (int i = 0; i < FLOATS; ++i) {
      RowValues row = rows[pair_column(i)];
      scores[i] = fast_exp2(fma(scores[i], forward.query_scale, -row.lse));
      products[i] = mul(scores[i], sub(products[i], row.delta));
    }
  }
}

// Keys that are stored but not in use are covered too: their gradient is zero.
template <class T, int D, bool ANY>
__global__ void __launch_bounds__(MMA_THREADS, 1)
    attention_narrow_dkv(Gradient problem, int64_t key_tiles, int64_t column_tiles) {
  constexpr int ROWS = cuda::ROWS<D>;
  const ondol_attention_args& args = problem.forward.args;
  auto& s = shared<KeysShared<D, ANY>>();
  int64_t block = blockIdx.x;
  int column = static_cast<int>(block % column_tiles) * COLUMNS<D>;
  block /= column_tiles;
  int64_t first = block % key_tiles * MMA_OWN;
  block /= key_tiles;
  Place place;
  place.kv_head = block % args.kv_heads;
  place.item = item_of(args, block / args.kv_heads);
  if (first >= place.item.stored) return;
  int64_t last = first + MMA_OWN < place.item.keys ? first + MMA_OWN - 1 : place.item.keys - 1;
  Range range = seeing_rows(args, place.item, first, last);
  int64_t group = args.heads / args.kv_heads;
  float dk[COLUMNS<D> / 2] = {}, dv[COLUMNS<D> / 2] = {};
  load_keys(problem, place, args.k, args.k_stride, args.head_dim, first, s.k);
  load_keys(problem, place, args.v, args.v_stride, args.value_dim, first, s.v);
  for (int64_t g = 0; g < group; ++g) {
    place.head = place.kv_head * group + g;
    for (int64_t i0 = range.begin; i0 < range.end; i0 += ROWS) {
      load_rows(problem, place, args.q, args.q_stride, args.head_dim, i0, s.q);
      load_rows(problem, place, problem.args.dout, problem.args.dout_stride, args.value_dim, i0, s.dout);
      copy_async_commit();
      if (threadIdx.x < ROWS) s.rows[threadIdx.x] = row_values(problem, place, i0 + threadIdx.x);
      copy_async_wait<0>();
      __syncthreads();
      int key = pair_row(0) / 16 * 16;
      float scores[ROWS / 2], products[ROWS / 2];
      uint32_t weights[ROWS / 16][4];
      multiply_lines<T>(scores, s.k, key, s.q);
      multiply_lines<T>(products, s.v, key, s.dout);
      key_gradients<ANY>(problem, place, i0, first, s.rows, s.pairs, scores, products);
      round_weights<T>(scores, weights);
      multiply_columns<T>(dv, weights, s.dout, column);
      round_weights<T>(products, weights);
      multiply_columns<T>(dk, weights, s.q, column);
      __syncthreads();
    }
  }
  copy_async_wait<0>();
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    int64_t j = first + pair_row(r);
    if (j >= place.item.stored) continue;
    if (problem.args.dk != nullptr) {
      int64_t at = key_at(args, place.item, problem.args.dk_stride, place.kv_head, j) + column;
      write_line<T>(narrow(problem.args.dk) + at, dk, r, problem.scale, args.head_dim - column,
                    false);
    }
    if (problem.args.dv != nullptr) {
      int64_t at = key_at(args, place.item, problem.args.dv_stride, place.kv_head, j) + column;
      write_line<T>(narrow(problem.args.dv) + at, dv, r, 1.0f, args.value_dim - column, false);
    }
  }
}

// ---- host ---------------------------------------------------------------------------------------------------------

template <class T, int D, bool ANY>
void launch(Launcher& launcher, const Gradient& problem) {
  const ondol_attention_args& args = problem.forward.args;
  if (problem.args.dq != nullptr) {
    int64_t row_tiles = ceil_div(args.q_len, MMA_OWN);
    int64_t column_tiles = ceil_div(args.head_dim, COLUMNS<D>);
    launcher.launch("attention_backward", attention_narrow_dq<T, D, ANY>,
                    args.batch * args.heads * row_tiles * column_tiles, MMA_THREADS, sizeof(RowsShared<D, ANY>),
                    problem, row_tiles, column_tiles);
  }
  if (problem.args.dk != nullptr || problem.args.dv != nullptr) {
    int64_t key_tiles = ceil_div(args.kv_len, MMA_OWN);
    int64_t column_tiles = ceil_div(args.head_dim > args.value_dim ? args.head_dim : args.value_dim, COLUMNS<D>);
    launcher.launch("attention_backward", attention_narrow_dkv<T, D, ANY>,
                    args.batch * args.kv_heads * key_tiles * column_tiles, MMA_THREADS, sizeof(KeysShared<D, ANY>),
                    problem, key_tiles, column_tiles);
  }
}

template <class T, int D>
void launch_options(Launcher& launcher, const Gradient& problem) {
  needs_options(problem.forward.args) ? launch<T, D, true>(launcher, problem) : launch<T, D, false>(launcher, problem);
}

template <class T>
void launch_type(Launcher& launcher, const Gradient& problem) {
  const ondol_attention_args& args = problem.forward.args;
  int64_t widest = args.head_dim > args.value_dim ? args.head_dim : args.value_dim;
  if (widest <= 64) {
    launch_options<T, 64>(launcher, problem);
  } else if (widest <= 128) {
    launch_options<T, 128>(launcher, problem);
  } else {
    launch_options<T, 256>(launcher, problem);
  }
}

template <class T>
void launch_rows_of(Launcher& launcher, const Gradient& problem) {
  const ondol_attention_args& args = problem.forward.args;
  launcher.launch("attention_backward", attention_narrow_rows<T>,
                  ceil_div(args.batch * args.heads * problem.padded_rows, MMA_THREADS / WARP), MMA_THREADS, 0, problem);
}

}  // namespace

void launch_rows(Launcher& launcher, const Gradient& problem) {
  if (problem.forward.args.precision == ONDOL_BFLOAT16) {
    launch_rows_of<Bfloat16>(launcher, problem);
  } else {
    launch_rows_of<Float16>(launcher, problem);
  }
}

void launch_mma_gradient(Launcher& launcher, const Gradient& problem) {
  if (problem.forward.args.precision == ONDOL_BFLOAT16) {
    launch_type<Bfloat16>(launcher, problem);
  } else {
    launch_type<Float16>(launcher, problem);
  }
}

}  // namespace ondol::cuda
