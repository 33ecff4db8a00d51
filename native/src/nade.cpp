#include "nade/nade.h"

#include "nade_check.h"
#include "stem.h"

namespace ondol {

bool valid_nade(const ondol_nade_args& a, Check& check) {
  const int64_t sizes[] = {a.variables, a.outputs, a.hidden}, results[] = {a.rows, a.variables, a.outputs};
  if (!check.sizes("[variables, outputs, hidden]", sizes, 3) || !check.sizes("[rows, variables, outputs]", results, 3) ||
      !check.matrix("[rows, variables]", a.rows, a.variables) || !check.matrix("[rows, hidden]", a.rows, a.hidden) ||
      !check.matrix("[variables, hidden]", a.variables, a.hidden)) {
    return false;
  }
  if (a.activation != ONDOL_SIGMOID && a.activation != ONDOL_RELU) {
    return check.fail("activation = %lld: expected ONDOL_RELU or ONDOL_SIGMOID", (long long)a.activation);
  }
  if (a.start_row != 0 && a.start_row != a.hidden) {
    return check.fail("start_row = %lld: expected 0 or hidden = %lld", (long long)a.start_row, (long long)a.hidden);
  }
  if (a.rows * a.hidden > 0 && !check.given("start", a.start)) return false;
  if (a.variables * a.hidden > 0 && !check.given("w", a.w)) return false;
  return a.variables * a.outputs * a.hidden == 0 || check.given("v", a.v);
}

namespace {

typedef ondol_nade_args Args;

bool apart(const Args& a, Check& check, const char* name, const float* out, int64_t floats) {
  const int64_t each = a.rows * a.variables, weights = a.variables * a.hidden;
  return check.apart(name, out, floats, "x", a.x, each, false) && check.apart(name, out, floats, "w", a.w, weights, false) &&
         check.apart(name, out, floats, "v", a.v, weights * a.outputs, false) &&
         check.apart(name, out, floats, "start", a.start, a.start_row == 0 ? a.hidden : a.rows * a.hidden, false) &&
         check.apart(name, out, floats, "bias", a.bias, a.variables * a.outputs, false) &&
         check.apart(name, out, floats, "scale", a.scale, a.variables, false) &&
         check.apart(name, out, floats, "uniform", a.uniform, each, false) &&
         check.apart(name, out, floats, "given", a.given, each, false);
}

bool valid_sampling(const Args& a, Check& check) {
  if (a.uniform == nullptr) return a.sample == nullptr || check.fail("sample: expected null where uniform is");
  if (a.outputs != 1) return check.fail("outputs = %lld: expected 1 where x is drawn", (long long)a.outputs);
  if (a.known != nullptr && !check.given("given", a.given)) return false;
  return check.given("sample", a.sample) && apart(a, check, "sample", a.sample, a.rows * a.variables) &&
         check.apart("sample", a.sample, a.rows * a.variables, "y", a.y, a.rows * a.variables, false);
}

bool valid(const Args& a, Check& check) {
  if (!valid_nade(a, check)) return false;
  const int64_t each = a.rows * a.variables, results = each * a.outputs;
  if (each > 0 && a.uniform == nullptr && !check.given("x", a.x)) return false;
  if (results > 0 && !check.given("y", a.y)) return false;
  if (each > 0 && !valid_sampling(a, check)) return false;
  return apart(a, check, "y", a.y, results) && apart(a, check, "state", a.state, a.rows * a.hidden) &&
         check.apart("state", a.state, a.rows * a.hidden, "y", a.y, results, false);
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&nade_##variant, )
#include "nade/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> nade(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(nade, ondol::nade)
