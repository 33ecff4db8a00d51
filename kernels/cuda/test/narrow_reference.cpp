#include "narrow_reference.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace reference {
namespace {

constexpr double INFINITE = std::numeric_limits<double>::infinity();

// Philox-4x32-10, for dropout.
uint32_t random_word(uint64_t seed, uint32_t b, uint32_t h, uint32_t i, uint32_t j) {
  uint32_t c[4] = {j / 4, i, h, b};
  uint32_t key[2] = {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)};
  for (int round = 0; round < 10; round++) {
    const uint64_t x = uint64_t{0xD2511F53} * c[0], y = uint64_t{0xCD9E8D57} * c[2];
    const uint32_t next[4] = {static_cast<uint32_t>(y >> 32) ^ c[1] ^ key[0], static_cast<uint32_t>(y),
                              static_cast<uint32_t>(x >> 32) ^ c[3] ^ key[1], static_cast<uint32_t>(x)};
    std::copy(next, next + 4, c);
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return c[j % 4];
}

struct Attention {
  const ondol_attention_backward_args& all;
  const ondol_attention_args& args;
  const bool rounded, bfloat16;
  NarrowResult result;
  int64_t b = 0, rows = 0, keys = 0, first_row = 0, first_key = 0;

  Attention(const ondol_attention_backward_args& a, bool as_a_kernel)
      : all(a), args(a.forward), rounded(as_a_kernel), bfloat16(args.precision == ONDOL_BFLOAT16) {}

  double sum(double x) const { return rounded ? static_cast<double>(static_cast<float>(x)) : x; }
  double narrow(double x) const { return rounded ? from_narrow(to_narrow(x, bfloat16), bfloat16) : x; }

  int64_t row_at(const int64_t (&stride)[3], int64_t h, int64_t i) const {
    return (args.q_offsets != nullptr ? 0 : b * stride[0]) + h * stride[1] + (first_row + i) * stride[2];
  }

  int64_t key_at(const int64_t (&stride)[3], int64_t h, int64_t j) const {
    if (args.pages != nullptr) {
      const int64_t page = args.pages[b * args.pages_per_batch + j / args.page_size];
      return page * stride[0] + h * stride[1] + j % args.page_size * stride[2];
    }
    return (args.kv_offsets != nullptr ? 0 : b * stride[0]) + h * stride[1] + (first_key + j) * stride[2];
  }

  double element(const float* data, int64_t at) const {
    return from_narrow(reinterpret_cast<const uint16_t*>(data)[at], bfloat16);
  }

  void item(int64_t index) {
    b = index;
    rows = args.q_len;
    keys = args.kv_len;
    first_row = first_key = 0;
    if (args.q_offsets != nullptr) {
      first_row = args.q_offsets[b];
      rows = args.q_offsets[b + 1] - first_row;
      first_key = args.kv_offsets[b];
      keys = args.kv_offsets[b + 1] - first_key;
    }
    if (args.kv_lengths != nullptr) keys = std::min(keys, args.kv_lengths[b]);
  }

  bool visible(int64_t h, int64_t i, int64_t j) const {
    const int64_t beside = j - i - (args.bottom_right ? keys - rows : 0);
    if (args.window_left >= 0 && beside < -args.window_left) return false;
    if (args.window_right >= 0 && beside > args.window_right) return false;
    const int64_t(&s)[4] = args.mask_stride;
    return args.mask == nullptr || args.mask[b * s[0] + h * s[1] + i * s[2] + j * s[3]] != 0;
  }

  struct Pair {
    double z, slope;  // the natural score; its derivative by the scaled dot product
  };

  Pair score(int64_t h, int64_t i, int64_t j, double dot) const {
    double z = dot * args.scale, slope = 1;
    if (args.softcap != 0) {
      const double t = std::tanh(z / args.softcap);
      z = t * args.softcap;
      slope = 1 - t * t;
    }
    if (args.alibi != nullptr) {
      z -= static_cast<double>(args.alibi[h]) *
           std::fabs(static_cast<double>(j - i - (args.bottom_right ? keys - rows : 0)));
    }
    const int64_t(&s)[4] = args.bias_stride;
    if (args.bias != nullptr) z += static_cast<double>(args.bias[b * s[0] + h * s[1] + i * s[2] + j * s[3]]);
    return {z, slope};
  }

