// The emulated gemm kernels against plain loops and the CPU library: every tile, every stride order, every epilogue.
#include "emulated.h"
#include "reference.h"

using namespace testing;

static std::mt19937 random_source;

static int64_t pick(std::initializer_list<int64_t> choices) {
  return choices.begin()[random_source() % choices.size()];
}

struct Matrix {
  std::vector<float> data;
  int64_t row, column, batch[ONDOL_BATCH_RANK];

  // rows x columns matrices, transposed or padded at random, one per index of the batch (or one for all).
  Matrix(const int64_t* extents, int64_t rows, int64_t columns, bool any_order, bool broadcast) {
    bool transposed = any_order && random_source() % 2;
    int64_t pad = static_cast<int64_t>(random_source() % 3);
    row = transposed ? 1 : columns + pad;
    column = transposed ? rows + pad : 1;
    int64_t size = (transposed ? columns : rows) * (transposed ? column : row);
    for (int d = ONDOL_BATCH_RANK - 1; d >= 0; d--) {
      bool shared = broadcast && random_source() % 3 == 0;
      batch[d] = shared ? 0 : size;
      if (!shared) size *= extents[d];
    }
    data = values(random_source, size, random_source() % 8 == 0);
  }
};

static void check(int64_t m, int64_t n, int64_t k) {
  ondol_gemm_args args = {};
  for (int64_t& extent : args.batch) extent = random_source() % 4 == 0 ? 2 : 1;
  args.m = m;
  args.n = n;
  args.k = k;
  Matrix a(args.batch, m, k, true, true), b(args.batch, k, n, true, true);
  Matrix c(args.batch, m, n, false, false), residual(args.batch, m, n, false, true);
  std::vector<float> bias = values(random_source, n, false), packed;
  args.a = a.data.data();
  args.a_row = a.row;
  args.a_col = a.column;
  memcpy(args.a_batch, a.batch, sizeof a.batch);
  if (random_source() % 3 == 0) {
    packed.assign(static_cast<size_t>((n + 15) / 16 * 16 * k), 0.0f);
    for (int64_t r = 0; r < k; r++) {
      for (int64_t j = 0; j < n; j++) {
        float value = b.data[static_cast<size_t>(r * b.row + j * b.column)];
        packed[static_cast<size_t>((j / 16 * k + r) * 16 + j % 16)] = value;
      }
    }
    args.packed = packed.data();
  } else {
    args.b = b.data.data();
    args.b_row = b.row;
    args.b_col = b.column;
    memcpy(args.b_batch, b.batch, sizeof b.batch);
  }
  if (random_source() % 2) args.bias = bias.data();
  args.activation = static_cast<int64_t>(random_source() % 7);
  args.alpha = random_source() % 2 ? 1 : 0.37;
  args.c_row = c.row;
  memcpy(args.c_batch, c.batch, sizeof c.batch);
  std::vector<float> expected = c.data, actual = c.data, cpu = c.data;
  switch (random_source() % 3) {
    case 0:  // in place: C is the residual
      args.residual = actual.data();
      args.residual_row = c.row;
      memcpy(args.residual_batch, c.batch, sizeof c.batch);
      break;
    case 1:
      args.residual = residual.data.data();
      args.residual_row = residual.row;
      memcpy(args.residual_batch, residual.batch, sizeof residual.batch);
      break;
    default: break;
  }
  int64_t at[ONDOL_BATCH_RANK];
  for (at[0] = 0; at[0] < args.batch[0]; at[0]++) {
    for (at[1] = 0; at[1] < args.batch[1]; at[1]++) {
      for (at[2] = 0; at[2] < args.batch[2]; at[2]++) {
        for (at[3] = 0; at[3] < args.batch[3]; at[3]++) {
          int64_t base = 0;
          for (int d = 0; d < ONDOL_BATCH_RANK; d++) base += at[d] * args.c_batch[d];
          for (int64_t i = 0; i < m; i++) {
            for (int64_t j = 0; j < n; j++) {
              expected[static_cast<size_t>(base + i * args.c_row + j)] = reference::gemm_element(args, at, i, j);
            }
          }
        }
      }
    }
  }
  args.c = actual.data();
  run_emulated(ondol_cuda_gemm_workspace, ondol_cuda_gemm, args);
  bool equal = compare("c", actual, expected);
  if (args.residual == actual.data()) args.residual = cpu.data();
  args.c = cpu.data();
  run_cpu(ondol_gemm, args);
  if (!compare("c", actual, cpu) || !equal) {
    printf("m=%lld n=%lld k=%lld packed=%d residual=%d activation=%lld\n", static_cast<long long>(m),
           static_cast<long long>(n), static_cast<long long>(k), args.packed != nullptr, args.residual != nullptr,
           static_cast<long long>(args.activation));
  }
}

// A sum of -0 must stay -0 over the ragged end of k: every product rounds to -0 here.
static void check_negative_zero() {
  ondol_gemm_args args = {};
  for (int64_t& extent : args.batch) extent = 1;
  args.m = args.n = 1;
  args.k = 3;
  std::vector<float> a(3, -1e-30f), b(3, 1e-30f), c(1);
  args.a = a.data();
  args.a_row = 3;
  args.a_col = 1;
  args.b = b.data();
  args.b_row = 1;
  args.b_col = 1;
  args.alpha = 1;
  args.c = c.data();
  args.c_row = 1;
  run_emulated(ondol_cuda_gemm_workspace, ondol_cuda_gemm, args);
  EXPECT(bits(c[0]) == 0x80000000u, "%a", c[0]);
}

int main() {
  unsigned s = seed();
  printf("seed %u\n", s);
  random_source.seed(s);
  check_negative_zero();
  for (int round = 0; round < rounds(60); round++) {
    check(pick({1, 2, 15, 16, 17, 31, 64, 65, 100}), pick({1, 3, 16, 17, 63, 64, 65, 130}),
          pick({0, 1, 15, 16, 17, 33, 64}));
  }
  check(129, 16385, 17);  // enough large tiles for the large kernel
  return finish();
}
