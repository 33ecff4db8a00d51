// nade and its gradient on every variant against plain loops, with weights that end at a page which cannot be read.
#include "reference.h"
#include "testing.h"

using namespace testing;
namespace ref = reference;

namespace {

// A copy whose last float is the last before a guard page.
struct Ended {
  Aligned memory;
  const float* data;
  explicit Ended(const std::vector<float>& from)
      : memory((int64_t)from.size() * 4),
        data((const float*)((char*)memory.p + ((int64_t)from.size() * 4 + 63) / 64 * 64) - from.size()) {
    if (!from.empty()) memcpy(const_cast<float*>(data), from.data(), from.size() * 4);
  }
};

struct Case {
  int64_t rows, variables, outputs, hidden;
  bool relu, scaled, own_start, special;
};

// The operands and what the definition makes of them.
struct Problem {
  Case c;
  std::vector<float> x, w, v, bias, scale, start, dy, dstate;
  std::vector<float> y, state, dx, dscale, dw, dv, dstart;

  Problem(std::mt19937& random, const Case& c)
      : c(c), x(values(random, c.rows * c.variables, c.special)), w(values(random, c.variables * c.hidden, c.special)),
        v(values(random, c.variables * c.outputs * c.hidden, c.special)),
        bias(values(random, c.variables * c.outputs, false)), scale(values(random, c.variables, false)),
        start(values(random, (c.own_start ? c.rows : 1) * c.hidden, c.special)),
        dy(values(random, c.rows * c.variables * c.outputs, c.special)), dstate(values(random, c.rows * c.hidden, false)),
        y(dy.size()), state(dstate.size()), dx(x.size()), dscale(x.size()), dw(w.size()), dv(v.size()),
        dstart(start.size()) {
    for (float& value : x) {
      if (random() % 3 != 0) value = random() % 8 == 0 ? -0.0f : 0.0f;
    }
    for (size_t d = 1; d < scale.size(); d++) scale[d] = random() % 2 ? scale[d - 1] : scale[d];
    for (int64_t n = 0; n < c.rows; n++) row(n);
  }

  float unit(int64_t d, float a) const {
    const float z = c.scaled ? scale[d] * a : a;
    return c.relu ? (z < 0 ? 0.0f : z) : 1.0f / (1.0f + ref::exp(-z));
  }

