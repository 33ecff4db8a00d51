// gemm against scalar loops over fmaf, bit for bit: every variant, ragged shapes, strides, broadcasts, epilogues,
// threads.
#include <math.h>

#include "guarded.h"

using namespace testing;

namespace {

// Strides of a [batch..., rows, columns] array; each dimension may be padded, batch dimensions may be broadcast. A
// stacked one has its batch items' rows at equal distances, as a linear layer sees its input.
enum Kind { DENSE, BROADCAST, STACKED };

struct Layout {
  int64_t batch[ONDOL_BATCH_RANK], row, column, size;

  Layout(std::mt19937& random, const int64_t* sizes, int64_t rows, int64_t columns, bool transposed, bool column_gaps,
         Kind kind) {
    const int64_t unit = column_gaps ? 1 + random() % 3 : 1;
    int64_t& inner = transposed ? row : column;
    int64_t& outer = transposed ? column : row;
    const int64_t inner_size = transposed ? rows : columns, outer_size = transposed ? columns : rows;
    inner = unit;
    outer = inner_size * unit + pick(random, {0, 0, 1, 3, 16});
    int64_t step = outer * outer_size + (kind == STACKED ? 0 : pick(random, {0, 0, 5}));
    for (int64_t d = ONDOL_BATCH_RANK - 1; d >= 0; d--) {
      batch[d] = kind == BROADCAST && random() % 3 == 0 ? 0 : step;
      if (batch[d] != 0) step *= sizes[d];
    }
    size = 1;
    for (int64_t d = 0; d < ONDOL_BATCH_RANK; d++) size += (sizes[d] - 1) * batch[d];
    size += (rows - 1) * row + (columns - 1) * column;
    if (size < 0 || rows == 0 || columns == 0) size = 0;
  }

  int64_t at(const int64_t* index, int64_t i, int64_t j) const {
    int64_t sum = i * row + j * column;
    for (int64_t d = 0; d < ONDOL_BATCH_RANK; d++) sum += index[d] * batch[d];
    return sum;
  }
};

template <class Body>
void each_item(const int64_t* sizes, Body body) {
  int64_t index[4];
  for (index[0] = 0; index[0] < sizes[0]; index[0]++) {
    for (index[1] = 0; index[1] < sizes[1]; index[1]++) {
      for (index[2] = 0; index[2] < sizes[2]; index[2]++) {
        for (index[3] = 0; index[3] < sizes[3]; index[3]++) body(index);
      }
    }
  }
}

struct Case {
  std::string text;
  ondol_gemm_args args;
  Layout la, lb, lc, lr;
  Guarded a, b, c, residual, bias, packed;
  std::vector<float> initial, expected;

  static Layout layout(std::mt19937& random, const ondol_gemm_args& s, char which, bool stacked) {
    const Kind kind = stacked ? STACKED : which == 'c' ? DENSE : BROADCAST;
    const bool transposed = random() % 3 == 0 && !stacked, column_gaps = random() % 6 == 0;
    if (which == 'a') return Layout(random, s.batch, s.m, s.k, transposed, column_gaps, kind);
    if (which == 'b') return Layout(random, s.batch, s.k, s.n, transposed, column_gaps, kind);
    return Layout(random, s.batch, s.m, s.n, false, false, kind);
  }

  Case(std::mt19937& random, const ondol_gemm_args& sizes, bool special, bool stacked)
      : args(sizes),
        la(layout(random, sizes, 'a', stacked)),
        lb(layout(random, sizes, 'b', stacked)),
        lc(layout(random, sizes, 'c', stacked)),
        lr(random() % 2 == 0 ? lc : layout(random, sizes, 'r', stacked)),
        a(la.size),
        b(lb.size),
        c(lc.size),
        residual(lr.size),
        bias(sizes.n),
        packed(ondol_gemm_packed_size(sizes.k, sizes.n)) {
    ondol_gemm_args& s = args;
    const bool use_packed = random() % 3 == 0 && s.k > 0;
    if (use_packed || stacked) std::fill(lb.batch, lb.batch + 4, 0);
    set(random, a, la, s.batch, s.m, s.k, special);
    set(random, b, lb, s.batch, s.k, s.n, special);
    set(random, residual, lr, s.batch, s.m, s.n, special);
    for (int64_t j = 0; j < s.n; j++) bias.data()[j] = values(random, 1, special)[0];
    s.a = a.data(), s.a_row = la.row, s.a_col = la.column;
    s.b_row = lb.row, s.b_col = lb.column;
    s.c_row = lc.row, s.residual_row = lr.row;
    for (int64_t d = 0; d < 4; d++) {
      s.a_batch[d] = la.batch[d];
      s.b_batch[d] = lb.batch[d];
      s.c_batch[d] = lc.batch[d];
      s.residual_batch[d] = lr.batch[d];
    }
    if (use_packed) {
      ondol_gemm_pack(b.data(), s.k, s.n, lb.row, lb.column, packed.data());
      s.packed = packed.data();
    } else {
      s.b = b.data();
    }
    s.alpha = pick(random, {0, 0, 1}) ? 0.37 : 1.0;
    s.activation = random() % 2 == 0 ? 0 : random() % 7;
    if (random() % 2 == 0) s.bias = bias.data();
    const int residual_kind = random() % 3;  // none, separate, in place
    s.c = c.data();
    if (residual_kind == 1) s.residual = residual.data();
    if (residual_kind == 2) in_place(random, special);
    initial.assign(c.data(), c.data() + c.size());
    reference();
    char line[400];
    snprintf(line, sizeof line,
             "batch %ldx%ldx%ldx%ld m=%ld n=%ld k=%ld a=(%ld,%ld) b=(%ld,%ld) packed=%d c_row=%ld act=%ld "
             "bias=%d residual=%d alpha=%g",
             (long)s.batch[0], (long)s.batch[1], (long)s.batch[2], (long)s.batch[3], (long)s.m, (long)s.n, (long)s.k,
             (long)s.a_row, (long)s.a_col, (long)s.b_row, (long)s.b_col, use_packed, (long)s.c_row, (long)s.activation,
             s.bias != nullptr, residual_kind, s.alpha);
    text = line;
  }

