#include "embedding/embedding.h"
#include "stem.h"

namespace ondol {
namespace {

typedef ondol_embedding_backward_args Args;

bool valid(const Args& a, Check& check) {
  if (!check.matrix("[count, width]", a.count, a.width)) return false;
  if (!check.matrix("[vocabulary, width]", a.vocabulary, a.width)) return false;
  if (a.id_bytes != 4 && a.id_bytes != 8) {
    return check.fail("id_bytes = %lld: expected 4 or 8", (long long)a.id_bytes);
  }
  if (a.vocabulary == 0 || a.width == 0) return true;
  if (!check.row("table_row", a.table_row, a.vocabulary, a.width, true) ||
      !check.row("out_row", a.out_row, a.count, a.width, false) || !check.given("dtable", a.dtable)) {
    return false;
  }
  if (a.count == 0) return true;
  const int64_t dout = (a.count - 1) * a.out_row + a.width, dtable = (a.vocabulary - 1) * a.table_row + a.width;
  return check.given("ids", a.ids) && check.given("dout", a.dout) &&
         check.apart("dtable", a.dtable, dtable, "dout", a.dout, dout, false);
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&embedding_backward_##variant, )
#include "embedding/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> embedding_backward(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(embedding_backward, ondol::embedding_backward)
