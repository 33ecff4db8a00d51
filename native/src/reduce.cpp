#include "reduce/reduce.h"
#include "stem.h"

namespace ondol {
namespace {

typedef ondol_reduce_args Args;

bool valid(const Args& a, Check& check) {
  const int64_t sizes[] = {a.outer, a.n, a.inner};
  if (!check.between("op", a.op, ONDOL_SUM, ONDOL_SUMSQ) || !check.sizes("[outer, n, inner]", sizes, 3)) return false;
  const int64_t in = a.outer * a.n * a.inner, out = a.outer * a.inner;
  if (in > 0 && !check.given("x", a.x)) return false;
  return out == 0 || (check.given("y", a.y) && check.apart("y", a.y, out, "x", a.x, in, false));
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&reduce_##variant, )
#include "reduce/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> reduce(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(reduce, ondol::reduce)
