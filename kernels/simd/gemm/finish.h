// What happens to a tile of finished sums: times alpha, plus bias, activation, plus residual, each rounded, into C.
#ifndef ONDOL_GEMM_FINISH_H
#define ONDOL_GEMM_FINISH_H

#include "gemm/tile.h"
#include "math.h"

namespace ondol {
namespace {

template <class V>
class Finish {
  typedef typename V::F F;

 public:
  // A tile: `columns` of its `width` columns exist. bias and residual are null where there is none; residual may be c.
  struct Target {
    int64_t rows, width, columns;
    float* c;
    int64_t c_row;
    const float* residual;
    int64_t residual_row;
    const float* bias;
    float alpha;
  };

  typedef void (*Function)(const float* acc, const Target& to);

  static Function function(int64_t activation) { return FUNCTIONS[activation]; }

 private:
  template <F (*activation)(F)>
  static void store(const float* acc, const Target& to) {
    const bool scaled = to.alpha != 1.0f;
    const F alpha = V::set(to.alpha);
    for (int64_t i = 0; i < to.rows; i++, acc += to.width) {
      float* c = to.c + i * to.c_row;
      const float* residual = to.residual != nullptr ? to.residual + i * to.residual_row : nullptr;
      for (int64_t j = 0; j < to.columns; j += V::lanes) {
        const int64_t count = min_of<int64_t>(V::lanes, to.columns - j);
        const bool full = count == V::lanes;
        F x = V::load(acc + j);
        if (scaled) x = x * alpha;
        if (to.bias != nullptr) x = x + (full ? V::load(to.bias + j) : V::load(to.bias + j, count));
        x = activation(x);
        if (residual != nullptr) x = x + (full ? V::load(residual + j) : V::load(residual + j, count));
        if (full) {
          V::store(c + j, x);
        } else {
          V::store(c + j, x, count);
        }
      }
    }
  }

  static ONDOL_INLINE F identity(F x) { return x; }

  // In the order of ondol_activation.
  static constexpr Function FUNCTIONS[] = {&store<identity>,           &store<Math<V>::relu>,    &store<Math<V>::gelu>,
                                           &store<Math<V>::gelu_tanh>, &store<Math<V>::sigmoid>, &store<Math<V>::tanh>,
                                           &store<Math<V>::silu>};
};

}  // namespace
}  // namespace ondol

#endif
