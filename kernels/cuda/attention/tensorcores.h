// The attention kernels of lower precision, as attention.cu calls them.
#ifndef ONDOL_CUDA_ATTENTION_TENSORCORES_H
#define ONDOL_CUDA_ATTENTION_TENSORCORES_H

#include "problem.cuh"

namespace ondol::cuda {

// hopper.cu: whether this call is one for it, on a device that has the units; and the call.
bool hopper_takes(const ondol_attention_args& args);
void launch_hopper(Launcher& launcher, const Problem& problem);

// Whether a call has more than lengths and windows, and whether the kernels below know its sizes; if not, the launcher
// fails.
inline bool needs_options(const ondol_attention_args& args) {
  return args.mask != nullptr || args.bias != nullptr || args.alibi != nullptr || args.softcap != 0 ||
         args.dropout > 0 || !(args.scale > 0);
}

inline bool narrow_takes(Launcher& launcher, const ondol_attention_args& args) {
  constexpr int64_t WIDEST = 256;
  if (args.head_dim <= WIDEST && args.value_dim <= WIDEST) return true;
  launcher.fail(ONDOL_UNSUPPORTED, "head_dim = %lld, value_dim = %lld: expected at most %lld in this precision",
                static_cast<long long>(args.head_dim), static_cast<long long>(args.value_dim),
                static_cast<long long>(WIDEST));
  return false;
}

// mma.cu: the items that stay whole, those whose keys are split, or both.
int64_t mma_workspace(const ondol_attention_args& args);
void launch_mma(Launcher& launcher, const Problem& problem, bool whole, bool split, float* states);

// mma_backward.cu: what the rows bring, which comes first, and the gradients from it; hopper_backward.cu: the latter, for
// some calls.
struct Gradient;
void launch_rows(Launcher& launcher, const Gradient& problem);
void launch_mma_gradient(Launcher& launcher, const Gradient& problem);
void launch_mma_bias_gradient(Launcher& launcher, const Gradient& problem);  // mma_bias.cu
bool hopper_takes_gradient(const ondol_attention_backward_args& args);
void launch_hopper_gradient(Launcher& launcher, const Gradient& problem);

}  // namespace ondol::cuda

#endif
