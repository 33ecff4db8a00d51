// The checks that attention and its gradient share.
#ifndef ONDOL_ATTENTION_CHECK_H
#define ONDOL_ATTENTION_CHECK_H

#include "check.h"

namespace ondol {
namespace attention_check {

constexpr int64_t MAX_SIZE = int64_t(1) << 30;

inline bool sizes(const ondol_attention_args& a, Check& check) {
  if (!check.between("batch", a.batch, 0, MAX_SIZE) || !check.between("heads", a.heads, 1, MAX_SIZE) ||
      !check.between("kv_heads", a.kv_heads, 1, a.heads) || !check.between("q_len", a.q_len, 0, MAX_SIZE) ||
      !check.between("kv_len", a.kv_len, 0, MAX_SIZE) || !check.between("head_dim", a.head_dim, 1, MAX_SIZE) ||
      !check.between("value_dim", a.value_dim, 1, MAX_SIZE)) {
    return false;
  }
  if (a.heads % a.kv_heads != 0) {
    return check.fail("heads = %lld: expected a multiple of kv_heads = %lld", (long long)a.heads,
                      (long long)a.kv_heads);
  }
  return check.flag("bottom_right", a.bottom_right) && check.at_least("window_left", a.window_left, -1) &&
         check.at_least("window_right", a.window_right, -1);
}

inline bool numbers(const ondol_attention_args& a, Check& check) {
  if (!(__builtin_fabs(a.scale) < __builtin_inf())) return check.fail("scale = %g: expected a finite number", a.scale);
  if (!(a.softcap >= 0 && a.softcap < __builtin_inf()))
    return check.fail("softcap = %g: expected 0 or a positive number", a.softcap);
  if (!(a.dropout >= 0 && a.dropout < 1)) return check.fail("dropout = %g: expected at least 0 and below 1", a.dropout);
  return true;
}

// Offsets of packed sequences: ascending from 0, no sequence longer than `longest`.
inline bool offsets(const char* name, const int64_t* offsets, int64_t items, int64_t longest, Check& check) {
  if (offsets[0] != 0) return check.fail("%s[0] = %lld: expected 0", name, (long long)offsets[0]);
  for (int64_t b = 1; b <= items; b++) {
    if (offsets[b] < offsets[b - 1] || offsets[b] - offsets[b - 1] > longest) {
      return check.fail("%s[%lld] = %lld: expected %lld to %lld", name, (long long)b, (long long)offsets[b],
                        (long long)offsets[b - 1], (long long)(offsets[b - 1] + longest));
    }
  }
  return true;
}

inline bool lengths(const ondol_attention_args& a, Check& check) {
  for (int64_t b = 0; b < a.batch; b++) {
    if (!check.between("kv_lengths", a.kv_lengths[b], 0, a.kv_len)) return false;
  }
  return true;
}

inline bool pages(const ondol_attention_args& a, Check& check) {
  if (a.q_offsets != nullptr) return check.fail("pages = %p: expected null for packed sequences", (const void*)a.pages);
  if (!check.given("kv_lengths", a.kv_lengths) || !check.between("page_size", a.page_size, 1, MAX_SIZE) ||
      !check.between("pages_per_batch", a.pages_per_batch, 0, MAX_SIZE) ||
      !check.between("page_count", a.page_count, 0, MAX_SIZE)) {
    return false;
  }
  for (int64_t b = 0; b < a.batch; b++) {
    if (!check.between("kv_lengths", a.kv_lengths[b], 0, a.pages_per_batch * a.page_size)) return false;
    for (int64_t p = 0; p * a.page_size < a.kv_lengths[b]; p++) {
      if (!check.between("pages", a.pages[b * a.pages_per_batch + p], 0, a.page_count - 1)) return false;
    }
  }
  return true;
}

inline bool rows(const ondol_attention_args& a, Check& check) {
  if ((a.q_offsets == nullptr) != (a.kv_offsets == nullptr)) {
    return check.fail("kv_offsets = %p: expected it exactly where q_offsets is given", (const void*)a.kv_offsets);
  }
  if (a.q_offsets != nullptr) {
    if (a.kv_lengths != nullptr) {
      return check.fail("kv_lengths = %p: expected null for packed sequences", (const void*)a.kv_lengths);
    }
    if (!offsets("q_offsets", a.q_offsets, a.batch, a.q_len, check) ||
        !offsets("kv_offsets", a.kv_offsets, a.batch, a.kv_len, check)) {
      return false;
    }
  }
  if (a.kv_lengths != nullptr && !lengths(a, check)) return false;
  return a.pages == nullptr || pages(a, check);
}

struct Operand {
  const char* name;
  const char* stride_name;
  const float* data;
  const int64_t* stride;
  int64_t size[4], full[4];  // full: strides with the last one

