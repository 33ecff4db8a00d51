#include "reference.h"

#include <cstring>
#include <limits>

namespace reference {
namespace {

constexpr float INFINITE = std::numeric_limits<float>::infinity();
constexpr float LOG2E = 0x1.715476p+0f;
constexpr float LN2 = 0x1.62e43p-1f;

enum Function : int64_t {
#define ONDOL_OP(name, arity) F_##name,
#include "../../simd/elementwise/ops.inc"
#undef ONDOL_OP
};

// exp, tanh and the like are the CPU library's, which its own tests compare with a float64 reference.
float function(int64_t op, float x) {
  float out = 0;
  ondol_elementwise_args args = {};
  args.op = op;
  args.rank = 1;
  args.shape[0] = 1;
  args.x = &x;
  args.x_stride[0] = 1;
  args.out = &out;
  args.out_stride[0] = 1;
  ondol_elementwise(&args, nullptr);
  return out;
}

}  // namespace

float exp2w(float x) {
  if (x < -126.0f) return 0.0f;
  const float magic = 12582912.0f;
  float t = x + magic;
  float n = t - magic;
  float r = x - n;
  float p = 0x1.5bba0ep-10f;
  const float coefficients[] = {0x1.3cea88p-7f, 0x1.c6b752p-5f, 0x1.ebf9bcp-3f, 0x1.62e42ap-1f, 1.0f};
  for (float c : coefficients) p = std::fma(p, r, c);
  uint32_t bits;
  std::memcpy(&bits, &t, 4);
  bits = (bits << 23) + 0x3F800000u;
  float s;
  std::memcpy(&s, &bits, 4);
  return p * s;
}

float activation(int64_t which, float x) {
  const int64_t functions[] = {F_copy, F_relu, F_gelu, F_gelu_tanh, F_sigmoid, F_tanh, F_silu};
  return function(functions[which], x);
}

float Sum16::total() const {
  float p[16];
  std::memcpy(p, partial, sizeof p);
  for (int step = 8; step > 0; step /= 2) {
    for (int j = 0; j < step; j++) p[j] = p[j] + p[j + step];
  }
  return p[0];
}

float gemm_element(const ondol_gemm_args& args, const int64_t (&batch)[ONDOL_BATCH_RANK], int64_t i, int64_t j) {
  const float* a = args.a;
  const float* b = args.b;
  const float* residual = args.residual;
  for (int d = 0; d < ONDOL_BATCH_RANK; d++) {
    a += batch[d] * args.a_batch[d];
    if (!args.packed) b += batch[d] * args.b_batch[d];
    if (residual) residual += batch[d] * args.residual_batch[d];
  }
  float sum = 0;
  for (int64_t k = 0; k < args.k; k++) {
    float bk = args.packed ? args.packed[(j / 16 * args.k + k) * 16 + j % 16] : b[k * args.b_row + j * args.b_col];
    sum = std::fma(a[i * args.a_row + k * args.a_col], bk, sum);
  }
  float alpha = static_cast<float>(args.alpha);
  if (alpha != 1) sum = sum * alpha;
  if (args.bias) sum = sum + args.bias[j];
  sum = activation(args.activation, sum);
  if (residual) sum = sum + residual[i * args.residual_row + j];
  return sum;
}

namespace {

// One item and one query head, with everything that addresses them.
struct View {
  const ondol_attention_args& a;
  int64_t b, h, hk, rows, stored, keys, off;

  View(const ondol_attention_args& args, int64_t batch, int64_t head)
      : a(args), b(batch), h(head), hk(head / (args.heads / args.kv_heads)) {
    rows = a.q_offsets ? a.q_offsets[b + 1] - a.q_offsets[b] : a.q_len;
    stored = a.q_offsets ? a.kv_offsets[b + 1] - a.kv_offsets[b] : a.kv_len;
    keys = a.kv_lengths ? a.kv_lengths[b] : stored;
    off = a.bottom_right ? keys - rows : 0;
  }

