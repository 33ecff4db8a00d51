// lstm and its gradient on every variant against plain loops, with inputs and outputs at guard pages.
#include "guarded.h"
#include "reference.h"
#include "testing.h"

using namespace testing;
namespace ref = reference;

namespace {

struct Shape {
  int64_t steps, sequences, positions, hidden, taps, before, reverse;

  int64_t state() const { return sequences * positions * hidden; }
  int64_t all() const { return steps * state(); }
  int64_t weights() const { return taps * hidden * 4 * hidden; }
  int64_t time(int64_t step) const { return reverse ? steps - 1 - step : step; }
  int64_t row(int64_t t, int64_t n, int64_t r) const { return (t * sequences + n) * positions + r; }
};

float sigmoid(float x) {
  return activated(x, ONDOL_SIGMOID);
}

float tanh(float x) {
  return activated(x, ONDOL_TANH);
}

float sigmoid_grad(float y, float dy) {
  return dy * (y * (1 - y));
}

float tanh_grad(float y, float dy) {
  return dy * fmaf(-y, y, 1);
}

struct Forward {
  std::vector<float> h, c, gates, cells;
};

struct Operands {
  std::vector<float> x, weight, bias, h0, c0;
};

// z of one gate column, from the state before it; outside the row or before the first step there may be nothing.
float column(const Shape& s, const Operands& o, const Forward& f, int64_t step, int64_t n, int64_t r, int64_t j) {
  float z = o.x[s.row(s.time(step), n, r) * 4 * s.hidden + j];
  if (!o.bias.empty()) z = z + o.bias[j];
  for (int64_t tap = 0; tap < s.taps; tap++) {
    const int64_t from = r + tap - s.before;
    for (int64_t m = 0; m < s.hidden; m++) {
      float h = 0;
      if (from >= 0 && from < s.positions && step > 0) h = f.h[s.row(s.time(step - 1), n, from) * s.hidden + m];
      if (from >= 0 && from < s.positions && step == 0 && !o.h0.empty()) h = o.h0[s.row(0, n, from) * s.hidden + m];
      z = fmaf(h, o.weight[(tap * s.hidden + m) * 4 * s.hidden + j], z);
    }
  }
  return z;
}

float cell_before(const Shape& s, const Operands& o, const Forward& f, int64_t step, int64_t n, int64_t r, int64_t m) {
  if (step > 0) return f.cells[s.row(s.time(step - 1), n, r) * s.hidden + m];
  return o.c0.empty() ? 0 : o.c0[s.row(0, n, r) * s.hidden + m];
}

Forward reference_of(const Shape& s, const Operands& o) {
  // Without steps nothing is written.
  Forward f = {std::vector<float>(s.all()), std::vector<float>(s.state(), nan()), std::vector<float>(4 * s.all()),
               std::vector<float>(s.all())};
  for (int64_t step = 0; step < s.steps; step++) {
    for (int64_t at = 0; at < s.state(); at++) {
      const int64_t n = at / s.hidden / s.positions, r = at / s.hidden % s.positions, m = at % s.hidden;
      const int64_t row = s.row(s.time(step), n, r);
      float* gates = f.gates.data() + row * 4 * s.hidden + m;
      for (int64_t q = 0; q < 4; q++) {
        const float z = column(s, o, f, step, n, r, q * s.hidden + m);
        gates[q * s.hidden] = q == 2 ? tanh(z) : sigmoid(z);
      }
      const float before = cell_before(s, o, f, step, n, r, m);
      f.c[at] = f.cells[row * s.hidden + m] = fmaf(gates[s.hidden], before, gates[0] * gates[2 * s.hidden]);
      f.h[row * s.hidden + m] = gates[3 * s.hidden] * tanh(f.c[at]);
    }
  }
  return f;
}

struct Gradient {
  std::vector<float> dx, dh0, dc0;
};

float arriving(const Shape& s, const Operands& o, const std::vector<float>& dz, float d, int64_t step, int64_t n,
               int64_t r, int64_t m) {
  for (int64_t tap = s.taps - 1; tap >= 0; tap--) {
    const int64_t from = r - tap + s.before;
    for (int64_t j = 0; j < 4 * s.hidden; j++) {
      const float z = from < 0 || from >= s.positions ? 0 : dz[s.row(s.time(step), n, from) * 4 * s.hidden + j];
      d = fmaf(z, o.weight[(tap * s.hidden + m) * 4 * s.hidden + j], d);
    }
  }
  return d;
}

Gradient gradient_of(const Shape& s, const Operands& o, const Forward& f, const std::vector<float>& dh,
                     const std::vector<float>& dc) {
  Gradient g = {std::vector<float>(4 * s.all()), std::vector<float>(s.state(), nan()), dc};
  g.dc0.resize(s.state());
  if (s.steps == 0) g.dc0 = g.dh0;
  for (int64_t step = s.steps - 1; step >= 0; step--) {
    for (int64_t at = 0; at < s.state(); at++) {
      const int64_t n = at / s.hidden / s.positions, r = at / s.hidden % s.positions, m = at % s.hidden;
      const int64_t row = s.row(s.time(step), n, r);
      float d = dh[row * s.hidden + m];
      if (step < s.steps - 1) d = arriving(s, o, g.dx, d, step + 1, n, r, m);
      const float* gates = f.gates.data() + row * 4 * s.hidden + m;
      const float in = gates[0], forget = gates[s.hidden], cell = gates[2 * s.hidden], out = gates[3 * s.hidden];
      const float u = tanh(f.cells[row * s.hidden + m]);
      const float sum = g.dc0[at] + tanh_grad(u, d * out);
      float* dz = g.dx.data() + row * 4 * s.hidden + m;
      dz[0] = sigmoid_grad(in, sum * cell);
      dz[s.hidden] = sigmoid_grad(forget, sum * cell_before(s, o, f, step, n, r, m));
      dz[2 * s.hidden] = tanh_grad(cell, sum * in);
      dz[3 * s.hidden] = sigmoid_grad(out, d * u);
      g.dc0[at] = sum * forget;
    }
  }
  for (int64_t at = 0; s.steps > 0 && at < s.state(); at++) {
    g.dh0[at] = arriving(s, o, g.dx, 0, 0, at / s.hidden / s.positions, at / s.hidden % s.positions, at % s.hidden);
  }
  return g;
}

void expect_same(const char* what, const char* variant, const Shape& s, const float* got,
                 const std::vector<float>& expected) {
  for (size_t i = 0; i < expected.size(); i++) {
    EXPECT(same(got[i], expected[i]), "%s %s T%ld N%ld W%ld H%ld taps%ld before%ld: element %zu is %a, expected %a",
           what, variant, (long)s.steps, (long)s.sequences, (long)s.positions, (long)s.hidden, (long)s.taps,
           (long)s.before, i, got[i], expected[i]);
  }
}

// A copy that ends at a guard page; null where there is nothing.
struct Input {
  Guarded memory;
  const float* at;
  explicit Input(const std::vector<float>& v) : memory((int64_t)v.size()), at(v.empty() ? nullptr : memory.data()) {
    std::copy(v.begin(), v.end(), memory.data());
  }
};

void dense(const Shape& s, ondol_lstm_args& a) {
  a.h_stride[0] = s.state();
  a.h_stride[1] = s.positions * s.hidden;
  a.h_stride[2] = s.hidden;
  for (int d = 0; d < 3; d++) a.x_stride[d] = 4 * a.h_stride[d];
  for (int d = 0; d < 2; d++) a.h0_stride[d] = a.c0_stride[d] = a.c_stride[d] = a.h_stride[d + 1];
}

void forward(const Shape& s, const Operands& o, const Forward& expected, bool training) {
  Input x(o.x), weight(o.weight), bias(o.bias), h0(o.h0), c0(o.c0);
  Guarded h(s.all()), c(s.state()), gates(4 * s.all()), cells(s.all());
  ondol_lstm_args a = {};
  a.steps = s.steps, a.sequences = s.sequences, a.positions = s.positions, a.hidden = s.hidden;
  a.taps = s.taps, a.before = s.before, a.reverse = s.reverse;
  a.x = x.at, a.weight = weight.at, a.bias = bias.at, a.h0 = h0.at, a.c0 = c0.at, a.h = h.data(), a.c = c.data();
  if (training) a.gates = gates.data(), a.cells = cells.data();
  dense(s, a);
  for (int64_t variant : variants("lstm")) {
    for (Guarded* out : {&h, &c, &gates, &cells}) out->fill(nan());
    EXPECT(run_variant(ondol_lstm_plan, ondol_lstm_run, a, variant, 1 + variant) == ONDOL_OK, "forward");
    const char* name = ondol_variant_name("lstm", variant);
    expect_same("h", name, s, h.data(), expected.h);
    expect_same("c", name, s, c.data(), expected.c);
    if (!training) continue;
    expect_same("gates", name, s, gates.data(), expected.gates);
    expect_same("cells", name, s, cells.data(), expected.cells);
  }
}

void backward(std::mt19937& random, const Shape& s, const Operands& o, const Forward& f, bool given) {
  const std::vector<float> dh = values(random, s.all(), false), dc = values(random, given ? s.state() : 0, false);
  const Gradient expected = gradient_of(s, o, f, dh, dc);
  Input weight(o.weight), gates(f.gates), cells(f.cells), c0(o.c0), arriving_h(dh), arriving_c(dc);
  Guarded dx(4 * s.all()), dh0(s.state()), dc0(s.state());
  ondol_lstm_backward_args a = {};
  a.steps = s.steps, a.sequences = s.sequences, a.positions = s.positions, a.hidden = s.hidden;
  a.taps = s.taps, a.before = s.before, a.reverse = s.reverse;
  a.weight = weight.at, a.gates = gates.at, a.cells = cells.at, a.c0 = c0.at;
  a.dh = arriving_h.at, a.dc = arriving_c.at, a.dx = dx.data(), a.dh0 = dh0.data(), a.dc0 = dc0.data();
  for (int64_t variant : variants("lstm_backward")) {
    for (Guarded* out : {&dx, &dh0, &dc0}) out->fill(nan());
    EXPECT(run_variant(ondol_lstm_backward_plan, ondol_lstm_backward_run, a, variant, 1 + variant) == ONDOL_OK,
           "backward");
    const char* name = ondol_variant_name("lstm_backward", variant);
    expect_same("dx", name, s, dx.data(), expected.dx);
    expect_same("dh0", name, s, dh0.data(), expected.dh0);
    expect_same("dc0", name, s, dc0.data(), expected.dc0);
  }
}

void both(std::mt19937& random, const Shape& s, bool given, bool special) {
  Operands o = {values(random, 4 * s.all(), special), values(random, s.weights(), false), {}, {}, {}};
  for (float& w : o.weight) w /= (float)(s.taps * s.hidden);
  if (given) o.bias = values(random, 4 * s.hidden, false);
  if (given) o.h0 = values(random, s.state(), false);
  if (given) o.c0 = values(random, s.state(), special);
  const Forward f = reference_of(s, o);
  forward(s, o, f, given);
  if (!special) backward(random, s, o, f, given);
}

// Position r of a step with its halo is a position of a whole row whose window lies inside the row.
void step(std::mt19937& random, int64_t positions, int64_t taps, int64_t hidden) {
  const Shape whole = {1, 3, positions + taps - 1, hidden, taps, 0, 0};
  const auto draw = [&](int64_t n) { return values(random, n, false); };
  Operands o = {draw(4 * whole.all()), draw(whole.weights()), draw(4 * hidden), draw(whole.state()),
                draw(whole.state())};
  const Forward f = reference_of(whole, o);
  std::vector<float> h(whole.state(), nan()), c = o.c0;
  ondol_lstm_args a = {};
  dense(whole, a);
  a.steps = 1, a.sequences = 3, a.positions = positions, a.hidden = hidden, a.taps = taps, a.halo = 1;
  a.x = o.x.data(), a.weight = o.weight.data(), a.bias = o.bias.data(), a.h0 = o.h0.data(), a.h = h.data();
  a.c0 = a.c = c.data();
  for (int64_t variant : variants("lstm")) {
    std::fill(h.begin(), h.end(), nan());
    std::copy(o.c0.begin(), o.c0.end(), c.begin());
    EXPECT(run_variant(ondol_lstm_plan, ondol_lstm_run, a, variant, 2) == ONDOL_OK, "step");
    for (int64_t at = 0; at < whole.state(); at++) {
      const bool inside = at / hidden % whole.positions < positions;
      EXPECT(same(h[at], inside ? f.h[at] : nan()), "a step's h[%ld] = %a, expected %a", (long)at, h[at], f.h[at]);
      EXPECT(same(c[at], inside ? f.c[at] : o.c0[at]), "a step's c[%ld] = %a, expected %a", (long)at, c[at], f.c[at]);
    }
  }
}

template <class Args>
void refused(int64_t (*call)(const Args*, ondol_error*), const Args& a, const char* message) {
  ondol_error error = {};
  EXPECT(call(&a, &error) == ONDOL_INVALID_ARGUMENT, "%s", message);
  EXPECT(strstr(error.message, message) != nullptr, "\"%s\" lacks \"%s\"", error.message, message);
}

void bad_arguments_are_named() {
  float x[16] = {}, w[16] = {}, h[8] = {};
  ondol_lstm_args good = {};
  good.steps = 2, good.sequences = 1, good.positions = 2, good.hidden = 1, good.taps = 1;
  good.x = x, good.weight = w, good.h = h;
  dense({2, 1, 2, 1, 1, 0, 0}, good);
  ondol_error error = {};
  EXPECT(ondol_lstm(&good, &error) == ONDOL_OK, "%s", error.message);
  const auto with = [&](const char* message, auto change) {
    ondol_lstm_args bad = good;
    change(bad);
    refused(ondol_lstm, bad, message);
  };
  with("hidden = 0", [](ondol_lstm_args& a) { a.hidden = 0; });
  with("taps = 0", [](ondol_lstm_args& a) { a.taps = 0; });
  with("before = 1: expected 0 to 0", [](ondol_lstm_args& a) { a.before = 1; });
  with("reverse = 2", [](ondol_lstm_args& a) { a.reverse = 2; });
  with("halo = 1: expected one step", [](ondol_lstm_args& a) { a.halo = 1; });
  with("h0 = null", [](ondol_lstm_args& a) { a.halo = a.steps = 1; });
  with("positions = -1", [](ondol_lstm_args& a) { a.positions = -1; });
  with("[0] = -2", [](ondol_lstm_args& a) { a.steps = -2; });
  with("2^60", [](ondol_lstm_args& a) { a.steps = a.sequences = int64_t(1) << 40; });
  with("x = null", [](ondol_lstm_args& a) { a.x = nullptr; });
  with("weight = null", [](ondol_lstm_args& a) { a.weight = nullptr; });
  with("h = null", [](ondol_lstm_args& a) { a.h = nullptr; });
  with("h_stride[2] = 0", [](ondol_lstm_args& a) { a.h_stride[2] = 0; });
  with("x_stride[0]", [](ondol_lstm_args& a) { a.x_stride[0] = INT64_MAX; });
  with("cells", [&](ondol_lstm_args& a) { a.gates = x; });
  with("no overlap with weight", [&](ondol_lstm_args& a) { a.h = w; });
  const ondol_lstm_backward_args back = {2, 1, 2, 1, 1, 0, 0, w, x, h, nullptr, h, nullptr, w, nullptr, nullptr};
  refused(ondol_lstm_backward, back, "dx");
  ondol_lstm_backward_args missing = back;
  missing.dh = nullptr;
  refused(ondol_lstm_backward, missing, "dh = null");
}

}  // namespace

