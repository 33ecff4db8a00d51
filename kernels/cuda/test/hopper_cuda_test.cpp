// The wrappers of hopper.cuh, emulated, against plain code: what a tensor copy leaves where, what a warpgroup product
// is, and that barriers hand over what they should in every order of the threads.
#include "hopper.cuh"
#include "testing.h"

using namespace testing;
namespace cuda = ondol::cuda;
namespace emulate = ondol::cuda::emulate;

static std::mt19937 random_source;

static int below(int end) { return static_cast<int>(random_source() % static_cast<unsigned>(end)); }

static void pick_order(int round) {
  const emulate::Order orders[] = {emulate::Order::SHUFFLED, emulate::Order::ASCENDING, emulate::Order::DESCENDING};
  emulate::set_order(orders[round % 3], random_source());
}

// Where element c of line r of a panel lies, in elements: chunks of eight exchange places within the line.
static size_t place(int r, int c) {
  return static_cast<size_t>(r * 64 + ((c / 8) ^ (r % 8)) * 8 + c % 8);
}

// ---- tensor copies ------------------------------------------------------------------------------------------------

struct CopyShared {
  alignas(1024) uint16_t panel[32 * 64];
  cuda::Barrier full;
};

static void copies(int round) {
  const int64_t size[5] = {1 + below(130), 1 + below(40), 1 + below(3), 1 + below(3), 1 + below(2)};
  int64_t stride[5] = {1, (size[0] + 7) / 8 * 8, 0, 0, 0};
  for (int d = 2; d < 5; d++) stride[d] = stride[d - 1] * size[d - 1] + 8 * below(2);
  std::vector<uint16_t> tensor(static_cast<size_t>(stride[4] * size[4] + 8));
  for (uint16_t& x : tensor) x = static_cast<uint16_t>(1 + below(60000));
  cuda::TensorShape shape{tensor.data(), {}, {}, {64, 16, 2, 1, 1}};
  memcpy(shape.size, size, sizeof size);
  memcpy(shape.stride, stride, sizeof stride);
  ondol_cuda_queue queue = {};
  cuda::Launcher launcher(&queue, nullptr);
  cuda::TensorMap map = cuda::tensor_map(launcher, shape, true);
  const int at[5] = {64 * below(3) - 8 * below(2), below(60) - 10, below(4) - 1, below(4) - 1, below(3) - 1};
  pick_order(round);
  std::vector<uint16_t> copied(32 * 64);
  emulate::run(1, 64, sizeof(CopyShared), [&] {
    auto& s = cuda::swizzled_shared<CopyShared>();
    if (threadIdx.x == 0) cuda::barrier_init(s.full, 1);
    __syncthreads();
    if (threadIdx.x == 0) {
      cuda::barrier_expect(s.full, sizeof s.panel);
      cuda::tensor_copy(map, s.full, s.panel, at[0], at[1], at[2], at[3], at[4]);
    }
    cuda::barrier_wait(s.full, 0);
    for (size_t i = threadIdx.x; i < copied.size(); i += 64) copied[i] = s.panel[i];
  });
  for (int line = 0; line < 32; line++) {
    for (int c = 0; c < 64; c++) {
      const int64_t index[5] = {at[0] + c, at[1] + line % 16, at[2] + line / 16, at[3], at[4]};
      bool inside = true;
      int64_t offset = 0;
      for (int d = 0; d < 5; d++) {
        inside = inside && index[d] >= 0 && index[d] < size[d];
        offset += index[d] * stride[d];
      }
      const uint16_t expected = inside ? tensor[static_cast<size_t>(offset)] : 0;
      const uint16_t actual = copied[place(line, c)];
      EXPECT(actual == expected, "line %d, element %d: %d, expected %d", line, c, actual, expected);
    }
  }
}

// ---- products -----------------------------------------------------------------------------------------------------

static uint16_t half_of(int integer, bool bfloat16) {
  return bfloat16 ? cuda::to_bfloat16(static_cast<float>(integer)) : cuda::to_float16(static_cast<float>(integer));
}

struct ProductShared {
  alignas(1024) uint16_t a[64 * 64];
  alignas(1024) uint16_t b[4][64 * 64];  // of 64 columns each where the depth runs across the lines
};

