// What the forward pass and the gradient of nade share: one hidden unit.
#ifndef ONDOL_CUDA_NADE_UNITS_CUH
#define ONDOL_CUDA_NADE_UNITS_CUH

#include "../common/math.cuh"

namespace ondol::cuda {

ONDOL_DEVICE float nade_unit(const ondol_nade_args& args, int64_t d, float a) {
  float z = args.scale != nullptr ? mul(a, args.scale[d]) : a;
  return args.activation == ONDOL_RELU ? relu(z) : sigmoid(z);
}

// Whether units change from variable d - 1 to d although a does not: by bits, as relu tells -0 from +0.
ONDOL_DEVICE bool nade_rescaled(const ondol_nade_args& args, int64_t d) {
  return args.scale != nullptr && __float_as_uint(args.scale[d]) != __float_as_uint(args.scale[d - 1]);
}

}  // namespace ondol::cuda

#endif
