// The emulated elementwise, cast, softmax, layernorm, reduce and embedding kernels against the CPU library, bit for bit.
#include <math.h>

#include "emulated.h"

using namespace testing;

static std::mt19937 random_source;

static const char* const OP_NAMES[] = {
#define ONDOL_OP(name, arity) #name,
#include "../../simd/elementwise/ops.inc"
#undef ONDOL_OP
};

static void check_elementwise(int64_t op) {
  ondol_elementwise_args args = {};
  args.op = op;
  args.rank = 3;
  const int64_t shape[] = {3, 17, 19};
  memcpy(args.shape, shape, sizeof shape);
  bool transposed = random_source() % 2;
  const int64_t dense[] = {17 * 19, 19, 1}, other[] = {1, 3, 51}, row[] = {0, 0, 1};
  memcpy(args.x_stride, transposed ? other : dense, sizeof dense);
  memcpy(args.y_stride, random_source() % 2 ? row : dense, sizeof dense);
  memcpy(args.out_stride, dense, sizeof dense);
  std::vector<float> x = values(random_source, 969, true), y = values(random_source, 969, true);
  std::vector<float> expected(969, nan()), actual(969, nan());
  args.x = x.data();
  args.y = y.data();
  args.param = 0.3;
  args.out = expected.data();
  EXPECT(ondol_elementwise(&args, nullptr) == ONDOL_OK, "%s", OP_NAMES[op]);
  args.out = actual.data();
  run_emulated(ondol_cuda_elementwise_workspace, ondol_cuda_elementwise, args);
  compare(OP_NAMES[op], actual, expected);
}

// 16-bit results are compared as float32, where a NaN is one number whatever its bits.
static void check_cast(int64_t from, int64_t to) {
  ondol_cast_args args = {};
  args.from = from;
  args.to = to;
  args.rank = 3;
  const int64_t shape[] = {3, 17, 19}, dense[] = {17 * 19, 19, 1}, turned[] = {1, 3, 51}, row[] = {0, 0, 1};
  memcpy(args.shape, shape, sizeof shape);
  const int64_t* strides[] = {dense, turned, row};
  memcpy(args.x_stride, strides[random_source() % 3], sizeof dense);
  memcpy(args.y_stride, strides[random_source() % 2], sizeof dense);
  std::vector<float> numbers = values(random_source, 969, true);
  for (float& x : numbers) x = ldexpf(x, static_cast<int>(random_source() % 40) - 28);
  std::vector<uint16_t> halves(969);
  for (uint16_t& h : halves) h = static_cast<uint16_t>(random_source());
  args.x = from == ONDOL_TYPE_FLOAT32 ? static_cast<const void*>(numbers.data()) : halves.data();
  std::vector<uint16_t> half(969);
  std::vector<float> wide[2] = {std::vector<float>(969, nan()), std::vector<float>(969, nan())};
  for (int device = 0; device < 2; device++) {
    args.y = to == ONDOL_TYPE_FLOAT32 ? static_cast<void*>(wide[device].data()) : half.data();
    if (device == 0) {
      EXPECT(ondol_cast(&args, nullptr) == ONDOL_OK, "cast");
    } else {
      run_emulated(ondol_cuda_cast_workspace, ondol_cuda_cast, args);
    }
    if (to == ONDOL_TYPE_FLOAT32) continue;
    ondol_cast_args back = {to, ONDOL_TYPE_FLOAT32, 1, {969}, half.data(), {1}, wide[device].data(), {1}};
    EXPECT(ondol_cast(&back, nullptr) == ONDOL_OK, "cast back");
  }
  compare("cast", wide[1], wide[0]);
}

