// C = act(alpha A B + bias) + residual. A block computes one tile of C: it stages a slice of A and B in shared memory
// and every thread keeps its outputs in registers, each one chain over ascending k. The tile decides speed only. The
// other precisions are in cublas.cu and tensor.cu.
#include "../common/math.cuh"
#include "cublas.cuh"
#include "gemm.cuh"

namespace ondol::cuda {
namespace {

struct Problem {
  ondol_gemm_args args;
  float alpha;
  int64_t row_tiles, column_tiles;
};

struct Operands {
  const float* a;
  const float* b;
  float* c;
  const float* residual;
};

ONDOL_DEVICE Operands operands_of(const ondol_gemm_args& args, int64_t batch) {
  Operands at{args.a, args.b, args.c, args.residual};
#pragma unroll
  for (int d = ONDOL_BATCH_RANK - 1; d >= 0; --d) {
    int64_t i = batch % args.batch[d];
    batch /= args.batch[d];
    at.a += i * args.a_batch[d];
    if (args.packed == nullptr) at.b += i * args.b_batch[d];
    at.c += i * args.c_batch[d];
    if (args.residual != nullptr) at.residual += i * args.residual_batch[d];
  }
  return at;
}

// ROWS x COLUMNS outputs, DEPTH of k at a time; a thread owns HEIGHT neighbouring rows and WIDTH columns that lie
// COLUMN_THREADS apart, so that a warp writes whole lines.
template <int ROWS, int COLUMNS, int DEPTH, int HEIGHT, int WIDTH>
struct Tile {
  static constexpr int COLUMN_THREADS = COLUMNS / WIDTH;
  static constexpr int THREADS = ROWS / HEIGHT * COLUMN_THREADS;

  // One float of padding per line keeps the transposing stores off each other's banks.
  struct Slices {
    float a[DEPTH][ROWS + 1];
    float b[DEPTH][COLUMNS + 1];
  };
  union Shared {
    Slices slices;
    float sums[WIDTH][THREADS];  // one row of every thread's outputs, on their way out
  };

  ONDOL_DEVICE static void load_a(Slices& s, const ondol_gemm_args& args, const float* a, int64_t i0, int64_t k0,
                                  int depth) {
    bool along_k = args.a_col == 1;  // neighbouring threads read neighbouring addresses
    for (int t = threadIdx.x; t < ROWS * DEPTH; t += THREADS) {
      int r = along_k ? t / DEPTH : t % ROWS;
      int kk = along_k ? t % DEPTH : t / ROWS;
      bool inside = i0 + r < args.m && kk < depth;
      s.a[kk][r] = inside ? a[(i0 + r) * args.a_row + (k0 + kk) * args.a_col] : 0.0f;
    }
  }

  ONDOL_DEVICE static void load_b(Slices& s, const ondol_gemm_args& args, const float* b, int64_t j0, int64_t k0,
                                  int depth) {
    bool along_n = args.packed != nullptr || args.b_col == 1;
    for (int t = threadIdx.x; t < COLUMNS * DEPTH; t += THREADS) {
      int kk = along_n ? t / COLUMNS : t % DEPTH;
      int c = along_n ? t % COLUMNS : t / DEPTH;
      int64_t j = j0 + c;
      float value = 0.0f;
      if (j < args.n && kk < depth) {
        value = args.packed != nullptr ? args.packed[(j / 16 * args.k + k0 + kk) * 16 + j % 16]
                                       : b[(k0 + kk) * args.b_row + j * args.b_col];
      }
      s.b[kk][c] = value;
    }
  }

  ONDOL_DEVICE static void step(const Slices& s, int kk, int row, int column, float (&sum)[HEIGHT][WIDTH]) {
    float a[HEIGHT];
    float b[WIDTH];
#pragma unroll
    for (int r = 0; r < HEIGHT; ++r) a[r] = s.a[kk][row + r];
#pragma unroll
    for (int c = 0; c < WIDTH; ++c) b[c] = s.b[kk][column + c * COLUMN_THREADS];
#pragma unroll
    for (int r = 0; r < HEIGHT; ++r) {
#pragma unroll
      for (int c = 0; c < WIDTH; ++c) sum[r][c] = fma(a[r], b[c], sum[r][c]);
    }
  }

