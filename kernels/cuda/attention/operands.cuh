// Operands of attention as tensor copies read them, for the kernels of sm_90a.
#ifndef ONDOL_CUDA_ATTENTION_OPERANDS_CUH
#define ONDOL_CUDA_ATTENTION_OPERANDS_CUH

#include "../common/hopper.cuh"
#include "narrow.cuh"

namespace ondol::cuda {

// An operand of positions of one head. Its second index counts positions up to `longest`, the third is added to it less
// `longest`: a box that begins `longest` - n positions into the second, with the end of an item of n positions as the
// third, is cut off exactly at that end.
inline TensorShape shape_of(const float* data, const int64_t (&stride)[3], int64_t width, int64_t longest,
                            int64_t heads, int64_t batch, int box) {
  uint64_t base = reinterpret_cast<uintptr_t>(data) - static_cast<uint64_t>(longest * stride[2] * 2);
  constexpr int64_t ANY = 8;  // the stride of a dimension with one index
  return {reinterpret_cast<const void*>(base),
          {width, longest, INT32_MAX, heads, batch},
          {1, stride[2], stride[2], heads > 1 ? stride[1] : ANY, batch > 1 ? stride[0] : ANY},
          {PANEL, box, 1, 1, 1}};
}

#ifdef ONDOL_HOPPER

// Positions [first, first + box) of an item of `count`, whose own begin at `start`, into panels that `full` waits for.
template <int PANELS, int ELEMENTS>
ONDOL_DEVICE void copy_positions(const TensorMap& map, Barrier& full, uint16_t (&panels)[PANELS][ELEMENTS],
                                 int64_t longest, int64_t count, int64_t start, int64_t first, int64_t head,
                                 int64_t batch) {
  int inside = static_cast<int>(longest - count + first);
  int end = static_cast<int>(start + count);
#pragma unroll 1
  for (int p = 0; p < PANELS; ++p) {
    tensor_copy(map, full, panels[p], p * PANEL, inside, end, static_cast<int>(head), static_cast<int>(batch));
  }
}

#endif

}  // namespace ondol::cuda

#endif
