#include "nade/nade.h"
#include "nade_check.h"
#include "stem.h"

namespace ondol {
namespace {

typedef ondol_nade_backward_args Args;

struct Range {
  const char* name;
  const float* data;
  int64_t floats;
};

bool valid(const Args& a, Check& check) {
  const ondol_nade_args& f = a.forward;
  if (!valid_nade(f, check)) return false;
  const int64_t each = f.rows * f.variables, weights = f.variables * f.hidden;
  if (f.outputs < 1) return check.at_least("outputs", f.outputs, 1);
  if (each > 0 && (!check.given("x", f.x) || !check.given("dy", a.dy))) return false;
  const int64_t start = f.start_row == 0 ? f.hidden : f.rows * f.hidden;
  const Range in[] = {{"x", f.x, each},           {"w", f.w, weights},    {"v", f.v, weights * f.outputs},
                      {"scale", f.scale, f.variables}, {"start", f.start, start}, {"dy", a.dy, each * f.outputs},
                      {"dstate", a.dstate, f.rows * f.hidden}};
  const Range out[] = {{"dx", a.dx, each},
                       {"dscale", a.dscale, each},
                       {"dw", a.dw, weights},
                       {"dv", a.dv, weights * f.outputs},
                       {"dstart", a.dstart, start}};
  for (const Range& o : out) {
    for (const Range& i : in) {
      if (!check.apart(o.name, o.data, o.floats, i.name, i.data, i.floats, false)) return false;
    }
    for (const Range* other = out; other != &o; other++) {
      if (!check.apart(o.name, o.data, o.floats, other->name, other->data, other->floats, false)) return false;
    }
  }
  return true;
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&nade_backward_##variant, )
#include "nade/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> nade_backward(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(nade_backward, ondol::nade_backward)
