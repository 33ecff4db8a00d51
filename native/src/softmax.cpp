#include "softmax/softmax.h"
#include "stem.h"

namespace ondol {
namespace {

typedef ondol_softmax_args Args;

bool valid(const Args& a, Check& check) {
  const int64_t sizes[] = {a.outer, a.n, a.inner};
  if (!check.sizes("[outer, n, inner]", sizes, 3) || !check.flag("log", a.log)) return false;
  const int64_t floats = a.outer * a.n * a.inner;
  if (floats == 0) return true;
  return check.given("x", a.x) && check.given("y", a.y) && check.apart("y", a.y, floats, "x", a.x, floats, true);
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&softmax_##variant, )
#include "softmax/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> softmax(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(softmax, ondol::softmax)
