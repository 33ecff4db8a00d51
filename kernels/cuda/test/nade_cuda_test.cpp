// The emulated nade kernels against the CPU library, bit for bit.
#include "emulated.h"

using namespace testing;

static std::mt19937 random_source;

static std::vector<float> some(int64_t n, bool special = false) { return values(random_source, n, special); }

// Mostly 0, else 1 or any number.
static std::vector<float> inputs(int64_t n, bool binary) {
  std::vector<float> x = some(n);
  for (float& v : x) v = random_source() % 3 != 0 ? 0.0f : binary ? 1.0f : v;
  return x;
}

// Output arrays filled with NaN for the CPU library and for the emulation.
struct Pair {
  std::vector<float> expected, actual;
  explicit Pair(int64_t n) : expected(static_cast<size_t>(n), nan()), actual(expected) {}
};

static ondol_nade_args sized(int64_t rows, int64_t variables, int64_t outputs, int64_t hidden) {
  ondol_nade_args args = {};
  args.rows = rows;
  args.variables = variables;
  args.outputs = outputs;
  args.hidden = hidden;
  args.activation = ONDOL_SIGMOID;
  return args;
}

struct Case {
  int64_t rows, variables, outputs, hidden;
  bool relu, scaled, own_start, binary, special;
};

static void check(const Case& c) {
  int64_t each = c.rows * c.variables, units = c.variables * c.hidden;
  std::vector<float> x = inputs(each, c.binary), w = some(units, c.special), v = some(units * c.outputs, c.special);
  std::vector<float> bias = some(c.variables * c.outputs), scale = some(c.variables);
  std::vector<float> start = some((c.own_start ? c.rows : 1) * c.hidden, c.special);
  for (size_t d = 1; d < scale.size(); d++) scale[d] = random_source() % 2 ? scale[d - 1] : scale[d];
  ondol_nade_args args = sized(c.rows, c.variables, c.outputs, c.hidden);
  if (c.relu) args.activation = ONDOL_RELU;
  args.x = x.data();
  args.w = w.data();
  args.v = v.data();
  args.bias = c.binary ? bias.data() : nullptr;
  args.scale = c.scaled ? scale.data() : nullptr;
  args.start = start.data();
  args.start_row = c.own_start ? c.hidden : 0;

  Pair y(each * c.outputs), state(c.rows * c.hidden);
  const auto forward = [&](std::vector<float>& to_y, std::vector<float>& to_state) {
    args.y = to_y.data();
    args.state = to_state.data();
  };
  forward(y.expected, state.expected);
  run_cpu(ondol_nade, args);
  forward(y.actual, state.actual);
  run_emulated(ondol_cuda_nade_workspace, ondol_cuda_nade, args);
  compare("nade y", y.actual, y.expected);
  compare("nade state", state.actual, state.expected);

  std::vector<float> dy = some(each * c.outputs), dstate = some(c.rows * c.hidden);
  Pair dx(each), dscale(each), dw(units), dv(units * c.outputs), dstart(static_cast<int64_t>(start.size()));
  ondol_nade_backward_args back = {args,    dy.data(), c.own_start ? dstate.data() : nullptr, nullptr, nullptr, nullptr,
                                   nullptr, nullptr};
  back.forward.y = back.forward.state = nullptr;
  const bool sums = c.scaled || c.binary;
  const auto gradients = [&](auto of) {
    back.dx = sums ? of(dx).data() : nullptr;
    back.dscale = c.scaled ? of(dscale).data() : nullptr;
    back.dw = of(dw).data();
    back.dv = of(dv).data();
    back.dstart = of(dstart).data();
  };
  gradients([](Pair& p) -> std::vector<float>& { return p.expected; });
  run_cpu(ondol_nade_backward, back);
  gradients([](Pair& p) -> std::vector<float>& { return p.actual; });
  run_emulated(ondol_cuda_nade_backward_workspace, ondol_cuda_nade_backward, back);
  compare("nade dx", dx.actual, dx.expected);
  compare("nade dscale", dscale.actual, dscale.expected);
  compare("nade dw", dw.actual, dw.expected);
  compare("nade dv", dv.actual, dv.expected);
  compare("nade dstart", dstart.actual, dstart.expected);
}

// The state alone, and sampling with some of the variables known.
static void check_sampling(int64_t rows, int64_t variables, int64_t hidden, bool completion) {
  int64_t each = rows * variables;
  std::vector<float> w = some(variables * hidden), v = some(variables * hidden), start = some(hidden), given = some(each);
  std::vector<float> uniform(static_cast<size_t>(each));
  std::vector<uint8_t> known(static_cast<size_t>(each));
  for (float& u : uniform) u = static_cast<float>(random_source() % 1000) / 1000;
  for (uint8_t& k : known) k = random_source() % 3 == 0;
  ondol_nade_args args = sized(rows, variables, 1, hidden);
  args.w = w.data();
  args.v = v.data();
  args.start = start.data();
  args.uniform = uniform.data();
  args.known = completion ? known.data() : nullptr;
  args.given = completion ? given.data() : nullptr;
  Pair x(each), y(each), state(rows * hidden);
  args.sample = x.expected.data();
  args.y = y.expected.data();
  args.state = state.expected.data();
  run_cpu(ondol_nade, args);
  args.sample = x.actual.data();
  args.y = y.actual.data();
  args.state = state.actual.data();
  run_emulated(ondol_cuda_nade_workspace, ondol_cuda_nade, args);
  compare("nade sample", x.actual, x.expected);
  compare("nade sample y", y.actual, y.expected);
  compare("nade sample state", state.actual, state.expected);

  ondol_nade_args alone = sized(rows, variables, 0, hidden);
  Pair end(rows * hidden);
  alone.x = x.expected.data();
  alone.w = w.data();
  alone.start = start.data();
  alone.state = end.actual.data();
  run_emulated(ondol_cuda_nade_workspace, ondol_cuda_nade, alone);
  compare("nade advance", end.actual, state.expected);
}

int main() {
  unsigned s = seed();
  random_source.seed(s);
  printf("seed %u\n", s);
  check({0, 3, 1, 5, false, false, false, true, false});
  check({3, 0, 1, 5, false, false, true, true, false});
  check({2, 3, 1, 0, false, false, false, true, false});
  check({1, 1, 1, 1, false, false, false, true, false});
  check({5, 9, 1, 17, false, false, false, true, false});
  check({4, 70, 1, 33, false, false, true, true, false});
  check({70, 11, 3, 40, true, true, false, false, false});
  check({3, 130, 2, 16, false, true, true, false, false});
  check({4, 12, 2, 20, true, true, false, false, true});
  check_sampling(5, 40, 37, false);
  check_sampling(3, 70, 16, true);
  return finish();
}
