// A scalar transcription of docs/arithmetic.md, Attention, and generated calls: shared by the tests of attention and of
// its gradient.
#ifndef ONDOL_ATTENTION_CASES_H
#define ONDOL_ATTENTION_CASES_H

#include <math.h>

#include <algorithm>
#include <memory>

#include "testing.h"

using namespace testing;

namespace {

// ---- docs/arithmetic.md, one scalar operation after another -------------------------------------------------------

const float MAGIC = 12582912.0f, LOG2E = 0x1.715476p+0f, LN2 = 0x1.62e43p-1f;

float from_bits(uint32_t b) {
  float x;
  memcpy(&x, &b, sizeof x);
  return x;
}

float horner(float r, std::initializer_list<float> c) {
  const float* at = c.end() - 1;
  float p = *at;
  while (at != c.begin()) p = fmaf(p, r, *--at);
  return p;
}

float exp2w(float x) {
  float t = x + MAGIC, n = t - MAGIC, r = x - n;
  float p = horner(r, {1.0f, 0x1.62e42ap-1f, 0x1.ebf9bcp-3f, 0x1.c6b752p-5f, 0x1.3cea88p-7f, 0x1.5bba0ep-10f});
  float s = from_bits((bits(t) << 23) + 0x3F800000u);
  return x < -126 ? 0.0f : p * s;
}

float exp_full(float x) {
  x = x < -104 ? -104 : x;
  x = x > 89 ? 89 : x;
  float t = fmaf(x, 0x1.715476p+0f, MAGIC), n = t - MAGIC;
  float r = fmaf(n, -0x1.62e4p-1f, x);
  r = fmaf(n, -0x1.7f7d1cp-20f, r);
  float p = horner(r, {1.0f, 1.0f, 0x1.fffffcp-2f, 0x1.555492p-3f, 0x1.5558f2p-5f, 0x1.1239e4p-7f, 0x1.6a243p-10f});
  int32_t i = (int32_t)(bits(t) - 0x4B400000u), i1 = i >> 1, i2 = i - i1;
  return (p * from_bits((uint32_t)(i1 + 127) << 23)) * from_bits((uint32_t)(i2 + 127) << 23);
}

float log_full(float x) {
  if (x == 0) return -INFINITY;
  if (x < 0) return nan();
  if (!(x < INFINITY)) return x;
  float e0 = 0;
  if (x < 0x1p-126f) x = x * 0x1p23f, e0 = -23;
  int32_t i = (int32_t)(bits(x) - 0x3F3504F3u);
  float e = (float)(i >> 23) + e0, m = from_bits((uint32_t)(i & 0x7FFFFF) + 0x3F3504F3u);
  float f = m - 1, s = f * f;
  float q = horner(f, {0x1.555548p-2f, -0x1.000006p-2f, 0x1.99a4b6p-3f, -0x1.555c4ep-3f, 0x1.233766p-3f,
                       -0x1.fc220ep-4f, 0x1.e6f08cp-4f, -0x1.de3bf8p-4f, 0x1.14573ep-4f});
  float y = (f * s) * q;
  y = fmaf(e, -0x1.bd0106p-13f, y);
  y = fmaf(-0.5f, s, y);
  return fmaf(e, 0x1.63p-1f, f + y);
}

float tanh_full(float x) {
  float a = fabsf(x), s = x * x;
  if (a < 0.625f) {
    float q = horner(s, {-0x1.555532p-2f, 0x1.110726p-3f, -0x1.b83c58p-5f, 0x1.522692p-6f, -0x1.75e1a8p-8f});
    return fmaf(x * s, q, x);
  }
  return copysignf(1 - 2 / (exp_full(a + a) + 1), x);
}

float tree(const float* l) {
  float p[16];
  std::copy(l, l + 16, p);
  for (int half = 8; half > 0; half /= 2) {
    for (int j = 0; j < half; j++) p[j] = p[j] + p[j + half];
  }
  return p[0];
}

uint32_t philox_word(uint64_t seed, uint32_t j, uint32_t i, uint32_t h, uint32_t b) {
  uint32_t k[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)}, c[4] = {j / 4, i, h, b};
  for (int round = 0; round < 10; round++) {
    uint64_t p0 = 0xD2511F53ull * c[0], p1 = 0xCD9E8D57ull * c[2];
    uint32_t next[4] = {(uint32_t)(p1 >> 32) ^ c[1] ^ k[0], (uint32_t)p1, (uint32_t)(p0 >> 32) ^ c[3] ^ k[1],
                        (uint32_t)p0};
    std::copy(next, next + 4, c);
    k[0] += 0x9E3779B9u;
    k[1] += 0xBB67AE85u;
  }
  return c[j % 4];
}

struct State {
  float m = -INFINITY;
  float l[16] = {};
  std::vector<float> o;
};

