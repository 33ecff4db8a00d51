// Gradient of the bias of attention in bfloat16 and float16, with mma.sync; itself float32, as the bias is. Has not run
// on a device yet.
//
// A block owns a tile of the bias, 64 rows and the keys of a step of dq (mma_backward.cu), and walks over the items and
// heads that share it, whose score gradients it computes again and adds unrounded, in ascending order. A bias that rows
// or keys share is summed by a thread per element (bias.cuh), from products that it forms itself.
//
// Sizes    registers of a thread, shared memory: those of dq or less.
#include "bias.cuh"
#include "mma_gradient.cuh"
#include "tensorcores.h"

namespace ondol::cuda {
namespace {

// Whether any pair of the tile is within lengths and windows.
template <int D>
ONDOL_DEVICE bool meets(const ondol_attention_args& args, const Item& item, int64_t first_row, int64_t first_key) {
  if (first_row >= item.rows || first_key >= item.keys) return false;
  int64_t last = first_row + MMA_OWN < item.rows ? first_row + MMA_OWN - 1 : item.rows - 1;
  Range seen = visible_keys(args, item, first_row, last);
  return seen.begin < first_key + MMA_KEYS<D> && first_key < seen.end;
}

// Adds the tile's gradients of one head. A thread touches no pair of another's in shared memory.
template <class T, int D>
ONDOL_DEVICE void add_head(const Gradient& problem, const Place& place, int64_t first_row, int64_t first_key,
                           RowsShared<D, true>& s, float (&sums)[MMA_KEYS<D> / 2]) {
  const ondol_attention_args& args = problem.forward.args;
  load_rows(problem, place, args.q, args.q_stride, args.head_dim, first_row, s.q);
  load_rows(problem, place, problem.args.dout, problem.args.dout_stride, args.value_dim, first_row, s.dout);
  load_keys(problem, place, args.k, args.k_stride, args.head_dim, first_key, s.k);
  load_keys(problem, place, args.v, args.v_stride, args.value_dim, first_key, s.v);
  copy_async_commit();
  copy_async_wait<0>();
  __syncthreads();
  int line = pair_row(0) / 16 * 16;
  float scores[MMA_KEYS<D> / 2], products[MMA_KEYS<D> / 2];
  multiply_lines<T>(scores, s.q, line, s.k);
  multiply_lines<T>(products, s.dout, line, s.v);
  store_own(scores, s.pairs.scores);
  store_own(products, s.pairs.products);
#pragma unroll 1
  for (int i = 0; i < MMA_KEYS<D> / 2; ++i) {
    int row = pair_row(i % 4 / 2);
    int key = pair_column(i);
    RowValues values = row_values(problem, place, first_row + row);
    pair_with_options<true>(problem, place, first_row + row, first_key + key, values, s.pairs.scores[row][key],
                            s.pairs.products[row][key]);
  }
  load_own(products, s.pairs.products);
#pragma unroll
  for (int i = 0; i < MMA_KEYS<D> / 2; ++i) sums[i] = add(sums[i], products[i]);
  __syncthreads();
}

template <class T, int D>
__global__ void __launch_bounds__(MMA_THREADS, 1) attention_narrow_dbias(Gradient problem, BiasPlan plan) {
  const ondol_attention_args& args = problem.forward.args;
  auto& s = shared<RowsShared<D, true>>();
  int64_t block = blockIdx.x;
  int64_t first_key = block % plan.key_tiles * MMA_KEYS<D>;
  block /= plan.key_tiles;
  int64_t first_row = block % plan.row_tiles * MMA_OWN;
  block /= plan.row_tiles;
  int64_t own_head = block % plan.heads;
  int64_t own_batch = block / plan.heads;
  Range items = own_or_all(plan.shared_batch, own_batch, args.batch);
  Range heads = own_or_all(plan.shared_head, own_head, args.heads);
  float sums[MMA_KEYS<D> / 2] = {};
  for (int64_t b = items.begin; b < items.end; ++b) {
    Place place;
    place.item = item_of(args, b);
    if (!meets<D>(args, place.item, first_row, first_key)) continue;
    for (place.head = heads.begin; place.head < heads.end; ++place.head) {
      place.kv_head = place.head / (args.heads / args.kv_heads);
      add_head<T, D>(problem, place, first_row, first_key, s, sums);
    }
  }
  const int64_t(&stride)[4] = problem.args.dbias_stride;
  float* at = problem.args.dbias + own_batch * stride[0] + own_head * stride[1];
#pragma unroll
  for (int n = 0; n < MMA_KEYS<D> / 2; ++n) {
    int64_t i = first_row + pair_row(n % 4 / 2);
    int64_t j = first_key + pair_column(n);
    if (i < args.q_len && j < args.kv_len) at[i * stride[2] + j * stride[3]] = sums[n];
  }
}

template <class T>
ONDOL_DEVICE float dot(const float* x, int64_t x_at, const float* y, int64_t y_at, int64_t count) {
  float sum = 0.0f;
  for (int64_t d = 0; d < count; ++d) sum = fma(T::widen(narrow(x)[x_at + d]), T::widen(narrow(y)[y_at + d]), sum);
  return sum;
}

template <class T>
__global__ void __launch_bounds__(SHARED_BIAS_THREADS) attention_narrow_shared_dbias(Gradient problem, BiasPlan plan) {
  const ondol_attention_args& args = problem.forward.args;
  sum_shared_bias(args, problem.args, plan, [&](const Item& item, int64_t h, int64_t i, int64_t j) {
    Place place{item, h, h / (args.heads / args.kv_heads)};
    float weight = dot<T>(args.q, row_at(args, item, args.q_stride, h, i), args.k,
                          key_at(args, item, args.k_stride, place.kv_head, j), args.head_dim);
    float gradient = dot<T>(problem.args.dout, row_at(args, item, problem.args.dout_stride, h, i), args.v,
                            key_at(args, item, args.v_stride, place.kv_head, j), args.value_dim);
    pair_with_options<true>(problem, place, i, j, row_values(problem, place, i), weight, gradient);
    return gradient;
  });
}

// ---- host ---------------------------------------------------------------------------------------------------------

template <class T, int D>
void launch(Launcher& launcher, const Gradient& problem) {
  BiasPlan plan = bias_plan(problem.args, MMA_OWN, MMA_KEYS<D>);
  if (plan.in_vectors()) {
    launcher.launch("attention_backward", attention_narrow_shared_dbias<T>, plan.vector_blocks(), SHARED_BIAS_THREADS,
                    0, problem, plan);
  } else {
    launcher.launch("attention_backward", attention_narrow_dbias<T, D>,
                    plan.batches * plan.heads * plan.row_tiles * plan.key_tiles, MMA_THREADS,
                    sizeof(RowsShared<D, true>), problem, plan);
  }
}

template <class T>
void launch_type(Launcher& launcher, const Gradient& problem) {
  int64_t widest = widest_of(problem.forward.args);
  if (widest <= 64) {
    launch<T, 64>(launcher, problem);
  } else if (widest <= 128) {
    launch<T, 128>(launcher, problem);
  } else {
    launch<T, 256>(launcher, problem);
  }
}

}  // namespace

void launch_mma_bias_gradient(Launcher& launcher, const Gradient& problem) {
  if (problem.forward.args.precision == ONDOL_BFLOAT16) {
    launch_type<Bfloat16>(launcher, problem);
  } else {
    launch_type<Float16>(launcher, problem);
  }
}

}  // namespace ondol::cuda
