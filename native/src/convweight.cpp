#include "conv/conv.h"
#include "conv_check.h"
#include "stem.h"

namespace ondol {
namespace {

typedef ondol_convweight_args Args;

bool valid(const Args& args, Check& check) {
  const ondol_conv_args& a = args.forward;
  if (!valid_conv_shape(a, false, check)) return false;
  if (a.begin_h != 0 || a.end_h != a.y_height || a.begin_w != 0 || a.end_w != a.y_width) {
    return check.fail("begin and end = %lld to %lld, %lld to %lld: expected all of y", (long long)a.begin_h, (long long)a.end_h,
                      (long long)a.begin_w, (long long)a.end_w);
  }
  const int64_t floats = a.y_channels * (a.x_channels / a.groups) * a.kernel_h * a.kernel_w;
  const ConvMap dw("dw", args.dw, 1, 1, floats, floats, floats);
  if (!dw.valid(check, true)) return false;
  if (a.batch == 0) return true;
  const ConvMap x("x", a.x, a.batch, a.x_channels, a.x_height * a.x_width, a.x_batch, a.x_channel);
  const ConvMap dy("dy", args.dy, a.batch, a.y_channels, a.y_height * a.y_width, args.dy_batch, args.dy_channel);
  return x.valid(check, false) && dy.valid(check, false) && dw.apart(check, x) && dw.apart(check, dy);
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&convweight_##variant, )
#include "conv/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> convweight(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(convweight, ondol::convweight)