int main() {
  const unsigned s = seed();
  printf("seed %u (ONDOL_TEST_SEED sets it)\n", s);
  std::mt19937 random(s);
  const Shape shapes[] = {{1, 1, 1, 1, 1, 0, 0},   {3, 1, 1, 16, 1, 0, 0},  {2, 30, 1, 17, 1, 0, 0},
                          {4, 5, 1, 33, 1, 0, 1},  {3, 2, 13, 16, 2, 1, 0}, {2, 1, 28, 20, 3, 1, 0},
                          {3, 3, 5, 7, 2, 0, 1},   {2, 2, 1, 9, 3, 1, 0},   {2, 3, 4, 5, 5, 4, 1},
                          {1, 2, 6, 48, 2, 1, 0},  {2, 4, 25, 3, 1, 0, 0},  {0, 2, 3, 4, 2, 1, 0},
                          {2, 0, 3, 4, 2, 1, 0},   {5, 2, 3, 65, 2, 1, 0}};
  for (const Shape& shape : shapes) {
    both(random, shape, true, false);
    both(random, shape, false, false);
    both(random, shape, true, true);
  }
  for (int64_t taps : {1, 2, 3}) {
    step(random, 1, taps, 16);
    step(random, 1, taps, 21);
    step(random, 9, taps, 40);
  }
  bad_arguments_are_named();
  return finish();
}
