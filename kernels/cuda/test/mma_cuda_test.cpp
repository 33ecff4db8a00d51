// The wrappers of mma.cuh and narrow.cuh in the emulator: fragments placed element by element as the PTX ISA documents
// them, products against naive ones, conversions against a search for the nearest value.
#include "mma.cuh"
#include "testing.h"

using namespace testing;
namespace cuda = ondol::cuda;

static std::mt19937 random_source;

// A number of `fraction` bits of fraction and exponents from `least`, decoded without the code under test.
struct Format {
  int bits, fraction, bias;

  double value(uint32_t h) const {
    int exponent = static_cast<int>(h >> fraction) & ((1 << (bits - 1 - fraction)) - 1);
    auto f = static_cast<double>(h & ((1u << fraction) - 1));
    double one = std::ldexp(1.0, fraction);
    double magnitude = exponent == 0 ? std::ldexp(f / one, 1 - bias) : std::ldexp(1 + f / one, exponent - bias);
    return h >> (bits - 1) ? -magnitude : magnitude;
  }
  // The first pattern that is no number; as a magnitude it counts as the next power of two.
  uint32_t infinity() const { return ((1u << (bits - 1 - fraction)) - 1) << fraction; }
};

static const Format BF16 = {16, 7, 127}, F16 = {16, 10, 15}, TF32 = {19, 10, 127};

// The pattern nearest to x, of two the even one.
static uint32_t nearest(const Format& format, float x) {
  double a = std::fabs(static_cast<double>(x));
  uint32_t low = 0, high = format.infinity();
  while (high - low > 1) {
    uint32_t middle = (low + high) / 2;
    (format.value(middle) <= a ? low : high) = middle;
  }
  double below = a - format.value(low), above = format.value(high) - a;
  uint32_t h = below < above || (below == above && low % 2 == 0) ? low : high;
  if (a > format.value(format.infinity())) h = format.infinity();
  return std::signbit(x) ? h | 1u << (format.bits - 1) : h;
}

static void check_conversion(float x) {
  uint16_t b = cuda::to_bfloat16(x), h = cuda::to_float16(x);
  uint32_t t = bits(cuda::to_tf32(x));
  if (x != x) {
    EXPECT((b & 0x7FFF) > BF16.infinity() && (h & 0x7FFF) > F16.infinity() && (t >> 13 & 0x3FFFF) > TF32.infinity(),
           "%x: %x %x %x", bits(x), b, h, t);
    return;
  }
  EXPECT(b == nearest(BF16, x), "%a: %x, not %x", x, b, nearest(BF16, x));
  EXPECT(h == nearest(F16, x), "%a: %x, not %x", x, h, nearest(F16, x));
  EXPECT(t == nearest(TF32, x) << 13, "%a: %x, not %x", x, t, nearest(TF32, x) << 13);
  uint16_t high, low;
  cuda::split_bfloat16(x, high, low);
  if (std::isinf(x)) {
    EXPECT(high == nearest(BF16, x) && low == 0, "%a: %x %x", x, high, low);
  } else {
    double sum = BF16.value(high) + BF16.value(low);
    double bound = std::fabs(static_cast<double>(x)) * 0x1p-16 + 0x1p-134;
    EXPECT(std::fabs(sum - static_cast<double>(x)) <= bound, "%a: %x + %x", x, high, low);
  }
}

static void check_conversions() {
  for (uint32_t h = 0; h < 65536; h++) {
    auto narrow = static_cast<uint16_t>(h);
    if ((h & 0x7FFF) < BF16.infinity()) {
      float x = cuda::from_bfloat16(narrow);
      EXPECT(static_cast<double>(x) == BF16.value(h) && cuda::to_bfloat16(x) == h, "bfloat16 %x", h);
    }
    if ((h & 0x7FFF) < F16.infinity()) {
      float x = cuda::from_float16(narrow);
      EXPECT(static_cast<double>(x) == F16.value(h) && cuda::to_float16(x) == h, "float16 %x", h);
    }
  }
  for (float x : {0.0f, -0.0f, __builtin_inff(), -__builtin_inff(), nan(), 3.4028235e38f, -3.4028235e38f, 65504.0f,
                  65519.996f, 65520.0f, 65536.0f, 0x1p-24f, 0x1p-25f, 0x1.000002p-25f, 0x1p-26f, 0x1p-149f, 1e-40f}) {
    check_conversion(x);
  }
  check_conversion(__uint_as_float(0x7F800001));
  for (int i = 0; i < 100000; i++) check_conversion(__uint_as_float(static_cast<uint32_t>(random_source())));
  for (int i = 0; i < 20000; i++) {  // ties and their neighbours
    uint32_t tie = static_cast<uint32_t>(random_source()) << 16 | 0x8000;
    for (uint32_t near : {tie - 1, tie, tie + 1, tie >> 4, (tie >> 3) + 0x38000000}) {
      check_conversion(__uint_as_float(near));
    }
  }
  EXPECT(cuda::pack_bfloat16(1.0f, -2.0f) == 0xC0003F80u && cuda::pack_float16(1.0f, -2.0f) == 0xC0003C00u, "pack");
}

