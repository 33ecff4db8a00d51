// What happens to finished sums: plus bias, plus residual, activation, each rounded, into a row of y.
#ifndef ONDOL_CONV_STORE_H
#define ONDOL_CONV_STORE_H

#include "gemm/tile.h"
#include "math.h"
#include "ondol.h"

namespace ondol {
namespace {

template <class V>
class Store {
  typedef typename V::F F;

 public:
  // n sums that go to consecutive elements of y; residual may be null or y.
  struct Line {
    int64_t n;
    const float* sums;
    float* y;
    const float* residual;
    bool biased;
    float bias, slope;
  };

  // Sums [positions][16] of up to 16 channels that go to consecutive elements of their planes of y.
  struct Block {
    int64_t positions, channels;
    const float* sums;
    float* y[PANEL_WIDTH];
    const float* residual[PANEL_WIDTH];  // all null, or none
    bool biased;
    float bias[PANEL_WIDTH];
    float slope;
  };

  struct Functions {
    void (*line)(const Line& line);
    void (*block)(const Block& block);
  };

  static const Functions& functions(const ondol_conv_args& a) {
    return a.activation == ONDOL_RELU && (float)a.slope != 0.0f ? LEAKY : FUNCTIONS[a.activation];
  }

  // sums [positions][16] to [channels][positions], `pitch` floats from one channel to the next.
  static void transpose(const float* sums, int64_t positions, int64_t channels, float* out, int64_t pitch) {
    int64_t i = 0;
    for (; i + V::lanes <= positions; i += V::lanes) {
      for (int64_t c = 0; c < channels; c += V::lanes) {
        F square[V::lanes];
        for (int64_t r = 0; r < V::lanes; r++) square[r] = V::load(sums + (i + r) * PANEL_WIDTH + c);
        V::transpose(square);
        for (int64_t r = 0; r < min_of<int64_t>(V::lanes, channels - c); r++) V::store(out + (c + r) * pitch + i, square[r]);
      }
    }
    for (; i < positions; i++) {
      for (int64_t c = 0; c < channels; c++) out[c * pitch + i] = sums[i * PANEL_WIDTH + c];
    }
  }

 private:
  template <F (*activation)(F, F)>
  static void store(const Line& line) {
    const F bias = V::set(line.bias), slope = V::set(line.slope);
    const bool biased = line.biased;
    const float* residual = line.residual;
    each_vector<V>(line.n, [&](int64_t i, int64_t count) {
      F x = load_part<V>(line.sums + i, count);
      if (biased) x = x + bias;
      if (residual != nullptr) x = x + load_part<V>(residual + i, count);
      store_part<V>(line.y + i, activation(x, slope), count);
    });
  }

  // Squares of lanes x lanes are turned in registers on their way.
  template <F (*activation)(F, F)>
  static void store_block(const Block& b) {
    const F slope = V::set(b.slope);
    for (int64_t i = 0; i < b.positions; i += V::lanes) {
      const int64_t count = min_of<int64_t>(V::lanes, b.positions - i);
      for (int64_t c = 0; c < b.channels; c += V::lanes) {
        F square[V::lanes];
        for (int64_t r = 0; r < V::lanes; r++) square[r] = V::load(b.sums + (i + r) * PANEL_WIDTH + c);
        V::transpose(square);
        for (int64_t r = 0; r < min_of<int64_t>(V::lanes, b.channels - c); r++) {
          F x = square[r];
          if (b.biased) x = x + V::set(b.bias[c + r]);
          if (b.residual[0] != nullptr) x = x + load_part<V>(b.residual[c + r] + i, count);
          store_part<V>(b.y[c + r] + i, activation(x, slope), count);
        }
      }
    }
  }

  static ONDOL_INLINE F identity(F x, F) { return x; }
  static ONDOL_INLINE F leaky(F x, F slope) { return V::select(V::lt(x, V::set(0.0f)), x * slope, x); }
  template <F (*function)(F)>
  static ONDOL_INLINE F plain(F x, F) {
    return function(x);
  }

  // In the order of ondol_activation.
#define ONDOL_STORE(activation) {&store<activation>, &store_block<activation>}
  static constexpr Functions FUNCTIONS[] = {
      ONDOL_STORE(identity),                ONDOL_STORE(plain<Math<V>::relu>),    ONDOL_STORE(plain<Math<V>::gelu>),
      ONDOL_STORE(plain<Math<V>::gelu_tanh>), ONDOL_STORE(plain<Math<V>::sigmoid>), ONDOL_STORE(plain<Math<V>::tanh>),
      ONDOL_STORE(plain<Math<V>::silu>)};
  static constexpr Functions LEAKY = ONDOL_STORE(leaky);
#undef ONDOL_STORE
};

}  // namespace
}  // namespace ondol

#endif
