#include "embedding/embedding.h"
#include "stem.h"

namespace ondol {
namespace {

typedef ondol_embedding_args Args;

bool valid(const Args& a, Check& check) {
  if (!check.matrix("[count, width]", a.count, a.width)) return false;
  if (!check.matrix("[vocabulary, width]", a.vocabulary, a.width)) return false;
  if (a.id_bytes != 4 && a.id_bytes != 8) {
    return check.fail("id_bytes = %lld: expected 4 or 8", (long long)a.id_bytes);
  }
  if (a.count == 0 || a.width == 0) return true;
  if (!check.row("table_row", a.table_row, a.vocabulary, a.width, false) ||
      !check.row("out_row", a.out_row, a.count, a.width, true)) {
    return false;
  }
  if (!check.given("ids", a.ids) || !check.given("out", a.out)) return false;
  if (a.vocabulary == 0) return true;
  const int64_t out = (a.count - 1) * a.out_row + a.width, table = (a.vocabulary - 1) * a.table_row + a.width;
  return check.given("table", a.table) && check.apart("out", a.out, out, "table", a.table, table, false);
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&embedding_##variant, )
#include "embedding/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> embedding(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(embedding, ondol::embedding)
