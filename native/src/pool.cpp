#include "conv_check.h"
#include "pool/pool.h"
#include "pool_check.h"
#include "stem.h"

namespace ondol {
namespace {

typedef ondol_pool_args Args;

bool valid(const Args& a, Check& check) {
  if (!valid_pool_shape(a, check)) return false;
  if (a.indices != nullptr && a.op != ONDOL_POOL_MAX) return check.fail("indices = %p: expected null for averages", (void*)a.indices);
  if (a.indices != nullptr && !pool_plane_fits("x_height * x_width", a.x_height * a.x_width, check)) return false;
  if (a.batch == 0 || a.channels == 0) return true;
  const ConvMap x("x", a.x, a.batch, a.channels, a.x_height * a.x_width, a.x_batch, a.x_channel);
  const ConvMap y("y", a.y, a.batch, a.channels, a.y_height * a.y_width, a.y_batch, a.y_channel);
  if (!y.valid(check, true) || !x.valid(check, false) || !y.apart(check, x)) return false;
  const float* indices = reinterpret_cast<const float*>(a.indices);
  const int64_t count = a.batch * a.channels * a.y_height * a.y_width;
  return indices == nullptr || (x.apart(check, "indices", indices, count) && y.apart(check, "indices", indices, count));
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&pool_##variant, )
#include "pool/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> pool(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(pool, ondol::pool)