// D += A B for one warp, its fragments filled from row-major matrices by the documented indices, or by load_matrices.
template <int K>
struct Product {
  float a[16][K], b[K][8], d[16][8];
  double expected[16][8];

  // `narrow`: rounds to the format under test.
  template <class Narrow>
  explicit Product(Narrow narrow) {
    std::vector<float> from = values(random_source, 24 * K + 128, false);
    const float* p = from.data();
    for (auto& row : a) for (float& x : row) x = narrow(*p++);
    for (auto& row : b) for (float& x : row) x = narrow(*p++);
    for (auto& row : d) for (float& x : row) x = *p++;
    for (int i = 0; i < 16; i++) {
      for (int j = 0; j < 8; j++) {
        expected[i][j] = static_cast<double>(d[i][j]);
        for (int k = 0; k < K; k++) expected[i][j] += static_cast<double>(a[i][k]) * static_cast<double>(b[k][j]);
      }
    }
  }

  void compare(const char* what) const {
    for (int i = 0; i < 16; i++) {
      for (int j = 0; j < 8; j++) {
        double error = std::fabs(static_cast<double>(d[i][j]) - expected[i][j]);
        EXPECT(error <= 0x1p-23 * std::fabs(expected[i][j]) + 1e-12, "%s [%d][%d]: %g, expected %g", what, i, j,
               static_cast<double>(d[i][j]), expected[i][j]);
      }
    }
  }
};

using Mma = void (*)(float (&)[4], const uint32_t (&)[4], const uint32_t (&)[2]);

static void load_sums(const float (&d)[16][8], int g, int t, float (&sums)[4]) {
  sums[0] = d[g][2 * t];
  sums[1] = d[g][2 * t + 1];
  sums[2] = d[g + 8][2 * t];
  sums[3] = d[g + 8][2 * t + 1];
}

static void store_sums(const float (&sums)[4], int g, int t, float (&d)[16][8]) {
  d[g][2 * t] = sums[0];
  d[g][2 * t + 1] = sums[1];
  d[g + 8][2 * t] = sums[2];
  d[g + 8][2 * t + 1] = sums[3];
}

static void check_16_bits(const char* what, Mma mma, uint16_t (*narrow)(float), float (*wide)(uint16_t)) {
  Product<16> product([&](float x) { return wide(narrow(x)); });
  auto pair = [&](float low, float high) { return narrow(low) | static_cast<uint32_t>(narrow(high)) << 16; };
  cuda::emulate::run(1, 32, 0, [&] {
    int g = static_cast<int>(threadIdx.x) / 4, t = static_cast<int>(threadIdx.x) % 4;
    const auto& a = product.a;
    const auto& b = product.b;
    uint32_t left[4] = {pair(a[g][2 * t], a[g][2 * t + 1]), pair(a[g + 8][2 * t], a[g + 8][2 * t + 1]),
                        pair(a[g][2 * t + 8], a[g][2 * t + 9]), pair(a[g + 8][2 * t + 8], a[g + 8][2 * t + 9])};
    uint32_t right[2] = {pair(b[2 * t][g], b[2 * t + 1][g]), pair(b[2 * t + 8][g], b[2 * t + 9][g])};
    float sums[4];
    load_sums(product.d, g, t, sums);
    mma(sums, left, right);
    store_sums(sums, g, t, product.d);
  });
  product.compare(what);
}

static void check_tf32() {
  Product<8> product([](float x) { return cuda::to_tf32(x); });
  cuda::emulate::run(1, 32, 0, [&] {
    int g = static_cast<int>(threadIdx.x) / 4, t = static_cast<int>(threadIdx.x) % 4;
    const auto& a = product.a;
    const auto& b = product.b;
    // Bits beyond the format are the caller's business: the device ignores them.
    auto word = [](float x) { return bits(x) | 0x1FFF; };
    uint32_t left[4] = {word(a[g][t]), word(a[g + 8][t]), word(a[g][t + 4]), word(a[g + 8][t + 4])};
    uint32_t right[2] = {word(b[t][g]), word(b[t + 4][g])};
    float sums[4];
    load_sums(product.d, g, t, sums);
    cuda::mma_tf32(sums, left, right);
    store_sums(sums, g, t, product.d);
  });
  product.compare("tf32");
}

