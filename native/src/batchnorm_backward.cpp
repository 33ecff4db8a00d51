#include "batchnorm/batchnorm.h"

#include "stem.h"

namespace ondol {
namespace {

typedef ondol_batchnorm_backward_args Args;

bool valid(const Args& a, Check& check) {
  const int64_t sizes[] = {a.batch, a.channels, a.size};
  if (!check.sizes("[batch, channels, size]", sizes, 3) || !check.flag("training", a.training)) return false;
  const int64_t n = a.batch * a.channels * a.size;
  if (n > 0 && (!check.given("x", a.x) || !check.given("dy", a.dy))) return false;
  if (a.channels > 0 && (!check.given("mean", a.mean) || !check.given("rstd", a.rstd))) return false;
  const struct {
    const char* name;
    const float* p;
    int64_t count;
  } in[] = {{"x", a.x, n}, {"dy", a.dy, n}, {"y", a.y, n}, {"gamma", a.gamma, a.channels}, {"mean", a.mean, a.channels},
            {"rstd", a.rstd, a.channels}};
  for (const auto& i : in) {
    if (!check.apart("dx", a.dx, n, i.name, i.p, i.count, false) ||
        !check.apart("dgamma", a.dgamma, a.channels, i.name, i.p, i.count, false) ||
        !check.apart("dbeta", a.dbeta, a.channels, i.name, i.p, i.count, false)) {
      return false;
    }
  }
  return check.apart("dgamma", a.dgamma, a.channels, "dx", a.dx, n, false) &&
         check.apart("dbeta", a.dbeta, a.channels, "dx", a.dx, n, false) &&
         check.apart("dbeta", a.dbeta, a.channels, "dgamma", a.dgamma, a.channels, false);
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&batchnorm_backward_##variant, )
#include "batchnorm/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> batchnorm_backward(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(batchnorm_backward, ondol::batchnorm_backward)
