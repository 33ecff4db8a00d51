// Forward. A task lays the planes of sixteen channels side by side once, where its regions cover more than they hold, else
// what each region needs.
#ifndef ONDOL_ROIALIGN_BODY_H
#define ONDOL_ROIALIGN_BODY_H

#include "roialign/average.h"
#include "roialign/groups.h"
#include "roialign/wide.h"

namespace ondol {
namespace {

constexpr int64_t ROI_CELLS = 1 << 18;  // side by side at most: 16 MB
constexpr int64_t ROI_BINS = 1024;      // whose results are kept side by side

// How the work of the second phase is numbered.
struct RoiTasks {
  int64_t groups, bins, blocks, chunks;  // bins: of position-sensitive maps, each of which has planes of its own

  RoiTasks(const ondol_roialign_args& a, int64_t chunks)
      : groups(a.levels * a.batch), bins(a.position_sensitive != 0 ? a.rows * a.columns : 1),
        blocks(ceil_div(roi_channels(a), ROI_LANES)), chunks(chunks) {}

  // Few tasks are cut into parts of their regions.
  static int64_t cut(const ondol_roialign_args& a, int64_t threads) {
    const RoiTasks whole(a, 1);
    const int64_t tasks = max_of<int64_t>(1, a.batch) * whole.blocks * whole.bins;
    return tasks == 0 || tasks >= threads ? 1 : ceil_div(threads, tasks);
  }

  int64_t count() const { return (groups + 1) * bins * blocks * chunks; }
};

template <class V>
class RoiAlign {
  typedef ondol_roialign_args Args;

 public:
  static void plan(const Args* a, ondol_plan* plan) {
    plan->choice[0] = RoiTasks::cut(*a, plan->threads);
    plan->phases = 2;
    plan->tasks[0] = a->rois.count == 0 ? 0 : 1;
    plan->tasks[1] = a->rois.count == 0 ? 0 : RoiTasks(*a, plan->choice[0]).count();
    plan->workspace = RoiGroups::bytes(*a);
    plan->scratch = (cells(*a) + 4 * kept(*a)) * ROI_LANES * 4 + 2 * RoiTable<V>::bytes();
  }

  static void run(const Args* a, const ondol_plan* plan, int64_t phase, int64_t begin, int64_t end, int64_t, void* workspace,
                  void* scratch) {
    const RoiGroups groups(*a, workspace);
    if (phase == 0) return groups.sort(*a);
    const RoiTasks tasks(*a, plan->choice[0]);
    for (int64_t task = begin; task < end; task++) RoiAlign(*a, groups, tasks, scratch).regions(task);
  }

 private:
  const Args& a;
  const RoiGroups& groups;
  const RoiTasks& tasks;
  float* const side;        // cells, [cell][16]
  float *lines, *results;
  int32_t* indices;
  RoiTable<V> rows, columns;

  int64_t channels, first_channel, lanes;  // of y; the first of the task, and how many
  int64_t bin;                             // -1 for all

  RoiAlign(const Args& a, const RoiGroups& groups, const RoiTasks& tasks, void* scratch)
      : a(a), groups(groups), tasks(tasks), side((float*)scratch), channels(roi_channels(a)) {
    lines = side + cells(a) * ROI_LANES;
    results = lines + 2 * kept(a) * ROI_LANES;
    indices = (int32_t*)(results + kept(a) * ROI_LANES);
    char* tables = (char*)(indices + kept(a) * ROI_LANES);
    rows = RoiTable<V>(tables);
    columns = RoiTable<V>(tables + RoiTable<V>::bytes());
  }

  // Cells that scratch memory holds.
  static int64_t cells(const Args& a) {
    int64_t most = 0;
    for (int64_t l = 0; l < a.levels; l++) most = max_of(most, a.maps[l].height * a.maps[l].width);
    return min_of(most, ROI_CELLS);
  }

  static int64_t kept(const Args& a) { return a.rows * a.columns <= ROI_BINS ? round_up(a.rows * a.columns, 16) : 16; }

  void regions(int64_t task) {
    const int64_t chunk = task % tasks.chunks, block = task / tasks.chunks % tasks.blocks;
    bin = a.position_sensitive != 0 ? task / tasks.chunks / tasks.blocks % tasks.bins : -1;
    const int64_t group = task / tasks.chunks / tasks.blocks / tasks.bins;
    first_channel = block * ROI_LANES;
    lanes = min_of(ROI_LANES, channels - first_channel);
    const int64_t from = groups.start[group], count = groups.start[group + 1] - from;
    const int64_t begin = from + count * chunk / tasks.chunks, end = from + count * (chunk + 1) / tasks.chunks;
    if (begin == end) return;
    if (group == groups.groups) {
      for (int64_t r = begin; r < end; r++) clear(groups.order[r]);
      return;
    }
    const ondol_roi_map& map = groups.map(a, group);
    const int64_t size = map.height * map.width, grid = a.position_sensitive != 0 ? a.rows * a.columns : 1;
    const RoiPlanes planes = {map.x + group % a.batch * map.x_batch + (first_channel * grid + (bin < 0 ? 0 : bin)) * map.x_channel,
                              grid * map.x_channel, lanes};
    const bool whole = size <= ROI_CELLS && groups.cells[group] >= (double)(size * tasks.chunks);
    if (whole) roi_gather<V>(planes, 0, size, side);
    for (int64_t r = begin; r < end; r++) region(groups.order[r], map, planes, whole);
  }

