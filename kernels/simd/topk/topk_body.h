#ifndef ONDOL_TOPK_BODY_H
#define ONDOL_TOPK_BODY_H

#include "topk/order.h"
#include "topk/topk.h"

namespace ondol {
namespace {

template <class V>
class TopK {
  // So many are kept sorted.
  static constexpr int64_t FEW = 16;

  // Beyond k: enough that small k are not sorted after every few elements.
  static constexpr int64_t SLACK = 32;

  // A sample is as large that about so many of it are among the first k.
  static constexpr int64_t SAMPLED = 64;
  static constexpr int64_t GUESS_FROM = 16 * SAMPLED;  // for less than so many the sample would not pay

  static int64_t capacity(const ondol_topk_args* a) {
    return min_of(a->n, 2 * a->k + SLACK) + V::lanes;
  }

 public:
  static void plan(const ondol_topk_args* a, ondol_plan* plan) {
    plan->phases = 1;
    plan->tasks[0] = a->k == 0 ? 0 : a->rows;
    plan->workspace = 0;
    plan->scratch = 2 * capacity(a) * (int64_t)sizeof(uint64_t);
  }

  static void run(const ondol_topk_args* a, const ondol_plan*, int64_t, int64_t begin, int64_t end, int64_t, void*,
                  void* scratch) {
    for (int64_t row = begin; row < end; row++) {
      const float* x = a->x + row * a->x_row;
      const uint64_t* words = first(a, x, (uint64_t*)scratch);
      for (int64_t i = 0; i < a->k; i++) {
        const int64_t at = word_position(words[i]);
        a->indices[row * a->k + i] = (int32_t)at;
        __builtin_memcpy(a->values + row * a->k + i, x + at, sizeof(float));
      }
    }
  }

 private:
  // The first k words, sorted.
  static const uint64_t* first(const ondol_topk_args* a, const float* x, uint64_t* words) {
    const int64_t capacity = TopK::capacity(a), full = capacity - V::lanes;
    const int32_t flip = a->largest ? 0 : -1;
    uint64_t* other = words + capacity;
    if (a->k <= FEW) return few(a, x, flip, words);
    if (const uint64_t* sorted = guessed(a, x, flip, words, other, capacity)) return sorted;
    int64_t count = fill(x, full, flip, words), i = count;
    for (;;) {
      uint64_t* sorted = order_sort(words, other, count);
      if (sorted != words) {
        other = words;
        words = sorted;
      }
      if (i == a->n) return words;
      count = a->k;
      // A later element of the same key comes after all k: only greater ones enter.
      i = order_collect<V>(x, i, a->n, 0, word_key(words[a->k - 1]), flip, words, count, capacity);
    }
  }

  // The first k words, kept sorted: what exceeds the last of them is put in its place.
  static const uint64_t* few(const ondol_topk_args* a, const float* x, int32_t flip, uint64_t* words) {
    int64_t i = fill(x, min_of(a->n, FEW), flip, words);
    insertion_sort(words, i);
    int32_t floor = word_key(words[a->k - 1]);
    for (; i + V::lanes <= a->n; i += V::lanes) {
      const typename V::I keys = order_keys<V>(V::load(x + i), flip);
      uint32_t bits = V::lane_bits(V::lt(V::set(floor), keys));
      if (bits == 0) continue;
      int32_t key[V::lanes];
      V::store(key, keys);
      for (; bits != 0; bits &= bits - 1) {
        const int l = __builtin_ctz(bits);
        insert(words, a->k, order_word(key[l], i + l));
      }
      floor = word_key(words[a->k - 1]);
    }
    for (; i < a->n; i++) insert(words, a->k, order_word(order_key(x[i], flip), i));
    return words;
  }

  // Puts a word, later than all others, among the first k, where it is one of them.
  static ONDOL_INLINE void insert(uint64_t* words, int64_t k, uint64_t word) {
    int64_t at = k - 1;
    if (words[at] < word) return;
    for (; at > 0 && words[at - 1] > word; at--) words[at] = words[at - 1];
    words[at] = word;
  }

  // The first k words, sorted, if a sample tells a key that k to twice as many elements exceed; else null. What it
  // tells decides about the time alone.
  static const uint64_t* guessed(const ondol_topk_args* a, const float* x, int32_t flip, uint64_t* words,
                                 uint64_t* other, int64_t capacity) {
    const int64_t step = a->k / SAMPLED, samples = step == 0 ? 0 : a->n / step;
    if (a->k < GUESS_FROM || a->n < 4 * a->k || samples > capacity) return nullptr;
    for (int64_t i = 0; i < samples; i++) words[i] = order_word(order_key(x[i * step], flip), i);
    const int32_t floor = word_key(order_sort(words, other, samples)[SAMPLED + SAMPLED / 2]);
    int64_t count = 0;
    const int64_t end = order_collect<V>(x, 0, a->n, 0, floor, flip, words, count, capacity);
    return end == a->n && count >= a->k ? order_sort(words, other, count) : nullptr;
  }

  // The first elements, NaN or not.
  static int64_t fill(const float* x, int64_t n, int32_t flip, uint64_t* words) {
    int64_t i = 0;
    for (; i + V::lanes <= n; i += V::lanes) {
      int32_t key[V::lanes];
      V::store(key, order_keys<V>(V::load(x + i), flip));
      for (int l = 0; l < V::lanes; l++) words[i + l] = order_word(key[l], i + l);
    }
    for (; i < n; i++) words[i] = order_word(order_key(x[i], flip), i);
    return n;
  }
};

}  // namespace
}  // namespace ondol

#endif
