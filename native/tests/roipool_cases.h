// Random calls of roipool, for the tests of the CPU and the CUDA kernels.
#ifndef ONDOL_ROIPOOL_CASES_H
#define ONDOL_ROIPOOL_CASES_H

#include <math.h>

#include <algorithm>
#include <memory>

#include "guarded.h"

namespace testing {

// A call with its operands. Maps and boxes end at pages that cannot be read; y and indices are for the test to give.
struct RoiCase {
  ondol_roipool_args a = {};
  std::vector<std::unique_ptr<Guarded>> maps;
  std::unique_ptr<Guarded> boxes;
  std::vector<int32_t> images, levels;

  int64_t results() const {
    int64_t bins = 0;
    for (int64_t g = 0; g < a.grids; g++) bins += a.rows[g] * a.columns[g];
    return a.rois.count * (a.position_sensitive ? a.channels : a.channels * bins);
  }

  int64_t plane(int64_t l) const { return a.map[l].height * a.map[l].width; }
};

// A coordinate of an image whose map has `size` elements: mostly inside, now and then anything.
inline float roi_corner(std::mt19937& random, int64_t size, double scale) {
  static const float odd[] = {nan(), __builtin_inff(), -__builtin_inff(), 3e38f, -3e38f, 1e9f, -1e9f, 0.0f, -0.0f, 1e-40f};
  if (random() % 40 == 0) return odd[random() % (sizeof odd / sizeof *odd)];
  const double image = (double)size / scale;
  const double v = (double)(random() % 4096) / 4096 * image * (random() % 8 == 0 ? 3 : 1.1) - image * (random() % 8 == 0 ? 1 : 0.05);
  return (float)(random() % 3 == 0 ? floor(v * scale * 2) / 2 / scale : v);  // many at halves and whole numbers of the map
}

inline RoiCase roi_case(std::mt19937& random, int64_t op, int64_t rounding, int64_t channels, int64_t regions, bool sensitive,
                        bool large, bool special) {
  RoiCase c;
  ondol_roipool_args& a = c.a;
  a.op = op, a.rounding = rounding;
  a.batch = random() % 12 == 0 ? 0 : 1 + random() % 3;
  a.levels = 1 + (random() % 3 == 0 ? random() % 3 : 0);
  a.position_sensitive = sensitive;
  a.grids = sensitive ? 1 : 1 + (random() % 3 == 0 ? random() % 4 : 0);
  int64_t bins = 0;
  const bool nested = random() % 2;  // as SPPNet's grids are, whose coarser ones are made of bins of the finer
  for (int64_t g = 0; g < a.grids; g++) {
    a.rows[g] = pick(random, {1, 2, 3, 7, 7, 14, 19});
    a.columns[g] = pick(random, {1, 2, 3, 6, 7, 17, 33});
    if (nested && a.grids > 1) a.rows[g] = a.columns[g] = pick(random, {1, 2, 3, 6});
    bins += a.rows[g] * a.columns[g];
  }
  a.channels = sensitive ? std::min<int64_t>(channels, 20) * bins : channels;
  for (int64_t l = 0; l < a.levels; l++) {
    ondol_roi_map& m = a.map[l];
    m.height = large ? 300 + random() % 40 : pick(random, {1, 2, 5, 16, 23, 38});
    m.width = large ? 260 + random() % 20 : pick(random, {1, 3, 9, 16, 31, 50});
    m.scale = pick(random, {1, 2, 3, 16}) / (double)pick(random, {16, 16, 32, 5, 1});
    m.x_channel = m.height * m.width + random() % 3;
    m.x_batch = a.channels * m.x_channel + random() % 5;
    const int64_t last = a.batch == 0 || a.channels == 0 ? 0
        : (a.batch - 1) * m.x_batch + (a.channels - 1) * m.x_channel + m.height * m.width;
    c.maps.push_back(std::make_unique<Guarded>(last));
    const std::vector<float> x = values(random, last, special);
    std::copy(x.begin(), x.end(), c.maps.back()->data());
    if (random() % 3 == 0) {
      for (int64_t i = 0; i < last; i++) c.maps.back()->data()[i] = (float)(random() % 3) - 1;  // many equal elements
    }
    m.x = c.maps.back()->data();
  }
  c.boxes = std::make_unique<Guarded>(4 * regions);
  for (int64_t r = 0; r < regions; r++) {
    const int32_t image = (int32_t)(random() % 30 == 0 ? random() : random() % (a.batch + 1) % std::max<int64_t>(1, a.batch));
    const int32_t level = (int32_t)(random() % 30 == 0 ? random() : random() % a.levels);
    c.images.push_back(image);
    c.levels.push_back(level);
    const ondol_roi_map& m = a.map[(uint32_t)level < (uint64_t)a.levels ? level : 0];
    for (int k = 0; k < 4; k++) c.boxes->data()[4 * r + k] = roi_corner(random, k % 2 == 0 ? m.width : m.height, m.scale);
    for (int k = 0; k < 2 && random() % 4 != 0; k++) {
      float* box = c.boxes->data() + 4 * r + k;
      if (box[0] > box[2]) std::swap(box[0], box[2]);
    }
  }
  a.rois = {regions, c.boxes->data(), c.images.data(), a.levels > 1 || random() % 2 ? c.levels.data() : nullptr};
  return c;
}

// Calls visit(case) for every operation and rounding, with and without position-sensitive maps, of few and many channels.
template <class Visit>
void each_roi_case(std::mt19937& random, int rounds, Visit visit) {
  for (int round = 0; round < rounds; round++) {
    for (int64_t op : {ONDOL_ROIPOOL_MAX, ONDOL_ROIPOOL_AVERAGE}) {
      for (int64_t rounding = ONDOL_ROI_ROUND; rounding <= ONDOL_ROI_GRID; rounding++) {
        for (bool sensitive : {false, true}) {
          const int64_t channels = pick(random, {0, 1, 1, 3, 8, 15, 16, 17, 21, 32, 33, 70}), regions = pick(random, {0, 1, 3, 20});
          visit(roi_case(random, op, rounding, channels, regions, sensitive, false, random() % 2));
        }
      }
    }
  }
}

}  // namespace testing

#endif
