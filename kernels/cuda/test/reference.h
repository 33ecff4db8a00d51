// docs/arithmetic.md once more, as plain loops over plain arrays: the second opinion that the emulated kernels are
// compared with. Written from that page and from nothing else; slow on purpose.
#ifndef ONDOL_CUDA_TEST_REFERENCE_H
#define ONDOL_CUDA_TEST_REFERENCE_H

#include <cmath>
#include <functional>
#include <vector>

#include "ondol.h"

namespace reference {

float exp2w(float x);
float activation(int64_t which, float x);

struct Sum16 {
  float partial[16] = {};

  void add(int64_t i, float x) { partial[i % 16] = partial[i % 16] + x; }
  void fma(int64_t i, float a, float b) { partial[i % 16] = std::fma(a, b, partial[i % 16]); }
  float total() const;
};

float gemm_element(const ondol_gemm_args& args, const int64_t (&batch)[ONDOL_BATCH_RANK], int64_t i, int64_t j);

void attention(const ondol_attention_args& args);
void attention_backward(const ondol_attention_backward_args& args);

// In conv_reference.cpp. They read the plain weight only.
void conv(const ondol_conv_args& args);
void deconv(const ondol_conv_args& args);
void convweight(const ondol_convweight_args& args);

// The chain of every output of a conv or deconv, without bias and what follows.
struct Step {
  float x, w;
};
using VisitChain = std::function<void(int64_t n, int64_t o, int64_t pixel, const std::vector<Step>& chain)>;
// And those of every live weight's gradient, x and dy, image by image.
using VisitWeight = std::function<void(int64_t element, const std::vector<Step>& chain)>;
void each_weight(const ondol_convweight_args& args, const VisitWeight& visit);
void each_chain(const ondol_conv_args& args, bool transposed, const VisitChain& visit);

}  // namespace reference

#endif
