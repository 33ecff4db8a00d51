#include "batchnorm/batchnorm.h"

#include "stem.h"

namespace ondol {
namespace {

typedef ondol_batchnorm_args Args;

bool valid(const Args& a, Check& check) {
  const int64_t sizes[] = {a.batch, a.channels, a.size};
  if (!check.sizes("[batch, channels, size]", sizes, 3) || !check.flag("training", a.training) ||
      !check.flag("relu", a.relu)) {
    return false;
  }
  const int64_t n = a.batch * a.channels * a.size;
  if (!(a.eps >= 0)) return check.fail("eps = %g: expected at least 0", a.eps);
  if (n > 0 && (!check.given("x", a.x) || !check.given("y", a.y))) return false;
  if (a.channels > 0 && (!check.given("mean", a.mean) || !check.given("variance", a.variance))) return false;
  if (!check.apart("y", a.y, n, "x", a.x, n, true)) return false;
  const struct {
    const char* name;
    const float* p;
  } rows[] = {{"gamma", a.gamma}, {"beta", a.beta}, {"mean", a.mean}, {"variance", a.variance}, {"rstd", a.rstd}};
  for (int i = 0; i < 5; i++) {
    if (!check.apart("y", a.y, n, rows[i].name, rows[i].p, a.channels, false)) return false;
    for (int j = 0; j < i; j++) {
      const bool written = i == 4 || (a.training != 0 && i >= 2);
      if (written && !check.apart(rows[i].name, rows[i].p, a.channels, rows[j].name, rows[j].p, a.channels, false)) {
        return false;
      }
    }
    if (a.training != 0 && i >= 2 && !check.apart(rows[i].name, rows[i].p, a.channels, "x", a.x, n, false)) return false;
  }
  return check.apart("rstd", a.rstd, a.channels, "x", a.x, n, false);
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&batchnorm_##variant, )
#include "batchnorm/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> batchnorm(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(batchnorm, ondol::batchnorm)
