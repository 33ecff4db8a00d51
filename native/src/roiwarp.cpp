#include "roiwarp/roiwarp.h"

#include "roiwarp_check.h"
#include "stem.h"

namespace ondol {
namespace {

typedef ondol_roiwarp_args Args;

bool valid(const Args& a, Check& check) {
  if (!check_roiwarp(a, check, "x", a.x, "y", a.y, false)) return false;
  const int64_t count = a.rois * a.channels * a.y_height * a.y_width;
  return a.fill == nullptr || count == 0 || check.apart("y", a.y, count, "fill", a.fill, a.channels, false);
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&roiwarp_##variant, )
#include "roiwarp/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> roiwarp(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(roiwarp, ondol::roiwarp)
