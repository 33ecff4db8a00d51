// Layouts that the tiles read: scaled query rows, key panels [d][16 keys], value panels [key][16 of Dv].
#ifndef ONDOL_ATTENTION_PACK_H
#define ONDOL_ATTENTION_PACK_H

#include "attention/attention_shape.h"

namespace ondol {
namespace {

// Asks for a row of n floats, into L2. Reaching past the last row is harmless.
ONDOL_INLINE void prefetch(const float* row, int64_t n) {
  for (int64_t d = 0; d < n; d += 16) __builtin_prefetch(row + d, 0, 2);
}

template <class V>
struct AttentionPack {
  typedef typename V::F F;

  // to[d] = from[d] * c
  static void query(const float* from, int64_t n, float c, float* to) {
    int64_t d = 0;
    for (; d + V::lanes <= n; d += V::lanes) V::store(to + d, V::load(from + d) * c);
    if (d < n) V::store(to + d, V::load(from + d, n - d) * c, n - d);
  }

  // Panels of keys [j, j + count): panel p holds [d][16]; lanes without a key are zero.
  static void keys(const KeyRows& rows, int64_t j, int64_t count, int64_t n, float* to) {
    for (int64_t p = 0; p < count; p += PANEL, to += PANEL * n) {
      for (int64_t next = j + p + PANEL; next < j + min_of(p + 2 * PANEL, count); next++) prefetch(rows.row(next), n);
      for (int64_t lane = 0; lane < PANEL; lane += V::lanes) {
        key_lanes(rows, j + p + lane, min_of<int64_t>(V::lanes, count - p - lane), n, to + lane);
      }
    }
  }

  // Panels of values [j, j + count): panel c holds [key][16], KEY_BLOCK keys apart; columns from n on are zero.
  static void values(const KeyRows& rows, int64_t j, int64_t count, int64_t n, float* to) {
    for (int64_t i = 0; i < count; i++) {
      if (i + 8 < count) prefetch(rows.row(j + i + 8), n);
      const float* row = rows.row(j + i);
      float* target = to + i * PANEL;
      int64_t d = 0;
      for (; d + PANEL <= n; d += PANEL, target += KEY_BLOCK * PANEL) {
        for (int v = 0; v < PANEL; v += V::lanes) V::store(target + v, V::load(row + d + v));
      }
      for (int v = 0; d < n && v < PANEL; v += V::lanes) {
        const int64_t left = min_of<int64_t>(V::lanes, n - d - v);
        V::store(target + v, left == V::lanes ? V::load(row + d + v)
                             : left > 0       ? V::load(row + d + v, left)
                                              : V::set(0.0f));
      }
    }
  }

 private:
  static void key_lanes(const KeyRows& rows, int64_t j, int64_t count, int64_t n, float* to) {
    const float* key[V::lanes];
    for (int64_t l = 0; l < V::lanes; l++) key[l] = l < count ? rows.row(j + l) : nullptr;
    for (int64_t d = 0; d < n; d += V::lanes) {
      const int64_t left = min_of<int64_t>(V::lanes, n - d);
      F block[V::lanes];
      if (count >= V::lanes && left == V::lanes) {
#pragma GCC unroll 16
        for (int l = 0; l < V::lanes; l++) block[l] = V::load(key[l] + d);
      } else {
        for (int64_t l = 0; l < V::lanes; l++) block[l] = l < count ? V::load(key[l] + d, left) : V::set(0.0f);
      }
      V::transpose(block);
      if (left == V::lanes) {
#pragma GCC unroll 16
        for (int l = 0; l < V::lanes; l++) V::store(to + (d + l) * PANEL, block[l]);
      } else {
        for (int64_t l = 0; l < left; l++) V::store(to + (d + l) * PANEL, block[l]);
      }
    }
  }
};

}  // namespace
}  // namespace ondol

#endif
