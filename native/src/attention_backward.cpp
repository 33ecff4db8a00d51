#include "attention/backward.h"

#include "attention_check.h"
#include "stem.h"

namespace ondol {
namespace {

using namespace attention_check;

typedef ondol_attention_backward_args Args;

// A gradient that is wanted overlaps nothing that is read, and no other gradient.
bool gradients(const Operand* written, int64_t count, const Operand* read, int64_t inputs, Check& check) {
  for (int64_t w = 0; w < count; w++) {
    if (written[w].data == nullptr) continue;
    if (!written[w].writable(check)) return false;
    for (int64_t r = 0; r < inputs; r++) {
      if (!written[w].apart(read[r], check)) return false;
    }
    for (int64_t other = 0; other < w; other++) {
      if (written[other].data != nullptr && !written[w].apart(written[other], check)) return false;
    }
  }
  return true;
}

bool lse(const ondol_attention_args& a, const Operands& o, Check& check) {
  const int64_t size[3] = {o.items, a.heads, o.q_rows};
  return o.out.empty() || (check.given("lse", a.lse) && check.strides("lse_stride", size, a.lse_stride, 3));
}

// dbias has the bias's shape: its elements are distinct but for broadcast dimensions, and those are the bias's.
bool dbias(const Args& args, Check& check) {
  const ondol_attention_args& a = args.forward;
  if (args.dbias == nullptr) return true;
  if (a.bias == nullptr) return check.fail("dbias = %p: expected null where bias is", (const void*)args.dbias);
  const int64_t full[4] = {a.batch, a.heads, a.q_len, a.kv_len};
  int64_t size[4];
  for (int64_t d = 0; d < 4; d++) {
    size[d] = args.dbias_stride[d] == 0 ? 1 : full[d];
    if (full[d] > 1 && (args.dbias_stride[d] == 0) != (a.bias_stride[d] == 0)) {
      return check.fail("dbias_stride[%lld] = %lld: expected 0 exactly where bias_stride is", (long long)d,
                        (long long)args.dbias_stride[d]);
    }
  }
  return check.distinct("dbias_stride", size, args.dbias_stride, 4);
}

bool valid(const Args& args, Check& check) {
  const ondol_attention_args& a = args.forward;
  if (!options(a, check)) return false;
  if (a.pages != nullptr) return check.fail("pages = %p: expected null for a gradient", (const void*)a.pages);
  const Operands o(a);
  const Operand dout("dout", "dout_stride", args.dout, args.dout_stride, o.items, a.heads, o.q_rows, a.value_dim);
  const Operand read[] = {o.q, o.k, o.v, o.out, dout};
  for (const Operand& operand : read) {
    if (!operand.readable(check)) return false;
  }
  const Operand written[] = {
      {"dq", "dq_stride", args.dq, args.dq_stride, o.items, a.heads, o.q_rows, a.head_dim},
      {"dk", "dk_stride", args.dk, args.dk_stride, o.items, a.kv_heads, o.kv_rows, a.head_dim},
      {"dv", "dv_stride", args.dv, args.dv_stride, o.items, a.kv_heads, o.kv_rows, a.value_dim},
  };
  return lse(a, o, check) && gradients(written, 3, read, 5, check) && score_strides(a, check) && dbias(args, check);
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&attention_backward_##variant, )
#include "attention/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> attention_backward(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(attention_backward, ondol::attention_backward)
