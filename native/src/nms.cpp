#include "nms/nms.h"
#include "stem.h"

namespace ondol {
namespace {

typedef ondol_nms_args Args;

bool number(const char* name, double value, double low, Check& check) {
  const float used = (float)value;
  return (used >= low && used <= __FLT_MAX__) ||
         check.fail("%s = %g: expected a finite number, at least %g", name, value, low);
}

bool sizes(const Args& a, Check& check) {
  const int64_t scores[] = {a.batch, a.classes, a.boxes_count}, boxes[] = {a.batch, a.boxes_count, 4};
  if (!check.sizes("[batch, classes, boxes_count]", scores, 3) || !check.sizes("[batch, boxes_count, 4]", boxes, 3)) {
    return false;
  }
  const int64_t groups = a.agnostic ? 1 : a.classes;
  const int64_t candidates = a.agnostic ? a.classes * a.boxes_count : a.boxes_count;
  if (!check.between("boxes_count (agnostic: times classes)", candidates, 0, INT32_MAX)) return false;
  const int64_t limit = a.image_limit < 0 || candidates < a.image_limit ? candidates : a.image_limit;
  const int64_t results[] = {a.batch, groups, a.width};
  return check.between("width", a.width, 0, limit) && check.sizes("[batch, groups, width]", results, 3);
}

bool options(const Args& a, Check& check) {
  return check.between("format", a.format, ONDOL_BOX_CORNERS, ONDOL_BOX_CENTER) &&
         check.between("method", a.method, ONDOL_NMS_HARD, ONDOL_NMS_GAUSSIAN) && check.flag("offset", a.offset) &&
         check.flag("inclusive", a.inclusive) && check.flag("agnostic", a.agnostic) &&
         check.between("background", a.background, -1, a.classes - 1) &&
         check.at_least("image_limit", a.image_limit, -1) &&
         number("iou_threshold", a.iou_threshold, 0, check) &&
         (a.score_threshold == -__builtin_inf() ||
          number("score_threshold", a.score_threshold, a.method == ONDOL_NMS_HARD ? -__FLT_MAX__ : 0, check)) &&
         (a.method == ONDOL_NMS_HARD || a.score_threshold >= 0 ||
          check.fail("score_threshold = %g: expected at least 0 for a soft method", a.score_threshold)) &&
         (a.method == ONDOL_NMS_HARD || number("soft_threshold", a.soft_threshold, 0, check)) &&
         (a.method != ONDOL_NMS_GAUSSIAN || (a.sigma > 0 && 1 / a.sigma <= __FLT_MAX__) ||
          check.fail("sigma = %g: expected a positive number whose reciprocal is a float", a.sigma));
}

bool valid(const Args& a, Check& check) {
  if (!options(a, check) || !sizes(a, check)) return false;
  const int64_t groups = a.batch * (a.agnostic ? 1 : a.classes), results = groups * a.width;
  if (groups == 0) return true;
  if (!check.given("counts", a.counts)) return false;
  if (results == 0) return true;
  const int64_t scores[] = {a.batch, a.classes}, scores_strides[] = {a.scores_batch, a.scores_class};
  const int64_t boxes[] = {a.batch, a.boxes_count, a.classes};
  const int64_t boxes_strides[] = {a.boxes_batch, a.boxes_box, a.boxes_class};
  if (!check.given("boxes", a.boxes) || !check.given("scores", a.scores) || !check.given("indices", a.indices) ||
      !check.given("selected", a.selected) || !check.strides("scores_batch, scores_class", scores, scores_strides, 2) ||
      !check.strides("boxes_batch, boxes_box, boxes_class", boxes, boxes_strides, 3)) {
    return false;
  }
  const Extent s = extent(scores, scores_strides, 2), b = extent(boxes, boxes_strides, 3);
  struct Output {
    const char* name;
    const void* data;
    int64_t count;
  } outputs[] = {{"indices", a.indices, results}, {"selected", a.selected, results}, {"counts", a.counts, groups}};
  for (int i = 0; i < 3; i++) {
    const Output& o = outputs[i];
    if (!check.apart(o.name, o.data, o.count, "scores", a.scores + s.low, s.high - s.low + a.boxes_count, false) ||
        !check.apart(o.name, o.data, o.count, "boxes", a.boxes + b.low, b.high - b.low + 4, false)) {
      return false;
    }
    for (int j = 0; j < i; j++) {
      const Output& p = outputs[j];
      if (!check.apart(o.name, o.data, o.count, p.name, p.data, p.count, false)) return false;
    }
  }
  return true;
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&nms_##variant, )
#include "nms/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> nms(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(nms, ondol::nms)
