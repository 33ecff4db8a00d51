// The gradient of average: sixteen channels of a tile of dx.
#ifndef ONDOL_ROIALIGN_GRADIENT_H
#define ONDOL_ROIALIGN_GRADIENT_H

#include "roialign/cells.h"
#include "roialign/tiles.h"

namespace ondol {
namespace {

template <class V>
class RoiGradient {
  typedef typename V::F F;
  typedef RoiLanes<V> Lanes;
  typedef ondol_roialign_backward_args Args;

  static constexpr int64_t BINS = 1024;        // whose gradients are kept side by side
  static constexpr int64_t LINES = 1 << 14;    // cells of the lines L of some row bins, or of one

 public:
  static int64_t bytes(const ondol_roialign_args& a, const RoiTiles& tiles) {
    return (tile_cells(a, tiles) + LINES + kept(a)) * ROI_LANES * 4 + 2 * RoiTable<V>::bytes();
  }

  RoiGradient(const Args& args, const RoiGroups& groups, const RoiTiles& tiles, const RoiTile& tile, void* scratch)
      : args(args), a(args.forward), map(a.maps[tile.level]), groups(groups), tile(tile), sum((float*)scratch) {
    lines = sum + tile_cells(a, tiles) * ROI_LANES;
    d = lines + LINES * ROI_LANES;
    char* tables = (char*)(d + kept(a) * ROI_LANES);
    rows = RoiTable<V>(tables);
    columns = RoiTable<V>(tables + RoiTable<V>::bytes());
  }

  void run() {
    const int64_t group = tile.level * a.batch + tile.image;
    const int64_t floats = (tile.bottom - tile.top) * tile.width() * ROI_LANES;
    for (int64_t k = 0; k < floats; k += V::lanes) V::store(sum + k, V::set(0.0f));
    for (int64_t r = groups.start[group]; r < groups.start[group + 1]; r++) region(groups.order[r]);
    for (int64_t k = 0; k < floats; k += V::lanes) V::store(sum + k, V::load(sum + k) + V::set(0.0f));
    write();
  }

 private:
  const Args& args;
  const ondol_roialign_args& a;
  const ondol_roi_map& map;
  const RoiGroups& groups;
  const RoiTile& tile;
  float* const sum;    // dx of the tile, [cell][16]
  float *lines, *d;    // L and dy / M, likewise
  RoiTable<V> rows, columns;

  static int64_t tile_cells(const ondol_roialign_args& a, const RoiTiles& tiles) {
    int64_t most = 0;
    for (int64_t l = 0; l < a.levels; l++) most = max_of(most, tiles.height(l) * tiles.width(l));
    return most;
  }

  static int64_t kept(const ondol_roialign_args& a) { return a.rows * a.columns <= BINS ? round_up(a.rows * a.columns, 16) : 16; }

  void write() const {
    const int64_t stride = roi_gradient_stride(a, tile);
    float* to = roi_gradient_plane(args, tile) + tile.top * map.width + tile.left;
    if (tile.width() == map.width) return roi_scatter<V>(sum, (tile.bottom - tile.top) * map.width, to, stride, tile.lanes);
    for (int64_t r = tile.top; r < tile.bottom; r++, to += map.width) {
      roi_scatter<V>(sum + (r - tile.top) * tile.width() * ROI_LANES, tile.width(), to, stride, tile.lanes);
    }
  }

  void region(int64_t r) {
    const RoiBox box(a.rois, r, map.scale);
    if (!box.legal()) return;
    const RoiAxis down = roi_rows(a, map, box), across = roi_columns(a, map, box);
    const int64_t i = tile.bin < 0 ? 0 : tile.bin / a.columns, j = tile.bin < 0 ? 0 : tile.bin % a.columns;
    const int64_t row_bins = tile.bin < 0 ? a.rows : 1, column_bins = tile.bin < 0 ? a.columns : 1;
    const bool tabled = row_bins * column_bins <= BINS && tile.width() == map.width && rows.fill(down, i, i + row_bins);
    if (tabled && (rows.entries() == 0 || rows.first_cell >= tile.bottom || rows.last_cell < tile.top)) return;
    if (!tabled || !columns.fill(across, j, j + column_bins)) return wide(r, down, across);
    if (columns.entries() == 0) return;
    const int64_t first = columns.first_cell, width = columns.last_cell - first + 1;
    columns.origin((int32_t)first, 4);
    read(r, row_bins * column_bins, roi_divisor(down, across));
    const int64_t some = max_of<int64_t>(1, LINES / width);
    for (int64_t from = 0; from < row_bins; from += some) {
      const int64_t to = min_of(row_bins, from + some);
      across_columns(from, to, column_bins, width);
      for (int64_t bin = from; bin < to; bin++) {
        down_rows(bin, lines + (bin - from) * width * ROI_LANES, sum + first * ROI_LANES, width * ROI_LANES);
      }
    }
  }