// D[64, n] = C + A[64, 64] B[64, n] of small integers, which every order of sums gives exactly.
template <bool BFLOAT16, cuda::Stored B, int FLOATS>
static void products(int round) {
  constexpr int N = 2 * FLOATS;
  std::vector<int> a(64 * 64), b(64 * N), c(64 * N);
  for (std::vector<int>* matrix : {&a, &b, &c}) {
    for (int& x : *matrix) x = below(15) - 7;
  }
  const bool accumulate = below(2) == 0;
  const bool from_registers = below(2) == 0;
  std::vector<float> d(64 * N, nan());
  pick_order(round);
  emulate::run(1, 256, sizeof(ProductShared), [&] {
    auto& s = cuda::swizzled_shared<ProductShared>();
    for (int i = static_cast<int>(threadIdx.x); i < 64 * 64; i += 256) {
      s.a[place(i / 64, i % 64)] = half_of(a[static_cast<size_t>(i)], BFLOAT16);
    }
    for (int i = static_cast<int>(threadIdx.x); i < 64 * N; i += 256) {
      const int k = i / N, column = i % N;
      const size_t at = B == cuda::Stored::LINES ? place(column, k)
                                                 : static_cast<size_t>(column / 64 * 64 * 64) + place(k, column % 64);
      s.b[0][at] = half_of(b[static_cast<size_t>(i)], BFLOAT16);
    }
    cuda::fence_async();
    __syncthreads();
    if (threadIdx.x < 128) return;  // the second warpgroup
    const int thread = static_cast<int>(threadIdx.x) % 128;
    const int row = thread / 32 * 16 + thread % 32 / 4, column = thread % 4 * 2;
    float sums[FLOATS];
    for (int i = 0; i < FLOATS; i++) {
      sums[i] = static_cast<float>(c[static_cast<size_t>((row + i % 4 / 2 * 8) * N + i / 4 * 8 + column + i % 2)]);
    }
    uint32_t fragments[4][4];
    for (int k = 0; k < 4; k++) {
      for (int i = 0; i < 4; i++) {
        const size_t at = static_cast<size_t>((row + i % 2 * 8) * 64 + k * 16 + i / 2 * 8 + column);
        fragments[k][i] = half_of(a[at], BFLOAT16) | static_cast<uint32_t>(half_of(a[at + 1], BFLOAT16)) << 16;
      }
    }
    cuda::pin(sums);
    cuda::product_fence();
    for (int k = 0; k < 4; k++) {
      const uint32_t step = static_cast<uint32_t>(k);
      const uint64_t values = B == cuda::Stored::LINES
                                  ? cuda::lines_descriptor(cuda::shared_address(s.b) + 32 * step)
                                  : cuda::columns_descriptor(cuda::shared_address(s.b) + 2048 * step, sizeof s.b[0]);
      if (from_registers) {
        cuda::product<BFLOAT16, B>(sums, fragments[k], values, accumulate || k > 0);
      } else {
        cuda::product<BFLOAT16, B>(sums, cuda::lines_descriptor(cuda::shared_address(s.a) + 32 * step), values,
                                   accumulate || k > 0);
      }
      cuda::product_commit();
    }
    cuda::product_wait<1>();
    cuda::product_wait<0>();
    cuda::pin(sums);
    for (int i = 0; i < FLOATS; i++) {
      d[static_cast<size_t>((row + i % 4 / 2 * 8) * N + i / 4 * 8 + column + i % 2)] = sums[i];
    }
  });
  for (int i = 0; i < 64; i++) {
    for (int j = 0; j < N; j++) {
      int expected = accumulate ? c[static_cast<size_t>(i * N + j)] : 0;
      for (int k = 0; k < 64; k++) expected += a[static_cast<size_t>(i * 64 + k)] * b[static_cast<size_t>(k * N + j)];
      const float actual = d[static_cast<size_t>(i * N + j)];
      EXPECT(actual == static_cast<float>(expected), "N %d: D[%d][%d] = %g, expected %d", N, i, j, actual, expected);
    }
  }
}

template <bool BFLOAT16, cuda::Stored B>
static void all_widths(int round) {
  products<BFLOAT16, B, 32>(round);
  products<BFLOAT16, B, 64>(round + 1);
  products<BFLOAT16, B, 128>(round + 2);
}

// ---- barriers -----------------------------------------------------------------------------------------------------

struct RingShared {
  cuda::Barrier full[2], empty[2];
  int slot[2];
};

// One warp sends 20 numbers through two slots, another receives them.
static void ring(int round) {
  constexpr int COUNT = 20;
  std::vector<int> received;
  pick_order(round);
  emulate::run(1, 64, sizeof(RingShared), [&] {
    auto& s = cuda::swizzled_shared<RingShared>();
    if (threadIdx.x == 0) {
      for (int i = 0; i < 2; i++) {
        cuda::barrier_init(s.full[i], 32);
        cuda::barrier_init(s.empty[i], 32);
      }
      cuda::fence_barriers();
    }
    __syncthreads();
    for (int n = 0; n < COUNT; n++) {
      if (threadIdx.x < 32) {
        if (n >= 2) cuda::barrier_wait(s.empty[n % 2], n / 2 % 2 ^ 1);
        if (threadIdx.x == 7) s.slot[n % 2] = 100 + n;
        cuda::barrier_arrive(s.full[n % 2]);
      } else {
        cuda::barrier_wait(s.full[n % 2], n / 2 % 2);
        if (threadIdx.x == 40) received.push_back(s.slot[n % 2]);
        cuda::barrier_arrive(s.empty[n % 2]);
      }
    }
  });
  EXPECT(received.size() == COUNT, "%zu numbers arrived, expected %d", received.size(), COUNT);
  for (size_t n = 0; n < received.size(); n++) {
    EXPECT(received[n] == 100 + static_cast<int>(n), "number %zu is %d", n, received[n]);
  }
}

// Two warpgroups take turns.
static void turns(int round) {
  std::vector<int> taken;
  pick_order(round);
  emulate::run(1, 256, 16, [&] {
    const int group = static_cast<int>(threadIdx.x) / 128;
    if (group == 1) cuda::named_barrier_arrive(1, 256);
    for (int n = 0; n < 5; n++) {
      cuda::named_barrier_sync(1 + group, 256);
      taken.push_back(group);
      if (group == 0 || n < 4) cuda::named_barrier_arrive(2 - group, 256);
    }
  });
  EXPECT(taken.size() == 5 * 256, "%zu turns", taken.size());
  for (size_t i = 0; i < taken.size(); i++) {
    EXPECT(taken[i] == static_cast<int>(i / 128 % 2), "turn %zu was taken by group %d", i / 128, taken[i]);
  }
}

int main() {
  unsigned s = seed();
  printf("seed %u\n", s);
  random_source.seed(s);
  for (int round = 0; round < 60; round++) copies(round);
  for (int round = 0; round < rounds(3); round++) {
    all_widths<true, cuda::Stored::LINES>(round);
    all_widths<true, cuda::Stored::COLUMNS>(round);
    all_widths<false, cuda::Stored::LINES>(round);
    all_widths<false, cuda::Stored::COLUMNS>(round);
  }
  for (int round = 0; round < 9; round++) {
    ring(round);
    turns(round);
  }
  return finish();
}