// One query row of one item.
struct Reference {
  const ondol_attention_args& a;
  int64_t b, h, i, rows, keys, off, q0, k0;

  Reference(const ondol_attention_args& a, int64_t b, int64_t h, int64_t i) : a(a), b(b), h(h), i(i) {
    q0 = a.q_offsets ? a.q_offsets[b] : 0;
    k0 = a.kv_offsets ? a.kv_offsets[b] : 0;
    rows = a.q_offsets ? a.q_offsets[b + 1] - q0 : a.q_len;
    keys = a.kv_lengths ? a.kv_lengths[b] : a.kv_offsets ? a.kv_offsets[b + 1] - k0 : a.kv_len;
    off = a.bottom_right ? keys - rows : 0;
  }

  const float* row(const float* base, const int64_t* stride, int64_t j) const {
    int64_t head = h / (a.heads / a.kv_heads);
    if (a.pages)
      return base + a.pages[b * a.pages_per_batch + j / a.page_size] * stride[0] + head * stride[1] +
             j % a.page_size * stride[2];
    return base + (a.kv_offsets ? 0 : b) * stride[0] + head * stride[1] + (k0 + j) * stride[2];
  }

  int64_t out_at(const int64_t* stride) const {
    return (a.q_offsets ? 0 : b) * stride[0] + h * stride[1] + (q0 + i) * stride[2];
  }

  bool visible(int64_t j) const {
    if (a.window_left >= 0 && j < i + off - a.window_left) return false;
    if (a.window_right >= 0 && j > i + off + a.window_right) return false;
    return !a.mask ||
           a.mask[b * a.mask_stride[0] + h * a.mask_stride[1] + i * a.mask_stride[2] + j * a.mask_stride[3]] != 0;
  }

  float score(int64_t j) const {
    if (!visible(j)) return -INFINITY;
    const float* q = a.q + out_at(a.q_stride);
    const float* k = row(a.k, a.k_stride, j);
    float c = (float)(a.scale * 1.4426950408889634), z = 0;
    for (int64_t d = 0; d < a.head_dim; d++) z = fmaf(q[d] * c, k[d], z);
    if (a.softcap != 0)
      z = tanh_full(z * (float)(0.6931471805599453 / a.softcap)) * (float)(a.softcap * 1.4426950408889634);
    if (a.alibi) z = fmaf(-(a.alibi[h] * LOG2E), (float)std::abs(j - (i + off)), z);
    if (a.bias)
      z = fmaf(a.bias[b * a.bias_stride[0] + h * a.bias_stride[1] + i * a.bias_stride[2] + j * a.bias_stride[3]], LOG2E,
               z);
    return z;
  }

  void block(State& st, int64_t begin, int64_t end) const {
    std::vector<float> z(end - begin);
    bool any = false;
    for (int64_t j = begin; j < end; j++) any |= visible(j), z[j - begin] = score(j);
    if (!any) return;
    float m = st.m;
    for (float x : z) m = x > m ? x : m;
    float u = m == -INFINITY ? 0 : m, f = exp2w(st.m - u);
    for (float& l : st.l) l = l * f;
    for (float& o : st.o) o = o * f;
    st.m = m;
    for (int64_t j = begin; j < end; j++) {
      float w = exp2w(z[j - begin] - u);
      st.l[j % 16] = st.l[j % 16] + w;
      if (a.dropout > 0) {
        bool keep = philox_word((uint64_t)a.seed, (uint32_t)j, (uint32_t)i, (uint32_t)h, (uint32_t)b) >=
                    (uint32_t)(a.dropout * 4294967296.0);
        w = keep ? w * (float)(1 / (1 - a.dropout)) : 0.0f;
      }
      if (w == 0) continue;
      const float* v = row(a.v, a.v_stride, j);
      for (int64_t d = 0; d < a.value_dim; d++) st.o[d] = fmaf(w, v[d], st.o[d]);
    }
  }

  State chunk(int64_t begin, int64_t end) const {
    State st;
    st.o.assign(a.value_dim, 0.0f);
    for (int64_t j = begin; j < end; j += 128) block(st, j, std::min(j + 128, end));
    return st;
  }

  State all() const {
    if (rows > 16 || keys <= 256) return chunk(0, keys);
    std::vector<State> parts;
    for (int64_t j = 0; j < keys; j += 256) parts.push_back(chunk(j, std::min(j + 256, keys)));
    State st;
    st.o.assign(a.value_dim, 0.0f);
    for (const State& p : parts) st.m = p.m > st.m ? p.m : st.m;
    float u = st.m == -INFINITY ? 0 : st.m;
    for (const State& p : parts) {
      float w = exp2w(p.m - u);
      for (int t = 0; t < 16; t++) st.l[t] = fmaf(p.l[t], w, st.l[t]);
      for (int64_t d = 0; d < a.value_dim; d++) st.o[d] = fmaf(p.o[d], w, st.o[d]);
    }
    return st;
  }

