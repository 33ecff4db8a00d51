// What mma_backward.cu and mma_bias.cu share: a pair with every option, and the tiles of a block of rows.
#ifndef ONDOL_CUDA_ATTENTION_MMA_GRADIENT_CUH
#define ONDOL_CUDA_ATTENTION_MMA_GRADIENT_CUH

#include "fragments.cuh"
#include "gradient.cuh"

namespace ondol::cuda {

constexpr int MMA_OWN = 64;  // rows or keys of a block
constexpr int MMA_THREADS = 128;

// From the products q k and dout v of a pair to its weight and score gradient, with every option; or, OF_BIAS, to the
// gradient of what is added to the score.
template <bool OF_BIAS = false>
ONDOL_DEVICE void pair_with_options(const Gradient& problem, const Place& place, int64_t i, int64_t j,
                                    const RowValues& row, float& weight, float& gradient) {
  const Problem& forward = problem.forward;
  if (!is_visible(forward.args, place.item, place.head, i, j)) {
    weight = gradient = 0.0f;
    return;
  }
  Score score = score_of(forward, place.item, place.head, i, j, mul(weight, forward.query_scale));
  float p = fast_exp2(sub(score.z, row.lse));
  float kept = forward.args.dropout > 0 ? dropout_factor(forward, place.item, place.head, i, j) : 1.0f;
  weight = mul(p, kept);
  gradient = mul(p, sub(mul(gradient, kept), row.delta));
  if (!OF_BIAS && forward.cap_out != 0.0f) {
    float t = div(score.capped, forward.cap_out);
    gradient = mul(gradient, fma(-t, t, 1.0f));
  }
}

// Tiles of products, for the loop over pairs with options.
template <bool ANY, int WIDTH>
struct Pairs {
  float scores[ANY ? MMA_OWN : 1][WIDTH + 4];
  float products[ANY ? MMA_OWN : 1][WIDTH + 4];
};

template <int D>
constexpr int MMA_KEYS = D == 64 ? 64 : 32;

template <int D, bool ANY>
struct RowsShared {
  Lines<MMA_OWN, D> q, dout;
  Lines<MMA_KEYS<D>, D> k, v;
  Pairs<ANY, MMA_KEYS<D>> pairs;
};

template <class Tile>
ONDOL_DEVICE void load_rows(const Gradient& problem, const Place& place, const float* data, const int64_t (&stride)[3],
                            int64_t width, int64_t first, Tile& tile) {
  load_lines_async<MMA_THREADS>(tile, {narrow(data), width, is_whole(data, stride)}, [&](int line) -> int64_t {
    int64_t i = first + line;
    return i < place.item.rows ? row_at(problem.forward.args, place.item, stride, place.head, i) : -1;
  });
}

template <class Tile>
ONDOL_DEVICE void load_keys(const Gradient& problem, const Place& place, const float* data, const int64_t (&stride)[3],
                            int64_t width, int64_t first, Tile& tile) {
  load_lines_async<MMA_THREADS>(tile, {narrow(data), width, is_whole(data, stride)}, [&](int line) -> int64_t {
    int64_t j = first + line;
    return j < place.item.keys ? key_at(problem.forward.args, place.item, stride, place.kv_head, j) : -1;
  });
}

}  // namespace ondol::cuda

#endif
