// Gradient of attention, recomputed from the log-sum-exp: memory is linear in the sequence length, and every gradient
// element is one chain in a fixed order, so there are no atomics.
//
//   delta   D_i, one number per query row
//   dq      a block owns query rows and walks over the keys
//   dk, dv  a block owns 128 keys and walks over the heads of its group and their query rows; one kernel for each,
//           because the sums of both together with the scores would not fit the registers at the widths in use
//   dbias   a block owns a tile of the bias and walks over the items and heads that share it
//
// Each recomputes the scores it needs.
#include "../common/tensormap.cuh"
#include "bias.cuh"
#include "gradient.cuh"
#include "tensorcores.h"
#include "tile.cuh"

namespace ondol::cuda {
namespace {

struct BackwardProblem {
  Problem forward;
  ondol_attention_backward_args args;
  float gradient_scale;
  float* delta;  // [batch, heads, q_len]
};

ONDOL_DEVICE int64_t delta_at(const ondol_attention_args& args, const Item& item, int64_t h, int64_t i) {
  return (item.batch * args.heads + h) * args.q_len + i;
}

// ---- delta --------------------------------------------------------------------------------------------------------

constexpr int DELTA_THREADS = 256;

__global__ void __launch_bounds__(DELTA_THREADS) attention_delta(BackwardProblem problem) {
  const ondol_attention_args& args = problem.args.forward;
  int64_t index = (static_cast<int64_t>(blockIdx.x) * DELTA_THREADS + threadIdx.x) / LANES;
  int64_t i = index % args.q_len;
  int64_t h = index / args.q_len % args.heads;
  int64_t b = index / args.q_len / args.heads;
  bool live = b < args.batch;
  Item item = item_of(args, live ? b : 0);
  live = live && i < item.rows;
  if (!live) i = 0;
  LaneRow row{live ? args.value_dim : 0, static_cast<int>(threadIdx.x) % LANES};
  const float* dout = problem.args.dout + row_at(args, item, problem.args.dout_stride, h, i);
  const float* out = args.out + row_at(args, item, args.out_stride, h, i);
  float sum = row.fold(0.0f, [=](float p, int64_t d) { return fma(dout[d], out[d], p); }, Add());
  if (live && row.lane == 0) problem.delta[delta_at(args, item, h, i)] = sum;
}

// ---- scores and their gradients -----------------------------------------------------------------------------------

struct Pair {
  float p;      // the softmax weight
  float ds;     // gradient of the score
  float dbias;  // the same, before softcap's factor
};

struct Row {
  float lse;
  float delta;
};

ONDOL_DEVICE Row row_of(const BackwardProblem& problem, const Item& item, int64_t h, int64_t i) {
  const ondol_attention_args& args = problem.args.forward;
  return {args.lse[row_at(args, item, args.lse_stride, h, i)], problem.delta[delta_at(args, item, h, i)]};
}

ONDOL_DEVICE Pair pair_of(const BackwardProblem& problem, const Item& item, int64_t h, int64_t i, int64_t j,
                          const Row& row, float dot, float dp, float factor) {
  Score score = score_of(problem.forward, item, h, i, j, dot);
  Pair pair;
  pair.p = exp2w(sub(score.z, mul(row.lse, LOG2E)));
  if (problem.forward.args.dropout > 0) dp = mul(dp, factor);
  pair.dbias = mul(pair.p, sub(dp, row.delta));
  pair.ds = pair.dbias;
  if (problem.forward.cap_out != 0.0f) {
    float t = div(score.capped, problem.forward.cap_out);
    pair.ds = mul(pair.ds, fma(-t, t, 1.0f));
  }
  return pair;
}

template <class T, int COLUMNS>
struct Shared {
  typename T::Pairs weights;   // and, before, the dot products of queries and keys
  typename T::Pairs products;  // of the output's gradient and the values
  union {
    typename T::Stage stage;
    float lines[LANES][COLUMNS];
  };
  int64_t key_at[KEY_BLOCK];
  int64_t value_at[KEY_BLOCK];
  bool counts[T::ROWS][KEY_BLOCK];  // the row sees the key, and its log-sum-exp is not -infinity
};

struct TilePlace {
  Item item;
  int64_t head, kv_head, first_row, first_key;
};

template <class T>
ONDOL_DEVICE Rows rows_of(const ondol_attention_args& args, const TilePlace& place, const float* data,
                          const int64_t (&stride)[3]) {
  int64_t left = place.item.rows - place.first_row;
  return {data + row_at(args, place.item, stride, place.head, place.first_row), stride[2],
          left < T::ROWS ? static_cast<int>(left) : T::ROWS};
}

// What the pairs of a tile are wanted for.
enum class Want { WEIGHT, GRADIENT, BIAS_GRADIENT };

// Leaves in `weights` the value wanted of each pair, 0 where the row does not see the key: what each value was weighed
// with, the gradient of the score, or that of the bias. The weight alone needs no product with V.
template <class T, int COLUMNS, Want WANT>
ONDOL_DEVICE void weigh_pairs(const BackwardProblem& problem, const TilePlace& place, Shared<T, COLUMNS>& s) {
  const ondol_attention_args& args = problem.args.forward;
  float dot[T::HEIGHT][T::WIDTH];
  dot_products<T>(s.stage, rows_of<T>(args, place, args.q, args.q_stride), problem.forward.query_scale,
                  Keys{args.k, s.key_at}, args.head_dim, dot);
  store_pairs<T>(dot, s.weights);
  if (WANT != Want::WEIGHT) {
    dot_products<T>(s.stage, rows_of<T>(args, place, problem.args.dout, problem.args.dout_stride), 1.0f,
                    Keys{args.v, s.value_at}, args.value_dim, dot);
    store_pairs<T>(dot, s.products);
  }
#pragma unroll 1
  for (int e = 0; e < T::HEIGHT * T::WIDTH; ++e) {
    int r = T::first_row() + e / T::WIDTH;
    int key = T::lane() + e % T::WIDTH * LANES;
    int64_t i = place.first_row + r;
    int64_t j = place.first_key + key;
    float value = 0.0f;
    Row row{-infinity(), 0.0f};
    if (s.key_at[key] >= 0 && is_visible(args, place.item, place.head, i, j)) {
      row = row_of(problem, place.item, place.head, i);
    }
    s.counts[r][key] = row.lse != -infinity();
    if (s.counts[r][key]) {
      float factor = args.dropout > 0 ? dropout_factor(problem.forward, place.item, place.head, i, j) : 1.0f;
      float dp = WANT != Want::WEIGHT ? s.products.at[r][key] : 0.0f;
      Pair pair = pair_of(problem, place.item, place.head, i, j, row, s.weights.at[r][key], dp, factor);
      value = WANT == Want::GRADIENT ? pair.ds : WANT == Want::BIAS_GRADIENT ? pair.dbias : pair.p;
      if (WANT == Want::WEIGHT && args.dropout > 0) value = mul(value, factor);
    }
    s.weights.at[r][key] = value;
  }
}

template <class T, int COLUMNS>
ONDOL_DEVICE void locate(const BackwardProblem& problem, const TilePlace& place, Shared<T, COLUMNS>& s) {
  const ondol_attention_args& args = problem.args.forward;
  locate_keys<T>(problem.forward, place.item, args.k_stride, place.kv_head, place.first_key, s.key_at);
  locate_keys<T>(problem.forward, place.item, args.v_stride, place.kv_head, place.first_key, s.value_at);
}

// ---- dq -----------------------------------------------------------------------------------------------------------

template <int ROWS, int THREADS, int COLUMNS>
__global__ void __launch_bounds__(THREADS, 1) attention_dq(BackwardProblem problem, int64_t row_tiles,
                                                        int64_t column_tiles) {
  using T = Tile<ROWS, THREADS>;
  auto& s = shared<Shared<T, COLUMNS>>();
  const ondol_attention_args& args = problem.args.forward;
  int64_t block = blockIdx.x;
  int64_t first_column = block % column_tiles * COLUMNS;
  block /= column_tiles;
  TilePlace place;
  place.first_row = block % row_tiles * ROWS;
  block /= row_tiles;
  place.head = block % args.heads;
  place.kv_head = place.head / (args.heads / args.kv_heads);
  place.item = item_of(args, block / args.heads);
  if (place.first_row >= place.item.rows) return;

  float dq[T::HEIGHT][COLUMNS / LANES] = {};
  int64_t last_row = place.first_row + ROWS < place.item.rows ? place.first_row + ROWS - 1 : place.item.rows - 1;
  Range range = visible_keys(args, place.item, place.first_row, last_row);
  for (int64_t j0 = range.begin / KEY_BLOCK * KEY_BLOCK; j0 < range.end; j0 += KEY_BLOCK) {
    place.first_key = j0;
    locate<T, COLUMNS>(problem, place, s);
    weigh_pairs<T, COLUMNS, Want::GRADIENT>(problem, place, s);
    int count = range.end - j0 < KEY_BLOCK ? static_cast<int>(range.end - j0) : KEY_BLOCK;
    weigh_keys<T, COLUMNS>(s.weights, s.lines, Keys{args.k, s.key_at}, count, first_column, args.head_dim,
                           [&](int row, int key, float) { return s.counts[row][key]; }, dq);
    __syncthreads();
  }

#pragma unroll
  for (int r = 0; r < T::HEIGHT; ++r) {
    int64_t i = place.first_row + T::first_row() + r;
    if (i >= place.item.rows) continue;
    float* at = problem.args.dq + row_at(args, place.item, problem.args.dq_stride, place.head, i);
#pragma unroll
    for (int c = 0; c < COLUMNS / LANES; ++c) {
      int64_t column = first_column + T::lane() + c * LANES;
      if (column < args.head_dim) at[column] = add(mul(dq[r][c], problem.gradient_scale), 0.0f);
    }
  }
}

// ---- dk and dv ----------------------------------------------------------------------------------------------------

template <class T, int COLUMNS, bool OF_KEYS>
ONDOL_DEVICE void write_keys(const BackwardProblem& problem, const TilePlace& place, int64_t first_column,
                             const float (&sum)[KEY_BLOCK / T::GROUPS][COLUMNS / LANES]) {
  const ondol_attention_args& args = problem.args.forward;
  float* gradient = OF_KEYS ? problem.args.dk : problem.args.dv;
  const int64_t(&stride)[3] = OF_KEYS ? problem.args.dk_stride : problem.args.dv_stride;
  int64_t columns = OF_KEYS ? args.head_dim : args.value_dim;
#pragma unroll
  for (int k = 0; k < KEY_BLOCK / T::GROUPS; ++k) {
    int64_t j = place.first_key + threadIdx.x / LANES * (KEY_BLOCK / T::GROUPS) + k;
    if (j >= place.item.stored) continue;
    float* at = gradient + key_at(args, place.item, stride, place.kv_head, j);
#pragma unroll
    for (int c = 0; c < COLUMNS / LANES; ++c) {
      int64_t column = first_column + T::lane() + c * LANES;
      if (column < columns) at[column] = add(OF_KEYS ? mul(sum[k][c], problem.gradient_scale) : sum[k][c], 0.0f);
    }
  }
}

// Keys that are stored but not in use are covered too: their gradient is zero.
template <int ROWS, int THREADS, int COLUMNS, bool OF_KEYS>
__global__ void __launch_bounds__(THREADS, 1) attention_dkv(BackwardProblem problem, int64_t key_tiles,
                                                         int64_t column_tiles) {
  using T = Tile<ROWS, THREADS>;
  auto& s = shared<Shared<T, COLUMNS>>();
  const ondol_attention_args& args = problem.args.forward;
  int64_t block = blockIdx.x;
  int64_t first_column = block % column_tiles * COLUMNS;
  block /= column_tiles;
  TilePlace place;
  place.first_key = block % key_tiles * KEY_BLOCK;
  block /= key_tiles;
  place.kv_head = block % args.kv_heads;
  place.item = item_of(args, block / args.kv_heads);
  if (place.first_key >= place.item.stored) return;

  float sum[KEY_BLOCK / T::GROUPS][COLUMNS / LANES] = {};
  locate<T, COLUMNS>(problem, place, s);
  int64_t group = args.heads / args.kv_heads;
  int64_t last_key = place.first_key + KEY_BLOCK < place.item.keys ? place.first_key + KEY_BLOCK - 1
                                                                   : place.item.keys - 1;
  Range range = seeing_rows(args, place.item, place.first_key, last_key);
  for (int64_t g = 0; g < group; ++g) {
    place.head = place.kv_head * group + g;
    for (int64_t i0 = range.begin; i0 < range.end; i0 += ROWS) {
      place.first_row = i0;
      weigh_pairs<T, COLUMNS, OF_KEYS ? Want::GRADIENT : Want::WEIGHT>(problem, place, s);
      Rows rows = OF_KEYS ? rows_of<T>(args, place, args.q, args.q_stride)
                          : rows_of<T>(args, place, problem.args.dout, problem.args.dout_stride);
      weigh_rows<T, COLUMNS>(s.weights, s.lines, rows, first_column, OF_KEYS ? args.head_dim : args.value_dim,
                             [&](int row, int key, float) { return s.counts[row][key]; }, sum);
      __syncthreads();
    }
  }
  write_keys<T, COLUMNS, OF_KEYS>(problem, place, first_column, sum);
}

// ---- dbias --------------------------------------------------------------------------------------------------------

template <int ROWS, int THREADS>
__global__ void __launch_bounds__(THREADS, 1) attention_dbias(BackwardProblem problem, BiasPlan plan) {
  using T = Tile<ROWS, THREADS>;
  auto& s = shared<Shared<T, LANES>>();
  const ondol_attention_args& args = problem.args.forward;
  int64_t block = blockIdx.x;
  TilePlace place;
  place.first_key = block % plan.key_tiles * KEY_BLOCK;
  block /= plan.key_tiles;
  place.first_row = block % plan.row_tiles * ROWS;
  block /= plan.row_tiles;
  int64_t own_head = block % plan.heads;
  int64_t own_batch = block / plan.heads;

  float sum[T::HEIGHT][T::WIDTH] = {};
  for (int64_t b = own_batch; b < (plan.shared_batch ? args.batch : own_batch + 1); ++b) {
    place.item = item_of(args, b);
    if (place.first_row >= place.item.rows || place.first_key >= place.item.keys) continue;
    for (int64_t h = own_head; h < (plan.shared_head ? args.heads : own_head + 1); ++h) {
      place.head = h;
      place.kv_head = h / (args.heads / args.kv_heads);
      locate<T, LANES>(problem, place, s);
      weigh_pairs<T, LANES, Want::BIAS_GRADIENT>(problem, place, s);
#pragma unroll
      for (int r = 0; r < T::HEIGHT; ++r) {
#pragma unroll
        for (int c = 0; c < T::WIDTH; ++c) {
          sum[r][c] = add(sum[r][c], s.weights.at[T::first_row() + r][T::lane() + c * LANES]);
        }
      }
      __syncthreads();
    }
  }
  const int64_t(&stride)[4] = problem.args.dbias_stride;
  float* at = problem.args.dbias + own_batch * stride[0] + own_head * stride[1];
#pragma unroll
  for (int r = 0; r < T::HEIGHT; ++r) {
    int64_t i = place.first_row + T::first_row() + r;
#pragma unroll
    for (int c = 0; c < T::WIDTH; ++c) {
      int64_t j = place.first_key + T::lane() + c * LANES;
      if (i < args.q_len && j < args.kv_len) at[i * stride[2] + j * stride[3]] = sum[r][c];
    }
  }
}

ONDOL_DEVICE float pair_dbias(const BackwardProblem& problem, const Item& item, int64_t h, int64_t i, int64_t j) {
  const ondol_attention_args& args = problem.args.forward;
  int64_t kv_head = h / (args.heads / args.kv_heads);
  const float* q = args.q + row_at(args, item, args.q_stride, h, i);
  const float* k = args.k + key_at(args, item, args.k_stride, kv_head, j);
  const float* v = args.v + key_at(args, item, args.v_stride, kv_head, j);
  const float* dout = problem.args.dout + row_at(args, item, problem.args.dout_stride, h, i);
  float dot = 0.0f;
  for (int64_t d = 0; d < args.head_dim; ++d) dot = fma(mul(q[d], problem.forward.query_scale), k[d], dot);
  float dp = 0.0f;
  for (int64_t d = 0; d < args.value_dim; ++d) dp = fma(dout[d], v[d], dp);
  float factor = args.dropout > 0 ? dropout_factor(problem.forward, item, h, i, j) : 1.0f;
  Row row = row_of(problem, item, h, i);
  return row.lse == -infinity() ? 0.0f : pair_of(problem, item, h, i, j, row, dot, dp, factor).dbias;
}

__global__ void __launch_bounds__(SHARED_BIAS_THREADS) attention_shared_dbias(BackwardProblem problem, BiasPlan plan) {
  auto pair = [&](const Item& item, int64_t h, int64_t i, int64_t j) { return pair_dbias(problem, item, h, i, j); };
  sum_shared_bias(problem.forward.args, problem.args, plan, pair);
}

// ---- host ---------------------------------------------------------------------------------------------------------

// Sums per key stay in registers beside the scores: 64 rows would spill at 128 columns.
constexpr int ROWS = 32;
constexpr int THREADS = 256;

template <int COLUMNS>
void launch_dq(Launcher& launcher, const BackwardProblem& problem) {
  const ondol_attention_args& args = problem.args.forward;
  int64_t row_tiles = ceil_div(args.q_len, ROWS);
  int64_t column_tiles = ceil_div(args.head_dim, COLUMNS);
  launcher.launch("attention_backward", attention_dq<ROWS, THREADS, COLUMNS>,
                  args.batch * args.heads * row_tiles * column_tiles, THREADS,
                  sizeof(Shared<Tile<ROWS, THREADS>, COLUMNS>), problem, row_tiles, column_tiles);
}

template <int COLUMNS, bool OF_KEYS>
void launch_dkv(Launcher& launcher, const BackwardProblem& problem) {
  const ondol_attention_args& args = problem.args.forward;
  int64_t key_tiles = ceil_div(args.kv_len, KEY_BLOCK);
  int64_t column_tiles = ceil_div(OF_KEYS ? args.head_dim : args.value_dim, COLUMNS);
  launcher.launch("attention_backward", attention_dkv<ROWS, THREADS, COLUMNS, OF_KEYS>,
                  args.batch * args.kv_heads * key_tiles * column_tiles, THREADS,
                  sizeof(Shared<Tile<ROWS, THREADS>, COLUMNS>), problem, key_tiles, column_tiles);
}

void launch_dbias(Launcher& launcher, const BackwardProblem& problem) {
  BiasPlan plan = bias_plan(problem.args, ROWS, KEY_BLOCK);
  if (plan.in_vectors()) {
    launcher.launch("attention_backward", attention_shared_dbias, plan.vector_blocks(), SHARED_BIAS_THREADS, 0, problem,
                    plan);
  } else {
    launcher.launch("attention_backward", attention_dbias<ROWS, THREADS>,
                    plan.batches * plan.heads * plan.row_tiles * plan.key_tiles, THREADS,
                    sizeof(Shared<Tile<ROWS, THREADS>, LANES>), problem, plan);
  }
}

// Two bytes an element, on tensor cores.
void differentiate_narrow(Launcher& launcher, const ondol_attention_backward_args& args,
                          const ondol_cuda_queue* queue) {
  bool hopper = hopper_takes_gradient(args) && has_hopper_units(launcher, queue);
  Gradient problem = gradient_of(args, hopper, queue->workspace);
  launch_rows(launcher, problem);
  hopper ? launch_hopper_gradient(launcher, problem) : launch_mma_gradient(launcher, problem);
  if (args.dbias != nullptr) launch_mma_bias_gradient(launcher, problem);
}

}  // namespace
}  // namespace ondol::cuda

