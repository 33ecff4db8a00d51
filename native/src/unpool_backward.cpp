#include "conv_check.h"
#include "pool/pool.h"
#include "pool_check.h"
#include "stem.h"

namespace ondol {
namespace {

typedef ondol_unpool_backward_args Args;

bool valid(const Args& a, Check& check) {
  if (!valid_unpool_shape(a.batch, a.channels, a.x_plane, a.y_plane, check)) return false;
  if (a.batch == 0 || a.channels == 0) return true;
  const ConvMap dy("dy", a.dy, a.batch, a.channels, a.y_plane, a.dy_batch, a.dy_channel);
  const ConvMap dx("dx", a.dx, a.batch, a.channels, a.x_plane, a.dx_batch, a.dx_channel);
  const float* indices = reinterpret_cast<const float*>(a.indices);
  return dx.valid(check, true) && dy.valid(check, false) && check.given("indices", indices) && dx.apart(check, dy) &&
         dx.apart(check, "indices", indices, a.batch * a.channels * a.x_plane);
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&unpool_backward_##variant, )
#include "pool/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> unpool_backward(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(unpool_backward, ondol::unpool_backward)