  void row(int64_t n) {
    const int64_t H = c.hidden, D = c.variables, O = c.outputs;
    std::vector<std::vector<float>> a(D + 1, std::vector<float>(H)), h(D, std::vector<float>(H));
    for (int64_t i = 0; i < H; i++) a[0][i] = start[(c.own_start ? n * H : 0) + i];
    for (int64_t d = 0; d < D; d++) {
      const float value = x[n * D + d];
      for (int64_t i = 0; i < H; i++) {
        h[d][i] = unit(d, a[d][i]);
        a[d + 1][i] = value == 0 ? a[d][i] : fmaf(value, w[d * H + i], a[d][i]);
      }
      for (int64_t o = 0; o < O; o++) {
        const float* weights = v.data() + (d * O + o) * H;
        y[(n * D + d) * O + o] =
            ref::sum16(H, [&](float p, int64_t i) { return fmaf(weights[i], h[d][i], p); }) + bias[d * O + o];
      }
    }
    std::vector<float> g(H), product(H);
    for (int64_t i = 0; i < H; i++) {
      state[n * H + i] = a[D][i];
      g[i] = dstate[n * H + i];
    }
    for (int64_t d = D - 1; d >= 0; d--) {
      const float value = x[n * D + d];
      dx[n * D + d] = ref::sum16(H, [&](float p, int64_t i) { return fmaf(g[i], w[d * H + i], p); });
      for (int64_t i = 0; i < H; i++) {
        if (value != 0) dw[d * H + i] = fmaf(value, g[i], dw[d * H + i]);
        float e = 0;
        for (int64_t o = 0; o < O; o++) {
          const int64_t k = (d * O + o) * H + i;
          dv[k] = fmaf(dy[(n * D + d) * O + o], h[d][i], dv[k]);
          e = fmaf(dy[(n * D + d) * O + o], v[k], e);
        }
        const float q = c.relu ? (h[d][i] > 0 ? 1.0f : 0.0f) : h[d][i] * (1 - h[d][i]);
        product[i] = e * q;
        g[i] = fmaf(e, c.scaled ? q * scale[d] : q, g[i]);
      }
      dscale[n * D + d] = ref::sum16(H, [&](float p, int64_t i) { return fmaf(product[i], a[d][i], p); });
    }
    for (int64_t i = 0; i < H; i++) {
      float& sum = dstart[(c.own_start ? n * H : 0) + i];
      sum = c.own_start ? g[i] : sum + g[i];
    }
  }
};

void expect_same(const char* what, const char* variant, const std::vector<float>& got,
                 const std::vector<float>& expected) {
  for (size_t i = 0; i < expected.size(); i++) {
    EXPECT(same(got[i], expected[i]), "%s %s element %zu of %zu: %a, expected %a", what, variant, i, got.size(), got[i],
           expected[i]);
  }
}

ondol_nade_args sized(int64_t rows, int64_t variables, int64_t outputs, int64_t hidden) {
  ondol_nade_args a = {};
  a.rows = rows;
  a.variables = variables;
  a.outputs = outputs;
  a.hidden = hidden;
  a.activation = ONDOL_SIGMOID;
  return a;
}

std::vector<float> empty(const std::vector<float>& like) { return std::vector<float>(like.size(), nan()); }

void check(std::mt19937& random, const Case& c, int64_t threads) {
  const Problem p(random, c);
  const Ended x(p.x), w(p.w), v(p.v), bias(p.bias), scale(p.scale), start(p.start), dy(p.dy), dstate(p.dstate);
  ondol_nade_args a = sized(c.rows, c.variables, c.outputs, c.hidden);
  if (c.relu) a.activation = ONDOL_RELU;
  a.x = x.data;
  a.w = w.data;
  a.v = v.data;
  a.bias = bias.data;
  a.scale = c.scaled ? scale.data : nullptr;
  a.start = start.data;
  a.start_row = c.own_start ? c.hidden : 0;
  for (int64_t variant : variants("nade")) {
    std::vector<float> y = empty(p.y), state = empty(p.state);
    a.y = y.data();
    a.state = state.data();
    EXPECT(run_variant(ondol_nade_plan, ondol_nade_run, a, variant, threads) == ONDOL_OK, "nade");
    expect_same("nade y", ondol_variant_name("nade", variant), y, p.y);
    expect_same("nade state", ondol_variant_name("nade", variant), state, p.state);
  }
  for (int64_t variant : variants("nade_backward")) {
    std::vector<float> dx = empty(p.dx), dscale = empty(p.dscale), dw = empty(p.dw), dv = empty(p.dv);
    std::vector<float> dstart = empty(p.dstart);
    ondol_nade_backward_args b = {a, dy.data, dstate.data, dx.data(), dscale.data(), dw.data(), dv.data(), dstart.data()};
    EXPECT(run_variant(ondol_nade_backward_plan, ondol_nade_backward_run, b, variant, threads) == ONDOL_OK, "backward");
    const char* name = ondol_variant_name("nade_backward", variant);
    expect_same("dx", name, dx, p.dx);
    expect_same("dscale", name, dscale, p.dscale);
    expect_same("dw", name, dw, p.dw);
    expect_same("dv", name, dv, p.dv);
    expect_same("dstart", name, dstart, p.dstart);
    std::fill(dv.begin(), dv.end(), nan());
    b.dx = b.dscale = b.dw = b.dstart = nullptr;  // dV alone goes other ways
    EXPECT(run_variant(ondol_nade_backward_plan, ondol_nade_backward_run, b, variant, threads) == ONDOL_OK, "backward");
    expect_same("dv alone", name, dv, p.dv);
  }
}

// A picture that was drawn gives the logits that it was drawn from; known pixels are kept.
void sampling(std::mt19937& random, int64_t rows, int64_t variables, int64_t hidden) {
  Problem p(random, {rows, variables, 1, hidden, false, false, false, false});
  std::vector<float> uniform(p.x.size()), given = values(random, (int64_t)p.x.size(), false);
  std::vector<uint8_t> known(p.x.size());
  for (float& u : uniform) u = (float)(random() % 1000) / 1000;
  for (uint8_t& k : known) k = random() % 4 == 0;
  ondol_nade_args a = sized(rows, variables, 1, hidden);
  a.w = p.w.data();
  a.v = p.v.data();
  a.bias = p.bias.data();
  a.start = p.start.data();
  a.uniform = uniform.data();
  a.known = known.data();
  a.given = given.data();
  for (int64_t variant : variants("nade")) {
    std::vector<float> drawn = empty(p.x), y = empty(p.y), state = empty(p.state), again = y, end = state;
    a.sample = drawn.data();
    a.y = y.data();
    a.state = state.data();
    EXPECT(run_variant(ondol_nade_plan, ondol_nade_run, a, variant, 2) == ONDOL_OK, "sampling");
    for (size_t i = 0; i < drawn.size(); i++) {
      const float expected = known[i] ? given[i] : uniform[i] < 1.0f / (1.0f + ref::exp(-y[i])) ? 1.0f : 0.0f;
      EXPECT(same(drawn[i], expected), "sample %zu: %a, expected %a", i, drawn[i], expected);
    }
    ondol_nade_args b = a;
    b.x = drawn.data();
    b.uniform = b.given = nullptr;
    b.known = nullptr;
    b.sample = nullptr;
    b.y = again.data();
    b.state = end.data();
    EXPECT(run_variant(ondol_nade_plan, ondol_nade_run, b, variant, 2) == ONDOL_OK, "the pass after sampling");
    expect_same("logits", ondol_variant_name("nade", variant), y, again);
    expect_same("state", ondol_variant_name("nade", variant), state, end);
    b.outputs = 0;
    b.y = nullptr;
    b.v = nullptr;
    b.bias = nullptr;
    std::fill(end.begin(), end.end(), nan());
    EXPECT(run_variant(ondol_nade_plan, ondol_nade_run, b, variant, 2) == ONDOL_OK, "the state alone");
    expect_same("state alone", ondol_variant_name("nade", variant), end, state);
  }
}

template <class Args>
void refused(int64_t (*call)(const Args*, ondol_error*), const Args& a, const char* message) {
  ondol_error error = {};
  EXPECT(call(&a, &error) == ONDOL_INVALID_ARGUMENT, "%s", message);
  EXPECT(strstr(error.message, message) != nullptr, "\"%s\" lacks \"%s\"", error.message, message);
}

void bad_arguments_are_named() {
  float x[6] = {}, w[12] = {}, v[12] = {}, start[4] = {}, y[6] = {}, state[8] = {}, out[12] = {};
  ondol_nade_args good = sized(2, 3, 1, 4);
  good.x = x;
  good.w = w;
  good.v = v;
  good.start = start;
  good.y = y;
  good.state = state;
  const auto with = [&](auto change, const char* message) {
    ondol_nade_args a = good;
    change(a);
    refused(ondol_nade, a, message);
  };
  with([](auto& a) { a.rows = -1; }, "= -1");
  with([](auto& a) { a.hidden = (int64_t)1 << 62; }, "[variables, outputs, hidden]");
  with([](auto& a) { a.activation = ONDOL_GELU; }, "activation = 2");
  with([](auto& a) { a.start_row = 3; }, "start_row = 3");
  with([](auto& a) { a.x = nullptr; }, "x = null");
  with([](auto& a) { a.w = nullptr; }, "w = null");
  with([](auto& a) { a.v = nullptr; }, "v = null");
  with([](auto& a) { a.start = nullptr; }, "start = null");
  with([](auto& a) { a.y = nullptr; }, "y = null");
  with([&](auto& a) { a.y = x + 1; }, "expected no overlap with x");
  with([&](auto& a) { a.state = w; }, "expected no overlap with w");
  with([&](auto& a) { a.sample = out; }, "sample");
  with([&](auto& a) { a.uniform = x; }, "sample = null");
  with([&](auto& a) { a.uniform = x, a.sample = x; }, "expected no overlap with");
  with([&](auto& a) { a.uniform = out, a.sample = x, a.x = nullptr, a.known = (uint8_t*)w; }, "given = null");
  ondol_nade_backward_args back = {good, x, nullptr, nullptr, nullptr, out, nullptr, nullptr};
  back.forward.y = back.forward.state = nullptr;
  ondol_nade_backward_args b = back;
  b.dy = nullptr;
  refused(ondol_nade_backward, b, "dy = null");
  b = back;
  b.dv = out;
  refused(ondol_nade_backward, b, "expected no overlap with dw");
  b = back;
  b.dx = x;
  refused(ondol_nade_backward, b, "dx");
  b = back;
  b.forward.outputs = 0;
  refused(ondol_nade_backward, b, "outputs = 0");
}

}  // namespace

int main() {
  const unsigned s = seed();
  printf("seed %u (ONDOL_TEST_SEED sets it)\n", s);
  std::mt19937 random(s);
  for (int64_t hidden : {0, 1, 7, 8, 15, 16, 17, 33, 64, 70, 130}) {
    for (int64_t outputs : {1, 2, 5}) {
      const bool relu = random() % 2, scaled = random() % 2, own = random() % 2, special = random() % 2;
      check(random, {3, 11, outputs, hidden, relu, scaled, own, special}, 2);
    }
  }
  for (int64_t rows : {0, 1, 2, 5, 8, 9, 63, 64, 65, 130}) {
    check(random, {rows, 5, 1, 21, random() % 2 == 0, random() % 2 == 0, random() % 2 == 0, false}, 3);
  }
  for (int64_t variables : {0, 1, 2, 4, 33, 64, 200}) {
    check(random, {2, variables, 1, 19, false, random() % 2 == 0, random() % 2 == 0, false}, 5);
  }
  check(random, {70, 40, 3, 200, false, true, false, true}, 1);
  sampling(random, 5, 30, 37);
  sampling(random, 20, 7, 16);
  sampling(random, 0, 7, 16);
  bad_arguments_are_named();
  return finish();
}