  int64_t row(const int64_t* stride, int64_t i) const {
    if (a.q_offsets) return h * stride[1] + (a.q_offsets[b] + i) * stride[2];
    return b * stride[0] + h * stride[1] + i * stride[2];
  }

  int64_t key(const int64_t* stride, int64_t j) const {
    if (a.pages) {
      int64_t page = a.pages[b * a.pages_per_batch + j / a.page_size];
      return page * stride[0] + hk * stride[1] + j % a.page_size * stride[2];
    }
    if (a.q_offsets) return hk * stride[1] + (a.kv_offsets[b] + j) * stride[2];
    return b * stride[0] + hk * stride[1] + j * stride[2];
  }

  int64_t pair(const int64_t* stride, int64_t i, int64_t j) const {
    return b * stride[0] + h * stride[1] + i * stride[2] + j * stride[3];
  }

  bool visible(int64_t i, int64_t j) const {
    if (a.window_left >= 0 && j < i + off - a.window_left) return false;
    if (a.window_right >= 0 && j > i + off + a.window_right) return false;
    return !a.mask || a.mask[pair(a.mask_stride, i, j)];
  }

  float score(int64_t i, int64_t j, float* capped) const {
    float c = static_cast<float>(a.scale * 1.4426950408889634);
    const float* q = a.q + row(a.q_stride, i);
    const float* k = a.k + key(a.k_stride, j);
    float z = 0;
    for (int64_t d = 0; d < a.head_dim; d++) {
      float qs = q[d] * c;
      z = std::fma(qs, k[d], z);
    }
    if (a.softcap != 0) {
      z = z * static_cast<float>(0.6931471805599453 / a.softcap);
      z = function(F_tanh, z) * static_cast<float>(a.softcap * 1.4426950408889634);
    }
    *capped = z;
    if (a.alibi) {
      float slope = -(a.alibi[h] * LOG2E);
      z = std::fma(slope, static_cast<float>(std::abs(j - (i + off))), z);
    }
    if (a.bias) z = std::fma(a.bias[pair(a.bias_stride, i, j)], LOG2E, z);
    return z;
  }

  bool keep(int64_t i, int64_t j) const {
    uint64_t c0 = static_cast<uint32_t>(j / 4), c1 = static_cast<uint32_t>(i), c2 = static_cast<uint32_t>(h),
             c3 = static_cast<uint32_t>(b);
    uint64_t k0 = static_cast<uint64_t>(a.seed) & 0xFFFFFFFF, k1 = static_cast<uint64_t>(a.seed) >> 32;
    for (int round = 0; round < 10; round++) {
      uint64_t p0 = 0xD2511F53ull * c0, p1 = 0xCD9E8D57ull * c2;
      uint64_t n0 = (p1 >> 32) ^ c1 ^ k0, n2 = (p0 >> 32) ^ c3 ^ k1;
      c1 = p1 & 0xFFFFFFFF;
      c3 = p0 & 0xFFFFFFFF;
      c0 = n0;
      c2 = n2;
      k0 = (k0 + 0x9E3779B9) & 0xFFFFFFFF;
      k1 = (k1 + 0xBB67AE85) & 0xFFFFFFFF;
    }
    uint64_t words[] = {c0, c1, c2, c3};
    return words[j % 4] >= static_cast<uint32_t>(a.dropout * 4294967296.0);
  }

