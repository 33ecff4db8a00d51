// The emulated gemm of lower precision: every precision, order of strides, alignment, tile and epilogue, with ragged
// and empty sizes, against sums in double and a reference in that precision.
#include <dlfcn.h>

#include "precision.h"
#include "reference.h"

using namespace testing;

static std::mt19937 random_source;

static int64_t pick(std::initializer_list<int64_t> choices) {
  return choices.begin()[random_source() % choices.size()];
}

static bool chance(unsigned of) { return random_source() % of == 0; }

struct Options {
  bool special = false;  // infinities and NaN among the operands
  bool plain = false;    // no batches, bias, activation, alpha or residual
  bool aligned = false;  // strides and addresses that copies take as they are
};

struct Matrix {
  int64_t row, column, batch[ONDOL_BATCH_RANK];
  Stored stored;

  Matrix(int64_t precision, const int64_t* extents, int64_t rows, int64_t columns, bool any_order, const Options& o,
         bool broadcast)
      : stored(precision, layout(extents, rows, columns, any_order, o, broadcast), o.aligned || !chance(4) ? 0 : 1) {}

  float at(int64_t i, int64_t j, const int64_t (&b)[ONDOL_BATCH_RANK]) const {
    int64_t at = i * row + j * column;
    for (int d = 0; d < ONDOL_BATCH_RANK; d++) at += b[d] * batch[d];
    return stored.values[static_cast<size_t>(at)];
  }

 private:
  std::vector<float> layout(const int64_t* extents, int64_t rows, int64_t columns, bool any_order, const Options& o,
                            bool broadcast) {
    bool transposed = any_order && chance(2);
    int64_t line = transposed ? rows : columns;
    bool even = o.aligned || chance(2);
    int64_t pitch = even ? (line + 7) / 8 * 8 : line + static_cast<int64_t>(random_source() % 3);
    row = transposed ? 1 : pitch;
    column = transposed ? pitch : 1;
    int64_t size = std::max<int64_t>(1, (transposed ? columns : rows) * pitch);
    for (int d = ONDOL_BATCH_RANK - 1; d >= 0; d--) {
      bool shared = broadcast && chance(3);
      batch[d] = shared ? 0 : size;
      if (!shared) size *= extents[d];
    }
    std::vector<float> out = values(random_source, size, false);
    static const float rare[] = {__builtin_inff(), -__builtin_inff(), nan(), 0.0f, -0.0f, 1.0f, 3.3e38f};
    if (o.special) {
      for (float& x : out) x = chance(40) ? rare[random_source() % (any_order ? 6 : 3)] : x;
    }
    return out;
  }
};

static std::vector<float> packed_panels(const Matrix& b, int64_t k, int64_t n) {
  std::vector<float> packed(static_cast<size_t>((n + 15) / 16 * 16 * k), 0.0f);
  for (int64_t r = 0; r < k; r++) {
    for (int64_t j = 0; j < n; j++) {
      packed[static_cast<size_t>((j / 16 * k + r) * 16 + j % 16)] = b.at(r, j, {0, 0, 0, 0});
    }
  }
  return packed;
}

template <class Visit>
static void each_batch(const int64_t* extents, Visit visit) {
  int64_t at[ONDOL_BATCH_RANK];
  for (at[0] = 0; at[0] < extents[0]; at[0]++) {
    for (at[1] = 0; at[1] < extents[1]; at[1]++) {
      for (at[2] = 0; at[2] < extents[2]; at[2]++) {
        for (at[3] = 0; at[3] < extents[3]; at[3]++) visit(at);
      }
    }
  }
}

