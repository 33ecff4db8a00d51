#include "roialign/roialign.h"

#include "roialign_check.h"
#include "stem.h"

namespace ondol {
namespace {

typedef ondol_roialign_backward_args Args;

bool valid(const Args& args, Check& check) {
  const ondol_roialign_args& a = args.forward;
  if (!valid_roialign(a, false, check)) return false;
  const int64_t results = roialign_results(a);
  if (results > 0 && !check.given("dy", args.dy)) return false;
  if (results > 0 && a.op != ONDOL_ROIALIGN_AVERAGE && !check.given("indices", a.indices)) return false;
  for (int64_t level = 0; level < a.levels; level++) {
    const int64_t floats = a.batch * a.channels * a.maps[level].height * a.maps[level].width;
    if (floats == 0) continue;
    if (!check.given("dx", args.dx[level]) || !roialign_apart("dx", args.dx[level], floats, a, check) ||
        !check.apart("dx", args.dx[level], floats, "dy", args.dy, results, false)) {
      return false;
    }
    for (int64_t other = 0; other < level; other++) {
      const int64_t others = a.batch * a.channels * a.maps[other].height * a.maps[other].width;
      if (!check.apart("dx", args.dx[level], floats, "the dx of another level", args.dx[other], others, false)) return false;
    }
  }
  return true;
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&roialign_backward_##variant, )
#include "roialign/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> roialign_backward(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(roialign_backward, ondol::roialign_backward)
