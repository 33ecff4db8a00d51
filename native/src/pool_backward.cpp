#include "conv_check.h"
#include "pool/pool.h"
#include "pool_check.h"
#include "stem.h"

namespace ondol {
namespace {

typedef ondol_pool_backward_args Args;

bool valid(const Args& args, Check& check) {
  const ondol_pool_args& a = args.forward;
  if (!valid_pool_shape(a, check)) return false;
  if (a.op == ONDOL_POOL_MAX && !pool_plane_fits("x_height * x_width", a.x_height * a.x_width, check)) return false;
  if (a.batch == 0 || a.channels == 0) return true;
  if (a.op == ONDOL_POOL_MAX && !check.given("indices", a.indices)) return false;
  const ConvMap dy("dy", args.dy, a.batch, a.channels, a.y_height * a.y_width, args.dy_batch, args.dy_channel);
  const ConvMap dx("dx", args.dx, a.batch, a.channels, a.x_height * a.x_width, args.dx_batch, args.dx_channel);
  if (!dx.valid(check, true) || !dy.valid(check, false) || !dx.apart(check, dy)) return false;
  const float* indices = reinterpret_cast<const float*>(a.indices);
  return a.op != ONDOL_POOL_MAX || dx.apart(check, "indices", indices, a.batch * a.channels * a.y_height * a.y_width);
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&pool_backward_##variant, )
#include "pool/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> pool_backward(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(pool_backward, ondol::pool_backward)
