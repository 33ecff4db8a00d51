#include "iou/iou.h"

#include "iou_check.h"
#include "stem.h"

namespace ondol {
namespace {

typedef ondol_iou_args Args;

bool valid(const Args& a, Check& check) {
  if (!check.between("kind", a.kind, ONDOL_IOU, ONDOL_IOA) || !check.flag("pixel", a.pixel) || !check.flag("paired", a.paired)) {
    return false;
  }
  if (!check_boxes(check, "[n, 4]", a.n, "a", a.a) || !check_boxes(check, "[m, 4]", a.m, "b", a.b)) return false;
  if (a.paired && a.n != a.m) return check.fail("m = %lld: expected n, %lld, for pairs", (long long)a.m, (long long)a.n);
  const int64_t sizes[] = {a.n, a.paired ? 1 : a.m};
  if (!check.sizes("[n, m]", sizes, 2)) return false;
  const int64_t count = sizes[0] * sizes[1];
  if (count == 0) return true;
  return check.given("out", a.out) && check.apart("out", a.out, count, "a", a.a, 4 * a.n, false) &&
         check.apart("out", a.out, count, "b", a.b, 4 * a.m, false);
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&iou_##variant, )
#include "iou/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> iou(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(iou, ondol::iou)