  double factor(int64_t h, int64_t i, int64_t j) const {
    if (args.dropout <= 0) return 1;
    const uint32_t word = random_word(static_cast<uint64_t>(args.seed), static_cast<uint32_t>(b),
                                      static_cast<uint32_t>(h), static_cast<uint32_t>(i), static_cast<uint32_t>(j));
    return word >= static_cast<uint32_t>(args.dropout * 4294967296.0) ? 1 / (1 - args.dropout) : 0;
  }

  double dot(const float* x, int64_t x_at, const float* y, int64_t y_at, int64_t n) const {
    double total = 0;
    for (int64_t d = 0; d < n; d++) total = sum(total + element(x, x_at + d) * element(y, y_at + d));
    return total;
  }

  void row(int64_t h, int64_t i, bool backward) {
    const int64_t kv = h / (args.heads / args.kv_heads);
    std::vector<Pair> pairs(static_cast<size_t>(keys));
    std::vector<double> weights(pairs.size());
    double largest = -INFINITE;
    for (int64_t j = 0; j < keys; j++) {
      Pair& pair = pairs[static_cast<size_t>(j)];
      pair = {-INFINITE, 0};
      if (!visible(h, i, j)) continue;
      const int64_t q = row_at(args.q_stride, h, i), k = key_at(args.k_stride, kv, j);
      pair = score(h, i, j, dot(args.q, q, args.k, k, args.head_dim));
      if (pair.z > largest) largest = pair.z;
    }
    double total = 0;
    for (size_t j = 0; j < pairs.size(); j++) {
      weights[j] = pairs[j].z == -INFINITE ? 0 : sum(std::exp(sum(pairs[j].z - largest)));
      total = sum(total + weights[j]);
    }
    const int64_t out = row_at(args.out_stride, h, i);
    std::vector<double> o(static_cast<size_t>(args.value_dim));
    for (int64_t j = 0; j < keys && total != 0; j++) {
      const double w = narrow(weights[static_cast<size_t>(j)] * factor(h, i, j));
      if (w == 0) continue;
      const int64_t v = key_at(args.v_stride, kv, j);
      for (size_t d = 0; d < o.size(); d++) o[d] = sum(o[d] + w * element(args.v, v + static_cast<int64_t>(d)));
    }
    for (size_t d = 0; d < o.size(); d++) {
      if (total != 0) o[d] = narrow(o[d] / total);
      result.out[static_cast<size_t>(out) + d] = o[d];
    }
    result.lse[static_cast<size_t>(row_at(args.lse_stride, h, i))] = total == 0 ? -INFINITE : largest + std::log(total);
    if (backward && total != 0) gradient(h, i, kv, pairs, weights, total, o);
  }

  void gradient(int64_t h, int64_t i, int64_t kv, const std::vector<Pair>& pairs, const std::vector<double>& weights,
                double total, const std::vector<double>& o) {
    const int64_t dout = row_at(all.dout_stride, h, i), q = row_at(args.q_stride, h, i);
    double delta = 0;
    for (size_t d = 0; d < o.size(); d++) delta += element(all.dout, dout + static_cast<int64_t>(d)) * o[d];
    for (int64_t j = 0; j < keys; j++) {
      const double p = weights[static_cast<size_t>(j)] / total;
      if (p == 0) continue;
      const double kept = factor(h, i, j);
      const int64_t v = key_at(args.v_stride, kv, j), k = key_at(args.k_stride, kv, j);
      const double dp = dot(all.dout, dout, args.v, v, args.value_dim) * kept;
      if (!result.dbias.empty()) {
        const int64_t(&s)[4] = args.bias_stride;
        double& x = result.dbias[static_cast<size_t>(b * s[0] + h * s[1] + i * s[2] + j * s[3])];
        x = sum(x + sum(p * (dp - delta)));
      }
      const double pk = narrow(p * kept), ds = narrow(p * (dp - delta) * pairs[static_cast<size_t>(j)].slope);
      const int64_t dv = key_at(all.dv_stride, kv, j), dk = key_at(all.dk_stride, kv, j);
      const int64_t dq = row_at(all.dq_stride, h, i);
      for (int64_t d = 0; d < args.value_dim; d++) {
        double& x = result.dv[static_cast<size_t>(dv + d)];
        x = sum(x + pk * element(all.dout, dout + d));
      }
      for (int64_t d = 0; d < args.head_dim; d++) {
        double& x = result.dk[static_cast<size_t>(dk + d)];
        x = sum(x + ds * args.scale * element(args.q, q + d));
        double& y = result.dq[static_cast<size_t>(dq + d)];
        y = sum(y + ds * args.scale * element(args.k, k + d));
      }
    }
  }
};

size_t extent(const int64_t (&stride)[3], int64_t batch, int64_t heads, int64_t positions, int64_t width) {
  if (positions < 1) return 0;
  return static_cast<size_t>((batch - 1) * stride[0] + (heads - 1) * stride[1] + (positions - 1) * stride[2] + width);
}

// Zeros for what is stored, NaN between.
std::vector<double> gradient_of(const int64_t (&stride)[3], int64_t batch, int64_t heads, int64_t positions,
                                int64_t width) {
  std::vector<double> gradient(extent(stride, batch, heads, positions, width), NAN);
  for (int64_t b = 0; b < batch; b++) {
    for (int64_t h = 0; h < heads; h++) {
      for (int64_t i = 0; i < positions; i++) {
        std::fill_n(gradient.begin() + b * stride[0] + h * stride[1] + i * stride[2], width, 0.0);
      }
    }
  }
  return gradient;
}

}  // namespace

