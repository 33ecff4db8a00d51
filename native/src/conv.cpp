#include "conv_check.h"
#include "conv/conv.h"
#include "conv/filters.h"
#include "stem.h"

namespace ondol {
namespace {

typedef ondol_conv_args Args;

bool valid(const Args& a, Check& check) { return valid_conv(a, false, check); }

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&conv_##variant, )
#include "conv/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> conv(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(conv, ondol::conv)

int64_t ondol_conv_packed_size(const ondol_conv_args* args, int64_t) { return ondol::Panels16::floats(*args); }

void ondol_conv_pack(const ondol_conv_args* args, int64_t transposed, float* packed) {
  for (int64_t i = 0; i < ondol::Panels16::count(*args); i++) ondol::pack_panel(*args, transposed != 0, i, packed);
}
