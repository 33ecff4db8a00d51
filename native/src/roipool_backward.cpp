#include "roi_check.h"
#include "roipool/roipool.h"
#include "stem.h"

namespace ondol {
namespace {

typedef ondol_roipool_backward_args Args;

bool valid(const Args& args, Check& check) {
  const ondol_roipool_args& a = args.forward;
  if (!valid_roi_maps(a.map, a.levels, a.batch, a.channels, false, check) || !valid_roipool_shape(a, check)) return false;
  const int64_t results = roipool_results(a);
  if (results > 0 && !check.given("dy", args.dy)) return false;
  if (results > 0 && a.op == ONDOL_ROIPOOL_MAX && !check.given("indices", a.indices)) return false;
  for (int64_t l = 0; l < a.levels && a.batch > 0 && a.channels > 0; l++) {
    const int64_t floats = a.batch * a.channels * a.map[l].height * a.map[l].width;
    if (!check.given("dx", args.dx[l]) || !check.apart("dx", args.dx[l], floats, "dy", args.dy, results, false)) return false;
    if (a.op == ONDOL_ROIPOOL_MAX && !check.apart("dx", args.dx[l], floats, "indices", a.indices, results, false)) return false;
    for (int64_t k = 0; k < l; k++) {
      const int64_t others = a.batch * a.channels * a.map[k].height * a.map[k].width;
      if (!check.apart("dx", args.dx[l], floats, "dx of another level", args.dx[k], others, false)) return false;
    }
  }
  return true;
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&roipool_backward_##variant, )
#include "roipool/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> roipool_backward(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(roipool_backward, ondol::roipool_backward)
