// Maxima, with or without their indices, and averages of the bins of regions.
#ifndef ONDOL_ROIPOOL_BODY_H
#define ONDOL_ROIPOOL_BODY_H

#include "roipool/planes.h"

namespace ondol {
namespace {

enum RoiFold { ROI_MAX, ROI_INDEX, ROI_AVERAGE };

// The fold of a bin: W vectors of channels, and for each lane where its value is.
template <class V, int W, RoiFold fold, bool careful>
struct RoiBest {
  typedef typename V::F F;
  typedef typename V::I I;
  typedef typename V::M M;

  static constexpr bool sums = fold == ROI_AVERAGE;

  F value[W];
  I at[W];

  ONDOL_INLINE explicit RoiBest(int64_t first) {
    for (int w = 0; w < W; w++) {
      value[w] = V::set(fold == ROI_AVERAGE ? 0.0f : -__builtin_inff());
      at[w] = V::set((int32_t)first);
    }
  }

  // The next cell. Without care for NaN a comparison is enough.
  ONDOL_INLINE void meet(const float* cell, int64_t position) {
    for (int w = 0; w < W; w++) {
      const F v = V::load(cell + w * V::lanes);
      if (fold == ROI_AVERAGE) {
        value[w] = value[w] + v;
      } else if (fold == ROI_MAX) {
        value[w] = careful ? vmax<V>(value[w], v) : V::greater(v, value[w]);
      } else {
        const M more = V::gt(v, value[w]);
        const M takes = careful ? (M)(more | V::both(V::nan(v), V::eq(value[w], value[w]))) : more;
        value[w] = careful ? V::select(takes, v, value[w]) : V::greater(v, value[w]);
        at[w] = V::select(takes, V::set((int32_t)position), at[w]);
      }
    }
  }

  ONDOL_INLINE void store(int64_t cells, float* y, float* indices) const {
    for (int w = 0; w < W; w++) {
      const F result = fold == ROI_AVERAGE ? value[w] / V::set((float)cells) : value[w] + V::set(0.0f);
      V::store(y + w * V::lanes, cells == 0 ? V::set(0.0f) : result);
      if (fold == ROI_INDEX) V::store(indices + w * V::lanes, V::from_bits(cells == 0 ? V::set(-1) : at[w]));
    }
  }
};

// A task: a block of channels of a map, or, position-sensitive, of one bin, and some of the regions.
template <class V, int W>
class RoiTask {
  typedef typename V::F F;
  typedef typename V::I I;
  typedef typename V::M M;
  typedef ondol_roipool_args Args;
  static constexpr int64_t BLOCK = W * V::lanes;
  static constexpr int64_t BINS = 128;  // whose results are collected before they are turned into rows

 public:
  static int64_t whole(const Args& a) {
    int64_t cells = 0;
    for (int64_t l = 0; l < a.levels; l++) {
      const int64_t plane = a.map[l].height * a.map[l].width;
      if (plane <= ROI_CELLS) cells = max_of(cells, plane);
    }
    return max_of(cells, ROI_PIECE);
  }

  static int64_t bytes(const Args& a) {
    return RoiCells<V, W>::bytes(whole(a)) + (5 * RESULTS + BLOCK) * (int64_t)sizeof(float) + RoiBins<V>::bytes(a);
  }

  // block: channels [first, first + count) of y; bin: where position-sensitive, else 0.
  RoiTask(const Args& a, const RoiShape& shape, int64_t map, int64_t first, int64_t bin, void* scratch)
      : a(a), shape(shape), map(map), level(a.map[map / max_of<int64_t>(1, a.batch)]), first(first), bin(bin),
        count(min_of(BLOCK, shape.channels - first)), x(channels()), results((float*)scratch), at(results + RESULTS), merged(at + RESULTS),
        merged_at(merged + RESULTS), dense(merged_at + RESULTS), zeros(dense + RESULTS),
        bins(a, dense + RESULTS + BLOCK), cells(x, whole_plane() ? level.height * level.width : 0, 
              (char*)(dense + RESULTS + BLOCK) + RoiBins<V>::bytes(a)) {
    __builtin_memset(dense + RESULTS, 0, BLOCK * sizeof(float));
  }

  void run(int64_t from, int64_t to) {
    for (int64_t r = from; r < to; r++) {
      int64_t of;
      const bool there = roi_map(a, r, of);
      if (of != map) continue;
      if (!there) {
        nothing(r);
        continue;
      }
      const RoiBox box(a, r, level);
      if (box.empty) {
        nothing(r);
      } else if (a.position_sensitive) {
        one(box, r);
      } else {
        all(box, r);
      }
    }
  }