static void check(int64_t precision, int64_t m, int64_t n, int64_t k, int64_t batches, const Options& o) {
  ondol_gemm_args args = {};
  for (int64_t& extent : args.batch) extent = !o.plain && batches == 1 && chance(4) ? 2 : 1;
  if (batches > 1) args.batch[3] = batches;
  args.precision = precision;
  args.m = m;
  args.n = n;
  args.k = k;
  args.alpha = o.plain || chance(2) ? 1 : 0.37;
  args.activation = o.plain ? 0 : static_cast<int64_t>(random_source() % 7);
  Options finite = o;
  finite.special = false;
  Matrix a(precision, args.batch, m, k, true, o, true), b(precision, args.batch, k, n, true, o, true);
  Matrix c(precision, args.batch, m, n, false, finite, false);
  Matrix residual(precision, args.batch, m, n, false, finite, true);
  args.a = a.stored.data();
  args.a_row = a.row;
  args.a_col = a.column;
  memcpy(args.a_batch, a.batch, sizeof a.batch);
  bool packs = !o.aligned && chance(4);
  Stored packed(precision, packs ? packed_panels(b, k, n) : std::vector<float>(), chance(2) ? 1 : 0);
  if (packs) {
    args.packed = packed.data();
    memset(b.batch, 0, sizeof b.batch);
  } else {
    args.b = b.stored.data();
    args.b_row = b.row;
    args.b_col = b.column;
    memcpy(args.b_batch, b.batch, sizeof b.batch);
  }
  std::vector<float> bias = values(random_source, n, false);
  if (!o.plain && chance(2)) args.bias = bias.data();
  Stored before = c.stored;
  const Matrix* added = o.plain ? nullptr : chance(3) ? &c : chance(2) ? &residual : nullptr;
  if (added != nullptr) {
    args.residual = added == &c ? c.stored.data() : residual.stored.data();
    args.residual_row = added->row;
    memcpy(args.residual_batch, added->batch, sizeof c.batch);
  }
  args.c = c.stored.data();
  args.c_row = c.row;
  memcpy(args.c_batch, c.batch, sizeof c.batch);
  run_emulated(ondol_cuda_gemm_workspace, ondol_cuda_gemm, args);

  Judge judge(precision);
  std::vector<bool> written(before.values.size());
  each_batch(args.batch, [&](const int64_t (&at)[ONDOL_BATCH_RANK]) {
    for (int64_t i = 0; i < m; i++) {
      for (int64_t j = 0; j < n; j++) {
        Sum sum(precision);
        for (int64_t r = 0; r < k; r++) sum.add(a.at(i, r, at), b.at(r, j, at));
        auto alpha = static_cast<float>(args.alpha);
        float low = sum.low * alpha;
        double exact = sum.exact * static_cast<double>(alpha);
        if (args.bias != nullptr) {
          low += bias[static_cast<size_t>(j)];
          exact += static_cast<double>(bias[static_cast<size_t>(j)]);
        }
        low = reference::activation(args.activation, low);
        exact = activated(args.activation, exact);
        if (added != nullptr) {
          low += added->at(i, j, at);
          exact += static_cast<double>(added->at(i, j, at));
        }
        int64_t place = i * c.row + j;
        for (int d = 0; d < ONDOL_BATCH_RANK; d++) place += at[d] * c.batch[d];
        written[static_cast<size_t>(place)] = true;
        judge.add(c.stored.at(static_cast<size_t>(place)), low, exact);
      }
    }
  });
  bool good = judge.passes("c");
  for (size_t i = 0; i < written.size(); i++) {
    if (!written[i]) EXPECT(same(c.stored.at(i), before.at(i)), "c[%zu], which is padding, was written", i);
  }
  if (good) return;
  printf("m=%lld n=%lld k=%lld batches=%lld a_col=%lld b_col=%lld packed=%d residual=%d activation=%lld special=%d\n",
         static_cast<long long>(m), static_cast<long long>(n), static_cast<long long>(k),
         static_cast<long long>(batches), static_cast<long long>(args.a_col), static_cast<long long>(args.b_col), packs,
         args.residual != nullptr, static_cast<long long>(args.activation), o.special);
}

// The same call twice gives the same bits, whatever the order in which threads ran.
static void check_repeats(int64_t precision) {
  ondol_gemm_args args = {};
  for (int64_t& extent : args.batch) extent = 1;
  args.m = 70;
  args.n = 66;
  args.k = 77;
  args.alpha = 1;
  args.precision = precision;
  Stored a(precision, values(random_source, 70 * 77, false)), b(precision, values(random_source, 77 * 66, false));
  Stored first(precision, std::vector<float>(70 * 66)), second = first;
  args.a = a.data();
  args.a_row = 77;
  args.a_col = 1;
  args.b = b.data();
  args.b_row = 66;
  args.b_col = 1;
  args.c_row = 66;
  for (Stored* c : {&first, &second}) {
    args.c = c->data();
    run_emulated(ondol_cuda_gemm_workspace, ondol_cuda_gemm, args);
  }
  EXPECT(first.narrow == second.narrow && memcmp(first.wide.data(), second.wide.data(), first.wide.size() * 4) == 0,
         "precision %d", static_cast<int>(precision));
}

