// Gradients of roipool. A task owns a tile of some planes of dx and visits the regions of their map in ascending order.
#ifndef ONDOL_ROIPOOL_BACKWARD_H
#define ONDOL_ROIPOOL_BACKWARD_H

#include "roipool/planes.h"

namespace ondol {
namespace {

// Quotients by one divisor of numbers below 2^32: the high word of a product with 2^64 / divisor, rounded up.
class RoiQuotient {
 public:
  explicit RoiQuotient(int64_t divisor) : factor(divisor == 1 ? 0 : ~uint64_t(0) / (uint64_t)divisor + 1) {}

  ONDOL_INLINE int64_t of(uint32_t n) const {
    return factor == 0 ? (int64_t)n : (int64_t)(((unsigned __int128)factor * n) >> 64);
  }

 private:
  uint64_t factor;
};

// The planes of every map are cut into tiles of so many cells at most.
struct RoiTiles {
  int64_t height, width, down, across;  // of a tile; tiles of a plane

  RoiTiles(const ondol_roi_map& map, int64_t cells) {
    width = min_of(map.width, cells);
    height = min_of(map.height, cells / width);
    down = ceil_div(map.height, height);
    across = ceil_div(map.width, width);
  }

  int64_t count() const { return down * across; }
};

// Rows [top, bottom) and columns [left, right) of a plane.
struct RoiTile {
  int64_t top, bottom, left, right;

  int64_t width() const { return right - left; }
  int64_t cells() const { return (bottom - top) * width(); }
};

template <class V>
class RoiPoolBackward {
  typedef typename V::F F;
  typedef ondol_roipool_backward_args Args;

  static constexpr int64_t CHANNELS = 16;  // of a task that scatters maxima: their planes stay near, rows are long
  static constexpr int64_t CELLS = 32768;  // of a tile of maxima
  static constexpr int64_t SUMS = 8192;    // of a tile of averages, V::lanes channels side by side
  static constexpr int64_t BINS = 128;     // whose averages are turned at once

  // Blocks of channels of a map, each of which is a task for every tile.
  static int64_t blocks(const ondol_roipool_args& a) {
    if (a.op == ONDOL_ROIPOOL_MAX) return ceil_div(a.channels, CHANNELS);
    const int64_t bins = a.position_sensitive ? a.rows[0] * a.columns[0] : 1;
    return ceil_div(RoiShape(a).channels, V::lanes) * bins;
  }

  static RoiTiles tiles(const ondol_roipool_args& a, int64_t level) {
    return RoiTiles(a.map[level], a.op == ONDOL_ROIPOOL_MAX ? CELLS : SUMS);
  }

 public:
  static void plan(const Args* args, ondol_plan* plan) {
    const ondol_roipool_args& a = args->forward;
    int64_t tasks = 0;
    for (int64_t l = 0; l < a.levels; l++) tasks += tiles(a, l).count();
    plan->phases = 1;
    plan->tasks[0] = tasks * a.batch * blocks(a);
    plan->workspace = 0;
    const int64_t floats = a.op == ONDOL_ROIPOOL_MAX ? 0 : (SUMS + BINS + 2 * V::lanes) * V::lanes;
    plan->scratch = floats * (int64_t)sizeof(float) + RoiBins<V>::bytes(a);
  }

  static void run(const Args* args, const ondol_plan*, int64_t, int64_t begin, int64_t end, int64_t, void*, void* scratch) {
    const ondol_roipool_args& a = args->forward;
    const int64_t per_tile = a.batch * blocks(a);
    for (int64_t task = begin; task < end; task++) {
      int64_t level = 0, tile = task / per_tile;
      while (tile >= tiles(a, level).count()) tile -= tiles(a, level++).count();
      RoiPoolBackward(*args, level, task % per_tile / blocks(a), tile, scratch).block(task % blocks(a));
    }
  }

 private:
  const Args& args;
  const ondol_roipool_args& a;
  const RoiShape shape;
  const int64_t map;
  const ondol_roi_map& level;
  const RoiTile tile;
  float* const dx;  // the image's
  RoiBins<V> bins;
  float* const sums;
  float* const averages;

