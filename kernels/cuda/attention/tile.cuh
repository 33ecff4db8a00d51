// The tile all attention kernels are made of: ROWS query rows by one block of 128 keys, on THREADS threads.
//
// Sixteen neighbouring threads, a group, own HEIGHT neighbouring rows; of each row, lane p of the group owns keys p,
// p + 16, p + 32, ... That is exactly partial p of the row sums (docs/arithmetic.md), so a row's maximum and sum
// never leave its group: maxima and the final tree are shuffles, everything between is in registers. Groups also own
// the output of their rows, column p, p + 16, ... to lane p.
#ifndef ONDOL_CUDA_ATTENTION_TILE_CUH
#define ONDOL_CUDA_ATTENTION_TILE_CUH

#include "../common/lanes.cuh"
#include "problem.cuh"

namespace ondol::cuda {

template <int ROWS_, int THREADS_>
struct Tile {
  static constexpr int ROWS = ROWS_;
  static constexpr int THREADS = THREADS_;
  static constexpr int GROUPS = THREADS / LANES;
  static constexpr int HEIGHT = ROWS / GROUPS;      // rows of a thread
  static constexpr int WIDTH = KEY_BLOCK / LANES;   // keys of a thread in each of its rows
  static constexpr int DEPTH = 16;                  // of a dot product staged at a time

  // A line of 17 floats: the sixteen lanes of a group read one column of `keys` from sixteen banks.
  struct Stage {
    float rows[ROWS][DEPTH];
    float keys[KEY_BLOCK][DEPTH + 1];
  };

  // One float for each pair of a row and a key. A thread writes its own pairs; the weights are then read by the threads
  // that own columns. With four floats of padding, the two groups of a warp write to different banks.
  struct Pairs {
    float at[ROWS][KEY_BLOCK + 4];
  };

