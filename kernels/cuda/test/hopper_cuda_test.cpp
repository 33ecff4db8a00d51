// The wrappers of hopper.cuh, emulated, against plain code: what a tensor copy leaves where, what a warpgroup product
// is, and that barriers and counts hand over what they should in every order of the threads and blocks.
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

// Of a box with lines of `width` elements: chunks of eight exchange places within 128, 64 or 32 bytes by the number of
// the 128 bytes that they are in; lines of eight stay.
static size_t place_in_box(int width, int line, int c) {
  const int byte = line * width * 2 + c * 2;
  const int by = width == 64 ? byte / 128 % 8 : width == 32 ? byte / 128 % 4 : width == 16 ? byte / 128 % 2 : 0;
  return static_cast<size_t>(byte / 2 / 8 * 8 ^ by * 8) + static_cast<size_t>(c % 8);
}

struct CopyShared {
  alignas(1024) uint16_t panel[32 * 64];
  cuda::Barrier full;
};

struct CopyCase {
  int64_t size[5], stride[5];
  std::vector<uint16_t> tensor;
  cuda::TensorMap map;
  int width, at[5];

  CopyCase() {
    width = 8 << below(4);
    const int64_t drawn[5] = {1 + below(130), 1 + below(40), 1 + below(3), 1 + below(3), 1 + below(2)};
    memcpy(size, drawn, sizeof size);
    stride[0] = 1;
    stride[1] = (size[0] + 7) / 8 * 8;
    for (int d = 2; d < 5; d++) stride[d] = stride[d - 1] * size[d - 1] + 8 * below(2);
    tensor.resize(static_cast<size_t>(stride[4] * size[4] + 8));
    for (uint16_t& x : tensor) x = static_cast<uint16_t>(1 + below(60000));
    cuda::TensorShape shape{tensor.data(), {}, {}, {width, 16, 2, 1, 1}};
    memcpy(shape.size, size, sizeof size);
    memcpy(shape.stride, stride, sizeof stride);
    ondol_cuda_queue queue = {};
    cuda::Launcher launcher(&queue, nullptr);
    map = cuda::tensor_map(launcher, shape, true);
    const int begin[5] = {below(150) - 10, below(60) - 10, below(4) - 1, below(4) - 1, below(3) - 1};
    memcpy(at, begin, sizeof at);
  }

  // Where element c of a line of the box is in the tensor; -1 outside.
  int64_t source(int line, int c) const {
    const int64_t index[5] = {at[0] + c, at[1] + line % 16, at[2] + line / 16, at[3], at[4]};
    int64_t offset = 0;
    for (int d = 0; d < 5; d++) {
      if (index[d] < 0 || index[d] >= size[d]) return -1;
      offset += index[d] * stride[d];
    }
    return offset;
  }
};

static void copies(int round) {
  CopyCase t;
  pick_order(round);
  std::vector<uint16_t> copied(static_cast<size_t>(32 * t.width));
  emulate::run(1, 64, sizeof(CopyShared), [&] {
    auto& s = cuda::swizzled_shared<CopyShared>();
    if (threadIdx.x == 0) cuda::barrier_init(s.full, 1);
    __syncthreads();
    if (threadIdx.x == 0) {
      cuda::barrier_expect(s.full, static_cast<uint32_t>(copied.size() * 2));
      cuda::tensor_copy(t.map, s.full, s.panel, t.at[0], t.at[1], t.at[2], t.at[3], t.at[4]);
    }
    cuda::barrier_wait(s.full, 0);
    for (size_t i = threadIdx.x; i < copied.size(); i += 64) copied[i] = s.panel[i];
  });
  for (int line = 0; line < 32; line++) {
    for (int c = 0; c < t.width; c++) {
      const int64_t source = t.source(line, c);
      const uint16_t expected = source < 0 ? 0 : t.tensor[static_cast<size_t>(source)];
      const uint16_t actual = copied[place_in_box(t.width, line, c)];
      EXPECT(actual == expected, "width %d, line %d, element %d: %d, expected %d", t.width, line, c, actual, expected);
    }
  }
}

