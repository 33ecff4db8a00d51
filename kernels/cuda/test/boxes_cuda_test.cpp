// The emulated kernels of boxes, iou and roiwarp, against the CPU library, bit for bit.
#include "emulated.h"

using namespace testing;

static std::mt19937 random_source;

// Boxes in an image of this size: half of them as they should be, the others anything.
static std::vector<float> boxes(int64_t n, int64_t size) {
  std::vector<float> out = values(random_source, 4 * n, true);
  for (int64_t i = 0; i < n; i++) {
    for (int64_t k = 0; random_source() % 2 == 0 && k < 2; k++) {
      out[4 * i + k] = static_cast<float>(random_source() % static_cast<unsigned>(4 * size)) / 4 - static_cast<float>(size) / 8;
      out[4 * i + 2 + k] = out[4 * i + k] + static_cast<float>(random_source() % static_cast<unsigned>(4 * size)) / 4;
    }
  }
  return out;
}

static void iou(int64_t n, int64_t m, bool paired) {
  std::vector<float> a = boxes(n, 6), b = boxes(m, 6), dout = values(random_source, n, true);
  for (int64_t kind : {ONDOL_IOU, ONDOL_GIOU, ONDOL_IOA}) {
    int64_t pixel = static_cast<int64_t>(random_source() % 2);
    std::vector<float> expected(static_cast<size_t>(paired ? n : n * m), nan()), actual = expected;
    ondol_iou_args args = {kind, pixel, paired, n, m, a.data(), b.data(), expected.data()};
    run_cpu(ondol_iou, args);
    args.out = actual.data();
    run_emulated(ondol_cuda_iou_workspace, ondol_cuda_iou, args);
    compare("iou", actual, expected);
    if (!paired || kind == ONDOL_IOA) continue;

    std::vector<float> da(a.size(), nan()), db = da, one = da, two = da;
    ondol_iou_backward_args backward = {kind, pixel, n, a.data(), b.data(), dout.data(), da.data(), db.data()};
    run_cpu(ondol_iou_backward, backward);
    backward.da = one.data();
    backward.db = two.data();
    run_emulated(ondol_cuda_iou_backward_workspace, ondol_cuda_iou_backward, backward);
    compare("da", one, da);
    compare("db", two, db);
    backward.da = nullptr;
    run_emulated(ondol_cuda_iou_backward_workspace, ondol_cuda_iou_backward, backward);
    compare("db alone", two, db);
  }
}

static void roiwarp(int64_t rois, int64_t channels, int64_t height, int64_t width, int64_t out_h, int64_t out_w, bool special) {
  std::vector<float> box = boxes(rois, std::max(height, width)), fill = values(random_source, channels, special);
  std::vector<int32_t> images;
  for (int64_t r = 0; r < rois; r++) images.push_back(static_cast<int32_t>(random_source() % 4) - (r == 3 ? 5 : 0));
  std::vector<float> x = values(random_source, 3 * channels * height * width, special);
  std::vector<float> dy = values(random_source, rois * channels * out_h * out_w, special);
  for (int64_t mode : {ONDOL_ROIWARP, ONDOL_ROIWARP_SQUARE, ONDOL_ROIWARP_ALONE}) {
    std::vector<float> expected(dy.size(), nan()), actual = expected, dx(x.size(), nan()), other = dx;
    int64_t pixel = static_cast<int64_t>(random_source() % 2);
    ondol_roiwarp_args args = {mode,  pixel, std::min<int64_t>(mode, (std::min(out_h, out_w) - 1) / 2), rois, 3, channels, height,
                               width, out_h, out_w, box.data(), images.data(), mode == 1 ? nullptr : fill.data(), x.data(),
                               expected.data()};
    run_cpu(ondol_roiwarp, args);
    ondol_roiwarp_args copy = args;
    copy.y = actual.data();
    run_emulated(ondol_cuda_roiwarp_workspace, ondol_cuda_roiwarp, copy);
    compare("roiwarp", actual, expected);

    ondol_roiwarp_backward_args backward = {args, dy.data(), dx.data()};
    run_cpu(ondol_roiwarp_backward, backward);
    backward.dx = other.data();
    run_emulated(ondol_cuda_roiwarp_backward_workspace, ondol_cuda_roiwarp_backward, backward);
    compare("roiwarp_backward", other, dx);
  }
}

int main() {
  unsigned s = seed();
  printf("seed %u\n", s);
  random_source.seed(s);
  for (int64_t n : {0, 1, 5, 40, 300}) {
    iou(n, 17, false);
    iou(n, n, true);
  }
  iou(4, 0, false);
  const int64_t sizes[][5] = {{1, 1, 1, 1, 1}, {3, 5, 7, 4, 4}, {2, 20, 9, 7, 16}, {5, 9, 30, 17, 5}};
  for (const auto& z : sizes) {
    for (bool special : {false, true}) {
      for (int64_t rois : {0, 1, 6, 30}) roiwarp(rois, z[0], z[1], z[2], z[3], z[4], special);
    }
  }
  return finish();
}
