#include "resize/resize.h"

#include "resize_check.h"
#include "stem.h"

namespace ondol {
namespace {

typedef ondol_resize_args Args;

bool valid(const Args& a, Check& check) {
  return check_resize(a, check, "x", a.x, "y", a.y, false);
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&resize_##variant, )
#include "resize/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> resize(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(resize, ondol::resize)