  ONDOL_DEVICE static void finish(const Problem& problem, const Operands& at, int64_t i, int64_t j, float value) {
    const ondol_gemm_args& args = problem.args;
    if (problem.alpha != 1.0f) value = mul(value, problem.alpha);
    if (args.bias != nullptr) value = add(value, args.bias[j]);
    value = activate(value, args.activation);
    if (at.residual != nullptr) value = add(value, at.residual[i * args.residual_row + j]);
    at.c[i * args.c_row + j] = value;
  }
};

template <class T, int DEPTH, int HEIGHT, int WIDTH>
ONDOL_DEVICE void multiply(const Problem& problem) {
  auto& s = shared<typename T::Shared>();
  const ondol_gemm_args& args = problem.args;
  int64_t block = blockIdx.x;
  int64_t j0 = block % problem.column_tiles * (T::COLUMN_THREADS * WIDTH);
  block /= problem.column_tiles;
  int64_t i0 = block % problem.row_tiles * (T::THREADS / T::COLUMN_THREADS * HEIGHT);
  Operands at = operands_of(args, block / problem.row_tiles);
  int row = static_cast<int>(threadIdx.x) / T::COLUMN_THREADS * HEIGHT;
  int column = static_cast<int>(threadIdx.x) % T::COLUMN_THREADS;

  float sum[HEIGHT][WIDTH] = {};
  for (int64_t k0 = 0; k0 < args.k; k0 += DEPTH) {
    // The tail is cut short and not padded: adding a product of zeros would turn a sum of -0 into +0.
    int depth = args.k - k0 < DEPTH ? static_cast<int>(args.k - k0) : DEPTH;
    T::load_a(s.slices, args, at.a, i0, k0, depth);
    T::load_b(s.slices, args, at.b, j0, k0, depth);
    __syncthreads();
    if (depth == DEPTH) {
#pragma unroll
      for (int kk = 0; kk < DEPTH; ++kk) T::step(s.slices, kk, row, column, sum);
    } else {
      for (int kk = 0; kk < depth; ++kk) T::step(s.slices, kk, row, column, sum);
    }
    __syncthreads();
  }

  // Through shared memory (each thread its own floats) the epilogue can be a loop: unrolled over registers, its seven
  // activations came 64 times and took the compiler 9 seconds.
#pragma unroll
  for (int r = 0; r < HEIGHT; ++r) {
#pragma unroll
    for (int c = 0; c < WIDTH; ++c) s.sums[c][threadIdx.x] = sum[r][c];
#pragma unroll 1
    for (int c = 0; c < WIDTH; ++c) {
      int64_t i = i0 + row + r;
      int64_t j = j0 + column + c * T::COLUMN_THREADS;
      if (i < args.m && j < args.n) T::finish(problem, at, i, j, s.sums[c][threadIdx.x]);
    }
  }
}

template <int ROWS, int COLUMNS, int DEPTH, int HEIGHT, int WIDTH>
__global__ void __launch_bounds__(Tile<ROWS, COLUMNS, DEPTH, HEIGHT, WIDTH>::THREADS, 1) gemm_tiles(Problem problem) {
  multiply<Tile<ROWS, COLUMNS, DEPTH, HEIGHT, WIDTH>, DEPTH, HEIGHT, WIDTH>(problem);
}

template <int ROWS, int COLUMNS, int DEPTH, int HEIGHT, int WIDTH>
void launch_tiles(Launcher& launcher, Problem problem, int64_t batches) {
  using T = Tile<ROWS, COLUMNS, DEPTH, HEIGHT, WIDTH>;
  problem.row_tiles = ceil_div(problem.args.m, ROWS);
  problem.column_tiles = ceil_div(problem.args.n, COLUMNS);
  launcher.launch("gemm", gemm_tiles<ROWS, COLUMNS, DEPTH, HEIGHT, WIDTH>,
                  batches * problem.row_tiles * problem.column_tiles, T::THREADS, sizeof(typename T::Shared), problem);
}

}  // namespace
}  // namespace ondol::cuda

using namespace ondol::cuda;

int64_t ondol_cuda_gemm_workspace(const ondol_gemm_args* args) {
  bool tensor = args->precision > ONDOL_EXACT && args->precision <= ONDOL_BFLOAT16X3;
  if (!tensor) return 0;
  int64_t ours = gemm_tensor_workspace(*args);
  int64_t cublas = gemm_cublas_workspace(*args);
  return ours > cublas ? ours : cublas;
}

int64_t ondol_cuda_gemm(const ondol_gemm_args* args, const ondol_cuda_queue* queue, ondol_error* error) {
  Launcher launcher(queue, error);
  if (!launcher.accepts("gemm", args->precision, ONDOL_BFLOAT16X3)) return launcher.status();
  if (args->precision != ONDOL_EXACT) {
    if (!launch_gemm_cublas(launcher, *args, queue->workspace)) launch_gemm_tensor(launcher, *args, queue->workspace);
    return launcher.status();
  }
  Problem problem{*args, static_cast<float>(args->alpha), 0, 0};
  int64_t batches = 1;
  for (int64_t extent : args->batch) batches *= extent;
  // 128 large tiles about fill a GPU; below that more and smaller tiles keep more of it busy. Few rows get a flat tile.
  if (args->m <= 16) {
    launch_tiles<16, 64, 32, 2, 4>(launcher, problem, batches);
  } else if (batches * ceil_div(args->m, 128) * ceil_div(args->n, 128) < 128) {
    launch_tiles<64, 64, 16, 4, 4>(launcher, problem, batches);
  } else {
    launch_tiles<128, 128, 16, 8, 8>(launcher, problem, batches);
  }
  return launcher.status();
}