 private:
  static constexpr int64_t RESULTS = (BINS + V::lanes) * BLOCK;

  const Args& a;
  const RoiShape& shape;
  const int64_t map;
  const ondol_roi_map& level;
  const int64_t first, bin, count;
  const RoiChannels x;
  float* const results;
  float* const at;
  float* const merged;       // results of a grid that were merged from those of another
  float* const merged_at;
  float* const dense;        // results as rows
  const float* const zeros;  // a cell
  RoiBins<V> bins;
  RoiCells<V, W> cells;

  RoiChannels channels() const {
    if (a.batch == 0) return {nullptr, 0, 0};
    const int64_t step = a.position_sensitive ? a.rows[0] * a.columns[0] : 1;
    const float* image = level.x + map % a.batch * level.x_batch;
    return {image + (first * step + bin) * level.x_channel, step * level.x_channel, count};
  }

  bool whole_plane() const { return level.height * level.width <= ROI_CELLS; }

  // A region that reads nothing.
  void nothing(int64_t r) const {
    for (int64_t g = 0; g < a.grids; g++) {
      const int64_t n = a.rows[g] * a.columns[g], step = a.position_sensitive ? n : 1;
      const int64_t begin = r * shape.row + shape.base[g] + first * n + bin;
      for (int64_t i = 0; i < (a.position_sensitive ? count : count * n); i++) {
        a.y[begin + i * step] = 0.0f;
        if (a.indices != nullptr) a.indices[begin + i * step] = -1;
      }
    }
  }

  // Calls body(fold, careful, whole plane) with these as constants.
  template <class Body>
  ONDOL_INLINE void choose(const Body& body) const {
    const RoiFold fold = a.op == ONDOL_ROIPOOL_AVERAGE ? ROI_AVERAGE : a.indices != nullptr ? ROI_INDEX : ROI_MAX;
    if (fold == ROI_AVERAGE) {
      choose<ROI_AVERAGE>(body);
    } else if (fold == ROI_INDEX) {
      choose<ROI_INDEX>(body);
    } else {
      choose<ROI_MAX>(body);
    }
  }

  template <RoiFold fold, class Body>
  ONDOL_INLINE void choose(const Body& body) const {
    if (!whole_plane()) {
      body(Way<fold, true, false>());
    } else if (cells.careful() && fold != ROI_AVERAGE) {
      body(Way<fold, true, true>());
    } else {
      body(Way<fold, false, true>());
    }
  }

  template <RoiFold f, bool c, bool w>
  struct Way {
    static constexpr RoiFold fold = f;
    static constexpr bool careful = c, whole = w;
  };

  // All bins of a region.
  void all(const RoiBox& box, int64_t r) {
    bins.set(box);
    if (whole_plane()) {
      int64_t low, high;
      bins.reach(low, high);
      if (low < high) cells.reach(low * level.width, high * level.width);
    }
    choose([&](auto way) {
      typedef decltype(way) Way;
      const bool merge = Way::fold != ROI_AVERAGE && Way::whole && !Way::careful && a.grids > 1;
      const int64_t fine = merge ? finest() : -1;
      for (int64_t g = 0; g < a.grids; g++) {
        if (g != fine && !merges(g, fine)) grid<Way>(bins.grid[g], begin(r, g));
      }
      if (fine < 0) return;
      grid<Way>(bins.grid[fine], begin(r, fine));
      for (int64_t g = 0; g < a.grids; g++) {
        if (g != fine && merges(g, fine)) coarse<Way>(bins.grid[g], bins.grid[fine], begin(r, g));
      }
    });
  }

  int64_t begin(int64_t r, int64_t g) const { return r * shape.row + shape.base[g] + first * bins.grid[g].bins(); }

  // The grid with the most bins whose results are at hand once it is done, or -1.
  int64_t finest() const {
    int64_t fine = -1;
    for (int64_t g = 0; g < a.grids; g++) {
      if (bins.grid[g].bins() <= BINS && (fine < 0 || bins.grid[g].bins() > bins.grid[fine].bins())) fine = g;
    }
    return fine;
  }

  // Whether each bin of grid g is made of whole bins of the fine one: then its maxima are maxima of theirs.
  bool merges(int64_t g, int64_t fine) const {
    if (fine < 0) return false;
    const RoiGrid &c = bins.grid[g], &f = bins.grid[fine];
    return made(c.rows, c.top, c.bottom, f.rows, f.top, f.bottom) && made(c.columns, c.left, c.right, f.columns, f.left, f.right);
  }