  RoiPoolBackward(const Args& args, int64_t l, int64_t image, int64_t tile, void* scratch)
      : args(args), a(args.forward), shape(a), map(l * a.batch + image), level(a.map[l]), tile(rectangle(tiles(a, l), tile)),
        dx(args.dx[l] + image * a.channels * level.height * level.width), bins(a, scratch),
        sums((float*)((char*)scratch + RoiBins<V>::bytes(a))), averages(sums + (SUMS + V::lanes) * V::lanes) {}

  RoiTile rectangle(const RoiTiles& t, int64_t i) const {
    const int64_t top = i / t.across * t.height, left = i % t.across * t.width;
    return {top, min_of(level.height, top + t.height), left, min_of(level.width, left + t.width)};
  }

  int64_t plane() const { return level.height * level.width; }

  void block(int64_t b) {
    if (a.op == ONDOL_ROIPOOL_MAX) {
      scatter(b * CHANNELS, min_of(CHANNELS, a.channels - b * CHANNELS));
    } else {
      const int64_t blocks = ceil_div(shape.channels, V::lanes), first = b % blocks * V::lanes;
      spread(first, min_of<int64_t>(V::lanes, shape.channels - first), b / blocks);
    }
  }

  // Calls visit(region, box) for the regions of this map that are not void, ascending.
  template <class Visit>
  ONDOL_INLINE void each_region(Visit visit) {
    for (int64_t r = 0; r < a.rois.count; r++) {
      int64_t of;
      if (!roi_map(a, r, of) || of != map) continue;
      const RoiBox box(a, r, level);
      if (!box.empty) visit(r, box);
    }
  }

  // Maxima: channels [first, first + count) of the map.
  void scatter(int64_t first, int64_t count) {
    for (int64_t c = first; c < first + count; c++) {
      for (int64_t y = tile.top; y < tile.bottom; y++) {
        __builtin_memset(dx + c * plane() + y * level.width + tile.left, 0, tile.width() * sizeof(float));
      }
    }
    const RoiQuotient row_of(level.width);
    each_region([&](int64_t r, const RoiBox& box) {
      bins.set(box);
      clip();
      const int64_t row = r * shape.row;
      expect(row + shape.row, first, count);
      if (a.position_sensitive) {
        for (int64_t c = first; c < first + count; c++) {
          const int64_t bin = c % bins.grid[0].bins();
          scatter_row(bins.grid[0], bin / a.columns[0], bin % a.columns[0], 1, row + c, dx + c * plane(), row_of);
        }
        return;
      }
      for (int64_t c = first; c < first + count; c++) {
        for (int64_t g = 0; g < a.grids; g++) {
          const RoiGrid& grid = bins.grid[g];
          const int64_t begin = row + shape.base[g] + c * grid.bins();
          for (int64_t i = 0; i < grid.rows; i++) {
            scatter_row(grid, i, 0, grid.columns, begin + i * grid.columns, dx + c * plane(), row_of);
          }
        }
      }
    });
  }

  // Results of a region that comes next: their lines and pages are fetched while this one's are spread.
  ONDOL_INLINE void expect(int64_t row, int64_t first, int64_t count) const {
    if (row >= a.rois.count * shape.row || a.position_sensitive) return;
    const int64_t n = bins.grid[0].bins(), begin = row + first * n;
    for (int64_t i = 0; i < min_of<int64_t>(count * n, 2048); i += 16) {
      __builtin_prefetch(args.dy + begin + i);
      __builtin_prefetch(a.indices + begin + i);
    }
  }

  // Windows cut to the tile: only they matter where indices are compared.
  void clip() const {
    for (int64_t g = 0; g < a.grids; g++) {
      cut(bins.grid[g].rows, bins.grid[g].top, bins.grid[g].bottom, tile.top, tile.bottom);
      cut(bins.grid[g].columns, bins.grid[g].left, bins.grid[g].right, tile.left, tile.right);
    }
  }

  static void cut(int64_t n, int32_t* first, int32_t* limit, int64_t low, int64_t high) {
    for (int64_t i = 0; i < n; i++) {
      first[i] = (int32_t)max_of<int64_t>(first[i], low);
      limit[i] = (int32_t)max_of<int64_t>(first[i], min_of<int64_t>(limit[i], high));
    }
  }

