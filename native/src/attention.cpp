#include "attention/attention.h"

#include "attention_check.h"
#include "stem.h"

namespace ondol {
namespace {

using namespace attention_check;

typedef ondol_attention_args Args;

bool operands(const Args& a, Check& check) {
  const Operands o(a);
  if (!o.q.readable(check) || !o.k.readable(check) || !o.v.readable(check) || !o.out.writable(check)) return false;
  if (!o.out.apart(o.q, check) || !o.out.apart(o.k, check) || !o.out.apart(o.v, check)) return false;
  if (a.lse != nullptr) {
    const int64_t size[3] = {o.items, a.heads, o.q_rows};
    if (!check.distinct("lse_stride", size, a.lse_stride, 3)) return false;
  }
  return score_strides(a, check);
}

bool valid(const Args& a, Check& check) {
  return options(a, check) && operands(a, check);
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&attention_##variant, )
#include "attention/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> attention(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(attention, ondol::attention)
