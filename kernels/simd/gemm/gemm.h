// gemm: C[b,i,j] = act(alpha * sum_k A[b,i,k] B[b,k,j] + bias[j]) + residual[b,i,j]
//
// A and B have any strides, C and the residual unit column stride; C may be exactly the residual. Each sum is one chain
// of fused multiply-adds over ascending k, so blocks over m, n and k, which this folder chooses, change no bit.
//
//   blocking.h   what a call is cut into: a pure function of the arguments and the thread count
//   tile.h       the register tile, the only loop that computes
//   panels.h     A and B brought into the order in which the tile reads them
//   finish.h     alpha, bias, activation, residual
#ifndef ONDOL_GEMM_H
#define ONDOL_GEMM_H

#include "kernel.h"

namespace ondol {

#define ONDOL_VARIANT(variant, set) ONDOL_HAVE_##set(extern const Kernel<ondol_gemm_args> gemm_##variant;)
#include "gemm/variants.inc"
#undef ONDOL_VARIANT

}  // namespace ondol

#endif
