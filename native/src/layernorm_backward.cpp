#include "layernorm/layernorm.h"
#include "stem.h"

namespace ondol {
namespace {

typedef ondol_layernorm_backward_args Args;

bool valid(const Args& a, Check& check) {
  if (!check.matrix("[rows, n]", a.rows, a.n)) return false;
  if (a.n == 0) return true;
  if (a.rows > 0) {
    if (!check.row("x_row", a.x_row, a.rows, a.n, false) || !check.row("dy_row", a.dy_row, a.rows, a.n, false) ||
        (a.dx != nullptr && !check.row("dx_row", a.dx_row, a.rows, a.n, true))) {
      return false;
    }
    if (!check.given("x", a.x) || !check.given("dy", a.dy) || !check.given("mean", a.mean) ||
        !check.given("rstd", a.rstd)) {
      return false;
    }
    const int64_t x = (a.rows - 1) * a.x_row + a.n, dy = (a.rows - 1) * a.dy_row + a.n;
    const int64_t dx = (a.rows - 1) * a.dx_row + a.n;
    if (!check.apart("dx", a.dx, dx, "x", a.x, x, false) || !check.apart("dx", a.dx, dx, "dy", a.dy, dy, false)) {
      return false;
    }
  }
  return check.apart("dbeta", a.dbeta, a.n, "dgamma", a.dgamma, a.n, false);
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&layernorm_backward_##variant, )
#include "layernorm/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> layernorm_backward(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(layernorm_backward, ondol::layernorm_backward)
