// The order of scores (docs/arithmetic.md, Selection) on integers. A candidate is a word that ascends as candidates are
// wanted: above, the key with its order turned round; below, the position. No two are equal.
#ifndef ONDOL_TOPK_ORDER_H
#define ONDOL_TOPK_ORDER_H

#include "ondol.h"
#include "simd.h"

namespace ondol {
namespace {

// key(x); `flip` -1 for the least elements first, else 0.
ONDOL_INLINE int32_t order_key(float x, int32_t flip) {
  if (x != x) return INT32_MIN;
  const float y = x + 0.0f;
  int32_t b;
  __builtin_memcpy(&b, &y, sizeof b);
  return b ^ ((b >> 31) & 0x7FFFFFFF) ^ flip;
}

template <class V>
ONDOL_INLINE typename V::I order_keys(typename V::F x, int32_t flip) {
  const typename V::I b = V::bits(x + 0.0f);
  return V::select(V::nan(x), V::set(INT32_MIN), b ^ ((b >> 31) & 0x7FFFFFFF) ^ flip);
}

ONDOL_INLINE uint64_t order_word(int32_t key, int64_t position) {
  return (uint64_t)(uint32_t)(key ^ 0x7FFFFFFF) << 32 | (uint32_t)position;
}

ONDOL_INLINE int32_t word_key(uint64_t word) { return (int32_t)(word >> 32) ^ 0x7FFFFFFF; }

ONDOL_INLINE int64_t word_position(uint64_t word) { return (int64_t)(uint32_t)word; }

// Appends the words of elements [begin, end) whose key is above `floor`, as long as there is room for a vector of them
// below `capacity`. Returns where it stopped; count is that of the words.
template <class V>
int64_t order_collect(const float* x, int64_t begin, int64_t end, int64_t offset, int32_t floor, int32_t flip,
                      uint64_t* words, int64_t& count, int64_t capacity) {
  const typename V::I least = V::set(floor);
  int64_t i = begin, n = count;
  for (; i + V::lanes <= end && n + V::lanes <= capacity; i += V::lanes) {
    const typename V::I keys = order_keys<V>(V::load(x + i), flip);
    uint32_t bits = V::lane_bits(V::lt(least, keys));
    if (bits == 0) continue;
    int32_t key[V::lanes];
    V::store(key, keys);
    for (; bits != 0; bits &= bits - 1) {
      const int l = __builtin_ctz(bits);
      words[n++] = order_word(key[l], offset + i + l);
    }
  }
  for (; i < end && i + V::lanes > end && n < capacity; i++) {
    const int32_t key = order_key(x[i], flip);
    if (key > floor) words[n++] = order_word(key, offset + i);
  }
  count = n;
  return i;
}

ONDOL_INLINE void insertion_sort(uint64_t* words, int64_t n) {
  for (int64_t i = 1; i < n; i++) {
    const uint64_t word = words[i];
    int64_t at = i;
    for (; at > 0 && words[at - 1] > word; at--) words[at] = words[at - 1];
    words[at] = word;
  }
}

// By the upper halves, from the lowest digit on, equal ones staying in their order. Digits that all words share cost
// nothing beyond counting them. Returns which of the two buffers holds the result.
template <int BITS>
uint64_t* radix_sort(uint64_t* words, uint64_t* other, int64_t n) {
  constexpr int DIGITS = (32 + BITS - 1) / BITS, SIZE = 1 << BITS;
  uint32_t counts[DIGITS][SIZE];
  __builtin_memset(counts, 0, sizeof counts);
  for (int64_t i = 0; i < n; i++) {
    const uint64_t key = words[i] >> 32;
    for (int d = 0; d < DIGITS; d++) counts[d][(key >> (d * BITS)) & (SIZE - 1)]++;
  }
  for (int d = 0; d < DIGITS; d++) {
    const int shift = 32 + d * BITS;
    if (counts[d][(words[0] >> shift) & (SIZE - 1)] == n) continue;
    uint32_t sum = 0;
    for (uint32_t& count : counts[d]) {
      const uint32_t here = count;
      count = sum;
      sum += here;
    }
    for (int64_t i = 0; i < n; i++) other[counts[d][(words[i] >> shift) & (SIZE - 1)]++] = words[i];
    uint64_t* sorted = other;
    other = words;
    words = sorted;
  }
  return words;
}

// Sorts words whose positions ascend where their keys are equal; `other` has room for as many.
ONDOL_INLINE uint64_t* order_sort(uint64_t* words, uint64_t* other, int64_t n) {
  if (n < 48) {
    insertion_sort(words, n);
    return words;
  }
  return n < 2048 ? radix_sort<8>(words, other, n) : radix_sort<11>(words, other, n);
}

}  // namespace
}  // namespace ondol

#endif
