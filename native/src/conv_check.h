// Checks that conv, deconv and convweight share.
#ifndef ONDOL_CONV_CHECK_H
#define ONDOL_CONV_CHECK_H

#include "check.h"
#include "ondol.h"

namespace ondol {

// Sizes, strides of the filters, the live entries: everything but the operands.
bool valid_conv_shape(const ondol_conv_args& a, bool transposed, Check& check);

// An operand [batch, channels, height, width] with contiguous planes.
struct ConvMap {
  const char* name;
  const float* data;
  int64_t sizes[3], strides[3];

  ConvMap(const char* name, const float* data, int64_t batch, int64_t channels, int64_t plane, int64_t batch_stride,
          int64_t channel_stride)
      : name(name), data(data), sizes{batch, channels, plane}, strides{batch_stride, channel_stride, 1} {}

  bool valid(Check& check, bool output) const;
  bool apart(Check& check, const char* other, const float* from, int64_t floats) const;
  bool apart(Check& check, const ConvMap& other) const;
};

bool valid_conv(const ondol_conv_args& a, bool transposed, Check& check);

}  // namespace ondol

#endif