// A and B in shared memory, each as rows of k and as columns of k: four ways to load the same fragments.
static void check_matrices(bool a_transposed, bool b_transposed) {
  struct Tiles {
    alignas(16) uint16_t a[16][16];
    alignas(16) uint16_t b[16][16];  // only 8 rows or columns are a B; the others serve as a second one
  };
  Product<16> product([](float x) { return cuda::from_bfloat16(cuda::to_bfloat16(x)); });
  cuda::emulate::run(1, 32, sizeof(Tiles), [&] {
    auto& s = cuda::shared<Tiles>();
    int lane = static_cast<int>(threadIdx.x);
    for (int i = lane; i < 256; i += 32) {
      int row = i / 16, k = i % 16;
      (a_transposed ? s.a[k][row] : s.a[row][k]) = cuda::to_bfloat16(product.a[row][k]);
      float value = row < 8 ? product.b[k][row] : 0.0f;
      (b_transposed ? s.b[k][row] : s.b[row][k]) = cuda::to_bfloat16(value);
    }
    __syncwarp();
    int matrix = lane / 8, line = lane % 8;
    uint32_t a[4], b[4];
    if (a_transposed) {
      cuda::load_matrices_transposed(a, &s.a[matrix / 2 * 8 + line][matrix % 2 * 8]);
    } else {
      cuda::load_matrices(a, &s.a[matrix % 2 * 8 + line][matrix / 2 * 8]);
    }
    if (b_transposed) {
      cuda::load_matrices_transposed(b, &s.b[matrix % 2 * 8 + line][matrix / 2 * 8]);
    } else {
      cuda::load_matrices(b, &s.b[matrix / 2 * 8 + line][matrix % 2 * 8]);
    }
    float sums[4];
    load_sums(product.d, lane / 4, lane % 4, sums);
    uint32_t first[2] = {b[0], b[1]}, second[2] = {b[2], b[3]};
    cuda::mma_bfloat16(sums, a, first);
    cuda::mma_bfloat16(sums, a, second);
    store_sums(sums, lane / 4, lane % 4, product.d);
  });
  product.compare("matrices");
}

// A copy is not there before the wait for its group, and zeros follow the bytes that were read.
static void check_copies() {
  struct Lines {
    alignas(16) unsigned char line[3][32][16];
  };
  alignas(16) static unsigned char from[3][32][16];
  for (auto& lines : from) {
    for (auto& line : lines) {
      for (auto& byte : line) byte = static_cast<unsigned char>(random_source() % 255);
    }
  }
  int early = 0, wrong = 0;
  cuda::emulate::run(1, 32, sizeof(Lines), [&] {
    auto& s = cuda::shared<Lines>();
    int me = static_cast<int>(threadIdx.x);
    int bytes = me % 17;
    for (int group = 0; group < 3; group++) {
      cuda::copy_async(s.line[group][me], from[group][me], bytes);
      cuda::copy_async_commit();
    }
    auto check = [&](int group, int& count) {
      for (int i = 0; i < 16; i++) count += s.line[group][me][i] != (i < bytes ? from[group][me][i] : 0);
    };
    cuda::copy_async_wait<1>();
    check(0, wrong);
    check(1, wrong);
    check(2, early);
    cuda::copy_async_wait<0>();
    check(2, wrong);
  });
  EXPECT(wrong == 0, "%d bytes differ", wrong);
  EXPECT(early == 32 * 16, "%d bytes were late", early);
}

int main() {
  unsigned s = seed();
  printf("seed %u\n", s);
  random_source.seed(s);
  check_conversions();
  using cuda::emulate::Order;
  for (Order order : {Order::ASCENDING, Order::DESCENDING, Order::SHUFFLED}) {
    cuda::emulate::set_order(order, s);
    check_16_bits("bfloat16", cuda::mma_bfloat16, cuda::to_bfloat16, cuda::from_bfloat16);
    check_16_bits("float16", cuda::mma_float16, cuda::to_float16, cuda::from_float16);
    check_tf32();
    for (bool a : {false, true}) {
      for (bool b : {false, true}) check_matrices(a, b);
    }
    check_copies();
  }
  return finish();
}