uint16_t to_narrow(double x, bool bfloat16) {
  if (x != x) return 0x7FFF;
  const int fraction = bfloat16 ? 7 : 10, least = bfloat16 ? -126 : -14, most = bfloat16 ? 127 : 15;
  const uint16_t sign = std::signbit(x) ? 0x8000 : 0;
  const double a = std::fabs(x);
  if (a == 0) return sign;
  const int exponent = std::max(std::ilogb(a), least);
  const double units = std::isinf(a) ? INFINITE : std::nearbyint(std::ldexp(a, fraction - exponent));
  const uint16_t infinite = static_cast<uint16_t>((most + 1 - least + 1) << fraction);
  if (std::isinf(units)) return sign | infinite;
  // The units carry into the exponent by themselves.
  const int64_t bits = (static_cast<int64_t>(exponent - least) << fraction) + static_cast<int64_t>(units);
  return static_cast<uint16_t>(sign | std::min<int64_t>(bits, infinite));
}

double from_narrow(uint16_t x, bool bfloat16) {
  const int fraction = bfloat16 ? 7 : 10, least = bfloat16 ? -126 : -14, most = bfloat16 ? 127 : 15;
  const int field = (x & 0x7FFF) >> fraction;
  const int units = x & ((1 << fraction) - 1);
  double a = field == 0 ? std::ldexp(units, least - fraction)
                        : std::ldexp(units + (1 << fraction), field - 1 + least - fraction);
  if (field == most - least + 2) a = units == 0 ? INFINITE : NAN;
  return (x & 0x8000) != 0 ? -a : a;
}

NarrowResult narrow_attention(const ondol_attention_backward_args& args, bool rounded, bool backward) {
  const ondol_attention_args& f = args.forward;
  Attention attention(args, rounded);
  const int64_t batch = f.q_offsets != nullptr ? 1 : f.batch;
  const int64_t rows = f.q_offsets != nullptr ? f.q_offsets[f.batch] : f.q_len;
  const int64_t keys = f.kv_offsets != nullptr ? f.kv_offsets[f.batch] : f.kv_len;
  attention.result.out.assign(extent(f.out_stride, batch, f.heads, rows, f.value_dim), NAN);
  attention.result.lse.assign(extent(f.lse_stride, batch, f.heads, rows, 1), NAN);
  if (backward) {
    attention.result.dq = gradient_of(args.dq_stride, batch, f.heads, rows, f.head_dim);
    attention.result.dk = gradient_of(args.dk_stride, batch, f.kv_heads, keys, f.head_dim);
    attention.result.dv = gradient_of(args.dv_stride, batch, f.kv_heads, keys, f.value_dim);
    const int64_t(&s)[4] = f.bias_stride;
    const int64_t last = (f.batch - 1) * s[0] + (f.heads - 1) * s[1] + (f.q_len - 1) * s[2] + (f.kv_len - 1) * s[3];
    if (f.bias != nullptr) attention.result.dbias.assign(static_cast<size_t>(last + 1), 0.0);
  }
  for (int64_t b = 0; b < f.batch; b++) {
    attention.item(b);
    for (int64_t h = 0; h < f.heads; h++) {
      for (int64_t i = 0; i < attention.rows; i++) attention.row(h, i, backward);
    }
  }
  for (std::vector<double>* gradient : {&attention.result.dq, &attention.result.dk, &attention.result.dv}) {
    for (double& x : *gradient) x = attention.narrow(x);
  }
  return std::move(attention.result);
}

}  // namespace reference
