#include "roialign/roialign.h"

#include "conv_check.h"
#include "roialign_check.h"
#include "stem.h"

namespace ondol {
namespace {

typedef ondol_roialign_args Args;

bool valid(const Args& a, Check& check) {
  if (!valid_roialign(a, true, check)) return false;
  const int64_t results = roialign_results(a);
  if (results == 0) return true;
  if (!check.given("y", a.y) || !roialign_apart("y", a.y, results, a, check)) return false;
  if (a.batch == 0) return true;
  for (int64_t level = 0; level < a.levels; level++) {
    const ondol_roi_map& map = a.maps[level];
    const ConvMap x("x", map.x, a.batch, a.channels, map.height * map.width, map.x_batch, map.x_channel);
    if (!x.apart(check, "y", a.y, results)) return false;
    if (a.indices != nullptr && !x.apart(check, "indices", reinterpret_cast<const float*>(a.indices), results)) return false;
  }
  return a.indices == nullptr || (check.apart("indices", a.indices, results, "rois.boxes", a.rois.boxes, 4 * a.rois.count, false) &&
                                  check.apart("indices", a.indices, results, "rois.images", a.rois.images, a.rois.count, false) &&
                                  check.apart("indices", a.indices, results, "rois.levels", a.rois.levels, a.rois.count, false));
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&roialign_##variant, )
#include "roialign/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> roialign(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(roialign, ondol::roialign)