  Operand(const char* name, const char* stride_name, const float* data, const int64_t* stride, int64_t items,
          int64_t heads, int64_t rows, int64_t columns)
      : name(name),
        stride_name(stride_name),
        data(data),
        stride(stride),
        size{items, heads, rows, columns},
        full{stride[0], stride[1], stride[2], 1} {}

  bool empty() const { return size[0] * size[2] == 0; }

  bool readable(Check& check) const {
    return empty() ||
           (check.given(name, data) && check.sizes(name, size, 4) && check.strides(stride_name, size, full, 4));
  }

  bool writable(Check& check) const {
    return empty() ||
           (check.given(name, data) && check.sizes(name, size, 4) && check.distinct(stride_name, size, full, 4));
  }

  // Where both fill their extents without gaps, overlapping extents mean overlapping elements.
  bool apart(const Operand& in, Check& check) const {
    if (empty() || in.empty() || !dense() || !in.dense()) return true;
    const Extent to = extent(size, full, 4), from = extent(in.size, in.full, 4);
    return check.apart(name, data + to.low, to.high - to.low + 1, in.name, in.data + from.low, from.high - from.low + 1,
                       false);
  }

 private:
  bool dense() const {
    const Extent e = extent(size, full, 4);
    return e.high - e.low + 1 <= size[0] * size[1] * size[2] * size[3];
  }
};

// The operands that both read. How many rows they have depends on whether sequences are packed or keys paged.
struct Operands {
  int64_t items, q_rows, kv_items, kv_rows;
  Operand q, k, v, out;

  explicit Operands(const ondol_attention_args& a)
      : items(a.q_offsets != nullptr ? 1 : a.batch),
        q_rows(a.q_offsets != nullptr ? a.q_offsets[a.batch] : a.q_len),
        kv_items(a.pages != nullptr ? a.page_count : items),
        kv_rows(a.q_offsets != nullptr ? a.kv_offsets[a.batch]
                : a.pages != nullptr   ? a.page_size
                                       : a.kv_len),
        q("q", "q_stride", a.q, a.q_stride, items, a.heads, q_rows, a.head_dim),
        k("k", "k_stride", a.k, a.k_stride, kv_items, a.kv_heads, kv_rows, a.head_dim),
        v("v", "v_stride", a.v, a.v_stride, kv_items, a.kv_heads, kv_rows, a.value_dim),
        out("out", "out_stride", a.out, a.out_stride, items, a.heads, q_rows, a.value_dim) {}
};

inline bool score_strides(const ondol_attention_args& a, Check& check) {
  const int64_t scores[4] = {a.batch, a.heads, a.q_len, a.kv_len};
  return (a.mask == nullptr || check.strides("mask_stride", scores, a.mask_stride, 4)) &&
         (a.bias == nullptr || check.strides("bias_stride", scores, a.bias_stride, 4));
}

// Everything but the operands.
inline bool options(const ondol_attention_args& a, Check& check) {
  return sizes(a, check) && numbers(a, check) && rows(a, check);
}

}  // namespace attention_check
}  // namespace ondol

#endif