  void region(int64_t r, const ondol_roi_map& map, const RoiPlanes& planes, bool whole) {
    const RoiBox box(a.rois, r, map.scale);
    if (!box.legal()) return clear(r);
    const RoiAxis down = roi_rows(a, map, box), across = roi_columns(a, map, box);
    const int64_t i = bin < 0 ? 0 : bin / a.columns, j = bin < 0 ? 0 : bin % a.columns;
    const int64_t row_bins = bin < 0 ? a.rows : 1, column_bins = bin < 0 ? a.columns : 1;
    if (row_bins * column_bins > ROI_BINS || !rows.fill(down, i, i + row_bins) || !columns.fill(across, j, j + column_bins)) {
      return wide(r, planes, down, across);
    }
    if (rows.entries() == 0 || columns.entries() == 0) return clear(r);
    int64_t width = map.width;
    if (whole) {
      columns.origin(0, 4);
    } else {
      width = columns.last_cell - columns.first_cell + 1;
      const int64_t height = rows.last_cell - rows.first_cell + 1;
      if (width * height > cells(a)) return wide(r, planes, down, across);
      for (int64_t row = 0; row < height; row++) {
        roi_gather<V>(planes, (rows.first_cell + row) * map.width + columns.first_cell, width, side + row * width * ROI_LANES);
      }
      rows.origin(rows.first_cell, 0);
      columns.origin(columns.first_cell, 4);
    }
    compute(width * ROI_LANES, row_bins, column_bins, roi_divisor(down, across));
    store(r, row_bins * column_bins);
  }

  void compute(int64_t pitch, int64_t row_bins, int64_t column_bins, float divisor) {
    if (a.op == ONDOL_ROIALIGN_AVERAGE) {
      roi_average<V>(side, pitch, rows, row_bins, columns, column_bins, divisor, lines, results);
    } else if (a.op == ONDOL_ROIALIGN_CORNERS) {
      maximum<true>(pitch, row_bins, column_bins);
    } else {
      maximum<false>(pitch, row_bins, column_bins);
    }
  }

  template <bool CORNERS>
  void maximum(int64_t pitch, int64_t row_bins, int64_t column_bins) {
    if (a.indices != nullptr) {
      roi_maximum<V, CORNERS, true>(side, pitch, rows, row_bins, columns, column_bins, results, indices);
    } else {
      roi_maximum<V, CORNERS, false>(side, pitch, rows, row_bins, columns, column_bins, results, nullptr);
    }
  }

  // Where the results of a region begin.
  int64_t at(int64_t r) const { return (r * channels + first_channel) * a.rows * a.columns; }

  void store(int64_t r, int64_t count) {
    const int64_t grid = a.rows * a.columns;
    if (bin >= 0) return store_bin(r, bin);
    roi_scatter<V>(results, count, a.y + at(r), grid, lanes);
    if (a.indices != nullptr) roi_scatter<V>((const float*)indices, count, (float*)(a.indices + at(r)), grid, lanes);
  }

  // The first of `results` and `indices` to one bin.
  void store_bin(int64_t r, int64_t to) {
    const int64_t grid = a.rows * a.columns;
    for (int64_t l = 0; l < lanes; l++) a.y[at(r) + l * grid + to] = results[l];
    for (int64_t l = 0; l < lanes && a.indices != nullptr; l++) a.indices[at(r) + l * grid + to] = indices[l];
  }

  void clear(int64_t r) {
    const int64_t grid = a.rows * a.columns, step = bin < 0 ? 1 : grid, n = bin < 0 ? lanes * grid : lanes;
    const int64_t from = at(r) + (bin < 0 ? 0 : bin);
    for (int64_t k = 0; k < n; k++) a.y[from + k * step] = 0.0f;
    for (int64_t k = 0; k < n && a.indices != nullptr; k++) a.indices[from + k * step] = -1;
  }

  void wide(int64_t r, const RoiPlanes& planes, const RoiAxis& down, const RoiAxis& across) {
    const RoiWide<V> region(planes, down, across);
    const int64_t begin = bin < 0 ? 0 : bin, end = bin < 0 ? a.rows * a.columns : bin + 1;
    for (int64_t b = begin; b < end; b++) {
      const int64_t i = b / a.columns, j = b % a.columns;
      if (a.op == ONDOL_ROIALIGN_AVERAGE) {
        region.average(i, j, results);
      } else if (a.op == ONDOL_ROIALIGN_CORNERS) {
        region.template maximum<true>(i, j, results, indices);
      } else {
        region.template maximum<false>(i, j, results, indices);
      }
      store_bin(r, b);
    }
  }
};

}  // namespace
}  // namespace ondol

#endif
