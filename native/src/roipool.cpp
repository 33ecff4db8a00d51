#include "roipool/roipool.h"

#include "conv_check.h"
#include "roi_check.h"
#include "stem.h"

namespace ondol {
namespace {

typedef ondol_roipool_args Args;

bool valid(const Args& a, Check& check) {
  if (!valid_roi_maps(a.map, a.levels, a.batch, a.channels, true, check) || !valid_roipool_shape(a, check)) return false;
  if (a.indices != nullptr && a.op != ONDOL_ROIPOOL_MAX) return check.fail("indices = %p: expected null for averages", (void*)a.indices);
  const int64_t results = roipool_results(a);
  if (results == 0) return true;
  if (!check.given("y", a.y) || !check.apart("y", a.y, results, "rois.boxes", a.rois.boxes, 4 * a.rois.count, false) ||
      (a.indices != nullptr && !check.apart("indices", a.indices, results, "y", a.y, results, false))) {
    return false;
  }
  for (int64_t l = 0; l < a.levels && a.batch > 0; l++) {
    const ondol_roi_map& m = a.map[l];
    const ConvMap x("x", m.x, a.batch, a.channels, m.height * m.width, m.x_batch, m.x_channel);
    if (!x.apart(check, "y", a.y, results)) return false;
    if (a.indices != nullptr && !x.apart(check, "indices", (const float*)a.indices, results)) return false;
  }
  return true;
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&roipool_##variant, )
#include "roipool/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> roipool(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(roipool, ondol::roipool)