  void write(float* out, float* lse) const {
    State st = all();
    float total = tree(st.l);
    for (int64_t d = 0; d < a.value_dim; d++)
      out[out_at(a.out_stride) + d] = total == 0 ? 0.0f : fmaf(st.o[d], 1 / total, 0.0f);
    if (lse) lse[out_at(a.lse_stride)] = total == 0 ? -INFINITY : fmaf(st.m, LN2, log_full(total));
  }
};

// ---- generated calls ----------------------------------------------------------------------------------------------

// Values that end exactly where their operand does: with the address sanitizer, reading past it is an error.
typedef std::vector<float> Values;

struct Case {
  ondol_attention_args a = {};
  Values q, k, v, bias, alibi;
  std::vector<uint8_t> mask;
  std::vector<int64_t> lengths, q_offsets, kv_offsets, pages;
  int64_t out_size, lse_size;
};

int64_t pick(std::mt19937& random, std::initializer_list<int64_t> from) { return from.begin()[random() % from.size()]; }

// Strides of [n0, n1, n2, width], n1 and n2 in either order and with gaps; returns the floats needed.
int64_t strides(std::mt19937& random, int64_t n0, int64_t n1, int64_t n2, int64_t width, int64_t* out) {
  int64_t gap = random() % 3 == 0 ? random() % 5 : 0, row = width + gap;
  if (random() % 2) {
    out[2] = row, out[1] = row * n2 + gap, out[0] = out[1] * n1;
  } else {
    out[1] = row, out[2] = row * n1 + gap, out[0] = out[2] * n2;
  }
  if (n0 == 0 || n1 == 0 || n2 == 0) return 0;
  return (n0 - 1) * out[0] + (n1 - 1) * out[1] + (n2 - 1) * out[2] + width;
}

// Strides of a [B,H,Lq,Lk] operand, some dimensions broadcast.
int64_t score_strides(std::mt19937& random, const ondol_attention_args& a, int64_t* out) {
  const int64_t size[4] = {a.batch, a.heads, a.q_len, a.kv_len};
  int64_t step = random() % 4 == 0 ? 2 : 1, last = 0;
  for (int d = 3; d >= 0; d--) {
    out[d] = random() % 3 == 0 ? 0 : step;
    if (out[d] != 0) step *= std::max<int64_t>(size[d], 1);
    last += out[d] * std::max<int64_t>(size[d] - 1, 0);
  }
  return last + 1;
}

void packed_offsets(std::mt19937& random, int64_t items, int64_t longest, std::vector<int64_t>& out) {
  out.assign(1, 0);
  for (int64_t b = 0; b < items; b++) out.push_back(out.back() + random() % (longest + 1));
}

void choose_keys(std::mt19937& random, Case& c) {
  ondol_attention_args& a = c.a;
  int64_t layout = random() % 4;  // plain, lengths, packed, paged
  if (layout == 1 || layout == 3) {
    for (int64_t b = 0; b < a.batch; b++) c.lengths.push_back(random() % (a.kv_len + 1));
    if (random() % 2) c.lengths[0] = a.kv_len;
    a.kv_lengths = c.lengths.data();
  }
  if (layout == 2) {
    packed_offsets(random, a.batch, a.q_len, c.q_offsets);
    packed_offsets(random, a.batch, a.kv_len, c.kv_offsets);
    a.q_offsets = c.q_offsets.data();
    a.kv_offsets = c.kv_offsets.data();
  }
  if (layout == 3) {
    a.page_size = pick(random, {1, 7, 16, 20, 64, 256});
    a.pages_per_batch = (a.kv_len + a.page_size - 1) / a.page_size;
    a.page_count = a.batch * a.pages_per_batch + 1;
    for (int64_t p = 0; p < a.batch * a.pages_per_batch; p++) c.pages.push_back(p);
    std::shuffle(c.pages.begin(), c.pages.end(), random);
    for (int64_t b = 0; b < a.batch; b++) {
      for (int64_t p = (c.lengths[b] + a.page_size - 1) / a.page_size; p < a.pages_per_batch; p++)
        c.pages[b * a.pages_per_batch + p] = -1;
    }
    a.pages = c.pages.data();
  }
}

