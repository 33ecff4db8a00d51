#include "winograd/winograd.h"

#include "conv_check.h"
#include "stem.h"

namespace ondol {
namespace {

typedef ondol_winograd_args Args;

bool valid(const Args& a, Check& check) {
  if (!valid_conv(a, false, check)) return false;
  if (a.kernel_h != 3 || a.kernel_w != 3 || a.stride_h != 1 || a.stride_w != 1 || a.dilation_h != 1 || a.dilation_w != 1 ||
      a.groups != 1 || a.classes != 0) {
    return check.fail("kernel, stride, dilation, groups, classes: expected 3 x 3, 1, 1, 1 and no mask");
  }
  if (a.begin_h != 0 || a.end_h != a.y_height || a.begin_w != 0 || a.end_w != a.y_width) {
    return check.fail("begin and end: expected all of y");
  }
  if (a.batch == 0) return true;
  const ConvMap y("y", a.y, a.batch, a.y_channels, a.y_height * a.y_width, a.y_batch, a.y_channel);
  return check.given("packed", a.packed) &&
         y.apart(check, "packed", a.packed, 36 * ((a.y_channels + 15) / 16 * 16) * a.x_channels);
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&winograd_##variant, )
#include "winograd/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> winograd(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(winograd, ondol::winograd)
