// Attention as plain loops over operands of 16 bits: in float64, the oracle, and as a naive kernel of that precision
// would do it, with float32 sums, weights rounded to the type and the result rounded, whose error is the measure of
// others.
#ifndef ONDOL_CUDA_TEST_NARROW_REFERENCE_H
#define ONDOL_CUDA_TEST_NARROW_REFERENCE_H

#include <cmath>
#include <vector>

#include "ondol.h"

namespace reference {

uint16_t to_narrow(double x, bool bfloat16);
double from_narrow(uint16_t x, bool bfloat16);

// Of the stored layout of out, lse and the gradients; what no row or key of the call owns stays NaN.
struct NarrowResult {
  std::vector<double> out, lse, dq, dk, dv, dbias;
};

// `rounded` is the naive kernel. With `backward` the gradients too, of args.dout; that of the bias, which stays float32,
// where there is one, stored like it.
NarrowResult narrow_attention(const ondol_attention_backward_args& args, bool rounded, bool backward);

}  // namespace reference

#endif
