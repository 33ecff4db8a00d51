#include "resize/resize.h"

#include "resize_check.h"
#include "stem.h"

namespace ondol {
namespace {

typedef ondol_resize_backward_args Args;

bool valid(const Args& a, Check& check) {
  return check_resize(a, check, "dx", a.dx, "dy", a.dy, true);
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&resize_backward_##variant, )
#include "resize/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> resize_backward(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(resize_backward, ondol::resize_backward)
