#include "elementwise/elementwise.h"

#include "stem.h"

namespace ondol {
namespace {

typedef ondol_elementwise_args Args;

const int64_t arity_of[] = {
#define ONDOL_OP(name, arity) arity,
#include "elementwise/ops.inc"
#undef ONDOL_OP
};
constexpr int64_t op_count = sizeof arity_of / sizeof *arity_of;

bool same_steps(const Args& a, const int64_t* strides) {
  for (int64_t d = 0; d < a.rank; d++) {
    if (a.shape[d] > 1 && strides[d] != a.out_stride[d]) return false;
  }
  return true;
}

// Whether an operand fills its extent without a gap, so that overlapping extents mean overlapping elements.
bool dense(const Extent& e, int64_t elements) {
  return e.high - e.low + 1 <= elements;
}

bool check_input(const Args& a, Check& check, const char* name, const float* in, const char* stride_name,
                 const int64_t* strides, int64_t elements) {
  if (!check.given(name, in) || !check.strides(stride_name, a.shape, strides, a.rank)) return false;
  if (in == a.out) {
    return same_steps(a, strides) ||
           check.fail("out = %s = %p: expected equal strides where they are the same", name, (const void*)in);
  }
  const Extent from = extent(a.shape, strides, a.rank), to = extent(a.shape, a.out_stride, a.rank);
  if (!dense(to, elements) || !dense(from, elements)) return true;  // columns of one matrix may interleave
  return check.apart("out", a.out + to.low, to.high - to.low + 1, name, in + from.low, from.high - from.low + 1, false);
}

bool valid(const Args& a, Check& check) {
  if (!check.between("op", a.op, 0, op_count - 1) || !check.between("rank", a.rank, 0, ONDOL_MAX_RANK)) return false;
  if (!check.sizes("shape", a.shape, a.rank)) return false;
  int64_t elements = 1;
  for (int64_t d = 0; d < a.rank; d++) elements *= a.shape[d];
  if (elements == 0) return true;
  if (!check.given("out", a.out) || !check.distinct("out_stride", a.shape, a.out_stride, a.rank)) return false;
  const int64_t arity = arity_of[a.op];
  if (arity > 0 && !check_input(a, check, "x", a.x, "x_stride", a.x_stride, elements)) return false;
  if (arity > 1 && !check_input(a, check, "y", a.y, "y_stride", a.y_stride, elements)) return false;
  return true;
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&elementwise_##variant, )
#include "elementwise/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> elementwise(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(elementwise, ondol::elementwise)
