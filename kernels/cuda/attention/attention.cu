// Attention forward. One block computes one tile of query rows of one head: it walks over the keys in blocks of 128
// with the online softmax, and nothing of size Lq x Lk is ever stored.
//
// An item of few rows and many keys (decoding) is cut into chunks of 256 keys, one block each; a second kernel merges
// the chunks in order. Whether an item is cut follows from its shape alone, because the bits do: one kernel takes the
// items that are not cut, the other those that are, and each returns at once where the item is not its own.
#include "../common/tensormap.cuh"
#include "tensorcores.h"
#include "tile.cuh"

namespace ondol::cuda {
namespace {

template <class T, int COLUMNS>
struct Shared {
  typename T::Pairs weights;
  union {
    typename T::Stage stage;
    float lines[LANES][COLUMNS];
  };
  int64_t key_at[KEY_BLOCK];
  int64_t value_at[KEY_BLOCK];
};

// A thread's share of the state of its rows: the maximum (the same in all lanes), its lane's partial sum, its columns.
template <class T, int COLUMNS>
struct State {
  float m[T::HEIGHT];
  float l[T::HEIGHT];
  float o[T::HEIGHT][COLUMNS / LANES];
};

// What a block works on.
struct Work {
  Item item;
  int64_t head, kv_head, first_row, first_column;
};

// From dot products to scores, -infinity where a row does not see a key.
template <class T>
ONDOL_DEVICE void score_pairs(const Problem& problem, const Work& work, const int64_t (&key_at)[KEY_BLOCK], int64_t j0,
                              typename T::Pairs& pairs) {
#pragma unroll 1
  for (int e = 0; e < T::HEIGHT * T::WIDTH; ++e) {
    int row = T::first_row() + e / T::WIDTH;
    int key = T::lane() + e % T::WIDTH * LANES;
    int64_t i = work.first_row + row;
    bool visible = key_at[key] >= 0 && is_visible(problem.args, work.item, work.head, i, j0 + key);
    float& z = pairs.at[row][key];
    z = visible ? score_of(problem, work.item, work.head, i, j0 + key, z).z : -infinity();
  }
}

template <class T>
ONDOL_DEVICE void drop_pairs(const Problem& problem, const Work& work, int64_t j0, typename T::Pairs& pairs) {
#pragma unroll 1
  for (int e = 0; e < T::HEIGHT * T::WIDTH; ++e) {
    int row = T::first_row() + e / T::WIDTH;
    int key = T::lane() + e % T::WIDTH * LANES;
    float factor = dropout_factor(problem, work.item, work.head, work.first_row + row, j0 + key);
    float& w = pairs.at[row][key];
    w = factor != 0.0f ? mul(w, factor) : 0.0f;
  }
}

// One step of the online softmax: rescales the state to the new maximum and turns the scores into weights.
template <class T, int COLUMNS>
ONDOL_DEVICE void soften(typename T::Pairs& pairs, State<T, COLUMNS>& state) {
#pragma unroll
  for (int r = 0; r < T::HEIGHT; ++r) {
    float(&line)[KEY_BLOCK + 4] = pairs.at[T::first_row() + r];
    float z[T::WIDTH];
    float largest = state.m[r];
#pragma unroll
    for (int c = 0; c < T::WIDTH; ++c) {
      z[c] = line[T::lane() + c * LANES];
      largest = z[c] > largest ? z[c] : largest;
    }
#pragma unroll
    for (int step = LANES / 2; step > 0; step /= 2) {
      float other = __shfl_xor_sync(ALL_LANES, largest, step, LANES);
      largest = other > largest ? other : largest;
    }
    float u = largest == -infinity() ? 0.0f : largest;
    float shrink = exp2w(sub(state.m[r], u));
    state.m[r] = largest;
    state.l[r] = mul(state.l[r], shrink);
#pragma unroll
    for (int c = 0; c < COLUMNS / LANES; ++c) state.o[r][c] = mul(state.o[r][c], shrink);
#pragma unroll
    for (int c = 0; c < T::WIDTH; ++c) {
      float w = exp2w(sub(z[c], u));
      state.l[r] = add(state.l[r], w);
      line[T::lane() + c * LANES] = w;
    }
  }
}

// Takes the keys [from, to) into a fresh state. `from` is a multiple of the key block, whatever the windows hide.
template <class T, int COLUMNS>
ONDOL_DEVICE void attend(const Problem& problem, const Work& work, Shared<T, COLUMNS>& s, int64_t from, int64_t to,
                         State<T, COLUMNS>& state) {
  const ondol_attention_args& args = problem.args;
  const Item& item = work.item;
#pragma unroll
  for (int r = 0; r < T::HEIGHT; ++r) {
    state.m[r] = -infinity();
    state.l[r] = 0.0f;
#pragma unroll
    for (int c = 0; c < COLUMNS / LANES; ++c) state.o[r][c] = 0.0f;
  }
  int live = item.rows - work.first_row < T::ROWS ? static_cast<int>(item.rows - work.first_row) : T::ROWS;
  Rows queries{args.q + row_at(args, item, args.q_stride, work.head, work.first_row), args.q_stride[2], live};
  Range range = visible_keys(args, item, work.first_row, work.first_row + live - 1);
  if (range.begin > from) from = range.begin / KEY_BLOCK * KEY_BLOCK;
  if (range.end < to) to = range.end;

  for (int64_t j0 = from; j0 < to; j0 += KEY_BLOCK) {
    locate_keys<T>(problem, item, args.k_stride, work.kv_head, j0, s.key_at);
    locate_keys<T>(problem, item, args.v_stride, work.kv_head, j0, s.value_at);
    float z[T::HEIGHT][T::WIDTH];
    dot_products<T>(s.stage, queries, problem.query_scale, Keys{args.k, s.key_at}, args.head_dim, z);
    store_pairs<T>(z, s.weights);
    score_pairs<T>(problem, work, s.key_at, j0, s.weights);
    soften<T, COLUMNS>(s.weights, state);
    if (args.dropout > 0) drop_pairs<T>(problem, work, j0, s.weights);
    int count = to - j0 < KEY_BLOCK ? static_cast<int>(to - j0) : KEY_BLOCK;
    weigh_keys<T, COLUMNS>(s.weights, s.lines, Keys{args.v, s.value_at}, count, work.first_column, args.value_dim,
                           [](int, int, float weight) { return weight != 0.0f; }, state.o);
    __syncthreads();
  }
}

ONDOL_DEVICE float log_sum_exp(float m, float sum) { return sum == 0.0f ? -infinity() : fma(m, LN2, log(sum)); }

template <class T, int COLUMNS>
ONDOL_DEVICE void write_rows(const Problem& problem, const Work& work, const State<T, COLUMNS>& state) {
  const ondol_attention_args& args = problem.args;
#pragma unroll
  for (int r = 0; r < T::HEIGHT; ++r) {
    float sum = tree16(state.l[r], Add());
    float inverse = div(1.0f, sum);
    int64_t i = work.first_row + T::first_row() + r;
    if (i >= work.item.rows) continue;
    float* out = args.out + row_at(args, work.item, args.out_stride, work.head, i);
#pragma unroll
    for (int c = 0; c < COLUMNS / LANES; ++c) {
      int64_t column = work.first_column + T::lane() + c * LANES;
      if (column < args.value_dim) out[column] = sum == 0.0f ? 0.0f : fma(state.o[r][c], inverse, 0.0f);
    }
    if (args.lse != nullptr && work.first_column == 0 && T::lane() == 0) {
      args.lse[row_at(args, work.item, args.lse_stride, work.head, i)] = log_sum_exp(state.m[r], sum);
    }
  }
}

// ---- items in one piece -------------------------------------------------------------------------------------------

template <int ROWS, int THREADS, int COLUMNS>
__global__ void __launch_bounds__(THREADS, 1) attention_rows(Problem problem, int64_t row_tiles, int64_t column_tiles) {
  using T = Tile<ROWS, THREADS>;
  auto& s = shared<Shared<T, COLUMNS>>();
  const ondol_attention_args& args = problem.args;
  int64_t block = blockIdx.x;
  Work work;
  work.first_column = block % column_tiles * COLUMNS;
  block /= column_tiles;
  work.first_row = block % row_tiles * ROWS;
  block /= row_tiles;
  work.head = block % args.heads;
  work.kv_head = work.head / (args.heads / args.kv_heads);
  work.item = item_of(args, block / args.heads);
  if (work.first_row >= work.item.rows || is_split(work.item)) return;

  State<T, COLUMNS> state;
  attend<T, COLUMNS>(problem, work, s, 0, work.item.keys, state);
  write_rows<T, COLUMNS>(problem, work, state);
}

// ---- items in chunks ----------------------------------------------------------------------------------------------

// The state of one row of one chunk in the workspace.
ONDOL_DEVICE int64_t chunk_words(const ondol_attention_args& args) { return 1 + LANES + args.value_dim; }

ONDOL_DEVICE float* chunk_state(const ondol_attention_args& args, float* workspace, int64_t b, int64_t h, int64_t i,
                                int64_t chunks, int64_t chunk) {
  return workspace + (((b * args.heads + h) * SPLIT_ROWS + i) * chunks + chunk) * chunk_words(args);
}

template <int THREADS, int COLUMNS>
__global__ void __launch_bounds__(THREADS, 1) attention_chunks(Problem problem, int64_t chunks, int64_t column_tiles,
                                                            float* workspace) {
  using T = Tile<SPLIT_ROWS, THREADS>;
  auto& s = shared<Shared<T, COLUMNS>>();
  const ondol_attention_args& args = problem.args;
  int64_t block = blockIdx.x;
  Work work;
  work.first_column = block % column_tiles * COLUMNS;
  block /= column_tiles;
  int64_t chunk = block % chunks;
  block /= chunks;
  work.first_row = 0;
  work.head = block % args.heads;
  work.kv_head = work.head / (args.heads / args.kv_heads);
  work.item = item_of(args, block / args.heads);
  if (!is_split(work.item) || chunk * SPLIT_KEYS >= work.item.keys) return;

  State<T, COLUMNS> state;
  int64_t end = (chunk + 1) * SPLIT_KEYS;
  attend<T, COLUMNS>(problem, work, s, chunk * SPLIT_KEYS, end < work.item.keys ? end : work.item.keys, state);
#pragma unroll
  for (int r = 0; r < T::HEIGHT; ++r) {
    int i = T::first_row() + r;
    if (i >= work.item.rows) continue;
    float* at = chunk_state(args, workspace, work.item.batch, work.head, i, chunks, chunk);
    if (work.first_column == 0) {
      if (T::lane() == 0) at[0] = state.m[r];
      at[1 + T::lane()] = state.l[r];
    }
#pragma unroll
    for (int c = 0; c < COLUMNS / LANES; ++c) {
      int64_t column = work.first_column + T::lane() + c * LANES;
      if (column < args.value_dim) at[1 + LANES + column] = state.o[r][c];
    }
  }
}

// One block per row: every thread finds the common maximum, group 0 holds the sixteen partial sums, and each thread
// merges its columns. All groups compute the sum; it is cheaper than passing it on.
constexpr int MERGE_THREADS = 128;

__global__ void __launch_bounds__(MERGE_THREADS) attention_merge(Problem problem, int64_t chunks, float* workspace) {
  const ondol_attention_args& args = problem.args;
  int64_t i = blockIdx.x % SPLIT_ROWS;
  int64_t h = blockIdx.x / SPLIT_ROWS % args.heads;
  Item item = item_of(args, blockIdx.x / SPLIT_ROWS / args.heads);
  if (!is_split(item) || i >= item.rows) return;
  const float* state = chunk_state(args, workspace, item.batch, h, i, chunks, 0);
  int64_t words = chunk_words(args);
  int64_t used = (item.keys + SPLIT_KEYS - 1) / SPLIT_KEYS;

  float largest = -infinity();
  for (int64_t s = 0; s < used; ++s) largest = state[s * words] > largest ? state[s * words] : largest;
  float u = largest == -infinity() ? 0.0f : largest;
  int lane = static_cast<int>(threadIdx.x) % LANES;
  float partial = 0.0f;
  for (int64_t s = 0; s < used; ++s) {
    partial = fma(state[s * words + 1 + lane], exp2w(sub(state[s * words], u)), partial);
  }
  float sum = tree16(partial, Add());
  float inverse = div(1.0f, sum);
  float* out = args.out + row_at(args, item, args.out_stride, h, i);
  for (int64_t column = threadIdx.x; column < args.value_dim; column += MERGE_THREADS) {
    float o = 0.0f;
    for (int64_t s = 0; s < used; ++s) {
      o = fma(state[s * words + 1 + LANES + column], exp2w(sub(state[s * words], u)), o);
    }
    out[column] = sum == 0.0f ? 0.0f : fma(o, inverse, 0.0f);
  }
  if (args.lse != nullptr && threadIdx.x == 0) {
    args.lse[row_at(args, item, args.lse_stride, h, i)] = log_sum_exp(largest, sum);
  }
}

// ---- host ---------------------------------------------------------------------------------------------------------

// Only the device can look into the lengths and offsets: any item may be split that these bounds do not exclude.
bool may_split(const ondol_attention_args& args) {
  return args.kv_len > SPLIT_KEYS && (args.q_offsets != nullptr || args.q_len <= SPLIT_ROWS);
}

bool may_stay_whole(const ondol_attention_args& args) {
  return !may_split(args) || args.q_len > SPLIT_ROWS || args.kv_lengths != nullptr || args.q_offsets != nullptr;
}

template <int ROWS, int THREADS, int COLUMNS>
void launch_rows(Launcher& launcher, const Problem& problem) {
  const ondol_attention_args& args = problem.args;
  int64_t row_tiles = ceil_div(args.q_len, ROWS);
  int64_t column_tiles = ceil_div(args.value_dim, COLUMNS);
  launcher.launch("attention", attention_rows<ROWS, THREADS, COLUMNS>,
                  args.batch * args.heads * row_tiles * column_tiles, THREADS,
                  sizeof(Shared<Tile<ROWS, THREADS>, COLUMNS>), problem, row_tiles, column_tiles);
}

template <int THREADS, int COLUMNS>
void launch_chunks(Launcher& launcher, const Problem& problem, int64_t chunks, float* workspace) {
  const ondol_attention_args& args = problem.args;
  int64_t column_tiles = ceil_div(args.value_dim, COLUMNS);
  launcher.launch("attention", attention_chunks<THREADS, COLUMNS>, args.batch * args.heads * chunks * column_tiles,
                  THREADS, sizeof(Shared<Tile<SPLIT_ROWS, THREADS>, COLUMNS>), problem, chunks, column_tiles,
                  workspace);
}

void launch_whole_items(Launcher& launcher, const Problem& problem) {
  // 256 columns of output in registers leave room for half the rows. Wider values take several passes over the scores.
  const ondol_attention_args& args = problem.args;
  if (args.q_len <= SPLIT_ROWS) {
    launch_rows<16, 128, 128>(launcher, problem);
  } else if (args.value_dim <= 64) {
    launch_rows<64, 256, 64>(launcher, problem);
  } else if (args.value_dim <= 128) {
    launch_rows<64, 256, 128>(launcher, problem);
  } else {
    launch_rows<32, 128, 256>(launcher, problem);
  }
}

void launch_split_items(Launcher& launcher, const Problem& problem, float* workspace) {
  const ondol_attention_args& args = problem.args;
  int64_t chunks = ceil_div(args.kv_len, SPLIT_KEYS);
  if (args.value_dim <= 64) {
    launch_chunks<128, 64>(launcher, problem, chunks, workspace);
  } else {
    launch_chunks<128, 128>(launcher, problem, chunks, workspace);
  }
  launcher.launch("attention", attention_merge, args.batch * args.heads * SPLIT_ROWS, MERGE_THREADS, 0, problem, chunks,
                  workspace);
}

// Two bytes an element, on tensor cores. Where Hopper's kernel can be had it takes all items, else mma.sync's cuts them
// as in float32.
void attend_narrow(Launcher& launcher, const ondol_attention_args& args, const ondol_cuda_queue* queue) {
  if (!narrow_takes(launcher, args)) return;
  Problem problem = problem_of(args);
  if (args.q_len > SPLIT_ROWS && hopper_takes(args) && has_hopper_units(launcher, queue)) {
    launch_hopper(launcher, problem);
  } else {
    launch_mma(launcher, problem, may_stay_whole(args), may_split(args), static_cast<float*>(queue->workspace));
  }
}

}  // namespace
}  // namespace ondol::cuda

using namespace ondol::cuda;

int64_t ondol_cuda_attention_workspace(const ondol_attention_args* args) {
  if (!may_split(*args)) return 0;
  if (args->precision != ONDOL_EXACT) return mma_workspace(*args);
  int64_t rows = args->batch * args->heads * SPLIT_ROWS;
  int64_t states = rows * ceil_div(args->kv_len, SPLIT_KEYS);
  return states * (1 + LANES + args->value_dim) * static_cast<int64_t>(sizeof(float));
}

int64_t ondol_cuda_attention(const ondol_attention_args* args, const ondol_cuda_queue* queue, ondol_error* error) {
  Launcher launcher(queue, error);
  if (!launcher.accepts("attention", args->precision, ONDOL_FLOAT16)) return launcher.status();
  if (args->precision != ONDOL_EXACT) {
    attend_narrow(launcher, *args, queue);
    return launcher.status();
  }
  Problem problem = problem_of(*args);
  if (may_stay_whole(*args)) launch_whole_items(launcher, problem);
  if (may_split(*args)) launch_split_items(launcher, problem, static_cast<float*>(queue->workspace));
  return launcher.status();
}