  // Bins [from, from + n) of row i, whose results begin at `begin`.
  ONDOL_INLINE void scatter_row(const RoiGrid& g, int64_t i, int64_t from, int64_t n, int64_t begin, float* to,
                                const RoiQuotient& row_of) const {
    const uint64_t top = (uint64_t)g.top[i], span = (uint64_t)g.bottom[i] - top;
    if (span == 0) return;
    for (int64_t j = 0; j < n; j++) {
      const uint32_t index = (uint32_t)__atomic_load_n(a.indices + begin + j, __ATOMIC_RELAXED);
      const int64_t y = row_of.of(index), x = index - y * level.width;
      const uint64_t left = (uint64_t)g.left[from + j], across = (uint64_t)g.right[from + j] - left;
      if ((uint64_t)y - top < span && (uint64_t)x - left < across) to[index] = to[index] + args.dy[begin + j];
    }
  }

  // Averages: channels [first, first + count) of y, of one bin where position-sensitive.
  void spread(int64_t first, int64_t count, int64_t bin) {
    __builtin_memset(sums, 0, tile.cells() * V::lanes * sizeof(float));
    each_region([&](int64_t r, const RoiBox& box) {
      if (a.position_sensitive) {
        spread_one(box, r, first, count, bin);
      } else {
        bins.set(box);
        for (int64_t g = 0; g < a.grids; g++) spread_grid(bins.grid[g], r * shape.row + shape.base[g], first, count);
      }
    });
    const int64_t step = a.position_sensitive ? a.rows[0] * a.columns[0] : 1;
    float* to = dx + (first * step + bin) * plane() + tile.left;
    for (int64_t y = tile.top; y < tile.bottom; y++) {
      RoiPlanes<V, 1>::turn_back(sums + (y - tile.top) * tile.width() * V::lanes, tile.width(), to + y * level.width,
                                 step * plane(), count);
    }
  }

  void spread_one(const RoiBox& box, int64_t r, int64_t first, int64_t count, int64_t bin) const {
    int64_t top, bottom, left, right;
    box.rows.bin(bin / a.columns[0], a.rows[0], top, bottom);
    box.columns.bin(bin % a.columns[0], a.columns[0], left, right);
    const int64_t n = a.rows[0] * a.columns[0];
    const float* dy = args.dy + r * shape.row + first * n + bin;
    for (int64_t k = 0; k < V::lanes; k++) averages[k] = k < count ? dy[k * n] : 0.0f;
    add(top, bottom, left, right, averages);
  }

  void spread_grid(const RoiGrid& g, int64_t begin, int64_t first, int64_t count) const {
    const int64_t n = g.bins();
    const RoiChannels dy = {args.dy + begin + first * n, n, count};
    int64_t i = 0, j = 0;
    for (int64_t done = 0; done < n; done += BINS) {
      const int64_t part = min_of(BINS, n - done);
      RoiPlanes<V, 1>::turn(dy, done, part, averages);
      for (int64_t b = 0; b < part; b++) {
        add(g.top[i], g.bottom[i], g.left[j], g.right[j], averages + b * V::lanes);
        if (++j == g.columns) j = 0, i++;
      }
    }
  }

  // A bin's dy, over the count of its elements, to the elements in the tile.
  ONDOL_INLINE void add(int64_t top, int64_t bottom, int64_t left, int64_t right, const float* dy) const {
    if (bottom <= top || right <= left) return;
    const F average = V::load(dy) / V::set((float)((bottom - top) * (right - left)));
    const int64_t low = max_of(left, tile.left) - tile.left, n = min_of(right, tile.right) - tile.left - low;
    for (int64_t y = max_of(top, tile.top); y < min_of(bottom, tile.bottom); y++) {
      float* to = sums + ((y - tile.top) * tile.width() + low) * V::lanes;
      for (int64_t k = 0; k < n; k++) V::store(to + k * V::lanes, V::load(to + k * V::lanes) + average);
    }
  }
};

}  // namespace
}  // namespace ondol

#endif
