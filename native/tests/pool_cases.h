// Poolings with windows of every kind, for the tests of the CPU and the CUDA kernels.
#ifndef ONDOL_POOL_CASES_H
#define ONDOL_POOL_CASES_H

#include "testing.h"

namespace testing {

struct PoolAxisCase {
  int64_t in, kernel, stride, dilation, begin, end, out;
};

// Adaptive ones have kernel 0. Lines of a kernel hold 4096 columns: some windows are wider, some rows longer.
inline const PoolAxisCase pool_axes[] = {
    {1, 1, 1, 1, 0, 0, 1},       {7, 3, 2, 1, 1, 1, 4},     {16, 2, 2, 1, 0, 0, 8},     {33, 3, 1, 1, 1, 1, 33},
    {40, 3, 2, 1, 1, 0, 20},     {21, 5, 3, 2, 4, 4, 7},    {50, 4, 1, 3, 2, 7, 50},    {15, 2, 1, 1, 0, 0, 14},
    {70, 3, 2, 1, 1, 1, 35},     {13, 2, 4, 1, 0, 2, 4},    {9, 0, 0, 0, 0, 0, 1},      {37, 0, 0, 0, 0, 0, 5},
    {6, 0, 0, 0, 0, 0, 11},      {11, 3, 11, 4, 3, 1, 1}};
inline const PoolAxisCase pool_long_axes[] = {{9001, 3, 2, 1, 1, 1, 4501},  {5003, 2, 1, 1, 0, 0, 5002},
                                              {12007, 4500, 999, 2, 7, 9, 4}, {9000, 0, 0, 0, 0, 0, 2},
                                              {6000, 0, 0, 0, 0, 0, 300}};

// Everything but the operands of a pooling over an axis of each.
inline ondol_pool_args pool_case(int64_t op, int64_t batch, int64_t channels, const PoolAxisCase& h, const PoolAxisCase& w,
                                 bool count_pad) {
  ondol_pool_args a = {};
  a.op = op;
  a.batch = batch;
  a.channels = channels;
  a.x_height = h.in, a.x_width = w.in, a.y_height = h.out, a.y_width = w.out;
  a.kernel_h = h.kernel, a.kernel_w = w.kernel, a.stride_h = h.stride, a.stride_w = w.stride;
  a.dilation_h = h.dilation, a.dilation_w = w.dilation, a.pad_top = h.begin, a.pad_left = w.begin;
  a.pad_bottom = h.end, a.pad_right = w.end;
  a.count_pad = count_pad;
  return a;
}

// Calls visit(h, w) for the pairs of axes of one kind.
template <class Visit>
void each_pool_shape(Visit visit) {
  for (const PoolAxisCase& w : pool_axes) {
    for (const PoolAxisCase& h : pool_axes) {
      if ((h.kernel == 0) == (w.kernel == 0)) visit(h, w);
    }
  }
}

}  // namespace testing

#endif
