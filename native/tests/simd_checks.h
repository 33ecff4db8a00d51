// Checks of one vector type, compiled once per instruction set: what the kernels' own tests would not pin down.
#ifndef ONDOL_SIMD_CHECKS_H
#define ONDOL_SIMD_CHECKS_H

#include "lanes16.h"
#include "math.h"
#include "philox.h"
#include "reference.h"
#include "testing.h"

namespace ondol {
namespace {

template <class V>
struct SimdChecks {
  typedef typename V::F F;

  static int run(const char* name) {
    tails(name);
    transposes(name);
    lookups(name);
    lane_bits(name);
    select_forms(name);
    sums(name);
    weights(name);
    random_numbers(name);
    return testing::finish();
  }

  static void tails(const char* name) {
    for (int64_t n = 0; n <= V::lanes; n++) {
      float in[V::lanes], out[V::lanes + 1];
      for (int l = 0; l < V::lanes; l++) in[l] = (float)(l + 1);
      for (float& x : out) x = -7;
      V::store(out, V::load(in, n));
      for (int l = 0; l < V::lanes; l++) EXPECT(out[l] == (l < n ? in[l] : 0), "%s load %d of %d", name, l, (int)n);
      for (float& x : out) x = -7;
      V::store(out, V::load(in), n);
      for (int l = 0; l <= V::lanes; l++) EXPECT(out[l] == (l < n ? in[l] : -7), "%s store %d of %d", name, l, (int)n);
      for (int64_t end = 0; end <= V::lanes; end++) {
        V::store(out, V::load(in, n, end));
        for (int l = 0; l < V::lanes; l++) {
          EXPECT(out[l] == (l >= n && l < end ? in[l] : 0), "%s load %d of [%d, %d)", name, l, (int)n, (int)end);
        }
      }
    }
  }

  static void transposes(const char* name) {
    F rows[V::lanes];
    float cells[V::lanes];
    for (int r = 0; r < V::lanes; r++) {
      for (int c = 0; c < V::lanes; c++) cells[c] = (float)(r * V::lanes + c);
      rows[r] = V::load(cells);
    }
    V::transpose(rows);
    for (int r = 0; r < V::lanes; r++) {
      V::store(cells, rows[r]);
      for (int c = 0; c < V::lanes; c++) EXPECT(cells[c] == c * V::lanes + r, "%s row %d column %d", name, r, c);
    }
  }

  static void lookups(const char* name) {
    float all[2 * V::lanes];
    int32_t at[V::lanes];
    for (int e = 0; e < 2 * V::lanes; e++) all[e] = (float)e;
    for (int32_t step : {0, 1, 2, 3, 7}) {
      for (int l = 0; l < V::lanes; l++) at[l] = (l * step + 3) % (2 * V::lanes);
      const F got = V::lookup(V::load(all), V::load(all + V::lanes), V::load(at));
      for (int l = 0; l < V::lanes; l++) EXPECT(got[l] == (float)at[l], "%s step %d lane %d", name, step, l);
    }
  }

  static void lane_bits(const char* name) {
    for (int l = 0; l < V::lanes; l++) {
      float cells[V::lanes] = {};
      cells[l] = 1;
      EXPECT(V::lane_bits(V::gt(V::load(cells), V::set(0.0f))) == 1u << l, "%s lane bit %d", name, l);
    }
    EXPECT(V::lane_bits(V::eq(V::set(0.0f), V::set(-0.0f))) == (1u << V::lanes) - 1, "%s all lane bits", name);
  }

  static void select_forms(const char* name) {
    const float some[] = {0.0f, -0.0f, 1.0f, -1.0f, INFINITY, -INFINITY, NAN};
    for (float a : some) {
      for (float b : some) {
        const F x = V::set(a), y = V::set(b);
        EXPECT(testing::same(V::greater(x, y)[0], a > b ? a : b), "%s greater(%g, %g)", name, a, b);
        EXPECT(testing::same(V::lesser(x, y)[0], a < b ? a : b), "%s lesser(%g, %g)", name, a, b);
        EXPECT(testing::same(vmax<V>(x, y)[0], a > b || a != a ? a : b), "%s max(%g, %g)", name, a, b);
        EXPECT(testing::same(vmin<V>(x, y)[0], a < b || a != a ? a : b), "%s min(%g, %g)", name, a, b);
      }
    }
  }

  static void sums(const char* name) {
    std::mt19937 random(1);
    for (int64_t n = 0; n < 70; n++) {
      const std::vector<float> x = testing::values(random, n, false);
      Lanes16<V> sum(0.0f), max(-INFINITY);
      sum.row(n, [&](F p, int64_t i, int64_t count) { return p + load_part<V>(&x[i], count); });
      max.row(n, [&](F p, int64_t i, int64_t count) { return vmax<V>(p, load_part<V>(&x[i], count)); });
      const float expected = reference::sum16(n, [&](float p, int64_t i) { return p + x[i]; });
      EXPECT(testing::same(sum.sum(), expected), "%s n=%d", name, (int)n);
      EXPECT(testing::same(max.max(), reference::max16(n, [&](int64_t i) { return x[i]; })), "%s n=%d", name, (int)n);
    }
  }

  static void weights(const char* name) {
    for (float x : {0.0f, -0.0f, -0.25f, -0.5f, -1.5f, -3.7f, -125.99f, -126.0f, -126.01f, -1e30f, -INFINITY, NAN}) {
      const float got = Math<V>::exp2w(V::set(x))[0];
      EXPECT(testing::same(got, reference::exp2w(x)), "%s exp2w(%a) = %a", name, x, got);
      EXPECT(x != x || x < -126 || fabs(got / ::exp2((double)x) - 1) < 2e-7, "%s exp2w(%a) = %a", name, x, got);
    }
  }

  // The first is a known answer of the authors' library: Random123, kat_vectors, philox4x32 10.
  static void random_numbers(const char* name) {
    const uint32_t counter[4] = {0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344};
    const uint32_t expected[4] = {0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1};
    const uint64_t seed = 0x299F31D0A4093822u;
    uint32_t words[4], keys[4 * V::lanes];
    Philox::block(seed, counter, words);
    EXPECT(memcmp(words, expected, sizeof words) == 0, "%s %08x", name, words[0]);
    Philox::keys<V>(seed, 1000, 17, 5, 3, keys);
    for (uint32_t l = 0; l < (uint32_t)V::lanes; l++) {
      const uint32_t at[4] = {1000 + l, 17, 5, 3};
      Philox::block(seed, at, words);
      EXPECT(memcmp(words, keys + 4 * l, sizeof words) == 0, "%s group %u", name, l);
    }
  }
};

}  // namespace
}  // namespace ondol

#endif
