// Matrix products of lower precision on tensor cores: how operands lie in shared memory, and the product of two slices.
// What gemm and the convolutions share. None of it has run on a device yet.
//
// A slice is 128 bytes of k of every row of a tile: 64 elements of 16 bits, 32 of tf32, or 32 high and then 32 low
// parts of split float32. So a step of an instruction always takes two chunks of 16 bytes. Along k, a row of the tile
// is a line of 128 bytes; transposed (16 bits only), each of the 64 k is a line of 64 rows, and further rows follow in
// further blocks of 64 lines. Chunk c of line l is kept at c ^ (l % 8): eight lines read at one chunk, or one line at
// eight, touch every bank once.
#ifndef ONDOL_CUDA_COMMON_TENSOR_CUH
#define ONDOL_CUDA_COMMON_TENSOR_CUH

#include "math.cuh"
#include "mma.cuh"

namespace ondol::cuda {

constexpr int LINE = 128;   // bytes
constexpr int CHUNK = 16;   // bytes
constexpr int CHUNKS = 8;   // of a line

struct Bfloat16 {
  using Element = uint16_t;             // in memory
  static constexpr int DEPTH = 64;      // elements of k in a slice
  static constexpr int GROUP = 8;       // of them in a chunk; SPLIT: in a chunk of high and one of low parts
  static constexpr int STEPS = 4;       // instructions along a slice
  static constexpr bool SPLIT = false;
  static constexpr bool NARROW = true;  // elements lie in memory as the tensor core takes them

  static ONDOL_DEVICE float wide(Element x) { return from_bfloat16(x); }
  static ONDOL_DEVICE Element narrow(float x) { return to_bfloat16(x); }
  // Word i of a line that holds DEPTH elements.
  static ONDOL_DEVICE uint32_t word(const Element* line, int i) {
    return line[2 * i] | static_cast<uint32_t>(line[2 * i + 1]) << 16;
  }
  static ONDOL_DEVICE void multiply(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    mma_bfloat16(d, a, b);
  }
};

struct Float16 : Bfloat16 {
  static ONDOL_DEVICE float wide(Element x) { return from_float16(x); }
  static ONDOL_DEVICE Element narrow(float x) { return to_float16(x); }
  static ONDOL_DEVICE void multiply(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    mma_float16(d, a, b);
  }
};

struct Tf32 {
  using Element = float;
  static constexpr int DEPTH = 32;
  static constexpr int GROUP = 4;
  static constexpr int STEPS = 4;
  static constexpr bool SPLIT = false;
  static constexpr bool NARROW = false;

  static ONDOL_DEVICE float wide(Element x) { return x; }
  static ONDOL_DEVICE Element narrow(float x) { return x; }
  static ONDOL_DEVICE uint32_t word(const Element* line, int i) { return __float_as_uint(to_tf32(line[i])); }
  static ONDOL_DEVICE void multiply(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    mma_tf32(d, a, b);
  }
};

struct Bfloat16x3 {
  using Element = float;
  static constexpr int DEPTH = 32;
  static constexpr int GROUP = 8;
  static constexpr int STEPS = 2;
  static constexpr bool SPLIT = true;
  static constexpr bool NARROW = false;

