// The emulated roialign kernels against the CPU library, bit for bit.
#include "roialign_cases.h"

#include "emulated.h"

using namespace testing;

static std::mt19937 random_source;

static void compare_indices(const std::vector<int32_t>& actual, const std::vector<int32_t>& expected, const RoiCase& c) {
  for (size_t k = 0; k < expected.size(); k++) {
    EXPECT(actual[k] == expected[k], "%s indices[%zu] = %d, expected %d", c.name().c_str(), k, actual[k], expected[k]);
  }
}

static void check(const RoiCase& c, bool special) {
  ondol_roialign_args a = c.args();
  for (size_t l = 0; l < c.x.size(); l++) a.maps[l].x = c.x[l].data();
  std::vector<float> expected(c.results(), nan()), actual(c.results(), nan()), dy = values(random_source, c.results(), special);
  std::vector<int32_t> indices(c.results(), -9), emulated(c.results(), -9);
  const bool maximum = c.op != ONDOL_ROIALIGN_AVERAGE;
  a.y = expected.data();
  a.indices = maximum ? indices.data() : nullptr;
  run_cpu(ondol_roialign, a);
  a.y = actual.data();
  a.indices = maximum ? emulated.data() : nullptr;
  run_emulated(ondol_cuda_roialign_workspace, ondol_cuda_roialign, a);
  compare(c.name().c_str(), actual, expected);
  compare_indices(emulated, indices, c);
  for (size_t k = 0; k < indices.size(); k += 5) indices[k] = static_cast<int32_t>(random_source() % 3 ? random_source() % 9 : random_source());
  ondol_roialign_backward_args b = {a, dy.data(), {}};
  b.forward.indices = maximum ? indices.data() : nullptr;
  std::vector<std::vector<float>> dx, emulated_dx;
  for (size_t l = 0; l < c.x.size(); l++) {
    dx.emplace_back(c.x[l].size(), nan());
    emulated_dx.emplace_back(c.x[l].size(), nan());
    b.dx[l] = dx[l].data();
  }
  run_cpu(ondol_roialign_backward, b);
  for (size_t l = 0; l < c.x.size(); l++) b.dx[l] = emulated_dx[l].data();
  run_emulated(ondol_cuda_roialign_backward_workspace, ondol_cuda_roialign_backward, b);
  for (size_t l = 0; l < c.x.size(); l++) compare(("gradient " + c.name()).c_str(), emulated_dx[l], dx[l]);
}

int main() {
  unsigned s = seed();
  printf("seed %u\n", s);
  random_source.seed(s);
  for (int round = rounds(40); round > 0; round--) {
    for (int64_t op : {ONDOL_ROIALIGN_AVERAGE, ONDOL_ROIALIGN_MAX, ONDOL_ROIALIGN_CORNERS}) {
      const bool special = random_source() % 2;
      check(roi_case(random_source, op, special), special);
    }
  }
  return finish();
}
