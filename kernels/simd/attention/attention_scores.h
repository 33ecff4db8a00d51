// What happens to a row of raw scores before its softmax (softcap, ALiBi, bias, mask) and to its weights after it
// (dropout).
#ifndef ONDOL_ATTENTION_SCORES_H
#define ONDOL_ATTENTION_SCORES_H

#include "attention/attention_shape.h"
#include "math.h"
#include "philox.h"

namespace ondol {
namespace {

// A query row: its item, head and position.
struct QueryRow {
  int64_t item, head, i;
  int64_t center;    // key on the diagonal
  KeyRange visible;  // inside the window and the keys in use
};

template <class V>
class AttentionScores {
  typedef typename V::F F;
  typedef typename V::I I;

 public:
  static constexpr double LN2 = 0.6931471805599453, LOG2E = 1.4426950408889634;
  static constexpr float LOG2E_F = 0x1.715476p+0f;

  explicit AttentionScores(const ondol_attention_args& args)
      : a(args),
        modified(args.softcap != 0 || args.alibi != nullptr || args.bias != nullptr || args.mask != nullptr),
        dropped(args.dropout > 0),
        cap_in(args.softcap != 0 ? (float)(LN2 / args.softcap) : 0.0f),
        cap_out((float)(args.softcap * LOG2E)),
        drop_below((uint32_t)(args.dropout * 4294967296.0)),
        kept_scale((float)(1 / (1 - args.dropout))) {}

  // z[j - first] for keys [first, first + count), both multiples of 16; keys that are not visible become -inf.
  void finish(const QueryRow& row, int64_t first, int64_t count, float* z) const {
    if (modified) {
      for (int64_t p = 0; p < count; p += V::lanes) modify(row, first + p, z + p);
    }
    const int64_t begin = min_of(row.visible.begin - first, count), end = max_of<int64_t>(row.visible.end - first, 0);
    for (int64_t p = 0; p < begin; p++) z[p] = -Math<V>::INF;
    for (int64_t p = end; p < count; p++) z[p] = -Math<V>::INF;
  }

  void drop(const QueryRow& row, int64_t first, int64_t count, float* w) const {
    alignas(64) uint32_t words[4 * V::lanes];
    for (int64_t p = 0; p < count; p += PANEL) {
      if ((p & (4 * V::lanes - 1)) == 0) {
        Philox::keys<V>((uint64_t)a.seed, (first + p) / 4, (uint32_t)row.i, (uint32_t)row.head, (uint32_t)row.item,
                        words);
      }
      const uint32_t* word = words + (p & (4 * V::lanes - 1));
      for (int l = 0; l < PANEL; l++) w[p + l] = word[l] >= drop_below ? w[p + l] * kept_scale : 0.0f;
    }
  }

  const ondol_attention_args& a;
  const bool modified, dropped;

 private:
  // One vector of keys [j, j + lanes). Keys outside the visible range may not be read from bias or mask.
  ONDOL_INLINE void modify(const QueryRow& row, int64_t j, float* z) const {
    const int64_t begin = max_of<int64_t>(row.visible.begin - j, 0);
    const int64_t end = min_of<int64_t>(row.visible.end - j, V::lanes);
    if (begin >= end) return;
    F x = V::load(z);
    if (a.softcap != 0) x = Math<V>::tanh(x * cap_in) * cap_out;
    if (a.alibi != nullptr) {
      alignas(64) float distance[V::lanes];
      for (int64_t l = 0; l < V::lanes; l++) distance[l] = (float)magnitude(j + l - row.center);
      x = V::fma(V::set(-(a.alibi[row.head] * LOG2E_F)), V::load(distance), x);
    }
    if (a.bias != nullptr)
      x = V::fma(lanes_of(at(a.bias, a.bias_stride, row, j), a.bias_stride[3], begin, end), V::set(LOG2E_F), x);
    V::store(z, x);
    if (a.mask != nullptr) {
      const uint8_t* mask = at(a.mask, a.mask_stride, row, j);
      for (int64_t l = begin; l < end; l++) z[l] = mask[l * a.mask_stride[3]] != 0 ? z[l] : -Math<V>::INF;
    }
  }

  static ONDOL_INLINE int64_t magnitude(int64_t x) { return x < 0 ? -x : x; }

  template <class T>
  static ONDOL_INLINE const T* at(const T* base, const int64_t stride[4], const QueryRow& row, int64_t j) {
    return base + row.item * stride[0] + row.head * stride[1] + row.i * stride[2] + j * stride[3];
  }

  static ONDOL_INLINE F lanes_of(const float* from, int64_t stride, int64_t begin, int64_t end) {
    if (stride == 1 && begin == 0 && end == V::lanes) return V::load(from);
    alignas(64) float lane[V::lanes] = {};
    for (int64_t l = begin; l < end; l++) lane[l] = from[l * stride];
    return V::load(lane);
  }

  const float cap_in, cap_out;
  const uint32_t drop_below;
  const float kept_scale;
};

}  // namespace
}  // namespace ondol

#endif
