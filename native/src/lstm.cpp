#include "lstm/lstm.h"

#include "lstm_check.h"
#include "stem.h"

namespace ondol {
namespace {

typedef ondol_lstm_args Args;

bool operands(const Args& a, Check& check) {
  const int64_t rows[] = {a.steps, a.sequences, a.positions};
  const int64_t around[] = {a.sequences, a.positions + (a.halo ? a.taps - 1 : 0)};
  if (!check.given("x", a.x) || !check.given("weight", a.weight) || !check.given("h", a.h) ||
      !check.strides("x_stride", rows, a.x_stride, 3) || !check.distinct("h_stride", rows, a.h_stride, 3)) {
    return false;
  }
  if (a.halo && !check.given("h0", a.h0)) return false;
  if (a.h0 != nullptr && !check.strides("h0_stride", around, a.h0_stride, 2)) return false;
  if (a.c0 != nullptr && !check.strides("c0_stride", rows + 1, a.c0_stride, 2)) return false;
  if (a.c != nullptr && !check.distinct("c_stride", rows + 1, a.c_stride, 2)) return false;
  if ((a.gates == nullptr) != (a.cells == nullptr)) {
    return check.fail("cells = %p: expected null exactly where gates = %p is", (const void*)a.cells,
                      (const void*)a.gates);
  }
  return true;
}

// The runs of memory that hold an output and each dense input. Slices of one state, which may interleave, are the
// caller's care.
bool apart(const Args& a, Check& check) {
  const int64_t rows[] = {a.steps, a.sequences, a.positions};
  const Extent h = extent(rows, a.h_stride, 3);
  const int64_t floats = h.high - h.low + a.hidden, weights = a.taps * a.hidden * 4 * a.hidden;
  return check.apart("h", a.h + h.low, floats, "weight", a.weight, weights, false) &&
         check.apart("h", a.h + h.low, floats, "bias", a.bias, 4 * a.hidden, false);
}

bool valid(const Args& a, Check& check) {
  if (!check_lstm_sizes(a, check) || !check.flag("halo", a.halo)) return false;
  if (a.halo && a.steps > 1) return check.fail("halo = 1: expected one step, not %lld", (long long)a.steps);
  if (a.steps == 0 || a.sequences == 0 || a.positions == 0) return true;
  return operands(a, check) && apart(a, check);
}

const Kernel<Args>* const variants[] = {
#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(&lstm_##variant, )
#include "lstm/variants.inc"
#undef ONDOL_VARIANT
};

constexpr Stem<Args> lstm(variants, valid);

}  // namespace
}  // namespace ondol

ONDOL_DEFINE_STEM(lstm, ondol::lstm)