  void set(std::mt19937& random, Guarded& to, const Layout& layout, const int64_t* sizes, int64_t rows, int64_t columns,
           bool special) {
    each_item(sizes, [&](const int64_t* index) {
      for (int64_t i = 0; i < rows; i++) {
        const std::vector<float> row = values(random, columns, false);
        for (int64_t j = 0; j < columns; j++) to.data()[layout.at(index, i, j)] = row[j];
        if (special && columns > 0 && random() % 16 == 0) {
          to.data()[layout.at(index, i, random() % columns)] = values(random, 1, true)[0];
        }
      }
    });
  }

  void in_place(std::mt19937& random, bool special) {
    set(random, c, lc, args.batch, args.m, args.n, special);
    args.residual = args.c;
    args.residual_row = args.c_row;
    for (int64_t d = 0; d < 4; d++) args.residual_batch[d] = args.c_batch[d];
  }

  void reference() {
    expected = initial;
    each_item(args.batch, [&](const int64_t* index) {
      for (int64_t i = 0; i < args.m; i++) {
        for (int64_t j = 0; j < args.n; j++) {
          float v = 0;
          for (int64_t k = 0; k < args.k; k++) v = fmaf(a.data()[la.at(index, i, k)], b.data()[lb.at(index, k, j)], v);
          if (args.alpha != 1.0) v = v * (float)args.alpha;
          if (args.bias != nullptr) v = v + args.bias[j];
          if (args.activation != 0) v = activated(v, args.activation);
          const int64_t at = lc.at(index, i, j);
          if (args.residual == args.c) v = v + initial[at];
          if (args.residual == residual.data()) v = v + residual.data()[lr.at(index, i, j)];
          expected[at] = v;
        }
      }
    });
  }

  void check(const std::vector<int64_t>& all) {
    for (int64_t variant : all) {
      for (int64_t threads : {1, 2, 7}) {
        std::copy(initial.begin(), initial.end(), c.data());
        EXPECT(run_variant(ondol_gemm_plan, ondol_gemm_run, args, variant, threads) == ONDOL_OK, "%s", text.c_str());
        compare(ondol_variant_name("gemm", variant), threads);
      }
    }
    std::copy(initial.begin(), initial.end(), c.data());
    ondol_error error = {};
    EXPECT(ondol_gemm(&args, &error) == ONDOL_OK, "%s: %s", text.c_str(), error.message);
    compare("checked", ondol_threads());
  }

