#include "softmax/softmax.h"
#include "stem.h"

namespace ondol {
namespace {

typedef ondol_softmax_backward_args Args;

bool valid(const Args& a, Check& check) {
  const int64_t sizes[] = {a.outer, a.n, a.inner};
  if (!check.sizes("[outer, n, inner]", sizes, 3) || !check.flag("log", a.log)) return false;
  const int64_t floats = a.outer * a.n * a.inner;
  if (floats == 0) return true;
  return check.given("y", a.y) && check.given("dy", a.dy) && check.given("dx", a.dx) &&
         check.apart("dx", a.dx, floats, "y", a.y, floats, false) &&
         check.apart("dx", a.dx, floats, "dy", a.dy, floats, true);
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&softmax_backward_##variant, )
#include "softmax/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> softmax_backward(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(softmax_backward, ondol::softmax_backward)