void choose_options(std::mt19937& random, Case& c) {
  ondol_attention_args& a = c.a;
  a.bottom_right = random() % 2;
  a.window_left = random() % 4 == 0 ? random() % 80 : -1;
  a.window_right = random() % 2 == 0 ? -1 : random() % 3 == 0 ? random() % 80 : 0;
  a.scale = random() % 4 == 0 ? 1.7 : 1 / sqrt((double)a.head_dim);
  if (random() % 5 == 0) a.softcap = 3.5;
  if (random() % 5 == 0) a.dropout = 0.3, a.seed = (int64_t)(((uint64_t)random() << 32) | random());
  if (random() % 5 == 0) c.alibi = values(random, a.heads, false), a.alibi = c.alibi.data();
  if (random() % 4 == 0) {
    c.bias = values(random, score_strides(random, a, a.bias_stride), false);
    if (random() % 3 == 0) c.bias[random() % c.bias.size()] = -INFINITY;
    a.bias = c.bias.data();
  }
  if (random() % 4 == 0) {
    c.mask.resize(score_strides(random, a, a.mask_stride));
    unsigned keep = random() % 4;
    for (uint8_t& m : c.mask) m = random() % 4 < keep ? 1 + random() % 255 : 0;
    a.mask = c.mask.data();
  }
}

void choose_values(std::mt19937& random, Case& c, bool special = true) {
  ondol_attention_args& a = c.a;
  bool packed = a.q_offsets != nullptr;
  int64_t items = packed ? 1 : a.batch, kv_items = a.pages ? a.page_count : items;
  int64_t q_rows = packed ? c.q_offsets.back() : a.q_len;
  int64_t kv_rows = packed ? c.kv_offsets.back() : a.pages ? a.page_size : a.kv_len;
  c.q = values(random, strides(random, items, a.heads, q_rows, a.head_dim, a.q_stride), false);
  c.k = values(random, strides(random, kv_items, a.kv_heads, kv_rows, a.head_dim, a.k_stride), false);
  c.v = values(random, strides(random, kv_items, a.kv_heads, kv_rows, a.value_dim, a.v_stride), false);
  for (Values* x : {&c.k, &c.v}) {  // anywhere, so sometimes behind a mask, the window or the length
    for (int n = special ? random() % 4 : 0; n > 0 && !x->empty(); n--)
      (*x)[random() % x->size()] = n == 1 ? nan() : n == 2 ? INFINITY : -INFINITY;
  }
  if (special && random() % 16 == 0 && !c.q.empty()) c.q[random() % c.q.size()] = random() % 2 ? nan() : INFINITY;
  c.out_size = strides(random, items, a.heads, q_rows, a.value_dim, a.out_stride);
  c.lse_size = strides(random, items, a.heads, q_rows, 1, a.lse_stride);
  a.q = c.q.data();
  a.k = c.k.data();
  a.v = c.v.data();
}

std::unique_ptr<Case> generate(std::mt19937& random) {
  auto c = std::make_unique<Case>();
  ondol_attention_args& a = c->a;
  a.batch = 1 + random() % 3;
  a.kv_heads = 1 + random() % 2;
  a.heads = a.kv_heads * pick(random, {1, 1, 2, 3, 7});
  a.q_len = pick(random, {0, 1, 1, 2, 5, 6, 7, 13, 16, 17, 31, 48, 49, 97, 130});
  a.kv_len = pick(random, {0, 1, 7, 15, 16, 17, 64, 127, 128, 129, 200, 257, 300, 513, 600});
  if (random() % 4 == 0) {  // around the rule that splits keys
    a.q_len = pick(random, {1, 2, 15, 16, 17});
    a.kv_len = pick(random, {255, 256, 257, 511, 512, 513, 1025});
  }
  a.head_dim = pick(random, {1, 3, 8, 16, 20, 32, 33, 64});
  a.value_dim = pick(random, {1, 5, 8, 16, 24, 32, 48, 64});
  choose_keys(random, *c);
  choose_options(random, *c);
  choose_values(random, *c);
  return c;
}

std::string describe(const ondol_attention_args& a) {
  char text[400];
  snprintf(
      text, sizeof text,
      "B=%ld H=%ld/%ld Lq=%ld Lk=%ld D=%ld Dv=%ld window=%ld,%ld bottom_right=%ld softcap=%g dropout=%g%s%s%s%s%s%s",
      (long)a.batch, (long)a.heads, (long)a.kv_heads, (long)a.q_len, (long)a.kv_len, (long)a.head_dim,
      (long)a.value_dim, (long)a.window_left, (long)a.window_right, (long)a.bottom_right, a.softcap, a.dropout,
      a.mask ? " mask" : "", a.bias ? " bias" : "", a.alibi ? " alibi" : "", a.kv_lengths ? " lengths" : "",
      a.q_offsets ? " packed" : "", a.pages ? " paged" : "");
  return text;
}

const float CANARY = -7.25f;

void equal(const Values& got, const Values& expected, const char* what, const std::string& context) {
  for (size_t i = 0; i < expected.size(); i++) {
    if (same(got[i], expected[i])) continue;
    EXPECT(false, "%s[%ld] = %a, expected %a: %s", what, (long)i, got[i], expected[i], context.c_str());
    return;
  }
}

}  // namespace

#endif
