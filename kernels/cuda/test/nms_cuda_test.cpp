// The emulated nms and topk kernels against the CPU library, bit for bit.
#include "emulated.h"
#include "nms_cases.h"

using namespace testing;

static std::mt19937 random_source;

static void check_nms(NmsCase c) {
  NmsCase expected = c;
  run_cpu(ondol_nms, expected.fresh());
  run_emulated(ondol_cuda_nms_workspace, ondol_cuda_nms, c.fresh());
  compare("scores of nms", c.selected, expected.selected);
  EXPECT(c.indices == expected.indices, "indices of nms, method %ld", static_cast<long>(c.args.method));
  EXPECT(c.counts == expected.counts, "counts of nms, method %ld", static_cast<long>(c.args.method));
}

static void check_topk(int64_t rows, int64_t n, int64_t k, bool special) {
  std::vector<float> x = values(random_source, rows * (n + 1), special);
  for (float& v : x) {
    if (special && random_source() % 3 == 0) v = static_cast<float>(random_source() % 4);
  }
  for (int64_t largest : {0, 1}) {
    std::vector<float> expected(static_cast<size_t>(rows * k)), actual = expected;
    std::vector<int32_t> indices(static_cast<size_t>(rows * k)), emulated = indices;
    ondol_topk_args a = {rows, n, k, x.data(), n + 1, largest, expected.data(), indices.data()};
    run_cpu(ondol_topk, a);
    a.values = actual.data(), a.indices = emulated.data();
    run_emulated(ondol_cuda_topk_workspace, ondol_cuda_topk, a);
    compare("values of topk", actual, expected);
    EXPECT(indices == emulated, "indices of topk, %ld of %ld", static_cast<long>(k), static_cast<long>(n));
  }
}

int main() {
  unsigned s = seed();
  printf("seed %u\n", s);
  random_source.seed(s);
  for (int i = 0; i < rounds(45); i++) {
    int64_t boxes = random_source() % 6 == 0 ? random_source() % 700 : random_source() % 40;
    check_nms(nms_case(random_source, i % 3, boxes, 1 + random_source() % 4));
  }
  for (bool special : {false, true}) {
    check_topk(2, 1, 1, special);
    check_topk(3, 40, 7, special);
    check_topk(1, 3000, 300, special);
    check_topk(2, 700, 700, special);
    check_topk(2, 9, 0, special);
  }
  return finish();
}
