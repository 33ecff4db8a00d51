#include "lstm/lstm.h"

#include "lstm_check.h"
#include "stem.h"

namespace ondol {
namespace {

typedef ondol_lstm_backward_args Args;

bool valid(const Args& a, Check& check) {
  if (!check_lstm_sizes(a, check)) return false;
  if (a.steps == 0 || a.sequences == 0 || a.positions == 0) return true;
  if (!check.given("weight", a.weight) || !check.given("gates", a.gates) || !check.given("cells", a.cells) ||
      !check.given("dh", a.dh) || !check.given("dx", a.dx)) {
    return false;
  }
  const int64_t state = a.sequences * a.positions * a.hidden, all = a.steps * state;
  return check.apart("dx", a.dx, 4 * all, "gates", a.gates, 4 * all, false) &&
         check.apart("dx", a.dx, 4 * all, "cells", a.cells, all, false) &&
         check.apart("dx", a.dx, 4 * all, "dh", a.dh, all, false) &&
         check.apart("dx", a.dx, 4 * all, "weight", a.weight, a.taps * a.hidden * 4 * a.hidden, false) &&
         check.apart("dh0", a.dh0, state, "dx", a.dx, 4 * all, false) &&
         check.apart("dc0", a.dc0, state, "dx", a.dx, 4 * all, false) &&
         check.apart("dc0", a.dc0, state, "dh0", a.dh0, state, false);
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&lstm_backward_##variant, )
#include "lstm/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> lstm_backward(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(lstm_backward, ondol::lstm_backward)
