#include "roiwarp/roiwarp.h"

#include "roiwarp_check.h"
#include "stem.h"

namespace ondol {
namespace {

typedef ondol_roiwarp_backward_args Args;

bool valid(const Args& a, Check& check) {
  return check_roiwarp(a.forward, check, "dx", a.dx, "dy", a.dy, true);
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&roiwarp_backward_##variant, )
#include "roiwarp/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> roiwarp_backward(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(roiwarp_backward, ondol::roiwarp_backward)
