#include "conv_check.h"
#include "pool/pool.h"
#include "pool_check.h"
#include "stem.h"

namespace ondol {
namespace {

typedef ondol_unpool_args Args;

bool valid(const Args& a, Check& check) {
  if (!valid_unpool_shape(a.batch, a.channels, a.x_plane, a.y_plane, check)) return false;
  if (a.batch == 0 || a.channels == 0) return true;
  const ConvMap x("x", a.x, a.batch, a.channels, a.x_plane, a.x_batch, a.x_channel);
  const ConvMap y("y", a.y, a.batch, a.channels, a.y_plane, a.y_batch, a.y_channel);
  const float* indices = reinterpret_cast<const float*>(a.indices);
  return y.valid(check, true) && x.valid(check, false) && check.given("indices", indices) && y.apart(check, x) &&
         y.apart(check, "indices", indices, a.batch * a.channels * a.x_plane);
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&unpool_##variant, )
#include "pool/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> unpool(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(unpool, ondol::unpool)
