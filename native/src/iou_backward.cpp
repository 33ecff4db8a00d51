#include "iou/iou.h"

#include "iou_check.h"
#include "stem.h"

namespace ondol {
namespace {

typedef ondol_iou_backward_args Args;

// A gradient touches no operand and not the other gradient.
bool alone(const Args& a, Check& check, const char* name, const float* d) {
  return d == nullptr || (check.apart(name, d, 4 * a.n, "a", a.a, 4 * a.n, false) &&
                          check.apart(name, d, 4 * a.n, "b", a.b, 4 * a.n, false) &&
                          check.apart(name, d, 4 * a.n, "dout", a.dout, a.n, false));
}

bool valid(const Args& a, Check& check) {
  if (!check.between("kind", a.kind, ONDOL_IOU, ONDOL_GIOU) || !check.flag("pixel", a.pixel)) return false;
  if (!check_boxes(check, "[n, 4]", a.n, "a", a.a) || !check_boxes(check, "[n, 4]", a.n, "b", a.b)) return false;
  if (a.n == 0) return true;
  if (!check.given("dout", a.dout) || !alone(a, check, "da", a.da) || !alone(a, check, "db", a.db)) return false;
  return a.da == nullptr || a.db == nullptr || check.apart("da", a.da, 4 * a.n, "db", a.db, 4 * a.n, false);
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&iou_backward_##variant, )
#include "iou/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> iou_backward(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(iou_backward, ondol::iou_backward)
