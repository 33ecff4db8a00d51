// The formula of each line of ops.inc, over a vector type.
#ifndef ONDOL_ELEMENTWISE_OPS_H
#define ONDOL_ELEMENTWISE_OPS_H

#include "math.h"

namespace ondol {
namespace {

template <class V>
struct ElementwiseOps {
  typedef typename V::F F;
  typedef Math<V> M;

  static ONDOL_INLINE F copy(F x, F, F) { return x; }
  static ONDOL_INLINE F neg(F x, F, F) { return V::from_bits(V::bits(x) ^ INT32_MIN); }
  static ONDOL_INLINE F abs(F x, F, F) { return V::abs(x); }
  static ONDOL_INLINE F relu(F x, F, F) { return M::relu(x); }
  static ONDOL_INLINE F gelu(F x, F, F) { return M::gelu(x); }
  static ONDOL_INLINE F gelu_tanh(F x, F, F) { return M::gelu_tanh(x); }
  static ONDOL_INLINE F sigmoid(F x, F, F) { return M::sigmoid(x); }
  static ONDOL_INLINE F tanh(F x, F, F) { return M::tanh(x); }
  static ONDOL_INLINE F silu(F x, F, F) { return M::silu(x); }
  static ONDOL_INLINE F exp(F x, F, F) { return M::exp(x); }
  static ONDOL_INLINE F log(F x, F, F) { return M::log(x); }
  static ONDOL_INLINE F sqrt(F x, F, F) { return V::sqrt(x); }
  static ONDOL_INLINE F erf(F x, F, F) { return M::erf(x); }
  static ONDOL_INLINE F square(F x, F, F) { return x * x; }
  static ONDOL_INLINE F reciprocal(F x, F, F) { return 1.0f / x; }
  static ONDOL_INLINE F scale(F x, F, F param) { return x * param; }
  static ONDOL_INLINE F shift(F x, F, F param) { return x + param; }
  static ONDOL_INLINE F fill(F, F, F param) { return param; }
  static ONDOL_INLINE F add(F x, F y, F) { return x + y; }
  static ONDOL_INLINE F sub(F x, F y, F) { return x - y; }
  static ONDOL_INLINE F mul(F x, F y, F) { return x * y; }
  static ONDOL_INLINE F div(F x, F y, F) { return x / y; }
  static ONDOL_INLINE F max(F x, F y, F) { return vmax<V>(x, y); }
  static ONDOL_INLINE F min(F x, F y, F) { return vmin<V>(x, y); }
  static ONDOL_INLINE F relu_grad(F x, F y, F) { return M::relu_grad(x, y); }
  static ONDOL_INLINE F sigmoid_grad(F x, F y, F) { return M::sigmoid_grad(x, y); }
  static ONDOL_INLINE F tanh_grad(F x, F y, F) { return M::tanh_grad(x, y); }
  static ONDOL_INLINE F silu_grad(F x, F y, F) { return M::silu_grad(x, y); }
  static ONDOL_INLINE F gelu_grad(F x, F y, F) { return M::gelu_grad(x, y); }
  static ONDOL_INLINE F gelu_tanh_grad(F x, F y, F) { return M::gelu_tanh_grad(x, y); }
  static ONDOL_INLINE F axpy(F x, F y, F param) { return V::fma(param, x, y); }
};

}  // namespace
}  // namespace ondol

#endif
