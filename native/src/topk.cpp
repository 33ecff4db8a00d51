#include "stem.h"
#include "topk/topk.h"

namespace ondol {
namespace {

typedef ondol_topk_args Args;

bool valid(const Args& a, Check& check) {
  if (!check.between("n", a.n, 0, INT32_MAX) || !check.matrix("[rows, n]", a.rows, a.n) ||
      !check.between("k", a.k, 0, a.n) || !check.flag("largest", a.largest)) {
    return false;
  }
  const int64_t out = a.rows * a.k;
  if (out == 0) return true;
  if (!check.row("x_row", a.x_row, a.rows, a.n, false)) return false;
  const int64_t in = (a.rows - 1) * a.x_row + a.n;
  return check.given("x", a.x) && check.given("values", a.values) && check.given("indices", a.indices) &&
         check.apart("values", a.values, out, "x", a.x, in, false) &&
         check.apart("indices", a.indices, out, "x", a.x, in, false) &&
         check.apart("indices", a.indices, out, "values", a.values, out, false);
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&topk_##variant, )
#include "topk/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> topk(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(topk, ondol::topk)
