// The emulated roipool kernels against the CPU library, bit for bit.
#include "emulated.h"
#include "roipool_cases.h"

using namespace testing;

static void check(std::mt19937& random, RoiCase c) {
  ondol_roipool_args a = c.a;
  size_t n = static_cast<size_t>(c.results());
  std::vector<float> expected(n, nan()), actual(n, nan());
  std::vector<int32_t> indices(n, -9), emulated(n, -9);
  bool max = a.op == ONDOL_ROIPOOL_MAX;
  a.y = expected.data();
  a.indices = max ? indices.data() : nullptr;
  run_cpu(ondol_roipool, a);
  a.y = actual.data();
  a.indices = max ? emulated.data() : nullptr;
  run_emulated(ondol_cuda_roipool_workspace, ondol_cuda_roipool, a);
  compare("roipool", actual, expected);
  EXPECT(indices == emulated, "indices of roipool");
  for (size_t o = 0; o < n; o += 5) indices[o] = static_cast<int32_t>(random() % 3 == 0 ? random() : random() % (c.plane(0) + 2)) - 1;
  std::vector<float> dy = values(random, c.results(), random() % 2);
  a.indices = max ? indices.data() : nullptr;
  ondol_roipool_backward_args b = {a, dy.data(), {}};
  std::vector<std::vector<float>> dx, emulated_dx;
  for (int64_t l = 0; l < a.levels; l++) dx.push_back(std::vector<float>(a.batch * a.channels * c.plane(l), nan()));
  emulated_dx = dx;
  for (int64_t l = 0; l < a.levels; l++) b.dx[l] = dx[l].data();
  run_cpu(ondol_roipool_backward, b);
  for (int64_t l = 0; l < a.levels; l++) b.dx[l] = emulated_dx[l].data();
  run_emulated(ondol_cuda_roipool_backward_workspace, ondol_cuda_roipool_backward, b);
  for (int64_t l = 0; l < a.levels; l++) compare("roipool_backward", emulated_dx[l], dx[l]);
}

int main() {
  unsigned s = seed();
  printf("seed %u\n", s);
  std::mt19937 random(s);
  for (int round = 0; round < rounds(3); round++) {
    for (int64_t op : {ONDOL_ROIPOOL_MAX, ONDOL_ROIPOOL_AVERAGE}) {
      for (int64_t rounding = ONDOL_ROI_ROUND; rounding <= ONDOL_ROI_GRID; rounding++) {
        for (bool sensitive : {false, true}) {
          int64_t channels = pick(random, {0, 1, 3, 5});
          check(random, roi_case(random, op, rounding, channels, pick(random, {0, 1, 7}), sensitive, false, random() % 2));
        }
      }
    }
  }
  return finish();
}