  // dy / M of all bins of a region, or of the one.
  void read(int64_t r, int64_t count, float divisor) {
    const int64_t grid = a.rows * a.columns;
    const float* dy = args.dy + (r * roi_channels(a) + tile.first_channel) * grid + (tile.bin < 0 ? 0 : tile.bin);
    roi_gather<V>({dy, grid, tile.lanes}, 0, count, d);
    const F by = V::set(divisor);
    for (int64_t k = 0; k < count * ROI_LANES; k += V::lanes) V::store(d + k, V::load(d + k) / by);
  }

  // L of row bins [from, to): together, as each element of one is a chain.
  void across_columns(int64_t from, int64_t to, int64_t column_bins, int64_t width) {
    const int64_t pitch = width * ROI_LANES;
    for (int64_t k = 0; k < (to - from) * pitch; k += V::lanes) V::store(lines + k, V::set(0.0f));
    for (int64_t j = 0; j < column_bins; j++) {
      for (int32_t s = columns.begin[j]; s < columns.begin[j + 1]; s++) {
        float* low = lines + columns.low[s];
        float* high = lines + columns.high[s];
        const float v0 = columns.low_weight[s], v1 = columns.high_weight[s];
        for (int64_t i = from; i < to; i++, low += pitch, high += pitch) {
          const Lanes x = Lanes::load(d + (i * column_bins + j) * ROI_LANES);
          add(low, v0, x);
          add(high, v1, x);
        }
      }
    }
  }

  void down_rows(int64_t bin, const float* line, float* to, int64_t n) const {
    const int64_t pitch = tile.width() * ROI_LANES;
    for (int32_t s = rows.begin[bin]; s < rows.begin[bin + 1]; s++) {
      if (tile.row(rows.low[s])) add_line(to + (rows.low[s] - tile.top) * pitch, rows.low_weight[s], line, n);
      if (tile.row(rows.high[s])) add_line(to + (rows.high[s] - tile.top) * pitch, rows.high_weight[s], line, n);
    }
  }

  static ONDOL_INLINE void add(float* to, float weight, const Lanes& x) {
    Lanes sum = Lanes::load(to);
    sum.add(weight, x);
    sum.store(to);
  }

  static ONDOL_INLINE void add_line(float* to, float weight, const float* line, int64_t n) {
    const F w = V::set(weight);
    for (int64_t k = 0; k < n; k += V::lanes) V::store(to + k, V::fma(w, V::load(line + k), V::load(to + k)));
  }

  // Without tables, or where the tile has some of the columns only.
  void wide(int64_t r, const RoiAxis& down, const RoiAxis& across) {
    const float divisor = roi_divisor(down, across);
    const int64_t from = tile.bin < 0 ? 0 : tile.bin / a.columns, to = tile.bin < 0 ? a.rows : from + 1;
    for (int64_t i = from; i < to; i++) {
      const RoiRun run = down.run(i);
      if (run.count() == 0) continue;
      const RoiSample one = down.sample(i, run.first), other = down.sample(i, run.limit - 1);
      if (max_of(one.high, other.high) < tile.top || min_of(one.low, other.low) >= tile.bottom) continue;
      wide_line(r, i, across, divisor);
      for (int64_t k = run.first; k < run.limit; k++) {
        const RoiSample s = down.sample(i, k);
        const int64_t pitch = tile.width() * ROI_LANES;
        if (tile.row(s.low)) add_line(sum + (s.low - tile.top) * pitch, s.low_weight, lines, pitch);
        if (tile.row(s.high)) add_line(sum + (s.high - tile.top) * pitch, s.high_weight, lines, pitch);
      }
    }
  }

  void wide_line(int64_t r, int64_t i, const RoiAxis& across, float divisor) {
    const int64_t grid = a.rows * a.columns;
    const int64_t from = tile.bin < 0 ? 0 : tile.bin % a.columns, to = tile.bin < 0 ? a.columns : from + 1;
    for (int64_t k = 0; k < tile.width() * ROI_LANES; k += V::lanes) V::store(lines + k, V::set(0.0f));
    for (int64_t j = from; j < to; j++) {
      const RoiRun run = across.run(j);
      if (run.count() == 0) continue;
      float values[ROI_LANES] = {};
      const float* dy = args.dy + (r * roi_channels(a) + tile.first_channel) * grid + i * a.columns + j;
      for (int64_t l = 0; l < tile.lanes; l++) values[l] = dy[l * grid] / divisor;
      const Lanes x = Lanes::load(values);
      for (int64_t k = run.first; k < run.limit; k++) {
        const RoiSample s = across.sample(j, k);
        if (tile.column(s.low)) add(lines + (s.low - tile.left) * ROI_LANES, s.low_weight, x);
        if (tile.column(s.high)) add(lines + (s.high - tile.left) * ROI_LANES, s.high_weight, x);
      }
    }
  }
};

}  // namespace
}  // namespace ondol

#endif
