// The emulated lstm kernels against the CPU library, bit for bit.
#include "emulated.h"

using namespace testing;

static std::mt19937 random_source;

struct Shape {
  int64_t steps, sequences, positions, hidden, taps, before, reverse;
};

static std::vector<float> draw(int64_t n) { return values(random_source, n, false); }

static void check(const Shape& s, bool given, bool special) {
  const int64_t state = s.sequences * s.positions * s.hidden, all = s.steps * state, gate = 4 * s.hidden;
  std::vector<float> x = values(random_source, 4 * all, special), weight = draw(s.taps * s.hidden * gate),
      bias = draw(gate);
  for (float& w : weight) w /= static_cast<float>(s.taps * s.hidden);
  std::vector<float> h0 = draw(state), c0 = draw(state), dh = draw(all), dc = draw(state);
  std::vector<float> h[2], c[2], gates[2], cells[2], dx[2], dh0[2], dc0[2];
  for (int i = 0; i < 2; i++) {
    h[i] = cells[i] = std::vector<float>(all, nan());
    c[i] = dh0[i] = dc0[i] = std::vector<float>(state, nan());
    gates[i] = dx[i] = std::vector<float>(4 * all, nan());
    ondol_lstm_args a = {};
    a.steps = s.steps, a.sequences = s.sequences, a.positions = s.positions, a.hidden = s.hidden;
    a.taps = s.taps, a.before = s.before, a.reverse = s.reverse;
    a.x = x.data(), a.weight = weight.data(), a.bias = given ? bias.data() : nullptr;
    a.h0 = given ? h0.data() : nullptr, a.c0 = given ? c0.data() : nullptr;
    a.h = h[i].data(), a.c = c[i].data(), a.gates = gates[i].data(), a.cells = cells[i].data();
    const int64_t rows[] = {state, s.positions * s.hidden, s.hidden};
    for (int d = 0; d < 3; d++) a.x_stride[d] = 4 * (a.h_stride[d] = rows[d]);
    for (int d = 0; d < 2; d++) a.h0_stride[d] = a.c0_stride[d] = a.c_stride[d] = rows[d + 1];
    ondol_lstm_backward_args b = {};
    b.steps = s.steps, b.sequences = s.sequences, b.positions = s.positions, b.hidden = s.hidden;
    b.taps = s.taps, b.before = s.before, b.reverse = s.reverse;
    b.weight = weight.data(), b.gates = gates[0].data(), b.cells = cells[0].data(), b.c0 = a.c0;
    b.dh = dh.data(), b.dc = given ? dc.data() : nullptr;
    b.dx = dx[i].data(), b.dh0 = dh0[i].data(), b.dc0 = dc0[i].data();
    if (i == 0) {
      run_cpu(ondol_lstm, a);
      run_cpu(ondol_lstm_backward, b);
    } else {
      run_emulated(ondol_cuda_lstm_workspace, ondol_cuda_lstm, a);
      run_emulated(ondol_cuda_lstm_backward_workspace, ondol_cuda_lstm_backward, b);
    }
  }
  compare("h", h[1], h[0]);
  compare("c", c[1], c[0]);
  compare("gates", gates[1], gates[0]);
  compare("cells", cells[1], cells[0]);
  compare("dx", dx[1], dx[0]);
  compare("dh0", dh0[1], dh0[0]);
  compare("dc0", dc0[1], dc0[0]);
}

// Some positions of a wider state, with the state around them.
static void check_step(int64_t positions, int64_t taps) {
  const int64_t n = 3, hidden = 19, wide = positions + taps + 4;
  std::vector<float> x = draw(n * positions * 4 * hidden), weight = draw(taps * hidden * 4 * hidden),
      before = draw(n * wide * hidden);
  std::vector<float> h[2], c[2];
  const std::vector<float> cells = draw(n * wide * hidden);
  for (int i = 0; i < 2; i++) {
    h[i] = std::vector<float>(n * wide * hidden, nan());
    c[i] = cells;
    ondol_lstm_args a = {};
    a.steps = 1, a.sequences = n, a.positions = positions, a.hidden = hidden, a.taps = taps, a.halo = 1;
    a.x = x.data(), a.weight = weight.data();
    a.x_stride[1] = positions * 4 * hidden, a.x_stride[2] = 4 * hidden;
    a.h0 = before.data() + hidden;
    a.h = h[i].data() + 2 * hidden;
    a.c0 = a.c = c[i].data() + 3 * hidden;
    a.h0_stride[0] = a.h_stride[1] = a.c0_stride[0] = a.c_stride[0] = wide * hidden;
    a.h0_stride[1] = a.h_stride[2] = a.c0_stride[1] = a.c_stride[1] = hidden;
    if (i == 0) {
      run_cpu(ondol_lstm, a);
    } else {
      run_emulated(ondol_cuda_lstm_workspace, ondol_cuda_lstm, a);
    }
  }
  compare("a step's h", h[1], h[0]);
  compare("a step's c", c[1], c[0]);
}

int main() {
  const unsigned seed = testing::seed();
  printf("seed %u\n", seed);
  random_source.seed(seed);
  const Shape shapes[] = {{3, 2, 1, 5, 1, 0, 0},  {4, 3, 1, 70, 1, 0, 1}, {2, 1, 9, 17, 2, 1, 0},
                          {3, 2, 5, 16, 3, 1, 1}, {1, 2, 4, 3, 4, 3, 0},  {0, 2, 3, 4, 2, 0, 0},
                          {2, 2, 28, 33, 2, 1, 0}};
  for (const Shape& s : shapes) {
    check(s, true, false);
    check(s, false, false);
    check(s, true, true);
  }
  check({2, 1, 40, 150, 2, 0, 0}, true, false);  // more than shared memory holds, forward as well
  for (int64_t positions : {1, 5}) {
    for (int64_t taps : {1, 2, 3}) check_step(positions, taps);
  }
  return testing::failures != 0;
}
