// gemm of lower precision on tensor cores. A block computes a tile of C: slices of A and B reach shared memory by
// asynchronous copies, some slices ahead of the product. The sums of an element follow k in steps that depend on the
// precision alone, so a result depends on no tile and no run. Not run on a device yet.
#ifndef ONDOL_CUDA_GEMM_TENSOR_CUH
#define ONDOL_CUDA_GEMM_TENSOR_CUH

#include "../common/slices.cuh"

namespace ondol::cuda {

// An operand as the copies want it: lines of bytes that begin on multiples of 16. Along k a line is a row of A (a
// column of B); transposed, a line is one k.
struct TensorOperand {
  const unsigned char* data;
  int64_t batch[ONDOL_BATCH_RANK];  // strides in bytes
  int64_t pitch;                    // from line to line, in bytes
  int64_t extent;                   // bytes of a line that hold elements
  int64_t lines;
  bool transposed;
};

struct TensorProblem {
  ondol_gemm_args args;
  float alpha;
  int64_t row_tiles, column_tiles, slices;
  TensorOperand a, b;
};

// One for each precision, in a file of its own.
void launch_gemm_bfloat16(Launcher& launcher, const TensorProblem& problem, int64_t batches);
void launch_gemm_float16(Launcher& launcher, const TensorProblem& problem, int64_t batches);
void launch_gemm_tf32(Launcher& launcher, const TensorProblem& problem, int64_t batches);
void launch_gemm_bfloat16x3(Launcher& launcher, const TensorProblem& problem, int64_t batches);

// ROWS x COLUMNS of C by WARPS_DOWN x WARPS_ACROSS warps, STAGES slices under way.
template <int ROWS_, int COLUMNS_, int WARPS_DOWN, int WARPS_ACROSS_, int STAGES_>
struct TensorShape {
  static constexpr int ROWS = ROWS_;
  static constexpr int COLUMNS = COLUMNS_;
  static constexpr int STAGES = STAGES_;
  static constexpr int WARPS_ACROSS = WARPS_ACROSS_;
  static constexpr int THREADS = WARPS_DOWN * WARPS_ACROSS * WARP;
  static constexpr int WARP_ROWS = ROWS / WARPS_DOWN;
  static constexpr int WARP_COLUMNS = COLUMNS / WARPS_ACROSS;
  static constexpr int PITCH = COLUMNS + 8;