  static ONDOL_DEVICE int lane() { return static_cast<int>(threadIdx.x) % LANES; }
  static ONDOL_DEVICE int first_row() { return static_cast<int>(threadIdx.x) / LANES * HEIGHT; }
};

// Rows of an operand in memory: row r begins at data + r * step.
struct Rows {
  const float* data;
  int64_t step;
  int count;
};

// Keys of a block: key j begins at data + at[j]; at[j] is -1 where there is none.
struct Keys {
  const float* data;
  const int64_t* at;  // shared memory
};

// Fills the places of a block's keys. The caller synchronises before they are read.
template <class T>
ONDOL_DEVICE void locate_keys(const Problem& problem, const Item& item, const int64_t (&stride)[3], int64_t kv_head,
                              int64_t j0, int64_t (&at)[KEY_BLOCK]) {
  for (int j = threadIdx.x; j < KEY_BLOCK; j += T::THREADS) {
    at[j] = j0 + j < item.keys ? key_at(problem.args, item, stride, kv_head, j0 + j) : -1;
  }
}

template <class T>
ONDOL_DEVICE void load_stage(typename T::Stage& stage, const Rows& rows, float scale, const Keys& keys, int64_t d0,
                             int depth) {
  int d = static_cast<int>(threadIdx.x) % T::DEPTH;
  bool inside = d < depth;
  for (int r = threadIdx.x / T::DEPTH; r < T::ROWS; r += T::THREADS / T::DEPTH) {
    stage.rows[r][d] = inside && r < rows.count ? mul(rows.data[r * rows.step + d0 + d], scale) : 0.0f;
  }
  for (int j = threadIdx.x / T::DEPTH; j < KEY_BLOCK; j += T::THREADS / T::DEPTH) {
    stage.keys[j][d] = inside && keys.at[j] >= 0 ? keys.data[keys.at[j] + d0 + d] : 0.0f;
  }
}

template <class T>
ONDOL_DEVICE void multiply_step(const typename T::Stage& stage, int d, float (&sum)[T::HEIGHT][T::WIDTH]) {
  float row[T::HEIGHT];
#pragma unroll
  for (int r = 0; r < T::HEIGHT; ++r) row[r] = stage.rows[T::first_row() + r][d];
#pragma unroll
  for (int c = 0; c < T::WIDTH; ++c) {
    float key = stage.keys[T::lane() + c * LANES][d];
#pragma unroll
    for (int r = 0; r < T::HEIGHT; ++r) sum[r][c] = fma(row[r], key, sum[r][c]);
  }
}

// sum[r][c] = chain over d of (row * scale, key). Begins and ends with all threads of the block in step.
template <class T>
ONDOL_DEVICE void dot_products(typename T::Stage& stage, const Rows& rows, float scale, const Keys& keys, int64_t depth,
                               float (&sum)[T::HEIGHT][T::WIDTH]) {
#pragma unroll
  for (int r = 0; r < T::HEIGHT; ++r) {
#pragma unroll
    for (int c = 0; c < T::WIDTH; ++c) sum[r][c] = 0.0f;
  }
  __syncthreads();
  for (int64_t d0 = 0; d0 < depth; d0 += T::DEPTH) {
    int live = depth - d0 < T::DEPTH ? static_cast<int>(depth - d0) : T::DEPTH;
    load_stage<T>(stage, rows, scale, keys, d0, live);
    __syncthreads();
    if (live == T::DEPTH) {
#pragma unroll
      for (int d = 0; d < T::DEPTH; ++d) multiply_step<T>(stage, d, sum);
    } else {
      for (int d = 0; d < live; ++d) multiply_step<T>(stage, d, sum);
    }
    __syncthreads();
  }
}

// What is done with a pair afterwards (masks, softcap, dropout) is long code; unrolled over registers it would be there
// 32 times. Through shared memory, each thread its own floats, it is a loop.
template <class T>
ONDOL_DEVICE void store_pairs(const float (&value)[T::HEIGHT][T::WIDTH], typename T::Pairs& pairs) {
#pragma unroll
  for (int r = 0; r < T::HEIGHT; ++r) {
#pragma unroll
    for (int c = 0; c < T::WIDTH; ++c) pairs.at[T::first_row() + r][T::lane() + c * LANES] = value[r][c];
  }
}

// Sixteen lines of an operand, COLUMNS columns from `first`; absent lines and columns are zeros. Tells every thread
// whether one of the values is an infinity or a NaN: only then must pairs that do not count be left out and not
// multiplied by 0.
template <class T, int COLUMNS, class LineAt>
ONDOL_DEVICE bool load_lines(float (&lines)[LANES][COLUMNS], const float* data, LineAt line_at, int64_t first,
                             int64_t columns) {
  int special = 0;
  for (int t = threadIdx.x; t < LANES * COLUMNS; t += T::THREADS) {
    int line = t / COLUMNS;
    int column = t % COLUMNS;
    int64_t at = line_at(line);
    float value = at >= 0 && first + column < columns ? data[at + first + column] : 0.0f;
    lines[line][column] = value;
    special |= !is_finite(value);
  }
  return __syncthreads_or(special) != 0;
}

// out[r][c] continues its chain over the block's keys of (weight, value). counts(row, key, weight) says whether a pair
// enters the chain; those that do not have weight 0.
template <class T, int COLUMNS, class Counts>
ONDOL_DEVICE void weigh_keys(const typename T::Pairs& weights, float (&lines)[LANES][COLUMNS], const Keys& keys,
                             int count, int64_t first_column, int64_t columns, Counts counts,
                             float (&out)[T::HEIGHT][COLUMNS / LANES]) {
  for (int j0 = 0; j0 < count; j0 += LANES) {
    __syncthreads();
    bool special = load_lines<T, COLUMNS>(lines, keys.data, [&](int line) { return keys.at[j0 + line]; }, first_column,
                                          columns);
#pragma unroll 4
    for (int k = 0; k < LANES; ++k) {
      float weight[T::HEIGHT];
      bool enters[T::HEIGHT];
#pragma unroll
      for (int r = 0; r < T::HEIGHT; ++r) {
        weight[r] = weights.at[T::first_row() + r][j0 + k];
        enters[r] = !special || counts(T::first_row() + r, j0 + k, weight[r]);
      }
#pragma unroll
      for (int c = 0; c < COLUMNS / LANES; ++c) {
        float value = lines[k][T::lane() + c * LANES];
#pragma unroll
        for (int r = 0; r < T::HEIGHT; ++r) {
          if (enters[r]) out[r][c] = fma(weight[r], value, out[r][c]);
        }
      }
    }
  }
}

// The transposed sum: out[k][c] continues its chain over the tile's rows of (weight, row value), for the 128 / GROUPS
// neighbouring keys of this thread's group.
template <class T, int COLUMNS, class Counts>
ONDOL_DEVICE void weigh_rows(const typename T::Pairs& weights, float (&lines)[LANES][COLUMNS], const Rows& rows,
                             int64_t first_column, int64_t columns, Counts counts,
                             float (&out)[KEY_BLOCK / T::GROUPS][COLUMNS / LANES]) {
  constexpr int KEYS = KEY_BLOCK / T::GROUPS;
  int first_key = static_cast<int>(threadIdx.x) / LANES * KEYS;
  for (int i0 = 0; i0 < rows.count; i0 += LANES) {
    __syncthreads();
    bool special = load_lines<T, COLUMNS>(
        lines, rows.data, [&](int line) { return i0 + line < rows.count ? (i0 + line) * rows.step : -1; }, first_column,
        columns);
#pragma unroll 2
    for (int i = 0; i < LANES; ++i) {
      float weight[KEYS];
      bool enters[KEYS];
#pragma unroll
      for (int k = 0; k < KEYS; ++k) {
        weight[k] = weights.at[i0 + i][first_key + k];
        enters[k] = !special || counts(i0 + i, first_key + k, weight[k]);
      }
#pragma unroll
      for (int c = 0; c < COLUMNS / LANES; ++c) {
        float value = lines[i][T::lane() + c * LANES];
#pragma unroll
        for (int k = 0; k < KEYS; ++k) {
          if (enters[k]) out[k][c] = fma(weight[k], value, out[k][c]);
        }
      }
    }
  }
}

}  // namespace ondol::cuda

#endif
