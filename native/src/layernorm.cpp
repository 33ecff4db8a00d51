#include "layernorm/layernorm.h"
#include "stem.h"

namespace ondol {
namespace {

typedef ondol_layernorm_args Args;

bool valid(const Args& a, Check& check) {
  if (!check.matrix("[rows, n]", a.rows, a.n)) return false;
  if (a.rows == 0 || a.n == 0) return true;
  if (!check.row("x_row", a.x_row, a.rows, a.n, false) || !check.row("y_row", a.y_row, a.rows, a.n, true)) return false;
  if (!check.given("x", a.x) || !check.given("y", a.y)) return false;
  if (!(a.eps >= 0)) return check.fail("eps = %g: expected at least 0", a.eps);
  const int64_t x = (a.rows - 1) * a.x_row + a.n, y = (a.rows - 1) * a.y_row + a.n;
  if (a.x == a.y && a.x_row != a.y_row) {
    return check.fail("y_row = %lld: expected x_row = %lld where y is x", (long long)a.y_row, (long long)a.x_row);
  }
  return check.apart("y", a.y, y, "x", a.x, x, true) && check.apart("y", a.y, y, "gamma", a.gamma, a.n, false) &&
         check.apart("y", a.y, y, "beta", a.beta, a.n, false);
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&layernorm_##variant, )
#include "layernorm/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> layernorm(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(layernorm, ondol::layernorm)