// Runs the CPU library and the emulated kernel; the field named is the output, of `size` floats, filled with NaN first.
#define CHECK(stem, args, output, size)                                           \
  do {                                                                            \
    std::vector<float> expected(static_cast<size_t>(size), nan()), actual = expected; \
    ondol_error error = {};                                                       \
    args.output = expected.data();                                                \
    EXPECT(ondol_##stem(&args, &error) == ONDOL_OK, "%s", error.message);         \
    args.output = actual.data();                                                  \
    run_emulated(ondol_cuda_##stem##_workspace, ondol_cuda_##stem, args);         \
    compare(#stem " " #output, actual, expected);                                 \
    args.output = nullptr;                                                        \
  } while (0)

static void check_slices(int64_t outer, int64_t n, int64_t inner, bool special) {
  int64_t size = outer * n * inner;
  std::vector<float> x = values(random_source, size, special), dy = values(random_source, size, false);
  for (int64_t log = 0; log < 2; log++) {
    ondol_softmax_args softmax = {outer, n, inner, x.data(), nullptr, log};
    CHECK(softmax, softmax, y, size);
    ondol_softmax_backward_args backward = {outer, n, inner, x.data(), dy.data(), nullptr, log};
    CHECK(softmax_backward, backward, dx, size);
  }
  for (int64_t op = ONDOL_SUM; op <= ONDOL_SUMSQ; op++) {
    ondol_reduce_args reduce = {op, outer, n, inner, x.data(), nullptr};
    CHECK(reduce, reduce, y, outer * inner);
  }
}

static void check_layernorm(int64_t rows, int64_t n, bool affine) {
  int64_t pad = static_cast<int64_t>(random_source() % 3);
  std::vector<float> x = values(random_source, rows * (n + pad), false), gamma = values(random_source, n, false);
  std::vector<float> beta = values(random_source, n, false), dy = values(random_source, rows * n, false);
  std::vector<float> mean(static_cast<size_t>(rows)), rstd = mean, y(static_cast<size_t>(rows * n));
  const float* scale = affine ? gamma.data() : nullptr;
  ondol_layernorm_args forward = {rows, n, n + pad, n, x.data(), scale, affine ? beta.data() : nullptr, nullptr,
                                  nullptr, nullptr, 1e-5};
  CHECK(layernorm, forward, y, rows * n);
  forward.y = y.data();
  CHECK(layernorm, forward, mean, rows);
  CHECK(layernorm, forward, rstd, rows);
  forward.mean = mean.data();
  forward.rstd = rstd.data();
  ondol_layernorm(&forward, nullptr);
  ondol_layernorm_backward_args backward = {rows,      n,           n + pad,     n,       n,       x.data(), scale,
                                            dy.data(), mean.data(), rstd.data(), nullptr, nullptr, nullptr};
  CHECK(layernorm_backward, backward, dx, rows * n);
  CHECK(layernorm_backward, backward, dgamma, n);
  CHECK(layernorm_backward, backward, dbeta, n);
}

template <class Id>
static void check_embedding(int64_t count, int64_t vocabulary, int64_t width) {
  std::vector<float> table = values(random_source, vocabulary * width, false);
  std::vector<float> dout = values(random_source, count * width, false);
  std::vector<Id> ids(static_cast<size_t>(count));
  for (Id& id : ids) id = static_cast<Id>(random_source() % static_cast<unsigned>(vocabulary + 2)) - 1;
  ondol_embedding_args forward = {count,        vocabulary, width,      width,  width,
                                  table.data(), ids.data(), sizeof(Id), nullptr};
  CHECK(embedding, forward, out, count * width);
  ondol_embedding_backward_args backward = {count, vocabulary, width, width, width, dout.data(), ids.data(), sizeof(Id),
                                            nullptr};
  CHECK(embedding_backward, backward, dtable, vocabulary * width);
}

int main() {
  unsigned s = seed();
  printf("seed %u\n", s);
  random_source.seed(s);
  for (size_t op = 0; op < sizeof OP_NAMES / sizeof *OP_NAMES; op++) {
    for (int round = 0; round < 4; round++) check_elementwise(static_cast<int64_t>(op));
  }
  for (int64_t round = 0; round < 27; round++) check_cast(round % 3, round / 3 % 3);
  const int64_t slices[][3] = {{3, 1, 1}, {5, 7, 1}, {2, 15, 1}, {2, 16, 1}, {2, 17, 1}, {1, 33, 1}, {40, 384, 1},
                               {1, 5003, 1}, {2, 5, 3}, {3, 17, 31}, {2, 40, 33}, {1, 300, 70}, {2, 19, 129}};
  for (const auto& s : slices) {
    for (bool special : {false, true}) check_slices(s[0], s[1], s[2], special);
  }
  for (int64_t n : {1, 7, 16, 31, 33, 384}) {
    for (int64_t rows : {1, 3, 70}) check_layernorm(rows, n, rows > 1);
  }
  for (int64_t width : {1, 45, 300}) {
    check_embedding<int32_t>(300, 50, width);
    check_embedding<int64_t>(20, 100, width);
  }
  return finish();
}
