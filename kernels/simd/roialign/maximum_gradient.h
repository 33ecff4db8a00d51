// The gradient of a maximum: each channel has samples of its own, so they are followed one by one.
#ifndef ONDOL_ROIALIGN_MAXIMUM_GRADIENT_H
#define ONDOL_ROIALIGN_MAXIMUM_GRADIENT_H

#include "roialign/table.h"
#include "roialign/tiles.h"

namespace ondol {
namespace {

template <class V>
class RoiMaximumGradient {
  typedef ondol_roialign_backward_args Args;

 public:
  static int64_t bytes() { return 2 * RoiTable<V>::bytes(); }

  RoiMaximumGradient(const Args& args, const RoiGroups& groups, const RoiTile& tile, void* scratch)
      : args(args), a(args.forward), map(a.maps[tile.level]), groups(groups), tile(tile), dx(roi_gradient_plane(args, tile)),
        stride(roi_gradient_stride(a, tile)), rows(scratch), columns((char*)scratch + RoiTable<V>::bytes()) {}

  void run() {
    const int64_t group = tile.level * a.batch + tile.image, size = map.height * map.width;
    for (int64_t l = 0; l < tile.lanes; l++) __builtin_memset(dx + l * stride, 0, size * sizeof(float));
    for (int64_t r = groups.start[group]; r < groups.start[group + 1]; r++) region(groups.order[r]);
    for (int64_t l = 0; l < tile.lanes; l++) {
      float* plane = dx + l * stride;
      each_vector<V>(size, [&](int64_t i, int64_t n) {
        store_part<V>(plane + i, load_part<V>(plane + i, n) + V::set(0.0f), n);
      });
    }
  }

 private:
  const Args& args;
  const ondol_roialign_args& a;
  const ondol_roi_map& map;
  const RoiGroups& groups;
  const RoiTile& tile;
  float* const dx;
  const int64_t stride;
  RoiTable<V> rows, columns;

  void region(int64_t r) {
    const RoiBox box(a.rois, r, map.scale);
    if (!box.legal()) return;
    const RoiAxis down = roi_rows(a, map, box), across = roi_columns(a, map, box);
    const int64_t grid = a.rows * a.columns, from = tile.bin < 0 ? 0 : tile.bin, to = tile.bin < 0 ? grid : from + 1;
    const int64_t i = from / a.columns, j = tile.bin < 0 ? 0 : from % a.columns;
    const bool tabled = rows.fill(down, i, tile.bin < 0 ? a.rows : i + 1) && columns.fill(across, j, tile.bin < 0 ? a.columns : j + 1);
    for (int64_t bin = from; bin < to; bin++) {
      const int64_t at = (r * roi_channels(a) + tile.first_channel) * grid + bin;
      if (tabled) {
        bins(at, [&](int64_t bin_row, int64_t k) { return entry(rows, bin_row - i, k); },
             [&](int64_t bin_column, int64_t k) { return entry(columns, bin_column - j, k); }, bin,
             count(rows, bin / a.columns - i), count(columns, bin % a.columns - j));
      } else {
        const RoiRun down_run = down.run(bin / a.columns), across_run = across.run(bin % a.columns);
        bins(at, [&](int64_t bin_row, int64_t k) { return down.sample(bin_row, down_run.first + k); },
             [&](int64_t bin_column, int64_t k) { return across.sample(bin_column, across_run.first + k); }, bin,
             down_run.count(), across_run.count());
      }
    }
  }

  static int64_t count(const RoiTable<V>& table, int64_t bin) { return table.begin[bin + 1] - table.begin[bin]; }

  static RoiSample entry(const RoiTable<V>& table, int64_t bin, int64_t k) {
    const int64_t s = table.begin[bin] + k;
    return {table.low[s], table.high[s], table.low_weight[s], table.high_weight[s]};
  }

  // One bin of all channels: `down` and `across` give the k-th samples of its row and column bin, which have so many.
  template <class Down, class Across>
  ONDOL_INLINE void bins(int64_t at, Down down, Across across, int64_t bin, int64_t row_samples, int64_t column_samples) const {
    const bool corners = a.op == ONDOL_ROIALIGN_CORNERS;
    const int64_t samples = row_samples * column_samples;
    for (int64_t l = 0; l < tile.lanes; l++, at += a.rows * a.columns) {
      const int64_t index = __atomic_load_n(a.indices + at, __ATOMIC_RELAXED), number = corners ? index >> 2 : index;
      if (number < 0 || number >= samples) continue;
      const RoiSample u = down(bin / a.columns, number / column_samples), v = across(bin % a.columns, number % column_samples);
      float* plane = dx + l * stride;
      const float dy = args.dy[at];
      if (!corners || (index & 3) == 0) add(plane, u.low, v.low, u.low_weight * v.low_weight, dy);
      if (!corners || (index & 3) == 1) add(plane, u.low, v.high, u.low_weight * v.high_weight, dy);
      if (!corners || (index & 3) == 2) add(plane, u.high, v.low, u.high_weight * v.low_weight, dy);
      if (!corners || (index & 3) == 3) add(plane, u.high, v.high, u.high_weight * v.high_weight, dy);
    }
  }

  ONDOL_INLINE void add(float* plane, int64_t row, int64_t column, float weight, float dy) const {
    float* to = plane + row * map.width + column;
    *to = __builtin_fmaf(weight, dy, *to);
  }
};

}  // namespace
}  // namespace ondol

#endif
