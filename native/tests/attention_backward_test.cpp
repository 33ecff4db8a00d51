// Every variant of attention's gradient against a scalar transcription of docs/arithmetic.md, bit for bit, over
// generated options; out and lse come from the transcription of the forward pass.
#include "attention_cases.h"

namespace {

float delta_of(const float* dout, const float* out, int64_t n) {
  float p[16] = {};
  for (int64_t d = 0; d < n; d++) p[d % 16] = fmaf(dout[d], out[d], p[d % 16]);
  return tree(p);
}

struct Gradients {
  Values dq, dk, dv, dbias;
};

struct BackwardCase {
  std::unique_ptr<Case> forward;
  ondol_attention_backward_args args = {};
  Values out, lse, dout;
  int64_t dq_size, dk_size, dv_size, dbias_size = 0;
  Gradients expected;
};

// Adds one query row to every chain. Heads and rows ascend in the caller, as in the chains of dk and dv.
void row_reference(BackwardCase& c, int64_t b, int64_t h, int64_t i) {
  const ondol_attention_args& a = c.args.forward;
  const Reference row(a, b, h, i);
  const float lse = c.lse[row.out_at(a.lse_stride)];
  if (lse == -INFINITY) return;
  const float* dout = c.dout.data() + row.out_at(c.args.dout_stride);
  const float* q = a.q + row.out_at(a.q_stride);
  const float delta = delta_of(dout, a.out + row.out_at(a.out_stride), a.value_dim);
  float* dq = c.expected.dq.data() + row.out_at(c.args.dq_stride);
  for (int64_t j = 0; j < row.keys; j++) {
    if (!row.visible(j)) continue;
    const float* k = row.row(a.k, a.k_stride, j);
    const float* v = row.row(a.v, a.v_stride, j);
    float* dk = const_cast<float*>(row.row(c.expected.dk.data(), c.args.dk_stride, j));
    float* dv = const_cast<float*>(row.row(c.expected.dv.data(), c.args.dv_stride, j));
    const float p = exp2w(row.score(j) - lse * LOG2E);
    float factor = 1;
    if (a.dropout > 0) {
      const uint32_t word = philox_word((uint64_t)a.seed, (uint32_t)j, (uint32_t)i, (uint32_t)h, (uint32_t)b);
      factor = word >= (uint32_t)(a.dropout * 4294967296.0) ? (float)(1 / (1 - a.dropout)) : 0.0f;
    }
    for (int64_t d = 0; d < a.value_dim; d++) dv[d] = fmaf(p * factor, dout[d], dv[d]);
    float dp = 0;
    for (int64_t d = 0; d < a.value_dim; d++) dp = fmaf(dout[d], v[d], dp);
    if (a.dropout > 0) dp = dp * factor;
    float ds = p * (dp - delta);
    if (c.dbias_size > 0) {
      const int64_t* stride = c.args.dbias_stride;
      float& dbias = c.expected.dbias[b * stride[0] + h * stride[1] + i * stride[2] + j * stride[3]];
      dbias = dbias + ds;
    }
    if (a.softcap != 0) {
      ondol_attention_args capped = a;
      capped.alibi = capped.bias = nullptr;
      const float t = Reference(capped, b, h, i).score(j) / (float)(a.softcap * 1.4426950408889634);
      ds = ds * fmaf(-t, t, 1.0f);
    }
    for (int64_t d = 0; d < a.head_dim; d++) dq[d] = fmaf(ds, k[d], dq[d]);
    for (int64_t d = 0; d < a.head_dim; d++) dk[d] = fmaf(ds, q[d], dk[d]);
  }
}

int64_t rows_of(const ondol_attention_args& a, int64_t b) {
  return a.q_offsets ? a.q_offsets[b + 1] - a.q_offsets[b] : a.q_len;
}

// Calls body(element) for each element of a [items, heads, rows, width] operand.
template <class Body>
void each(const int64_t* stride, int64_t items, int64_t heads, int64_t rows, int64_t width, Body body) {
  for (int64_t b = 0; b < items; b++) {
    for (int64_t h = 0; h < heads; h++) {
      for (int64_t i = 0; i < rows; i++) {
        for (int64_t d = 0; d < width; d++) body(b * stride[0] + h * stride[1] + i * stride[2] + d);
      }
    }
  }
}

void reference(BackwardCase& c) {
  const ondol_attention_args& a = c.args.forward;
  const bool packed = a.q_offsets != nullptr;
  const int64_t items = packed ? 1 : a.batch, q_rows = packed ? a.q_offsets[a.batch] : a.q_len;
  const int64_t kv_rows = packed ? a.kv_offsets[a.batch] : a.kv_len;
  Gradients& e = c.expected;
  e.dq.assign(c.dq_size, CANARY);
  e.dk.assign(c.dk_size, CANARY);
  e.dv.assign(c.dv_size, CANARY);
  e.dbias.assign(c.dbias_size, CANARY);
  each(c.args.dq_stride, items, a.heads, q_rows, a.head_dim, [&](int64_t x) { e.dq[x] = 0; });
  each(c.args.dk_stride, items, a.kv_heads, kv_rows, a.head_dim, [&](int64_t x) { e.dk[x] = 0; });
  each(c.args.dv_stride, items, a.kv_heads, kv_rows, a.value_dim, [&](int64_t x) { e.dv[x] = 0; });
  for (float& x : e.dbias) x = 0;  // has no gaps
  for (int64_t b = 0; b < a.batch; b++) {
    for (int64_t h = 0; h < a.heads; h++) {
      for (int64_t i = 0; i < rows_of(a, b); i++) row_reference(c, b, h, i);
    }
  }
  const float scale = (float)a.scale;
  each(c.args.dq_stride, items, a.heads, q_rows, a.head_dim, [&](int64_t x) { e.dq[x] = e.dq[x] * scale + 0.0f; });
  each(c.args.dk_stride, items, a.kv_heads, kv_rows, a.head_dim, [&](int64_t x) { e.dk[x] = e.dk[x] * scale + 0.0f; });
  each(c.args.dv_stride, items, a.kv_heads, kv_rows, a.value_dim, [&](int64_t x) { e.dv[x] = e.dv[x] + 0.0f; });
}

// The shape of the bias, without gaps.
void dbias_strides(BackwardCase& c) {
  const ondol_attention_args& a = c.args.forward;
  const int64_t size[4] = {a.batch, a.heads, a.q_len, a.kv_len};
  c.dbias_size = 1;
  for (int d = 3; d >= 0; d--) {
    c.args.dbias_stride[d] = a.bias_stride[d] == 0 ? 0 : c.dbias_size;
    if (a.bias_stride[d] != 0) c.dbias_size *= size[d];
  }
}

std::unique_ptr<BackwardCase> generate_backward(std::mt19937& random) {
  auto c = std::make_unique<BackwardCase>();
  do c->forward = generate(random);
  while (c->forward->a.pages != nullptr);
  ondol_attention_args& a = c->args.forward;
  a = c->forward->a;
  const int64_t items = a.q_offsets ? 1 : a.batch, q_rows = a.q_offsets ? a.q_offsets[a.batch] : a.q_len;
  const int64_t kv_rows = a.kv_offsets ? a.kv_offsets[a.batch] : a.kv_len;
  c->out.assign(c->forward->out_size, 0.0f);
  c->lse.assign(c->forward->lse_size, 0.0f);
  for (int64_t b = 0; b < a.batch; b++) {
    for (int64_t h = 0; h < a.heads; h++) {
      for (int64_t i = 0; i < rows_of(a, b); i++) Reference(a, b, h, i).write(c->out.data(), c->lse.data());
    }
  }
  a.out = c->out.data();
  a.lse = c->lse.data();
  c->dout = values(random, strides(random, items, a.heads, q_rows, a.value_dim, c->args.dout_stride), false);
  if (random() % 4 == 0 && !c->dout.empty()) c->dout[random() % c->dout.size()] = random() % 2 ? nan() : INFINITY;
  c->args.dout = c->dout.data();
  c->dq_size = strides(random, items, a.heads, q_rows, a.head_dim, c->args.dq_stride);
  c->dk_size = strides(random, items, a.kv_heads, kv_rows, a.head_dim, c->args.dk_stride);
  c->dv_size = strides(random, items, a.kv_heads, kv_rows, a.value_dim, c->args.dv_stride);
  if (a.bias != nullptr) dbias_strides(*c);
  reference(*c);
  return c;
}

// Runs a call into fresh memory; gradients of `wanted` bits only (dq, dk, dv, dbias).
template <class Run>
void compare(BackwardCase& c, unsigned wanted, const std::string& context, Run run) {
  const Gradients& e = c.expected;
  Gradients got = {Values(e.dq.size(), CANARY), Values(e.dk.size(), CANARY), Values(e.dv.size(), CANARY),
                   Values(e.dbias.size(), CANARY)};
  c.args.dq = wanted & 1 ? got.dq.data() : nullptr;
  c.args.dk = wanted & 2 ? got.dk.data() : nullptr;
  c.args.dv = wanted & 4 ? got.dv.data() : nullptr;
  c.args.dbias = wanted & 8 && c.dbias_size > 0 ? got.dbias.data() : nullptr;
  run(c.args);
  if (wanted & 1) equal(got.dq, e.dq, "dq", context);
  if (wanted & 2) equal(got.dk, e.dk, "dk", context);
  if (wanted & 4) equal(got.dv, e.dv, "dv", context);
  if (wanted & 8) equal(got.dbias, e.dbias, "dbias", context);
}

void check(BackwardCase& c, int round, const std::vector<int64_t>& all) {
  for (int64_t variant : all) {
    for (int64_t threads : {1, 2, 7}) {
      const std::string context = "round " + std::to_string(round) + " " +
                                  ondol_variant_name("attention_backward", variant) + " threads " +
                                  std::to_string(threads) + " " + describe(c.args.forward);
      compare(c, round % 3 == 0 ? 1u + round % 15 : 15, context, [&](const ondol_attention_backward_args& args) {
        run_variant(ondol_attention_backward_plan, ondol_attention_backward_run, args, variant, threads);
      });
    }
  }
  ondol_set_threads(1 + round % 3);
  compare(c, 15, "pool, round " + std::to_string(round), [&](const ondol_attention_backward_args& args) {
    ondol_error error;
    EXPECT(ondol_attention_backward(&args, &error) == ONDOL_OK, "%s: %s", error.message,
           describe(args.forward).c_str());
  });
}

void bad_calls_are_refused() {
  float x[128] = {};
  ondol_attention_backward_args good = {};
  ondol_attention_args& a = good.forward;
  a.batch = a.heads = a.kv_heads = 1;
  a.q_len = a.kv_len = 2;
  a.head_dim = a.value_dim = 4;
  a.q = x, a.k = x + 8, a.v = x + 16, a.out = x + 24, a.lse = x + 32;
  a.q_stride[2] = a.k_stride[2] = a.v_stride[2] = a.out_stride[2] = 4;
  a.lse_stride[2] = 1;
  a.window_left = a.window_right = -1;
  a.scale = 0.5;
  good.dout = x + 40, good.dq = x + 48, good.dk = x + 56, good.dv = x + 64;
  good.dout_stride[2] = good.dq_stride[2] = good.dk_stride[2] = good.dv_stride[2] = 4;
  ondol_error error;
  EXPECT(ondol_attention_backward(&good, &error) == ONDOL_OK, "%s", error.message);
  typedef ondol_attention_backward_args Args;
  const std::pair<const char*, void (*)(Args&)> cases[] = {
      {"batch", [](Args& a) { a.forward.batch = -1; }},
      {"lse", [](Args& a) { a.forward.lse = nullptr; }},
      {"out", [](Args& a) { a.forward.out = nullptr; }},
      {"dout", [](Args& a) { a.dout = nullptr; }},
      {"dq", [](Args& a) { a.dq = const_cast<float*>(a.dout); }},
      {"dk", [](Args& a) { a.dk = a.dq; }},
      {"dv_stride", [](Args& a) { a.dv_stride[2] = 2; }},
      {"dbias", [](Args& a) { a.dbias = a.dv; }},
      {"pages",
       [](Args& a) {
         static const int64_t zeros[2] = {};
         a.forward.pages = a.forward.kv_lengths = zeros;
         a.forward.page_size = 1;
       }},
  };
  for (const auto& bad : cases) {
    Args args = good;
    bad.second(args);
    EXPECT(ondol_attention_backward(&args, &error) == ONDOL_INVALID_ARGUMENT &&
               strncmp(error.message, bad.first, strlen(bad.first)) == 0,
           "%s: %s", bad.first, error.message);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const unsigned first = seed();
  const int count = argc > 1 ? atoi(argv[1]) : rounds(120);
  printf("seed %u (set ONDOL_TEST_SEED to repeat), %d rounds\n", first, count);
  std::mt19937 random(first);
  const std::vector<int64_t> all = variants("attention_backward");
  for (int round = 0; round < count; round++) check(*generate_backward(random), round, all);
  bad_calls_are_refused();
  return finish();
}