  void compare(const char* name, int64_t threads) {
    for (int64_t i = 0; i < c.size(); i++) {
      if (same(c.data()[i], expected[i])) continue;
      EXPECT(false, "%s %s threads=%ld at %ld: %a, expected %a", text.c_str(), name, (long)threads, (long)i,
             c.data()[i], expected[i]);
      return;
    }
  }
};

ondol_gemm_args sizes(int64_t m, int64_t n, int64_t k) {
  ondol_gemm_args s = {};
  for (int64_t& d : s.batch) d = 1;
  s.m = m, s.n = n, s.k = k;
  s.alpha = 1;
  return s;
}

void ragged_shapes(std::mt19937& random, const std::vector<int64_t>& all) {
  const std::initializer_list<int64_t> edges = {1,  2,  3,  4,  5,  6,  7,  8,  11, 12, 13,
                                                15, 16, 17, 18, 23, 25, 31, 33, 47, 65};
  for (int round = 0; round < 500; round++) {
    ondol_gemm_args s = sizes(pick(random, edges), pick(random, edges), pick(random, edges));
    if (round % 10 == 0) s.k = 0;
    if (round % 3 == 0) {
      for (int64_t& d : s.batch) d = 1 + random() % 3;
    }
    if (round % 50 == 1) (&s.m)[random() % 2] = 0;
    Case(random, s, round % 4 == 0, round % 5 == 0).check(all);
  }
}

// Several blocks in every dimension, and both ways of packing.
void large_shapes(std::mt19937& random, const std::vector<int64_t>& all) {
  const int64_t shapes[][3] = {{1, 300, 1500}, {3, 130, 900},   {6, 200, 50},   {14, 70, 800}, {200, 17, 500},
                               {401, 130, 30}, {390, 66, 401},  {205, 600, 17}, {1, 4, 2000},  {500, 1, 100},
                               {97, 97, 97},   {256, 1100, 20}, {700, 40, 33}};
  for (const auto& shape : shapes) {
    for (int round = 0; round < 3; round++) Case(random, sizes(shape[0], shape[1], shape[2]), false, false).check(all);
  }
}

void refused(ondol_gemm_args a, const char* message) {
  ondol_error error = {};
  EXPECT(ondol_gemm(&a, &error) == ONDOL_INVALID_ARGUMENT, "%s", message);
  EXPECT(strstr(error.message, message) != nullptr, "\"%s\" lacks \"%s\"", error.message, message);
}

void bad_arguments_are_named() {
  std::vector<float> a(100, 1), b(100, 1), c(100, 1);
  ondol_gemm_args good = sizes(4, 5, 6);
  good.a = a.data(), good.a_row = 6, good.a_col = 1;
  good.b = b.data(), good.b_row = 5, good.b_col = 1;
  good.c = c.data(), good.c_row = 5;
  ondol_gemm_args x = good;
  EXPECT(ondol_gemm(&x, nullptr) == ONDOL_OK && c[0] == 6, "valid call: %g", c[0]);
  EXPECT(ondol_gemm(nullptr, nullptr) == ONDOL_INVALID_ARGUMENT, "null args");
  x = good, x.m = -1, refused(x, "m = -1");
  x = good, x.batch[2] = -1, refused(x, "batch[2] = -1");
  x = good, x.a = nullptr, refused(x, "a = null");
  x = good, x.b = nullptr, refused(x, "b = null");
  x = good, x.c = nullptr, refused(x, "c = null");
  x = good, x.packed = b.data(), refused(x, "expected null where packed is given");
  x = good, x.c_row = 4, refused(x, "c strides[4] = 4");
  x = good, x.batch[0] = 2, refused(x, "c strides[0] = 0");
  x = good, x.activation = 7, refused(x, "activation = 7");
  x = good, x.a_row = INT64_MAX, refused(x, "a strides[4]");
  x = good, x.c = a.data() + 3, refused(x, "expected no overlap with a");
  x = good, x.residual = x.c, x.residual_row = 6, refused(x, "expected equal strides");
  x = good, x.residual = x.c + 1, x.residual_row = 5, refused(x, "expected no overlap with residual");
  x = good, x.precision = 5, refused(x, "precision = 5: expected 0 to 4");
}

// Nothing here has tensor cores, neither in a whole call nor in a planned one.
void other_precisions_are_refused() {
  std::vector<float> a(100, 1), b(100, 1), c(100, 2);
  ondol_gemm_args x = sizes(4, 5, 6);
  x.a = a.data(), x.a_row = 6, x.a_col = 1;
  x.b = b.data(), x.b_row = 5, x.b_col = 1;
  x.c = c.data(), x.c_row = 5;
  for (x.precision = ONDOL_BFLOAT16; x.precision <= ONDOL_BFLOAT16X3; x.precision++) {
    ondol_error error = {};
    EXPECT(ondol_gemm(&x, &error) == ONDOL_UNSUPPORTED, "%s", error.message);
    EXPECT(strstr(error.message, "precision = ") != nullptr && c[0] == 2, "\"%s\"", error.message);
    ondol_plan plan = {};
    plan.variant = -1;
    EXPECT(ondol_gemm_plan(&x, &plan) == ONDOL_UNSUPPORTED, "precision %d", (int)x.precision);
  }
}

}  // namespace

int main() {
  const unsigned s = seed();
  printf("seed %u (ONDOL_TEST_SEED sets it)\n", s);
  std::mt19937 random(s);
  const std::vector<int64_t> all = variants("gemm");
  bad_arguments_are_named();
  other_precisions_are_refused();
  ragged_shapes(random, all);
  large_shapes(random, all);
  return finish();
}