using namespace ondol::cuda;

int64_t ondol_cuda_attention_backward_workspace(const ondol_attention_backward_args* args) {
  if (args->forward.precision == ONDOL_EXACT) {
    return args->forward.batch * args->forward.heads * args->forward.q_len * static_cast<int64_t>(sizeof(float));
  }
  return GradientMemory(*args, hopper_takes_gradient(*args) && some_device_has_hopper_units()).total();
}

int64_t ondol_cuda_attention_backward(const ondol_attention_backward_args* args, const ondol_cuda_queue* queue,
                                      ondol_error* error) {
  Launcher launcher(queue, error);
  if (!launcher.accepts("attention_backward", args->forward.precision, ONDOL_FLOAT16)) return launcher.status();
  if (args->forward.precision != ONDOL_EXACT) {
    if (args->forward.pages != nullptr) {
      launcher.fail(ONDOL_UNSUPPORTED, "pages = given: expected none in this precision");
    } else if (narrow_takes(launcher, args->forward)) {
      differentiate_narrow(launcher, *args, queue);
    }
    return launcher.status();
  }
  const ondol_attention_args& forward = args->forward;
  BackwardProblem problem{problem_of(forward), *args, static_cast<float>(forward.scale),
                          static_cast<float*>(queue->workspace)};
  problem.args.forward = problem.forward.args;
  launcher.launch("attention_backward", attention_delta,
                  ceil_div(forward.batch * forward.heads * forward.q_len * LANES, DELTA_THREADS), DELTA_THREADS, 0,
                  problem);
  if (args->dq != nullptr) {
    forward.head_dim <= 64 ? launch_dq<64>(launcher, problem) : launch_dq<128>(launcher, problem);
  }
  if (args->dk != nullptr) {
    forward.head_dim <= 64 ? launch_dkv<64, true>(launcher, problem) : launch_dkv<128, true>(launcher, problem);
  }
  if (args->dv != nullptr) {
    forward.value_dim <= 64 ? launch_dkv<64, false>(launcher, problem) : launch_dkv<128, false>(launcher, problem);
  }
  if (args->dbias != nullptr) launch_dbias(launcher, problem);
  return launcher.status();
}