  static bool made(int64_t n, const int32_t* first, const int32_t* limit, int64_t m, const int32_t* f, const int32_t* l) {
    if (m % n != 0) return false;
    for (int64_t i = 0, k = m / n; i < n; i++) {
      if (first[i] != f[i * k] || limit[i] != l[i * k + k - 1]) return false;
    }
    return true;
  }

  // A grid from the results of a finer one. Of equal maxima the one with the least index is the first.
  template <class Way>
  ONDOL_INLINE void coarse(const RoiGrid& c, const RoiGrid& f, int64_t begin) const {
    const int64_t k = f.rows / c.rows, l = f.columns / c.columns, n = c.bins();
    for (int64_t b = 0; b < n; b++) {
      const int64_t i = b / c.columns, j = b % c.columns;
      int64_t cells = 0;
      for (int w = 0; w < W; w++) {
        F m = V::set(-__builtin_inff());
        I p = V::set(INT32_MAX);
        for (int64_t y = i * k; y < i * k + k; y++) {
          for (int64_t x = j * l; x < j * l + l; x++) {
            if (f.bottom[y] <= f.top[y] || f.right[x] <= f.left[x]) continue;
            cells++;
            const int64_t from = (y * f.columns + x) * BLOCK + w * V::lanes;
            const F v = V::load(results + from);
            if (Way::fold == ROI_INDEX) {
              const I q = V::bits(V::load(at + from));
              const M takes = (M)(V::gt(v, m) | V::both(V::eq(v, m), V::lt(q, p)));
              p = V::select(takes, q, p);
            }
            m = V::greater(v, m);
          }
        }
        V::store(merged + b * BLOCK + w * V::lanes, cells == 0 ? V::set(0.0f) : m);
        if (Way::fold == ROI_INDEX) V::store(merged_at + b * BLOCK + w * V::lanes, V::from_bits(cells == 0 ? V::set(-1) : p));
      }
    }
    write(merged, n, n, a.y + begin);
    if (Way::fold == ROI_INDEX) write(merged_at, n, n, (float*)a.indices + begin);
  }

  template <class Way>
  __attribute__((noinline)) void grid(const RoiGrid& g, int64_t begin) const {
    const int64_t n = g.bins();
    expect(a.y + begin, n * count);
    if (Way::fold == ROI_INDEX) expect(a.indices + begin, n * count);
    int64_t i = 0, j = 0, widest = 0;
    for (int64_t k = 0; k < g.columns; k++) widest = max_of<int64_t>(widest, g.right[k] - g.left[k]);
    for (int64_t done = 0; done < n; done += BINS) {
      const int64_t part = min_of(BINS, n - done);
      for (int64_t b = 0; b < part; b++) {
        pool<Way>(g.top[i], g.bottom[i], g.left[j], g.right[j], widest, results + b * BLOCK, at + b * BLOCK);
        if (++j == g.columns) j = 0, i++;
      }
      write(results, part, n, a.y + begin + done);
      if (Way::fold == ROI_INDEX) write(at, part, n, (float*)a.indices + begin + done);
    }
  }

  // Memory that will be written: its lines and pages are fetched while the bins are computed.
  template <class T>
  static ONDOL_INLINE void expect(const T* to, int64_t n) {
    for (int64_t i = 0; i < min_of<int64_t>(n, 4096); i += 16) __builtin_prefetch(to + i, 1);
  }

  // [part][channels] to rows n apart. Rows without gaps are put together nearby first, so that the memory of results is
  // written from front to back: 300 regions of 512 channels and 7 x 7 bins took 2.4 ms instead of 2.9 on two Zen 5 cores;
  // with streaming stores, 2.7.
  void write(const float* from, int64_t part, int64_t n, float* to) const {
    if (part < n) {
      RoiPlanes<V, W>::turn_back(from, part, to, n, count);
      return;
    }
    RoiPlanes<V, W>::turn_dense(from, n, dense, count);
    each_vector<V>(count * n, [&](int64_t i, int64_t rest) { store_part<V>(to + i, load_part<V>(dense + i, rest), rest); });
  }

