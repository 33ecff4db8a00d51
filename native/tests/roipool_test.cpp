// roipool and its gradient on every variant against loops over the cells of each bin.
#include <algorithm>
#include <memory>

#include "roipool_cases.h"

using namespace testing;

namespace {

// Cells of bin i of n along an axis, as docs/arithmetic.md has them.
struct Span {
  int64_t first, limit;
  bool holds(int64_t at) const { return at >= first && at < limit; }
};

float cut(float v, float size) { return v < 0 ? 0 : v > size ? size : v; }

Span span(int64_t rounding, float low, float high, float s, int64_t size, int64_t i, int64_t n) {
  volatile float a = low * s, b = high * s, w, from, to;  // volatile: each operation is rounded
  if (rounding == ONDOL_ROI_RFCN) {
    a = roundf(low) * s;
    b = roundf(high) + 1.0f;
    b = b * s;
    w = b - a > 0.1f ? b - a : 0.1f;
    w = w / (float)n;
    from = (float)i * w;
    from = floorf(from + a);
    to = (float)(i + 1) * w;
    to = ceilf(to + a);
    return {(int64_t)cut(from, size), (int64_t)cut(to, size)};
  }
  const bool spp = rounding == ONDOL_ROI_SPP, grid = rounding == ONDOL_ROI_GRID;
  const float f = spp ? floorf(a) + 1 : roundf(a), g = spp ? ceilf(b) - 1 : roundf(b);
  w = fmaxf(grid ? g - f : g - f + 1, 1) / (float)n;
  from = (float)i * w;
  to = (float)(i + 1) * w;
  const float limit = grid ? size - 1 : size;
  return {(int64_t)cut(f + floorf(from), limit), (int64_t)cut(f + ceilf(to), limit)};
}

// The map of a region, or null where it is void.
const ondol_roi_map* map_of(const ondol_roipool_args& a, int64_t r, int64_t& level) {
  level = a.rois.levels == nullptr ? 0 : a.rois.levels[r];
  if (level < 0 || level >= a.levels || a.rois.images[r] < 0 || a.rois.images[r] >= a.batch) return nullptr;
  const float s = (float)a.map[level].scale;
  for (int k = 0; k < 4; k++) {
    if (!(fabsf(a.rois.boxes[4 * r + k] * s) <= 4194304.0f)) return nullptr;
  }
  return &a.map[level];
}

// Calls visit(o, map or null, level, channel, rows, columns) for every result, in the order of y.
template <class Visit>
void each_bin(const ondol_roipool_args& a, Visit visit) {
  int64_t o = 0;
  for (int64_t r = 0; r < a.rois.count; r++) {
    int64_t level;
    const ondol_roi_map* m = map_of(a, r, level);
    const float* box = a.rois.boxes + 4 * r;
    for (int64_t g = 0; g < a.grids; g++) {
      const int64_t p = a.rows[g], q = a.columns[g], channels = a.position_sensitive ? a.channels / (p * q) : a.channels;
      for (int64_t i = 0; i < channels * p * q; i++, o++) {
        if (m == nullptr) {
          visit(o, m, level, r, 0, Span{0, 0}, Span{0, 0});
          continue;
        }
        const Span rows = span(a.rounding, box[1], box[3], (float)m->scale, m->height, i / q % p, p);
        const Span columns = span(a.rounding, box[0], box[2], (float)m->scale, m->width, i % q, q);
        visit(o, m, level, r, a.position_sensitive ? i : i / (p * q), rows, columns);
      }
    }
  }
}

void forward(const ondol_roipool_args& a, std::vector<float>& y, std::vector<int32_t>& indices) {
  each_bin(a, [&](int64_t o, const ondol_roi_map* m, int64_t, int64_t r, int64_t channel, Span rows, Span columns) {
    int64_t best = -1, n = 0;
    float sum = 0;
    const float* x = m == nullptr ? nullptr : m->x + a.rois.images[r] * m->x_batch + channel * m->x_channel;
    for (int64_t iy = rows.first; iy < rows.limit; iy++) {
      for (int64_t ix = columns.first; ix < columns.limit; ix++, n++) {
        const int64_t at = iy * m->width + ix;
        if (best < 0 || x[at] > x[best] || (x[at] != x[at] && x[best] == x[best])) best = at;
        sum = sum + x[at];
      }
    }
    indices[o] = (int32_t)best;
    y[o] = n == 0 ? 0.0f : a.op == ONDOL_ROIPOOL_MAX ? x[best] + 0.0f : sum / (float)n;
  });
}

std::vector<std::vector<float>> backward(const RoiCase& c, const std::vector<float>& dy, const std::vector<int32_t>& indices) {
  const ondol_roipool_args& a = c.a;
  std::vector<std::vector<float>> dx;
  for (int64_t l = 0; l < a.levels; l++) dx.push_back(std::vector<float>(a.batch * a.channels * c.plane(l)));
  each_bin(a, [&](int64_t o, const ondol_roi_map* m, int64_t level, int64_t r, int64_t channel, Span rows, Span columns) {
    if (m == nullptr) return;
    float* plane = dx[level].data() + (a.rois.images[r] * a.channels + channel) * c.plane(level);
    const float count = (float)((rows.limit - rows.first) * (columns.limit - columns.first));
    for (int64_t iy = rows.first; iy < rows.limit; iy++) {
      for (int64_t ix = columns.first; ix < columns.limit; ix++) {
        const int64_t at = iy * m->width + ix;
        if (a.op == ONDOL_ROIPOOL_AVERAGE) plane[at] = plane[at] + dy[o] / count;
        if (a.op == ONDOL_ROIPOOL_MAX && indices[o] == at) plane[at] = plane[at] + dy[o];
      }
    }
  });
  return dx;
}

void describe(const ondol_roipool_args& a, const char* what, const char* variant) {
  printf("%s %s: op %ld, rounding %ld, maps [%ld, %ld, %ld x %ld] of %ld, scale %g, %ld regions, %ld x %ld bins in %ld grids%s\n", what,
         variant, (long)a.op, (long)a.rounding, (long)a.batch, (long)a.channels, (long)a.map[0].height, (long)a.map[0].width,
         (long)a.levels, a.map[0].scale, (long)a.rois.count, (long)a.rows[0], (long)a.columns[0], (long)a.grids,
         a.position_sensitive ? ", position-sensitive" : "");
}

void check(std::mt19937& random, RoiCase c, int64_t threads) {
  ondol_roipool_args a = c.a;
  const int64_t n = c.results();
  std::vector<float> expected(n);
  std::vector<int32_t> indices(n);
  forward(a, expected, indices);
  Guarded y(n), at(n);
  a.y = y.data();
  for (bool indexed : {false, true}) {
    if (indexed && a.op != ONDOL_ROIPOOL_MAX) break;
    a.indices = indexed ? (int32_t*)at.data() : nullptr;
    for (int64_t variant : variants("roipool")) {
      y.fill(nan());
      at.fill(nan());
      EXPECT(run_variant(ondol_roipool_plan, ondol_roipool_run, a, variant, threads) == ONDOL_OK, "roipool");
      for (int64_t o = 0; o < n; o++) {
        const bool right = same(y.data()[o], expected[o]) && (!indexed || a.indices[o] == indices[o]);
        if (!right) describe(a, "roipool", ondol_variant_name("roipool", variant));
        EXPECT(right, "result %ld: %a, expected %a; index %d, expected %d", (long)o, y.data()[o], expected[o],
               indexed ? a.indices[o] : -9, indices[o]);
        if (!right) return;
      }
    }
  }
  for (int64_t o = 0; o < n; o += 5) indices[o] = (int32_t)(random() % 3 == 0 ? random() : random() % (c.plane(0) + 2)) - 1;
  const std::vector<float> dy = values(random, n, random() % 2);
  const std::vector<std::vector<float>> gradient = backward(c, dy, indices);
  ondol_roipool_backward_args b = {a, dy.data(), {}};
  b.forward.y = nullptr;
  b.forward.indices = a.op == ONDOL_ROIPOOL_MAX ? indices.data() : nullptr;
  std::vector<std::unique_ptr<Guarded>> dx;
  for (int64_t l = 0; l < a.levels; l++) {
    dx.push_back(std::make_unique<Guarded>((int64_t)gradient[l].size()));
    b.dx[l] = dx[l]->data();
    b.forward.map[l].x = nullptr;
  }
  for (int64_t variant : variants("roipool_backward")) {
    for (auto& d : dx) d->fill(nan());
    EXPECT(run_variant(ondol_roipool_backward_plan, ondol_roipool_backward_run, b, variant, threads) == ONDOL_OK, "roipool_backward");
    for (int64_t l = 0; l < a.levels; l++) {
      for (size_t i = 0; i < gradient[l].size(); i++) {
        const bool right = same(dx[l]->data()[i], gradient[l][i]);
        if (!right) describe(a, "roipool_backward", ondol_variant_name("roipool", variant));
        EXPECT(right, "dx of level %ld, element %zu: %a, expected %a", (long)l, i, dx[l]->data()[i], gradient[l][i]);
        if (!right) return;
      }
    }
  }
}

// Bins worked out by hand: a row of 8 elements 0 1 2 ... 7, one row of the map and three bins across.
void worked(int64_t rounding, float x1, float x2, double scale, std::vector<float> greatest) {
  float x[32], y[3];
  for (int i = 0; i < 32; i++) x[i] = (float)(i % 8);
  const float box[] = {x1, 0, x2, (float)(3 / scale)};
  const int32_t image = 0;
  ondol_roipool_args a = {};
  a.rounding = rounding;
  a.batch = a.channels = a.levels = a.grids = a.rows[0] = 1;
  a.columns[0] = 3;
  a.map[0] = {x, 32, 32, 4, 8, scale};
  a.rois = {1, box, &image, nullptr};
  a.y = y;
  ondol_error error;
  EXPECT(ondol_roipool(&a, &error) == ONDOL_OK, "%s", error.message);
  for (int j = 0; j < 3; j++) {
    EXPECT(y[j] == greatest[j], "rounding %ld, bin %d of [%g, %g]: %g, expected %g", (long)rounding, j, x1, x2, y[j], greatest[j]);
  }
}

void worked_by_hand() {
  // 16..80 at 1/16: elements 1 to 5, five of them: bins of 5/3 end at ceil(1.67), ceil(3.33), 5 -> 2, 4, 5 behind element 1.
  worked(ONDOL_ROI_ROUND, 16, 80, 1 / 16.0, {2, 4, 5});
  worked(ONDOL_ROI_ROUND, 24, 71.9f, 1 / 16.0, {2, 3, 4});    // 1.5 -> 2, 4.49 -> 4: one element a bin
  worked(ONDOL_ROI_ROUND, 80, 16, 1 / 16.0, {5, 5, 5});       // reversed: one element at the first corner
  worked(ONDOL_ROI_ROUND, -40, 24, 1 / 16.0, {0, 0, 2});      // -2.5 -> -3, 1.5 -> 2: the first two bins of two end at -1 and 1
  worked(ONDOL_ROI_ROUND, 1000, 1200, 1 / 16.0, {0, 0, 0});   // outside
  worked(ONDOL_ROI_ROUND, nan(), 80, 1 / 16.0, {0, 0, 0});    // void
  worked(ONDOL_ROI_SPP, 16, 96, 1 / 16.0, {3, 4, 5});         // floor(1) + 1 = 2 to ceil(6) - 1 = 5: bins of 4/3
  worked(ONDOL_ROI_SPP, 17, 90, 1 / 16.0, {3, 4, 5});         // 1.06 -> 2, 5.6 -> 5
  worked(ONDOL_ROI_SPP, -1, 128, 1 / 16.0, {2, 5, 7});        // -0.06 -> 0, 8 -> 7: all eight
  worked(ONDOL_ROI_RFCN, 16, 79, 1 / 16.0, {2, 3, 4});        // 1 to 5: bins of 4/3, ends 2.33, 3.67, 5 -> 3, 4, 5
  worked(ONDOL_ROI_RFCN, 50, 30, 1 / 16.0, {3, 3, 3});        // 3.125, width 0.1
  worked(ONDOL_ROI_GRID, 16, 80, 1 / 16.0, {2, 3, 4});        // 1 to 5 without the last: bins of 4/3
  worked(ONDOL_ROI_GRID, 16, 128, 1 / 16.0, {3, 5, 6});       // 1 to 8, but the last column, 7, is never read
}

template <class Args, class Change>
void refused(int64_t (*call)(const Args*, ondol_error*), Args a, const char* message, Change change) {
  EXPECT(call(&a, nullptr) == ONDOL_OK, "unchanged");
  change(a);
  ondol_error error = {};
  EXPECT(call(&a, &error) == ONDOL_INVALID_ARGUMENT, "%s", message);
  EXPECT(strstr(error.message, message) != nullptr, "\"%s\" lacks \"%s\"", error.message, message);
}

void bad_arguments_are_named() {
  static float x[64], y[64], box[8], dy[64], dx[64];
  static int32_t images[2], indices[64];
  ondol_roipool_args a = {};
  a.batch = a.levels = a.grids = 1;
  a.channels = 4;
  a.rows[0] = a.columns[0] = 2;
  a.map[0] = {x, 64, 16, 4, 4, 0.5};
  a.rois = {2, box, images, nullptr};
  a.y = y, a.indices = indices;
  typedef ondol_roipool_args A;
  refused(ondol_roipool, a, "op = 2: expected 0 to 1", [](A& c) { c.op = 2; });
  refused(ondol_roipool, a, "rounding = 4", [](A& c) { c.rounding = 4; });
  refused(ondol_roipool, a, "levels = 0", [](A& c) { c.levels = 0; });
  refused(ondol_roipool, a, "levels = 9", [](A& c) { c.levels = 9; });
  refused(ondol_roipool, a, "batch = -1", [](A& c) { c.batch = -1; });
  refused(ondol_roipool, a, "maps[0].height = 0", [](A& c) { c.map[0].height = 0; });
  refused(ondol_roipool, a, "maps[0].width = 4194305", [](A& c) { c.map[0].width = 4194305; });
  refused(ondol_roipool, a, "maps[0]: 17179869184 elements of a plane", [](A& c) { c.map[0].height = c.map[0].width = 1 << 17; });
  refused(ondol_roipool, a, "scale = nan", [](A& c) { c.map[0].scale = nan(); });
  refused(ondol_roipool, a, "scale = 0", [](A& c) { c.map[0].scale = 0; });
  refused(ondol_roipool, a, "scale = 1e+300", [](A& c) { c.map[0].scale = 1e300; });
  refused(ondol_roipool, a, "x = null", [](A& c) { c.map[0].x = nullptr; });
  refused(ondol_roipool, a, "rois.count = -1", [](A& c) { c.rois.count = -1; });
  refused(ondol_roipool, a, "rois.boxes = null", [](A& c) { c.rois.boxes = nullptr; });
  refused(ondol_roipool, a, "rois.images = null", [](A& c) { c.rois.images = nullptr; });
  refused(ondol_roipool, a, "grids = 0", [](A& c) { c.grids = 0; });
  refused(ondol_roipool, a, "grids = 2", [](A& c) { c.grids = 2, c.position_sensitive = 1; });
  refused(ondol_roipool, a, "columns = 65537", [](A& c) { c.columns[0] = 65537; });
  refused(ondol_roipool, a, "expected a multiple of the 6 bins", [](A& c) { c.position_sensitive = 1, c.columns[0] = 3; });
  refused(ondol_roipool, a, "y = null", [](A& c) { c.y = nullptr; });
  refused(ondol_roipool, a, "expected no overlap", [](A& c) { c.y = x + 60; });
  refused(ondol_roipool, a, "expected no overlap", [](A& c) { c.indices = (int32_t*)y; });
  refused(ondol_roipool, a, "expected null for averages", [](A& c) { c.op = ONDOL_ROIPOOL_AVERAGE; });
  typedef ondol_roipool_backward_args B;
  B b = {a, dy, {dx}};
  refused(ondol_roipool_backward, b, "dy = null", [](B& c) { c.dy = nullptr; });
  refused(ondol_roipool_backward, b, "dx = null", [](B& c) { c.dx[0] = nullptr; });
  refused(ondol_roipool_backward, b, "indices = null", [](B& c) { c.forward.indices = nullptr; });
  refused(ondol_roipool_backward, b, "expected no overlap", [](B& c) { c.dx[0] = dy; });
}

}  // namespace

int main() {
  unsigned s = seed();
  printf("seed %u (ONDOL_TEST_SEED sets it)\n", s);
  std::mt19937 random(s);
  each_roi_case(random, rounds(12), [&](RoiCase c) { check(random, std::move(c), 1 + random() % 3); });
  const bool slow = rounds(12) < 12;
  for (int64_t op : {ONDOL_ROIPOOL_MAX, ONDOL_ROIPOOL_AVERAGE}) {
    for (bool sensitive : {false, true}) {
      if (slow) continue;
      // Beyond the planes that are laid out as a whole, and more regions than a task has.
      check(random, roi_case(random, op, random() % 4, 2, 6, sensitive, true, true), 2);
      check(random, roi_case(random, op, random() % 4, 18, 300, sensitive, false, false), 16);
    }
  }
  worked_by_hand();
  bad_arguments_are_named();
  return finish();
}