  float keep_factor() const { return static_cast<float>(1 / (1 - a.dropout)); }
};

struct State {
  float m = -INFINITE;
  Sum16 l;
  std::vector<float> o;
};

State attend(const View& view, int64_t i, int64_t from, int64_t to) {
  const ondol_attention_args& a = view.a;
  State state;
  state.o.assign(static_cast<size_t>(a.value_dim), 0.0f);
  for (int64_t first = from; first < to; first += 128) {
    int64_t last = std::min(first + 128, to);
    std::vector<float> z(static_cast<size_t>(last - first), -INFINITE);
    bool any = false;
    float m = state.m;
    for (int64_t j = first; j < last; j++) {
      if (!view.visible(i, j)) continue;
      any = true;
      float capped;
      float score = view.score(i, j, &capped);
      z[static_cast<size_t>(j - first)] = score;
      m = score > m ? score : m;
    }
    if (!any) continue;
    float u = m == -INFINITE ? 0 : m;
    float shrink = exp2w(state.m - u);
    for (float& l : state.l.partial) l = l * shrink;
    for (float& o : state.o) o = o * shrink;
    state.m = m;
    for (int64_t j = first; j < last; j++) {
      float w = exp2w(z[static_cast<size_t>(j - first)] - u);
      state.l.add(j, w);
      if (a.dropout > 0) w = view.keep(i, j) ? w * view.keep_factor() : 0;
      if (w == 0) continue;
      const float* v = a.v + view.key(a.v_stride, j);
      for (size_t d = 0; d < state.o.size(); d++) state.o[d] = std::fma(w, v[d], state.o[d]);
    }
  }
  return state;
}

State attend_in_chunks(const View& view, int64_t i) {
  std::vector<State> chunks;
  for (int64_t from = 0; from < view.keys; from += 256) {
    chunks.push_back(attend(view, i, from, std::min(from + 256, view.keys)));
  }
  State merged;
  merged.o.assign(static_cast<size_t>(view.a.value_dim), 0.0f);
  for (const State& s : chunks) merged.m = s.m > merged.m ? s.m : merged.m;
  float u = merged.m == -INFINITE ? 0 : merged.m;
  for (const State& s : chunks) {
    float w = exp2w(s.m - u);
    for (int p = 0; p < 16; p++) merged.l.partial[p] = std::fma(s.l.partial[p], w, merged.l.partial[p]);
    for (size_t d = 0; d < merged.o.size(); d++) merged.o[d] = std::fma(s.o[d], w, merged.o[d]);
  }
  return merged;
}

}  // namespace

void attention(const ondol_attention_args& a) {
  for (int64_t b = 0; b < a.batch; b++) {
    for (int64_t h = 0; h < a.heads; h++) {
      View view(a, b, h);
      for (int64_t i = 0; i < view.rows; i++) {
        bool split = view.rows <= 16 && view.keys > 256;
        State s = split ? attend_in_chunks(view, i) : attend(view, i, 0, view.keys);
        float l = s.l.total();
        float inverse = 1 / l;
        float* out = a.out + view.row(a.out_stride, i);
        for (size_t d = 0; d < s.o.size(); d++) out[d] = l == 0 ? 0.0f : std::fma(s.o[d], inverse, 0.0f);
        if (a.lse) a.lse[view.row(a.lse_stride, i)] = l == 0 ? -INFINITE : std::fma(s.m, LN2, function(F_log, l));
      }
    }
  }
}

namespace {

struct Gradients {
  float weight;  // p times the dropout factor
  float ds, dbias;
};

Gradients gradients(const ondol_attention_backward_args& g, const View& view, int64_t i, int64_t j, float delta) {
  const ondol_attention_args& a = g.forward;
  float capped;
  float z = view.score(i, j, &capped);
  float lse = a.lse[view.row(a.lse_stride, i)];
  float p = exp2w(z - lse * LOG2E);
  float factor = a.dropout > 0 ? (view.keep(i, j) ? view.keep_factor() : 0) : 1;
  const float* dout = g.dout + view.row(g.dout_stride, i);
  const float* v = a.v + view.key(a.v_stride, j);
  float dp = 0;
  for (int64_t d = 0; d < a.value_dim; d++) dp = std::fma(dout[d], v[d], dp);
  if (a.dropout > 0) dp = dp * factor;
  Gradients result;
  result.weight = p * factor;
  result.dbias = p * (dp - delta);
  result.ds = result.dbias;
  if (a.softcap != 0) {
    float t = capped / static_cast<float>(a.softcap * 1.4426950408889634);
    result.ds = result.ds * std::fma(-t, t, 1.0f);
  }
  return result;
}

float delta_of(const ondol_attention_backward_args& g, const View& view, int64_t i) {
  const float* dout = g.dout + view.row(g.dout_stride, i);
  const float* out = g.forward.out + view.row(g.forward.out_stride, i);
  Sum16 sum;
  for (int64_t d = 0; d < g.forward.value_dim; d++) sum.fma(d, dout[d], out[d]);
  return sum.total();
}

void clear(const ondol_attention_backward_args& g) {
  const ondol_attention_args& a = g.forward;
  for (int64_t b = 0; b < a.batch; b++) {
    for (int64_t h = 0; h < a.heads; h++) {
      View view(a, b, h);
      for (int64_t i = 0; i < view.rows; i++) {
        for (int64_t d = 0; g.dq && d < a.head_dim; d++) g.dq[view.row(g.dq_stride, i) + d] = 0;
      }
      for (int64_t j = 0; j < view.stored; j++) {
        for (int64_t d = 0; g.dk && d < a.head_dim; d++) g.dk[view.key(g.dk_stride, j) + d] = 0;
        for (int64_t d = 0; g.dv && d < a.value_dim; d++) g.dv[view.key(g.dv_stride, j) + d] = 0;
      }
      for (int64_t i = 0; g.dbias && i < a.q_len; i++) {
        for (int64_t j = 0; j < a.kv_len; j++) g.dbias[view.pair(g.dbias_stride, i, j)] = 0;
      }
    }
  }
}

}  // namespace

// Every gradient is accumulated in place in the one order (batch, head, row, key) in which all their chains ascend.
void attention_backward(const ondol_attention_backward_args& g) {
  const ondol_attention_args& a = g.forward;
  clear(g);
  for (int64_t b = 0; b < a.batch; b++) {
    for (int64_t h = 0; h < a.heads; h++) {
      View view(a, b, h);
      for (int64_t i = 0; i < view.rows; i++) {
        if (a.lse[view.row(a.lse_stride, i)] == -INFINITE) continue;
        float delta = delta_of(g, view, i);
        const float* q = a.q + view.row(a.q_stride, i);
        const float* dout = g.dout + view.row(g.dout_stride, i);
        for (int64_t j = 0; j < view.keys; j++) {
          if (!view.visible(i, j)) continue;
          Gradients e = gradients(g, view, i, j, delta);
          const float* k = a.k + view.key(a.k_stride, j);
          for (int64_t d = 0; d < a.head_dim; d++) {
            float* dq = g.dq ? g.dq + view.row(g.dq_stride, i) + d : nullptr;
            float* dk = g.dk ? g.dk + view.key(g.dk_stride, j) + d : nullptr;
            if (dq) *dq = std::fma(e.ds, k[d], *dq);
            if (dk) *dk = std::fma(e.ds, q[d], *dk);
          }
          for (int64_t d = 0; g.dv && d < a.value_dim; d++) {
            float* dv = g.dv + view.key(g.dv_stride, j) + d;
            *dv = std::fma(e.weight, dout[d], *dv);
          }
          if (g.dbias) {
            float* dbias = g.dbias + view.pair(g.dbias_stride, i, j);
            *dbias = *dbias + e.dbias;
          }
        }
      }
    }
  }
  float scale = static_cast<float>(a.scale);
  for (int64_t b = 0; b < a.batch; b++) {
    for (int64_t h = 0; h < a.heads; h++) {
      View view(a, b, h);
      for (int64_t i = 0; g.dq && i < view.rows; i++) {
        float* dq = g.dq + view.row(g.dq_stride, i);
        for (int64_t d = 0; d < a.head_dim; d++) dq[d] = dq[d] * scale + 0.0f;
      }
      if (h % (a.heads / a.kv_heads) != 0) continue;
      for (int64_t j = 0; j < view.stored; j++) {
        for (int64_t d = 0; g.dk && d < a.head_dim; d++) {
          float* dk = g.dk + view.key(g.dk_stride, j) + d;
          *dk = *dk * scale + 0.0f;
        }
        for (int64_t d = 0; g.dv && d < a.value_dim; d++) g.dv[view.key(g.dv_stride, j) + d] += 0.0f;
      }
    }
  }
}

}  // namespace reference
