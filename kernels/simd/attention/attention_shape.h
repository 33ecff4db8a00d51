// What the arguments of attention say about items, rows and keys, without any arithmetic on their values.
#ifndef ONDOL_ATTENTION_SHAPE_H
#define ONDOL_ATTENTION_SHAPE_H

#include "ondol.h"
#include "simd.h"

namespace ondol {
namespace {

// Of the definition (docs/arithmetic.md), not of the tiling.
constexpr int64_t KEY_BLOCK = 128;
constexpr int64_t SPLIT = 256;
constexpr int64_t SPLIT_MAX_ROWS = 16;

// Keys are packed, and values split, into panels this wide: key j of a block is lane j mod 16 of a panel.
constexpr int64_t PANEL = 16;

// Rows of K or V of one item and head, contiguous or paged.
struct KeyRows {
  const float* base;
  int64_t stride;
  const int64_t* pages;
  int64_t page_size, page_stride;

  ONDOL_INLINE const float* row(int64_t j) const {
    if (pages == nullptr) return base + j * stride;
    return base + pages[j / page_size] * page_stride + j % page_size * stride;
  }

  // How many rows from j on, and before `end`, are `stride` apart.
  ONDOL_INLINE int64_t run(int64_t j, int64_t end) const {
    return pages == nullptr ? end - j : min_of(end - j, page_size - j % page_size);
  }
};

// One batch item.
struct Item {
  int64_t index;
  int64_t rows, keys;          // query rows and keys in use
  int64_t q_first, key_first;  // where packed sequences begin, in rows of the operands
  int64_t diagonal;            // key on the diagonal of row 0
  bool split;
};

struct KeyRange {
  int64_t begin, end;
};

// Slots for pieces of `unit` rows: item b owns slots [first(b), first(b + 1)), at least as many as it has pieces.
struct Slots {
  const int64_t* offsets;  // of packed sequences, or null
  int64_t unit, each;      // each: pieces of an item, where sequences are not packed

  static Slots of(const int64_t* offsets, int64_t length, int64_t unit) {
    return {offsets, unit, ceil_div(length, unit)};
  }

  ONDOL_INLINE int64_t first(int64_t item) const {
    return offsets == nullptr ? item * each : offsets[item] / unit + item;
  }

  // The item that owns a slot.
  ONDOL_INLINE int64_t owner(int64_t slot, int64_t items) const {
    if (offsets == nullptr) return slot / each;
    int64_t low = 0, high = items;  // first(low) <= slot < first(high)
    while (high - low > 1) {
      const int64_t middle = (low + high) / 2;
      (first(middle) <= slot ? low : high) = middle;
    }
    return low;
  }
};

struct Shape {
  const ondol_attention_args& a;
  int64_t group;  // query heads that share a key head

  explicit Shape(const ondol_attention_args& args) : a(args), group(args.heads / args.kv_heads) {}

  Item item(int64_t b) const {
    Item it;
    it.index = b;
    const bool packed = a.q_offsets != nullptr;
    it.q_first = packed ? a.q_offsets[b] : 0;
    it.key_first = packed ? a.kv_offsets[b] : 0;
    it.rows = packed ? a.q_offsets[b + 1] - it.q_first : a.q_len;
    it.keys = a.kv_lengths != nullptr ? a.kv_lengths[b] : packed ? a.kv_offsets[b + 1] - it.key_first : a.kv_len;
    it.diagonal = a.bottom_right ? it.keys - it.rows : 0;
    it.split = it.rows <= SPLIT_MAX_ROWS && it.keys > SPLIT;
    return it;
  }

  // Keys inside the window of row i.
  ONDOL_INLINE KeyRange visible(const Item& it, int64_t i) const {
    constexpr int64_t FAR = int64_t(1) << 40;  // beyond any key, far from overflow
    const int64_t center = i + it.diagonal;
    int64_t begin = a.window_left < 0 ? 0 : max_of<int64_t>(0, center - min_of(a.window_left, FAR));
    int64_t end = a.window_right < 0 ? it.keys : min_of(it.keys, center + min_of(a.window_right, FAR) + 1);
    return {begin, max_of(begin, end)};
  }

  bool any_split() const {
    return any([](const Item& it) { return it.split; });
  }
  bool any_whole() const {
    return any([](const Item& it) { return !it.split; });
  }

  KeyRows keys(const Item& it, int64_t kv_head) const { return rows_of(a.k, a.k_stride, it, kv_head); }
  KeyRows values(const Item& it, int64_t kv_head) const { return rows_of(a.v, a.v_stride, it, kv_head); }

  const float* query(const Item& it, int64_t head, int64_t i) const { return a.q + at(a.q_stride, it, head, i); }
  float* out(const Item& it, int64_t head, int64_t i) const { return a.out + at(a.out_stride, it, head, i); }
  float* lse(const Item& it, int64_t head, int64_t i) const { return a.lse + at(a.lse_stride, it, head, i); }

  Slots row_slots(int64_t unit, int64_t rows) const { return Slots::of(a.q_offsets, rows, unit); }
  Slots key_slots(int64_t unit) const { return Slots::of(a.kv_offsets, a.kv_len, unit); }

 private:
  template <class Test>
  bool any(Test test) const {
    for (int64_t b = 0; b < a.batch; b++) {
      if (test(item(b))) return true;
    }
    return false;
  }

  int64_t at(const int64_t stride[3], const Item& it, int64_t head, int64_t i) const {
    const int64_t item = a.q_offsets != nullptr ? 0 : it.index;
    return item * stride[0] + head * stride[1] + (it.q_first + i) * stride[2];
  }

  KeyRows rows_of(const float* base, const int64_t stride[3], const Item& it, int64_t kv_head) const {
    base += kv_head * stride[1];
    if (a.pages != nullptr) {
      return {base, stride[2], a.pages + it.index * a.pages_per_batch, a.page_size, stride[0]};
    }
    const int64_t item = a.kv_offsets != nullptr ? 0 : it.index;
    return {base + item * stride[0] + it.key_first * stride[2], stride[2], nullptr, 0, 0};
  }
};

}  // namespace
}  // namespace ondol

#endif
