#include "gemm/gemm.h"

#include "stem.h"

namespace ondol {
namespace {

typedef ondol_gemm_args Args;
constexpr int64_t PANEL = 16;
constexpr int64_t RANK = ONDOL_BATCH_RANK + 2;

// A matrix operand as one strided array of rank batch + 2.
struct Operand {
  const char* name;
  const char* stride_name;
  const float* data;
  int64_t sizes[RANK], strides[RANK];

  Operand(const Args& a, const char* name, const char* stride_name, const float* data, const int64_t* batch_strides,
          int64_t rows, int64_t row, int64_t columns, int64_t column)
      : name(name), stride_name(stride_name), data(data) {
    for (int64_t d = 0; d < ONDOL_BATCH_RANK; d++) {
      sizes[d] = a.batch[d];
      strides[d] = batch_strides[d];
    }
    sizes[ONDOL_BATCH_RANK] = rows;
    strides[ONDOL_BATCH_RANK] = row;
    sizes[ONDOL_BATCH_RANK + 1] = columns;
    strides[ONDOL_BATCH_RANK + 1] = column;
  }

  bool same_strides(const Operand& other) const {
    for (int64_t d = 0; d < RANK; d++) {
      if (sizes[d] > 1 && strides[d] != other.strides[d]) return false;
    }
    return true;
  }

  // First float and number of floats from the first to the last.
  const float* first() const { return data + extent(sizes, strides, RANK).low; }
  int64_t span() const {
    const Extent e = extent(sizes, strides, RANK);
    return e.high - e.low + 1;
  }
  bool dense() const {
    int64_t elements = 1;
    for (int64_t d = 0; d < RANK; d++) elements *= sizes[d];
    return span() <= elements;
  }
};

// Extents that both have gaps may interleave without overlapping: columns of one matrix, for example.
bool apart(Check& check, const Operand& c, const Operand& in) {
  if (!c.dense() && !in.dense()) return true;
  return check.apart("c", c.first(), c.span(), in.name, in.first(), in.span(), false);
}

bool check_input(Check& check, const Operand& c, const Operand& in) {
  return check.given(in.name, in.data) && check.strides(in.stride_name, in.sizes, in.strides, RANK) &&
         apart(check, c, in);
}

bool check_residual(const Args& a, Check& check, const Operand& c) {
  if (a.residual == nullptr) return true;
  const Operand residual(a, "residual", "residual strides", a.residual, a.residual_batch, a.m, a.residual_row, a.n, 1);
  if (a.residual != a.c) return check_input(check, c, residual);
  return residual.same_strides(c) ||
         check.fail("residual = c = %p: expected equal strides where they are the same", (const void*)a.c);
}

bool valid(const Args& a, Check& check) {
  if (!check.sizes("batch", a.batch, ONDOL_BATCH_RANK) || !check.at_least("m", a.m, 0) ||
      !check.at_least("n", a.n, 0) || !check.at_least("k", a.k, 0) ||
      !check.between("activation", a.activation, ONDOL_NONE, ONDOL_SILU)) {
    return false;
  }
  const Operand c(a, "c", "c strides", a.c, a.c_batch, a.m, a.c_row, a.n, 1);
  const Operand left(a, "a", "a strides", a.a, a.a_batch, a.m, a.a_row, a.k, a.a_col);
  const Operand right(a, "b", "b strides", a.b, a.b_batch, a.k, a.b_row, a.n, a.b_col);
  if (!check.sizes("sizes of c", c.sizes, RANK) || !check.sizes("sizes of a", left.sizes, RANK) ||
      !check.sizes("sizes of b", right.sizes, RANK)) {
    return false;
  }
  for (int64_t d = 0; d < RANK; d++) {
    if (c.sizes[d] == 0) return true;
  }
  if (!check.given("c", a.c) || !check.distinct("c strides", c.sizes, c.strides, RANK)) return false;
  if (!check_residual(a, check, c)) return false;
  if (a.bias != nullptr && !check.apart("c", c.first(), c.span(), "bias", a.bias, a.n, false)) return false;
  if (a.k == 0) return true;
  if (!check_input(check, c, left)) return false;
  if (a.packed == nullptr) return check_input(check, c, right);
  if (a.b != nullptr) return check.fail("b = %p: expected null where packed is given", (const void*)a.b);
  return check.apart("c", c.first(), c.span(), "packed", a.packed, ondol_gemm_packed_size(a.k, a.n), false);
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&gemm_##variant, )
#include "gemm/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> gemm(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(gemm, ondol::gemm)

int64_t ondol_gemm_packed_size(int64_t k, int64_t n) {
  return (n + ondol::PANEL - 1) / ondol::PANEL * ondol::PANEL * k;
}

void ondol_gemm_pack(const float* b, int64_t k, int64_t n, int64_t row, int64_t col, float* packed) {
  for (int64_t j = 0; j < n; j += ondol::PANEL) {
    const int64_t columns = n - j < ondol::PANEL ? n - j : ondol::PANEL;
    for (int64_t r = 0; r < k; r++, packed += ondol::PANEL) {
      for (int64_t l = 0; l < ondol::PANEL; l++) packed[l] = l < columns ? b[r * row + (j + l) * col] : 0.0f;
    }
  }
}