// The way back; the shared memory is used again once the thread has waited.
static void stores(int round) {
  CopyCase t;
  pick_order(round);
  std::vector<uint16_t> expected = t.tensor;
  auto number = [](int line, int c) { return static_cast<uint16_t>(line * 64 + c); };
  for (int line = 0; line < 32; line++) {
    for (int c = 0; c < t.width; c++) {
      if (t.source(line, c) >= 0) expected[static_cast<size_t>(t.source(line, c))] = number(line, c);
    }
  }
  emulate::run(1, 64, sizeof(CopyShared), [&] {
    auto& s = cuda::swizzled_shared<CopyShared>();
    for (int e = static_cast<int>(threadIdx.x); e < 32 * t.width; e += 64) {
      s.panel[place_in_box(t.width, e / t.width, e % t.width)] = number(e / t.width, e % t.width);
    }
    cuda::fence_async();
    __syncthreads();
    if (threadIdx.x == 0) {
      cuda::tensor_store(t.map, s.panel, t.at[0], t.at[1], t.at[2], t.at[3], t.at[4]);
      cuda::bulk_commit();
      cuda::bulk_wait_read();
    }
    __syncthreads();
    for (int e = static_cast<int>(threadIdx.x); e < 32 * 64; e += 64) s.panel[e] = 0xFFFF;
  });
  EXPECT(t.tensor == expected, "width %d: a stored box is not where it should be", t.width);
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
  enum class From { REGISTERS, LINES, COLUMNS } const from = static_cast<From>(below(3));
  std::vector<float> d(64 * N, nan());
  pick_order(round);
  emulate::run(1, 256, sizeof(ProductShared), [&] {
    auto& s = cuda::swizzled_shared<ProductShared>();
    for (int i = static_cast<int>(threadIdx.x); i < 64 * 64; i += 256) {
      const bool across = from == From::COLUMNS;
      s.a[across ? place(i % 64, i / 64) : place(i / 64, i % 64)] = half_of(a[static_cast<size_t>(i)], BFLOAT16);
    }
    uint16_t* const panels = s.b[0];
    for (int i = static_cast<int>(threadIdx.x); i < 64 * N; i += 256) {
      const int k = i / N, column = i % N;
      const size_t at = B == cuda::Stored::LINES ? place(column, k)
                                                 : static_cast<size_t>(column / 64 * 64 * 64) + place(k, column % 64);
      panels[at] = half_of(b[static_cast<size_t>(i)], BFLOAT16);
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
      if (from == From::REGISTERS) {
        cuda::product<BFLOAT16, B>(sums, fragments[k], values, accumulate || k > 0);
      } else if (from == From::COLUMNS) {
        const uint64_t left = cuda::columns_descriptor(cuda::shared_address(s.a) + 2048 * step, sizeof s.a);
        cuda::product<BFLOAT16, B, cuda::Stored::COLUMNS>(sums, left, values, accumulate || k > 0);
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

// ---- pixels -------------------------------------------------------------------------------------------------------

struct PixelShared {
  alignas(1024) uint16_t a[64 * 64];
  alignas(1024) uint16_t b[64 * (256 + 2 * 32)];
};

// D[64, n] = A[64, 64] B[64, n], B's columns being pixels of an image `width` wide, two rows below where the image
// begins. Where an element lies is said here as the PTX manual has it for operands whose columns are contiguous:
// without a swizzle (width 8) in core matrices of 8 depths x 16 bytes, each 128 bytes without a gap; with one in lines
// of 32 or 64 bytes, eight of them an atom.
template <bool BFLOAT16, int FLOATS>
static void pixel_products(int log_width, int round) {
  constexpr int N = 2 * FLOATS;
  const int width = 1 << log_width, rows = N / width + 2;
  std::vector<int> a(64 * 64), b(static_cast<size_t>(64 * rows * width));
  for (std::vector<int>* matrix : {&a, &b}) {
    for (int& x : *matrix) x = below(15) - 7;
  }
  auto place_of = [&](int depth, int row, int column) {
    if (width == 8) return (row * 8 + depth / 8) * 64 + depth % 8 * 8 + column;
    const int chunk = width == 32 ? depth / 2 % 4 : depth / 4 % 2;
    return (row * 64 + depth) * width + ((column / 8) ^ chunk) * 8 + column % 8;
  };
  std::vector<float> d(64 * N, nan());
  pick_order(round);
  emulate::run(1, 128, sizeof(PixelShared), [&] {
    auto& s = cuda::swizzled_shared<PixelShared>();
    const int thread = static_cast<int>(threadIdx.x);
    for (int i = thread; i < 64 * 64; i += 128) {
      s.a[place(i / 64, i % 64)] = half_of(a[static_cast<size_t>(i)], BFLOAT16);
    }
    for (int i = thread; i < static_cast<int>(b.size()); i += 128) {
      const int column = i % width, row = i / width % rows, depth = i / width / rows;
      s.b[place_of(depth, row, column)] = half_of(b[static_cast<size_t>(i)], BFLOAT16);
    }
    cuda::fence_async();
    __syncthreads();
    float sums[FLOATS] = {};
    cuda::pin(sums);
    cuda::product_fence();
    const uint32_t second = cuda::shared_address(s.b) + static_cast<uint32_t>(2 * 64 * width * 2);
    for (uint32_t k = 0; k < 4; k++) {
      const uint64_t pixels = cuda::Pixels::descriptor(second + k * 16 * static_cast<uint32_t>(width) * 2, log_width);
      cuda::product<BFLOAT16, cuda::Stored::COLUMNS>(sums, cuda::lines_descriptor(cuda::shared_address(s.a) + 32 * k),
                                                     pixels, true);
    }
    cuda::product_commit();
    cuda::product_wait<0>();
    cuda::pin(sums);
    const int row = thread / 32 * 16 + thread % 32 / 4, column = thread % 4 * 2;
    for (int i = 0; i < FLOATS; i++) {
      d[static_cast<size_t>((row + i % 4 / 2 * 8) * N + i / 4 * 8 + column + i % 2)] = sums[i];
    }
  });
  for (int i = 0; i < 64; i++) {
    for (int j = 0; j < N; j++) {
      int expected = 0;
      for (int k = 0; k < 64; k++) {
        expected += a[static_cast<size_t>(i * 64 + k)] * b[static_cast<size_t>(k * rows * width + 2 * width + j)];
      }
      const float actual = d[static_cast<size_t>(i * N + j)];
      EXPECT(actual == static_cast<float>(expected), "width %d: D[%d][%d] = %g, expected %d", width, i, j, actual,
             expected);
    }
  }
}

template <bool BFLOAT16>
static void all_pixels(int round) {
  for (int log_width = 3; log_width <= 5; log_width++) {
    pixel_products<BFLOAT16, 32>(log_width, round);
    pixel_products<BFLOAT16, 96>(log_width, round + 1);
    pixel_products<BFLOAT16, 112>(log_width, round + 2);
    pixel_products<BFLOAT16, 128>(log_width, round);
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

struct PairShared {
  alignas(1024) uint16_t half[2][16 * 64];
  cuda::Barrier full, empty;
};

// Each block of a pair copies half of what both read, a round only once the readers of both have done with the last.
static void pairs(int round) {
  constexpr int ROUNDS = 5;
  std::vector<uint16_t> tensor(static_cast<size_t>(ROUNDS * 32 * 64));
  for (uint16_t& x : tensor) x = static_cast<uint16_t>(below(60000));
  cuda::TensorShape shape{tensor.data(), {64, 32 * ROUNDS, 1, 1, 1}, {1, 64, 8, 8, 8}, {64, 16, 1, 1, 1}};
  ondol_cuda_queue queue = {};
  cuda::Launcher launcher(&queue, nullptr);
  cuda::TensorMap map = cuda::tensor_map(launcher, shape, true);
  pick_order(round);
  int wrong = 0, read = 0;
  auto kernel = +[](const cuda::TensorMap* map, const std::vector<uint16_t>* tensor, int* wrong, int* read) {
    auto& s = cuda::swizzled_shared<PairShared>();
    if (threadIdx.x == 0) {
      cuda::barrier_init(s.full, 1);
      cuda::barrier_init(s.empty, 2 * 32);
      cuda::fence_barriers();
    }
    cuda::pair_sync();
    for (int n = 0; n < ROUNDS; n++) {
      if (threadIdx.x == 0) {
        cuda::barrier_wait(s.empty, n % 2 ^ 1);
        cuda::barrier_expect(s.full, sizeof s.half);
        const int rank = cuda::pair_rank();
        cuda::tensor_copy_pair(*map, s.full, s.half[rank], 0, 32 * n + 16 * rank, 0, 0, 0);
      } else if (threadIdx.x >= 32) {
        cuda::barrier_wait(s.full, n % 2);
        for (int e = static_cast<int>(threadIdx.x) - 32; e < 32 * 64; e += 32) {
          *wrong += s.half[0][place(e / 64, e % 64)] != (*tensor)[static_cast<size_t>(n * 32 * 64 + e)];
          ++*read;
        }
        for (int rank = 0; rank < 2; rank++) cuda::barrier_arrive_at(s.empty, rank);
      }
    }
    cuda::pair_sync();
  };
  cuda::launch_pairs(launcher, &queue, "pairs", kernel, 4, 64, sizeof(PairShared), &map, &tensor, &wrong, &read);
  EXPECT(read == 4 * ROUNDS * 32 * 64 && wrong == 0, "%d of %d numbers of pairs are wrong", wrong, read);
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

// ---- blocks one after the other -----------------------------------------------------------------------------------

struct PartShared {
  alignas(16) float received[64], part[64];
  cuda::Barrier full;
  int turn;
};

// Each of five blocks, numbered as they begin, adds its own numbers to all of three tiles; float32 sums of so different
// sizes are the expected ones in no other order.
static void sums_in_order(int round) {
  constexpr int BLOCKS = 5, TILES = 3;
  std::vector<float> tiles(TILES * 64 + 4, nan()), source(BLOCKS * 64 + 4);
  const auto aligned = [](std::vector<float>& x) {
    return x.data() + (16 - reinterpret_cast<uintptr_t>(x.data()) % 16) % 16 / 4;
  };
  float* const to = aligned(tiles);
  float* const from = aligned(source);
  for (int i = 0; i < BLOCKS * 64; i++) from[i] = std::ldexp(static_cast<float>(1 + below(1000)), below(40));
  int begun = 0, counts[TILES] = {};
  pick_order(round);
  emulate::set_resident(1 + below(emulate::MOST_RESIDENT));
  emulate::run(BLOCKS, 64, sizeof(PartShared), [&] {
    auto& s = cuda::swizzled_shared<PartShared>();
    if (threadIdx.x == 0) {
      s.turn = atomicAdd(&begun, 1);
      cuda::barrier_init(s.full, 1);
      cuda::fence_barriers();
    }
    __syncthreads();
    if (threadIdx.x == 0) {
      cuda::barrier_expect(s.full, sizeof s.received);
      cuda::bulk_load(s.full, s.received, from + 64 * s.turn, sizeof s.received);
    }
    cuda::barrier_wait(s.full, 0);
    for (int tile = 0; tile < TILES; tile++) {
      s.part[threadIdx.x] = s.received[threadIdx.x] * static_cast<float>(tile + 1);
      cuda::fence_async();
      __syncthreads();
      if (threadIdx.x == 0) {
        cuda::await_count(counts + tile, s.turn);
        s.turn == 0 ? cuda::bulk_store(to + 64 * tile, s.part, sizeof s.part)
                    : cuda::bulk_add(to + 64 * tile, s.part, sizeof s.part);
        cuda::bulk_commit();
        cuda::bulk_wait_read();
        cuda::bulk_wait();
        cuda::raise_count(counts + tile, s.turn + 1);
      }
      __syncthreads();
    }
  });
  emulate::set_resident(1);
  for (int i = 0; i < TILES * 64; i++) {
    float sum = from[i % 64] * static_cast<float>(i / 64 + 1);
    for (int block = 1; block < BLOCKS; block++) sum += from[block * 64 + i % 64] * static_cast<float>(i / 64 + 1);
    EXPECT(to[i] == sum, "tile %d: sum %d is %a, expected %a", i / 64, i % 64, to[i], sum);
  }
}

int main() {
  unsigned s = seed();
  printf("seed %u\n", s);
  random_source.seed(s);
  for (int round = 0; round < 120; round++) {
    copies(round);
    stores(round);
  }
  for (int round = 0; round < rounds(3); round++) {
    all_widths<true, cuda::Stored::LINES>(round);
    all_widths<true, cuda::Stored::COLUMNS>(round);
    all_widths<false, cuda::Stored::LINES>(round);
    all_widths<false, cuda::Stored::COLUMNS>(round);
    all_pixels<true>(round);
    all_pixels<false>(round);
  }
  for (int round = 0; round < 9; round++) {
    ring(round);
    pairs(round);
    turns(round);
    sums_in_order(round);
  }
  return finish();
}
