// Tiles of 16-bit elements in shared memory for mma.sync, and their fragments. A tile is lines of D elements; the
// chunks of eight of a line exchange places by the line's number, so that the eight lines of an 8 x 8 matrix lie in
// different banks.
#ifndef ONDOL_CUDA_ATTENTION_FRAGMENTS_CUH
#define ONDOL_CUDA_ATTENTION_FRAGMENTS_CUH

#include "narrow.cuh"

namespace ondol::cuda {

constexpr int CHUNK = 8;

template <int LINES_, int D_>
struct alignas(16) Lines {
  static constexpr int LINES = LINES_;
  static constexpr int D = D_;
  uint16_t data[LINES * D];

  ONDOL_DEVICE uint16_t* at(int line, int chunk) { return data + line * D + (chunk ^ (line & 7)) * CHUNK; }

  // Rows [row, row + 16) and depths [16 k, 16 k + 16) as A, the depth along the lines.
  ONDOL_DEVICE void a(uint32_t (&words)[4], int row, int k) {
    int lane = lane_of_warp();
    load_matrices(words, at(row + lane % 16, 2 * k + lane / 16));
  }

  // Columns [column, column + 16) and the depths as B, twice: words 0 and 1 of the first eight columns, 2 and 3 of the
  // others. The columns are lines here, the depth runs along them.
  ONDOL_DEVICE void b_lines(uint32_t (&words)[4], int column, int k) {
    int lane = lane_of_warp();
    load_matrices(words, at(column + lane / 16 * 8 + lane % 8, 2 * k + lane / 8 % 2));
  }

  // The same where the depths are the lines.
  ONDOL_DEVICE void b_columns(uint32_t (&words)[4], int column, int k) {
    int lane = lane_of_warp();
    load_matrices_transposed(words, at(16 * k + lane % 16, column / CHUNK + lane / 16));
  }
};

// d, of 16 rows and 8 columns, is s[at] to s[at + 3].
template <class T, int FLOATS>
ONDOL_DEVICE void multiply_into(float (&s)[FLOATS], int at, const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  float d[4] = {s[at], s[at + 1], s[at + 2], s[at + 3]};
  const uint32_t b[2] = {b0, b1};
  T::multiply(d, a, b);
#pragma unroll
  for (int i = 0; i < 4; ++i) s[at + i] = d[i];
}

// s[16, 2 FLOATS] = rows `row` and on of a, times the lines of b; both have D depths.
template <class T, int FLOATS, class A, class B>
ONDOL_DEVICE void multiply_lines(float (&s)[FLOATS], A& a, int row, B& b) {
  static_assert(B::LINES == 2 * FLOATS, "a line of B is a column of the product");
#pragma unroll
  for (int i = 0; i < FLOATS; ++i) s[i] = 0.0f;
#pragma unroll 4  // all of them would want too many registers for addresses
  for (int k = 0; k < A::D / 16; ++k) {
    uint32_t left[4];
    a.a(left, row, k);
#pragma unroll
    for (int j = 0; j < FLOATS / 8; ++j) {
      uint32_t right[4];
      b.b_lines(right, 16 * j, k);
      multiply_into<T>(s, 8 * j, left, right[0], right[1]);
      multiply_into<T>(s, 8 * j + 4, left, right[2], right[3]);
    }
  }
}

// o[16, 2 FLOATS] += a[16, lines of b] b, of b the columns from `column` on.
template <class T, int FLOATS, int DEPTHS, class B>
ONDOL_DEVICE void multiply_columns(float (&o)[FLOATS], const uint32_t (&a)[DEPTHS][4], B& b, int column) {
  static_assert(B::LINES == 16 * DEPTHS, "a line of B is a depth of the product");
#pragma unroll
  for (int k = 0; k < DEPTHS; ++k) {
#pragma unroll
    for (int j = 0; j < FLOATS / 8; ++j) {
      uint32_t right[4];
      b.b_columns(right, column + 16 * j, k);
      multiply_into<T>(o, 8 * j, a[k], right[0], right[1]);
      multiply_into<T>(o, 8 * j + 4, a[k], right[2], right[3]);
    }
  }
}

// An operand in global memory. Line r begins at data + line_at(r), or does not exist where that is negative; `width`
// elements of it do. `whole`: base and all lines are at multiples of 16 bytes.
struct Source {
  const uint16_t* data;
  int64_t width;
  bool whole;
};

__host__ __device__ __forceinline__ bool is_whole(const void* data, const int64_t (&stride)[3]) {
  return reinterpret_cast<uintptr_t>(data) % 16 == 0 && stride[0] % CHUNK == 0 && stride[1] % CHUNK == 0 &&
         stride[2] % CHUNK == 0;
}

// Begins to fill a tile; what does not exist becomes zeros. The caller commits the copies and waits for them.
template <int THREADS, class Tile, class LineAt>
ONDOL_DEVICE void load_lines_async(Tile& tile, const Source& source, LineAt line_at) {
  constexpr int CHUNKS = Tile::D / CHUNK;
#pragma unroll 1
  for (int t = static_cast<int>(threadIdx.x); t < Tile::LINES * CHUNKS; t += THREADS) {
    int line = t / CHUNKS;
    int chunk = t % CHUNKS;
    int64_t start = line_at(line);
    int live = start < 0 ? 0 : clamp(source.width - chunk * CHUNK, 0, CHUNK);
    uint16_t* to = tile.at(line, chunk);
    const uint16_t* from = live > 0 ? source.data + start + chunk * CHUNK : source.data;
    if (source.whole) {
      copy_async(to, from, 2 * live);
    } else {
#pragma unroll
      for (int i = 0; i < CHUNK; ++i) to[i] = i < live ? from[i] : uint16_t{0};
    }
  }
}

// A tile of pairs in shared memory, of which a thread reads and writes its own alone: in its row r, 0 or 1, columns 8 j
// + 2 t and the next.
ONDOL_DEVICE int pair_row(int r) { return static_cast<int>(threadIdx.x) / WARP * 16 + lane_of_warp() / 4 + 8 * r; }

ONDOL_DEVICE int pair_column(int i) { return i / 4 * 8 + lane_of_warp() % 4 * 2 + i % 2; }

template <int FLOATS, int ROWS, int WIDTH>
ONDOL_DEVICE void store_own(const float (&s)[FLOATS], float (&pairs)[ROWS][WIDTH]) {
#pragma unroll
  for (int i = 0; i < FLOATS; ++i) pairs[pair_row(i % 4 / 2)][pair_column(i)] = s[i];
}

template <int FLOATS, int ROWS, int WIDTH>
ONDOL_DEVICE void load_own(float (&s)[FLOATS], const float (&pairs)[ROWS][WIDTH]) {
#pragma unroll
  for (int i = 0; i < FLOATS; ++i) s[i] = pairs[pair_row(i % 4 / 2)][pair_column(i)];
}

}  // namespace ondol::cuda

#endif
