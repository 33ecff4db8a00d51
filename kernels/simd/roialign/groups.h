// The first phase: regions in groups of one level and image, ascending within a group; the last group is of those whose
// level or image is not there.
#ifndef ONDOL_ROIALIGN_GROUPS_H
#define ONDOL_ROIALIGN_GROUPS_H

#include "roialign/geometry.h"

namespace ondol {
namespace {

struct RoiGroups {
  int64_t groups;   // without that of the void
  int64_t* start;   // [groups + 2]
  double* cells;    // [groups + 1]: about how many cells the regions of a group cover, each counted alone
  int64_t* group;   // [count]: of a region
  int64_t* order;   // [count]: regions, group after group

  RoiGroups(const ondol_roialign_args& a, void* workspace) : groups(a.levels * a.batch) {
    start = (int64_t*)workspace;
    cells = (double*)(start + groups + 2);
    group = (int64_t*)(cells + groups + 1);
    order = group + a.rois.count;
  }

  static int64_t bytes(const ondol_roialign_args& a) { return (2 * a.levels * a.batch + 3 + 2 * a.rois.count) * 8; }

  const ondol_roi_map& map(const ondol_roialign_args& a, int64_t g) const { return a.maps[g / a.batch]; }

  void sort(const ondol_roialign_args& a) const {
    for (int64_t g = 0; g < groups + 2; g++) start[g] = 0;
    for (int64_t g = 0; g < groups + 1; g++) cells[g] = 0;
    for (int64_t r = 0; r < a.rois.count; r++) {
      group[r] = find(a, r);
      start[group[r] + 1]++;
      if (group[r] < groups) cells[group[r]] += covered(map(a, group[r]), RoiBox(a.rois, r, map(a, group[r]).scale));
    }
    for (int64_t g = 0; g < groups + 1; g++) start[g + 1] += start[g];
    for (int64_t r = a.rois.count - 1; r >= 0; r--) order[--start[group[r] + 1]] = r;
    // Each start has moved to the place of the one before it.
    for (int64_t g = 0; g < groups + 1; g++) start[g] = start[g + 1];
    start[groups + 1] = a.rois.count;
  }

 private:
  int64_t find(const ondol_roialign_args& a, int64_t r) const {
    const int64_t image = __atomic_load_n(a.rois.images + r, __ATOMIC_RELAXED);
    const int64_t level = a.rois.levels == nullptr ? 0 : __atomic_load_n(a.rois.levels + r, __ATOMIC_RELAXED);
    const bool there = image >= 0 && image < a.batch && level >= 0 && level < a.levels;
    return there ? level * a.batch + image : groups;
  }

  static double covered(const ondol_roi_map& map, const RoiBox& box) {
    if (!box.legal()) return 0;
    return span(box.y1, box.y2, (float)map.height) * span(box.x1, box.x2, (float)map.width);
  }

  static double span(float a, float b, float size) {
    const float low = max_of(0.0f, min_of(a, b)), high = min_of(size, max_of(a, b));
    return high < low ? 0 : min_of(size, high - low + 2.0f);
  }
};

}  // namespace
}  // namespace ondol

#endif