  // The one bin of a region that reads these channels.
  void one(const RoiBox& box, int64_t r) {
    const int64_t n = a.rows[0] * a.columns[0];
    int64_t top, bottom, left, right;
    box.rows.bin(bin / a.columns[0], a.rows[0], top, bottom);
    box.columns.bin(bin % a.columns[0], a.columns[0], left, right);
    if (whole_plane() && top < bottom) cells.reach(top * level.width, bottom * level.width);
    choose([&](auto way) { pool<decltype(way)>(top, bottom, left, right, right - left, results, at); });
    const int64_t begin = r * shape.row + first * n + bin;
    for (int64_t k = 0; k < count; k++) {
      a.y[begin + k * n] = results[k];
      if (a.indices != nullptr) __builtin_memcpy(a.indices + begin + k * n, at + k, sizeof(int32_t));
    }
  }

  // columns: of the widest bin of the row, at least right - left.
  template <class Way>
  ONDOL_INLINE void pool(int64_t top, int64_t bottom, int64_t left, int64_t right, int64_t widest, float* y, float* indices) const {
    const int64_t width = level.width, columns = right - left;
    RoiBest<V, W, Way::fold, Way::careful> best(top * width + left);
    const int64_t n = columns > 0 && bottom > top ? (bottom - top) * columns : 0;
    for (int64_t row = top; n > 0 && row < bottom; row++) {
      const int64_t begin = row * width + left;
      if (Way::whole) {
        meet_row(best, begin, columns, widest);
        continue;
      }
      float* piece = const_cast<float*>(cells.cell(0));
      for (int64_t done = 0; done < columns; done += ROI_PIECE) {
        const int64_t part = min_of(ROI_PIECE, columns - done);
        RoiPlanes<V, W>::turn(x, begin + done, part, piece);
        for (int64_t k = 0; k < part; k++) best.meet(piece + k * BLOCK, begin + done + k);
      }
    }
    best.store(n, y, indices);
  }

  // The widths of neighbouring bins differ by one now and then, and a loop that ends at another place each time costs more
  // than one cell more: a maximum may meet a cell twice, and a sum may meet +0, which changes no sum that began with +0.
  template <class Best>
  ONDOL_INLINE void meet_row(Best& best, int64_t begin, int64_t columns, int64_t widest) const {
    const float* cell = cells.cell(begin);
    const int64_t last = columns - 1;
    for (int64_t k = 0; k < widest; k++) {
      if (Best::sums) {
        best.meet(k <= last ? cell + k * BLOCK : zeros, 0);
      } else {
        const int64_t at = min_of(k, last);
        best.meet(cell + at * BLOCK, begin + at);
      }
    }
  }
};

template <class V>
class RoiPool {
  typedef ondol_roipool_args Args;

  // Regions of a task at least, where the blocks of channels alone are too few for the threads: each lays planes out.
  static constexpr int64_t REGIONS = 64;

  static bool wide(const Args& a) { return RoiShape(a).channels > V::lanes; }

 public:
  static void plan(const Args* a, ondol_plan* plan) {
    const RoiShape shape(*a);
    const int64_t lanes = wide(*a) ? 2 * V::lanes : V::lanes;
    const int64_t own = shape.maps * ceil_div(shape.channels, lanes) * (a->position_sensitive ? a->rows[0] * a->columns[0] : 1);
    const int64_t wanted = own == 0 ? 1 : ceil_div(4 * plan->threads, own);
    plan->choice[0] = own >= 4 * plan->threads ? 1 : max_of<int64_t>(1, min_of(wanted, a->rois.count / REGIONS));
    plan->phases = 1;
    plan->tasks[0] = own * plan->choice[0];
    plan->workspace = 0;
    plan->scratch = wide(*a) ? RoiTask<V, 2>::bytes(*a) : RoiTask<V, 1>::bytes(*a);
  }

  static void run(const Args* a, const ondol_plan* plan, int64_t, int64_t begin, int64_t end, int64_t, void*, void* scratch) {
    if (wide(*a)) {
      tasks<2>(*a, plan->choice[0], begin, end, scratch);
    } else {
      tasks<1>(*a, plan->choice[0], begin, end, scratch);
    }
  }

 private:
  template <int W>
  static void tasks(const Args& a, int64_t pieces, int64_t begin, int64_t end, void* scratch) {
    const RoiShape shape(a);
    const int64_t blocks = ceil_div(shape.channels, W * V::lanes), bins = a.position_sensitive ? a.rows[0] * a.columns[0] : 1;
    for (int64_t task = begin; task < end; task++) {
      const int64_t piece = task % pieces, block = task / pieces % blocks, bin = task / pieces / blocks % bins;
      RoiTask<V, W>(a, shape, task / pieces / blocks / bins, block * W * V::lanes, bin, scratch)
          .run(a.rois.count * piece / pieces, a.rois.count * (piece + 1) / pieces);
    }
  }
};

}  // namespace
}  // namespace ondol

#endif
