// The gradient of a bias that items, heads, rows or keys may share: what the kernels of every precision do alike.
#ifndef ONDOL_CUDA_ATTENTION_BIAS_CUH
#define ONDOL_CUDA_ATTENTION_BIAS_CUH

#include "problem.cuh"

namespace ondol::cuda {

constexpr int SHARED_BIAS_THREADS = 128;

// Which dimensions of the bias are shared: a stride of 0 where there is more than one index.
struct BiasPlan {
  bool shared_batch, shared_head, shared_row, shared_key;
  int64_t batches, heads, rows, keys;  // that have elements of their own
  int64_t row_tiles, key_tiles;

  // A bias that rows or keys share is a vector or less.
  bool in_vectors() const { return shared_row || shared_key; }
  int64_t vector_blocks() const { return ceil_div(batches * heads * rows * keys, SHARED_BIAS_THREADS); }
};

inline BiasPlan bias_plan(const ondol_attention_backward_args& args, int64_t rows, int64_t keys) {
  const ondol_attention_args& f = args.forward;
  BiasPlan plan;
  plan.shared_batch = args.dbias_stride[0] == 0 && f.batch > 1;
  plan.shared_head = args.dbias_stride[1] == 0 && f.heads > 1;
  plan.shared_row = args.dbias_stride[2] == 0 && f.q_len > 1;
  plan.shared_key = args.dbias_stride[3] == 0 && f.kv_len > 1;
  plan.batches = plan.shared_batch ? 1 : f.batch;
  plan.heads = plan.shared_head ? 1 : f.heads;
  plan.rows = plan.shared_row ? 1 : f.q_len;
  plan.keys = plan.shared_key ? 1 : f.kv_len;
  plan.row_tiles = ceil_div(plan.rows, rows);
  plan.key_tiles = ceil_div(plan.keys, keys);
  return plan;
}

ONDOL_DEVICE Range own_or_all(bool is_shared, int64_t own, int64_t all) {
  return is_shared ? Range{0, all} : Range{own, own + 1 < all ? own + 1 : all};
}

// One thread per element, over all pairs that use it in order: pair(item, h, i, j) each. The order (item, head, row,
// key) leaves no room for tiles; such a bias is rarely trained.
template <class Pair>
ONDOL_DEVICE void sum_shared_bias(const ondol_attention_args& args, const ondol_attention_backward_args& all,
                                  const BiasPlan& plan, const Pair& pair) {
  int64_t index = static_cast<int64_t>(blockIdx.x) * SHARED_BIAS_THREADS + threadIdx.x;
  int64_t j = index % plan.keys;
  int64_t i = index / plan.keys % plan.rows;
  int64_t h = index / plan.keys / plan.rows % plan.heads;
  int64_t b = index / plan.keys / plan.rows / plan.heads;
  if (b >= plan.batches) return;
  float sum = 0.0f;
  Range items = own_or_all(plan.shared_batch, b, args.batch);
  for (int64_t bb = items.begin; bb < items.end; ++bb) {
    Item item = item_of(args, bb);
    Range heads = own_or_all(plan.shared_head, h, args.heads);
    Range rows = own_or_all(plan.shared_row, i, item.rows);
    Range keys = own_or_all(plan.shared_key, j, item.keys);
    for (int64_t hh = heads.begin; hh < heads.end; ++hh) {
      for (int64_t ii = rows.begin; ii < rows.end; ++ii) {
        for (int64_t jj = keys.begin; jj < keys.end; ++jj) {
          if (is_visible(args, item, hh, ii, jj)) sum = add(sum, pair(item, hh, ii, jj));
        }
      }
    }
  }
  const int64_t(&stride)[4] = all.dbias_stride;
  all.dbias[b * stride[0] + h * stride[1] + i * stride[2] + j * stride[3]] = sum;
}

}  // namespace ondol::cuda

#endif
