// Philox-4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3; SC 2011). Counter-based, so
// a dropout decision depends on its position alone: key (seed low, seed high), counter (j / 4, i, head, batch), word
// j mod 4.
#ifndef ONDOL_PHILOX_H
#define ONDOL_PHILOX_H

#include "simd.h"

namespace ondol {
namespace {

struct Philox {
  static constexpr uint32_t M0 = 0xD2511F53u, M1 = 0xCD9E8D57u, W0 = 0x9E3779B9u, W1 = 0xBB67AE85u;

  // One block of four words.
  static inline void block(uint64_t seed, const uint32_t counter[4], uint32_t words[4]) {
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    for (int round = 0; round < 10; round++, k0 += W0, k1 += W1) {
      uint64_t p0 = (uint64_t)M0 * c0, p1 = (uint64_t)M1 * c2;
      c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
      c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
      c1 = (uint32_t)p1;
      c3 = (uint32_t)p0;
    }
    words[0] = c0;
    words[1] = c1;
    words[2] = c2;
    words[3] = c3;
  }

  // The words of 4 * lanes consecutive keys, in key order, starting with key 4 * group.
  template <class V>
  static ONDOL_INLINE void keys(uint64_t seed, int64_t group, uint32_t i, uint32_t head, uint32_t batch,
                                uint32_t* words) {
    typedef typename V::I I;
    alignas(64) int32_t lane[V::lanes];
    for (int l = 0; l < V::lanes; l++) lane[l] = (int32_t)(uint32_t)(group + l);
    I c[4] = {V::load(lane), V::set((int32_t)i), V::set((int32_t)head), V::set((int32_t)batch)};
    const I m0 = V::set((int32_t)M0), m1 = V::set((int32_t)M1);
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++, k0 += W0, k1 += W1) {
      I high0, low0, high1, low1;
      V::mul_wide(c[0], m0, high0, low0);
      V::mul_wide(c[2], m1, high1, low1);
      c[0] = high1 ^ c[1] ^ V::set((int32_t)k0);
      c[2] = high0 ^ c[3] ^ V::set((int32_t)k1);
      c[1] = low1;
      c[3] = low0;
    }
    for (int w = 0; w < 4; w++) {
      V::store(lane, c[w]);
      for (int l = 0; l < V::lanes; l++) words[4 * l + w] = (uint32_t)lane[l];
    }
  }
};

}  // namespace
}  // namespace ondol

#endif