  union Shared {
    struct {
      alignas(CHUNK) unsigned char a[STAGES][ROWS * LINE];
      alignas(CHUNK) unsigned char b[STAGES][COLUMNS * LINE];
    };
    float out[ROWS][PITCH];
  };
};

using LargeShape = TensorShape<128, 128, 2, 4, 3>;
using SmallShape = TensorShape<64, 64, 2, 2, 4>;

ONDOL_DEVICE const unsigned char* tensor_batch(const ondol_gemm_args& args, const TensorOperand& operand,
                                               int64_t batch) {
  const unsigned char* at = operand.data;
#pragma unroll
  for (int d = ONDOL_BATCH_RANK - 1; d >= 0; --d) {
    at += batch % args.batch[d] * operand.batch[d];
    batch /= args.batch[d];
  }
  return at;
}

// Where a block's outputs lie, in elements.
struct TensorOutput {
  int64_t a, b, c, residual;
};

ONDOL_DEVICE TensorOutput tensor_output(const ondol_gemm_args& args, int64_t batch) {
  TensorOutput at{0, 0, 0, 0};
#pragma unroll
  for (int d = ONDOL_BATCH_RANK - 1; d >= 0; --d) {
    int64_t i = batch % args.batch[d];
    batch /= args.batch[d];
    at.a += i * args.a_batch[d];
    at.b += i * args.b_batch[d];
    at.c += i * args.c_batch[d];
    at.residual += i * args.residual_batch[d];
  }
  return at;
}

// An infinite operand has no finite parts, and 0 * inf of its products is NaN where float32 has none: such sums are
// formed again, one by one, as exact gemm forms them.
ONDOL_DEVICE float chain_again(const ondol_gemm_args& args, const TensorOutput& at, int64_t i, int64_t j) {
  float sum = 0.0f;
  for (int64_t k = 0; k < args.k; ++k) {
    float b = args.packed != nullptr ? args.packed[(j / 16 * args.k + k) * 16 + j % 16]
                                     : args.b[at.b + k * args.b_row + j * args.b_col];
    sum = fma(args.a[at.a + i * args.a_row + k * args.a_col], b, sum);
  }
  return sum;
}

template <class Format>
ONDOL_DEVICE void tensor_finish(const TensorProblem& problem, const TensorOutput& at, int64_t i, int64_t j,
                                float value) {
  using Element = typename Format::Element;
  const ondol_gemm_args& args = problem.args;
  if constexpr (Format::SPLIT) {
    if (is_nan(value)) value = chain_again(args, at, i, j);
  }
  if (problem.alpha != 1.0f) value = mul(value, problem.alpha);
  if (args.bias != nullptr) value = add(value, args.bias[j]);
  value = activate(value, args.activation);
  if (args.residual != nullptr) {
    auto residual = reinterpret_cast<const Element*>(args.residual);
    value = add(value, Format::wide(residual[at.residual + i * args.residual_row + j]));
  }
  reinterpret_cast<Element*>(args.c)[at.c + i * args.c_row + j] = Format::narrow(value);
}

// Tiles go down GROUP rows of tiles before the next column, so that blocks that run together share what they read.
ONDOL_DEVICE void tensor_tile(const TensorProblem& problem, int64_t tile, int64_t& row, int64_t& column) {
  constexpr int64_t GROUP = 8;
  int64_t group = tile / (GROUP * problem.column_tiles);
  int64_t left = problem.row_tiles - group * GROUP;
  int64_t height = left < GROUP ? left : GROUP;
  tile -= group * GROUP * problem.column_tiles;
  row = group * GROUP + tile % height;
  column = tile / height;
}

template <class Format, class Shape, bool A_TRANSPOSED, bool B_TRANSPOSED>
__global__ void __launch_bounds__(Shape::THREADS, 1) gemm_tensor(TensorProblem problem) {
  using Part = WarpTile<Format, Shape::WARP_ROWS, Shape::WARP_COLUMNS, A_TRANSPOSED, B_TRANSPOSED>;
  constexpr int STAGES = Shape::STAGES;
  auto& s = shared<typename Shape::Shared>();
  const ondol_gemm_args& args = problem.args;
  int64_t tiles = problem.row_tiles * problem.column_tiles;
  int64_t batch = blockIdx.x / tiles;
  int64_t i0;
  int64_t j0;
  tensor_tile(problem, blockIdx.x % tiles, i0, j0);
  i0 *= Shape::ROWS;
  j0 *= Shape::COLUMNS;
  int warp = static_cast<int>(threadIdx.x) / WARP;
  int row = warp / Shape::WARPS_ACROSS * Shape::WARP_ROWS;
  int column = warp % Shape::WARPS_ACROSS * Shape::WARP_COLUMNS;

  const TensorOperand& left = problem.a;
  const TensorOperand& right = problem.b;
  SliceCopy<Shape::ROWS, Shape::THREADS, A_TRANSPOSED> a(tensor_batch(args, left, batch), left.pitch, left.extent,
                                                         left.lines, i0);
  SliceCopy<Shape::COLUMNS, Shape::THREADS, B_TRANSPOSED> b(tensor_batch(args, right, batch), right.pitch, right.extent,
                                                            right.lines, j0);
  typename Part::Sums sums = {};
#pragma unroll
  for (int stage = 0; stage < STAGES - 1; ++stage) {
    if (stage < problem.slices) {
      a.next(s.a[stage]);
      b.next(s.b[stage]);
    }
    copy_async_commit();
  }
  int here = 0;
  int ahead = STAGES - 1;
  for (int64_t slice = 0; slice < problem.slices; ++slice) {
    copy_async_wait<STAGES - 2>();
    __syncthreads();
    // The slice that is copied now takes the place of the last one, which all have multiplied.
    if (slice + STAGES - 1 < problem.slices) {
      a.next(s.a[ahead]);
      b.next(s.b[ahead]);
    }
    copy_async_commit();
    Part::slice(s.a[here], s.b[here], row, column, sums);
    here = here + 1 == STAGES ? 0 : here + 1;
    ahead = ahead + 1 == STAGES ? 0 : ahead + 1;
  }
  copy_async_wait<0>();
  __syncthreads();

  // Through shared memory the epilogue can be a loop and writes whole lines.
  Part::store(sums, row, column, &s.out[0][0], Shape::PITCH);
  __syncthreads();
  TensorOutput at = tensor_output(args, batch);
#pragma unroll 1
  for (int e = static_cast<int>(threadIdx.x); e < Shape::ROWS * Shape::COLUMNS; e += Shape::THREADS) {
    int r = e / Shape::COLUMNS;
    int c = e % Shape::COLUMNS;
    if (i0 + r < args.m && j0 + c < args.n) tensor_finish<Format>(problem, at, i0 + r, j0 + c, s.out[r][c]);
  }
}

template <class Format, class Shape, bool A_TRANSPOSED, bool B_TRANSPOSED>
void launch_tensor_tiles(Launcher& launcher, TensorProblem problem, int64_t batches) {
  problem.row_tiles = ceil_div(problem.args.m, Shape::ROWS);
  problem.column_tiles = ceil_div(problem.args.n, Shape::COLUMNS);
  problem.slices = ceil_div(problem.args.k, Format::DEPTH);
  launcher.launch("gemm", gemm_tensor<Format, Shape, A_TRANSPOSED, B_TRANSPOSED>,
                  batches * problem.row_tiles * problem.column_tiles, Shape::THREADS, sizeof(typename Shape::Shared),
                  problem);
}

// Large tiles read least for what they compute, as long as there are enough of them to fill a GPU.
template <class Format, bool A_TRANSPOSED, bool B_TRANSPOSED>
void launch_gemm_shape(Launcher& launcher, const TensorProblem& problem, int64_t batches) {
  constexpr int64_t ENOUGH = 128;
  const ondol_gemm_args& args = problem.args;
  if (batches * ceil_div(args.m, LargeShape::ROWS) * ceil_div(args.n, LargeShape::COLUMNS) < ENOUGH) {
    launch_tensor_tiles<Format, SmallShape, A_TRANSPOSED, B_TRANSPOSED>(launcher, problem, batches);
  } else {
    launch_tensor_tiles<Format, LargeShape, A_TRANSPOSED, B_TRANSPOSED>(launcher, problem, batches);
  }
}

template <class Format>
void launch_gemm_order(Launcher& launcher, const TensorProblem& problem, int64_t batches) {
  bool a = problem.a.transposed;
  bool b = problem.b.transposed;
  if (a && b) {
    launch_gemm_shape<Format, true, true>(launcher, problem, batches);
  } else if (a) {
    launch_gemm_shape<Format, true, false>(launcher, problem, batches);
  } else if (b) {
    launch_gemm_shape<Format, false, true>(launcher, problem, batches);
  } else {
    launch_gemm_shape<Format, false, false>(launcher, problem, batches);
  }
}

}  // namespace ondol::cuda

#endif
