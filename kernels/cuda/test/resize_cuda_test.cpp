// The emulated resize kernels against the CPU library, bit for bit.
#include "emulated.h"

using namespace testing;

static std::mt19937 random_source;

struct Axis {
  int64_t in, out;
  std::vector<int32_t> cells;
  std::vector<float> weights;

  Axis(int64_t in, int64_t out, bool linear, bool ordered) : in(in), out(out) {
    for (int64_t k = 0; k < (linear ? 2 : 1); k++) {
      for (int64_t j = 0; j < out; j++) {
        int64_t cell = ordered ? j * in / out + k : static_cast<int64_t>(random_source() % static_cast<unsigned>(in));
        cells.push_back(static_cast<int32_t>(cell < in ? cell : in - 1));
      }
    }
    if (linear) weights = values(random_source, 2 * out, false);
  }

  const float* weight() const { return weights.empty() ? nullptr : weights.data(); }
};

static void check(int64_t planes, const Axis& r, const Axis& c, bool special) {
  std::vector<float> x = values(random_source, planes * r.in * c.in, special);
  std::vector<float> dy = values(random_source, planes * r.out * c.out, special);
  std::vector<float> expected(dy.size(), nan()), actual = expected;
  ondol_resize_args forward = {planes,          r.in,           c.in,       r.out,          c.out,     x.data(),
                               expected.data(), r.cells.data(), r.weight(), c.cells.data(), c.weight()};
  run_cpu(ondol_resize, forward);
  forward.y = actual.data();
  run_emulated(ondol_cuda_resize_workspace, ondol_cuda_resize, forward);
  compare("resize", actual, expected);

  std::vector<float> wanted(x.size(), nan()), dx = wanted;
  ondol_resize_backward_args backward = {planes,        r.in,           c.in,       r.out,          c.out,     dy.data(),
                                         wanted.data(), r.cells.data(), r.weight(), c.cells.data(), c.weight()};
  run_cpu(ondol_resize_backward, backward);
  backward.dx = dx.data();
  run_emulated(ondol_cuda_resize_backward_workspace, ondol_cuda_resize_backward, backward);
  compare("resize_backward", dx, wanted);
}

int main() {
  unsigned s = seed();
  printf("seed %u\n", s);
  random_source.seed(s);
  const int64_t sizes[][4] = {{1, 1, 1, 1}, {1, 3, 4, 20}, {7, 9, 14, 18}, {17, 33, 9, 15}, {20, 70, 11, 17}};
  for (const auto& z : sizes) {
    for (bool linear : {false, true}) {
      for (bool ordered : {false, true}) {
        check(1 + random_source() % 3, Axis(z[0], z[2], linear, ordered), Axis(z[1], z[3], linear, ordered), ordered);
      }
    }
  }
  return finish();
}