// Either operand is rounded as it should be.
static void check_rounding() {
  for (const Rounding& r : roundings) {
    for (bool left : {false, true}) {
      ondol_gemm_args args = {};
      for (int64_t& extent : args.batch) extent = 1;
      args.m = args.n = args.k = 1;
      args.a_row = args.a_col = args.b_row = args.b_col = args.c_row = 1;
      args.alpha = 1;
      args.precision = r.precision;
      float one = 1, factor = r.factor, c = 0;
      args.a = left ? &factor : &one;
      args.b = left ? &one : &factor;
      args.c = &c;
      run_emulated(ondol_cuda_gemm_workspace, ondol_cuda_gemm, args);
      EXPECT(c == r.product, "precision %d: %a becomes %a", static_cast<int>(r.precision), factor, c);
    }
  }
}

static void check_refusals() {
  ondol_gemm_args args = {};
  ondol_cuda_queue queue = {};
  for (int64_t precision : {int64_t{-1}, int64_t{5}}) {
    args.precision = precision;
    ondol_error error = {};
    EXPECT(ondol_cuda_gemm(&args, &queue, &error) == ONDOL_INVALID_ARGUMENT && strstr(error.message, "expected 0 to 4"),
           "\"%s\"", error.message);
    EXPECT(ondol_cuda_gemm_workspace(&args) == 0, "workspace");
  }
}

// Results that are finished piece by piece: rows of one matrix, and matrices of a batch.
static void check_pieces() {
  Options aligned;
  aligned.aligned = true;
  check(ONDOL_BFLOAT16, 260, 130, 2, 1, aligned);
  check(ONDOL_FLOAT16, 90, 50, 3, 11, aligned);
}

// The calls that reached the stand-in for cuBLAS; -1 where there is none.
static int64_t stand_in_calls() {
  void* file = *ondol_cuda_cublas() != 0 ? dlopen(ondol_cuda_cublas(), RTLD_NOW | RTLD_NOLOAD) : nullptr;
  auto calls = file == nullptr ? nullptr : reinterpret_cast<int64_t (*)()>(dlsym(file, "stand_in_cublas_calls"));
  return calls == nullptr ? -1 : calls();
}

int main() {
  unsigned s = seed();
  printf("seed %u, cuBLAS: %s\n", s, *ondol_cuda_cublas() != 0 ? ondol_cuda_cublas() : "none");
  random_source.seed(s);
  check_refusals();
  check_rounding();
  Options any, aligned, special;
  aligned.aligned = true;
  special.special = special.plain = true;
  for (int64_t precision = ONDOL_BFLOAT16; precision <= ONDOL_BFLOAT16X3; precision++) {
    check_repeats(precision);
    for (int round = 0; round < rounds(12); round++) {
      check(precision, pick({1, 2, 15, 16, 17, 63, 64, 65}), pick({1, 3, 16, 17, 63, 64, 65, 130}),
            pick({0, 1, 7, 8, 31, 32, 33, 63, 64, 65, 200, 330}), 1, round % 2 ? any : aligned);
    }
    for (int round = 0; round < rounds(4); round++) {
      check(precision, pick({5, 33, 65}), pick({8, 31, 70}), pick({1, 9, 40, 130}), 1, special);
    }
  }
  // Enough large tiles for the large kernels, one precision after the other.
  for (int round = 0; round < rounds(4); round++) {
    check(round % 4 + 1, 129, pick({130, 200}), pick({31, 65}), 32, round % 2 ? any : aligned);
  }
  const bool fails = getenv("STAND_IN_CUBLAS_FAILS") != nullptr;
  if (stand_in_calls() >= 0 && !fails) check_pieces();
  if (stand_in_calls() >= 0) EXPECT((stand_in_calls() > 20) != fails, "%d calls of cuBLAS", static_cast<int>(stand_in_calls()));
  return finish();
}