  static ONDOL_DEVICE float wide(Element x) { return x; }
  static ONDOL_DEVICE Element narrow(float x) { return x; }
  static ONDOL_DEVICE uint32_t word(const Element* line, int i) {
    uint16_t high[2];
    uint16_t low[2];
    int first = i % (DEPTH / 2) * 2;
#pragma unroll
    for (int e = 0; e < 2; ++e) split_bfloat16(line[first + e], high[e], low[e]);
    uint32_t highs = high[0] | static_cast<uint32_t>(high[1]) << 16;
    uint32_t lows = low[0] | static_cast<uint32_t>(low[1]) << 16;
    return i < DEPTH / 2 ? highs : lows;
  }
  static ONDOL_DEVICE void multiply(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    mma_bfloat16(d, a, b);
  }
};

ONDOL_DEVICE int chunk_offset(int line, int chunk) { return line * LINE + (chunk ^ (line % 8)) * CHUNK; }

struct alignas(CHUNK) Four {
  uint32_t word[4];
};

// Stores neighbouring elements of k, group number `group` of a line that lies along k.
template <class Format>
ONDOL_DEVICE void store_group(const typename Format::Element (&elements)[Format::GROUP], unsigned char* tile, int line,
                              int group) {
  Four words;
  if constexpr (Format::SPLIT) {
    Four low;
#pragma unroll
    for (int w = 0; w < 4; ++w) {
      uint16_t h[2];
      uint16_t l[2];
#pragma unroll
      for (int e = 0; e < 2; ++e) split_bfloat16(elements[2 * w + e], h[e], l[e]);
      words.word[w] = h[0] | static_cast<uint32_t>(h[1]) << 16;
      low.word[w] = l[0] | static_cast<uint32_t>(l[1]) << 16;
    }
    *reinterpret_cast<Four*>(tile + chunk_offset(line, CHUNKS / 2 + group)) = low;
  } else {
#pragma unroll
    for (int w = 0; w < 4; ++w) words.word[w] = Format::word(elements, w);
  }
  *reinterpret_cast<Four*>(tile + chunk_offset(line, group)) = words;
}

// 16 rows, from `first` on, at the two chunks of k from `chunk` on. LEFT orders the words as a fragment of A; else
// words 0 and 1 are the fragment of B of the first eight rows, words 2 and 3 of the others.
template <bool LEFT, bool TRANSPOSED>
ONDOL_DEVICE void load_fragment(uint32_t (&words)[4], const unsigned char* tile, int first, int chunk) {
  int matrix = lane_of_warp() / 8;
  int line = lane_of_warp() % 8;
  int along_k = LEFT ? matrix / 2 : matrix % 2;
  int along_rows = LEFT ? matrix % 2 : matrix / 2;
  if constexpr (TRANSPOSED) {
    int row = first + along_rows * 8;
    int k = (chunk + along_k) * 8 + line;
    load_matrices_transposed(words, tile + row / 64 * (64 * LINE) + chunk_offset(k, row / 8 % CHUNKS));
  } else {
    load_matrices(words, tile + chunk_offset(first + along_rows * 8 + line, chunk + along_k));
  }
}

// The part of a block's tile that a warp computes: ROWS x COLUMNS from (row, column) on.
template <class Format, int ROWS, int COLUMNS, bool A_TRANSPOSED, bool B_TRANSPOSED>
struct WarpTile {
  static constexpr int DOWN = ROWS / 16;
  static constexpr int ACROSS = COLUMNS / 8;
  static_assert(ACROSS % 2 == 0, "fragments of B are loaded in pairs");
  static_assert(Format::NARROW || !(A_TRANSPOSED || B_TRANSPOSED), "only 16-bit elements can be transposed");

  using Sums = float[DOWN][ACROSS][4];
  using Left = uint32_t[DOWN][4];
  using Right = uint32_t[ACROSS / 2][4];

  static ONDOL_DEVICE void load_left(Left& left, const unsigned char* tile, int row, int chunk) {
#pragma unroll
    for (int i = 0; i < DOWN; ++i) load_fragment<true, A_TRANSPOSED>(left[i], tile, row + i * 16, chunk);
  }

  static ONDOL_DEVICE void load_right(Right& right, const unsigned char* tile, int column, int chunk) {
#pragma unroll
    for (int j = 0; j < ACROSS / 2; ++j) load_fragment<false, B_TRANSPOSED>(right[j], tile, column + j * 16, chunk);
  }

  static ONDOL_DEVICE void multiply(const Left& left, const Right& right, Sums& sums) {
#pragma unroll
    for (int i = 0; i < DOWN; ++i) {
#pragma unroll
      for (int j = 0; j < ACROSS; ++j) {
        const uint32_t b[2] = {right[j / 2][j % 2 * 2], right[j / 2][j % 2 * 2 + 1]};
        Format::multiply(sums[i][j], left[i], b);
      }
    }
  }

  // Adds the product of two slices.
  static ONDOL_DEVICE void slice(const unsigned char* a, const unsigned char* b, int row, int column, Sums& sums) {
#pragma unroll
    for (int step = 0; step < Format::STEPS; ++step) {
      Left left;
      Right right;
      load_left(left, a, row, step * 2);
      load_right(right, b, column, step * 2);
      multiply(left, right, sums);
      if constexpr (Format::SPLIT) {
        Right low_right;
        load_right(low_right, b, column, CHUNKS / 2 + step * 2);
        multiply(left, low_right, sums);
        load_left(left, a, row, CHUNKS / 2 + step * 2);
        multiply(left, right, sums);
      }
    }
  }

  // To rows of `pitch` floats; a pitch of 8 modulo 32 keeps the lanes off each other's banks.
  static ONDOL_DEVICE void store(const Sums& sums, int row, int column, float* out, int pitch) {
    int g = lane_of_warp() / 4;
    int t = lane_of_warp() % 4;
#pragma unroll
    for (int i = 0; i < DOWN; ++i) {
#pragma unroll
      for (int j = 0; j < ACROSS; ++j) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          float* at = out + (row + i * 16 + half * 8 + g) * pitch + column + j * 8 + 2 * t;
          at[0] = sums[i][j][half * 2];
          at[1] = sums[i][j][half * 2 + 1];
        }
      }
    }
  }
};

}  // namespace ondol::cuda

#endif
