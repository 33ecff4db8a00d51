#include "cast/cast.h"

#include "stem.h"

namespace ondol {
namespace {

typedef ondol_cast_args Args;

int64_t size_of(int64_t type) { return type == ONDOL_TYPE_FLOAT32 ? 4 : 2; }

// Bytes of the addresses between an operand's first and last element.
struct Range {
  const char* begin;
  const char* end;
};

Range range(const void* p, int64_t bytes, const Args& a, const int64_t* strides) {
  const Extent e = extent(a.shape, strides, a.rank);
  return {(const char*)p + e.low * bytes, (const char*)p + (e.high + 1) * bytes};
}

bool valid(const Args& a, Check& check) {
  if (!check.between("from", a.from, ONDOL_TYPE_FLOAT32, ONDOL_TYPE_FLOAT16) ||
      !check.between("to", a.to, ONDOL_TYPE_FLOAT32, ONDOL_TYPE_FLOAT16) ||
      !check.between("rank", a.rank, 0, ONDOL_MAX_RANK) || !check.sizes("shape", a.shape, a.rank)) {
    return false;
  }
  int64_t elements = 1;
  for (int64_t d = 0; d < a.rank; d++) elements *= a.shape[d];
  if (elements == 0) return true;
  if (!check.given("x", a.x) || !check.strides("x_stride", a.shape, a.x_stride, a.rank) || !check.given("y", a.y) ||
      !check.distinct("y_stride", a.shape, a.y_stride, a.rank)) {
    return false;
  }
  const Range x = range(a.x, size_of(a.from), a, a.x_stride), y = range(a.y, size_of(a.to), a, a.y_stride);
  return x.end <= y.begin || y.end <= x.begin ||
         check.fail("y = %p: expected memory of its own, not within that of x = %p", (const void*)a.y, a.x);
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&cast_##variant, )
#include "cast/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> cast(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(cast, ondol::cast)
