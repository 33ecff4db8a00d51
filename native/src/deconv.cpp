#include "conv_check.h"
#include "conv/conv.h"
#include "stem.h"

namespace ondol {
namespace {

typedef ondol_deconv_args Args;

bool valid(const Args& a, Check& check) { return valid_conv(a, true, check); }

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&deconv_##variant, )
#include "conv/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> deconv(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(deconv, ondol::deconv)
