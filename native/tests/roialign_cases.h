// Regions of every kind and what roialign and its gradient make of them, one float at a time from docs/arithmetic.md; for
// the tests of the CPU and the CUDA kernels.
#ifndef ONDOL_ROIALIGN_CASES_H
#define ONDOL_ROIALIGN_CASES_H

#include <math.h>

#include "guarded.h"
#include "testing.h"

namespace testing {

// What is asked of a call, and its operands.
struct RoiCase {
  int64_t op, aligned, sampling_h, sampling_w, position_sensitive, batch, channels, rows, columns;
  std::vector<std::pair<int64_t, int64_t>> sizes;  // of the levels
  std::vector<float> scales, boxes;
  std::vector<int32_t> images, levels;
  std::vector<std::vector<float>> x;

  int64_t count() const { return (int64_t)images.size(); }
  int64_t outputs() const { return position_sensitive ? channels / (rows * columns) : channels; }
  int64_t results() const { return count() * outputs() * rows * columns; }
  int64_t plane(int64_t level) const { return sizes[level].first * sizes[level].second; }

  std::string name() const {
    char text[200];
    snprintf(text, sizeof text, "op %ld aligned %ld sampling %ld x %ld ps %ld N %ld C %ld bins %ld x %ld map %ld x %ld levels %zu rois %ld",
             (long)op, (long)aligned, (long)sampling_h, (long)sampling_w, (long)position_sensitive, (long)batch, (long)channels,
             (long)rows, (long)columns, (long)sizes[0].first, (long)sizes[0].second, sizes.size(), (long)count());
    return text;
  }

  // Everything but the maps' elements, y and indices.
  ondol_roialign_args args() const {
    ondol_roialign_args a = {};
    a.op = op, a.aligned = aligned, a.sampling_h = sampling_h, a.sampling_w = sampling_w;
    a.position_sensitive = position_sensitive, a.batch = batch, a.channels = channels, a.levels = (int64_t)sizes.size();
    for (size_t l = 0; l < sizes.size(); l++) {
      a.maps[l] = {nullptr, channels * plane(l), plane(l), sizes[l].first, sizes[l].second, (double)scales[l]};
    }
    a.rois = {count(), boxes.data(), images.data(), levels.empty() ? nullptr : levels.data()};
    a.rows = rows, a.columns = columns;
    return a;
  }
};

// One corner of a box: mostly somewhere about the map, now and then something ugly.
inline float roi_corner(std::mt19937& random, float extent) {
  static const float ugly[] = {nan(), __builtin_inff(), -__builtin_inff(), 1e9f, -3e38f, 0.0f, -0.0f, -1.0f, 2e6f, -2e6f};
  if (random() % 40 == 0) return ugly[random() % 10];
  const float at = (float)(random() % 1000) / 1000.0f * extent * 1.4f - 0.2f * extent;
  return random() % 4 == 0 ? roundf(at) : at;
}

inline void add_rois(std::mt19937& random, RoiCase& c, int64_t count, bool pyramid) {
  for (int64_t r = 0; r < count; r++) {
    const int64_t level = pyramid ? random() % c.sizes.size() : 0;
    const float height = (float)c.sizes[level].first / c.scales[level], width = (float)c.sizes[level].second / c.scales[level];
    float x1 = roi_corner(random, width), y1 = roi_corner(random, height), x2 = roi_corner(random, width), y2 = roi_corner(random, height);
    if (random() % 6 != 0 && x2 < x1) std::swap(x1, x2);
    if (random() % 6 != 0 && y2 < y1) std::swap(y1, y2);
    if (random() % 9 == 0) x2 = x1;
    if (random() % 9 == 0) y2 = y1;
    for (float v : {x1, y1, x2, y2}) c.boxes.push_back(v);
    c.images.push_back(random() % 30 == 0 ? (int32_t)random() : (int32_t)(c.batch == 0 ? 0 : random() % c.batch));
    if (pyramid) c.levels.push_back(random() % 30 == 0 ? (int32_t)random() : (int32_t)level);
  }
}

inline RoiCase roi_case(std::mt19937& random, int64_t op, bool special) {
  RoiCase c = {};
  c.op = op;
  c.aligned = random() % 2;
  c.sampling_h = pick(random, {0, 0, 1, 2, 2, 3, 5});
  c.sampling_w = random() % 3 == 0 ? pick(random, {0, 1, 2, 4}) : c.sampling_h;
  c.position_sensitive = random() % 4 == 0;
  c.batch = pick(random, {1, 1, 2, 3});
  c.rows = pick(random, {1, 2, 3, 7});
  c.columns = pick(random, {1, 2, 3, 7});
  c.channels = c.position_sensitive ? pick(random, {1, 2, 3}) * c.rows * c.columns : pick(random, {1, 3, 4, 8, 15, 16, 17, 33});
  const bool pyramid = random() % 3 == 0;
  for (int64_t l = pyramid ? 2 + random() % 2 : 1; l > 0; l--) {
    c.sizes.push_back({pick(random, {1, 2, 5, 9, 16, 23}), pick(random, {1, 2, 7, 15, 17, 40})});
    c.scales.push_back(random() % 2 ? 1.0f / (float)(1 << random() % 5) : 0.37f);
    c.x.push_back(values(random, c.batch * c.channels * c.plane(c.sizes.size() - 1), special));
  }
  add_rois(random, c, pick(random, {0, 1, 2, 7, 30}), pyramid);
  return c;
}

// A sample that is not outside.
struct RoiRef {
  int64_t c0, c1;
  float v0, v1;
};

struct RoiAxisRef {
  int64_t m;
  std::vector<std::vector<RoiRef>> bins;

  RoiAxisRef(float a, float b, int64_t size, int64_t n, int64_t sampling, bool aligned) {
    if (aligned) a = a - 0.5f, b = b - 0.5f;
    float e = b - a;
    if (!aligned) e = fmaxf(e, 1.0f);
    const float w = e / (float)n;
    m = sampling > 0 ? sampling : ceilf(w) > 0 ? (int64_t)ceilf(w) : 0;
    for (int64_t i = 0; i < n; i++) {
      std::vector<RoiRef> bin;
      for (int64_t k = 0; k < m; k++) {
        float p = (a + (float)i * w) + (((float)k + 0.5f) * w) / (float)m;
        if (p < -1.0f || p > (float)size) continue;
        p = fmaxf(p, 0.0f);
        RoiRef s = {(int64_t)p, 0, 0, 0};
        if (s.c0 >= size - 1) {
          s.c0 = s.c1 = size - 1, s.v0 = 1, s.v1 = 0;
        } else {
          s.c1 = s.c0 + 1, s.v1 = p - (float)s.c0, s.v0 = 1.0f - s.v1;
        }
        bin.push_back(s);
      }
      bins.push_back(bin);
    }
  }

  bool outside(int64_t i) const { return (int64_t)bins[i].size() < m; }
};

// A region: its map and both axes; `there` false where it is void.
struct RoiRefBox {
  bool there;
  int64_t level, image;
  std::vector<RoiAxisRef> axes;  // rows, columns

  RoiRefBox(const RoiCase& c, int64_t r) {
    level = c.levels.empty() ? 0 : c.levels[r], image = c.images[r];
    there = level >= 0 && level < (int64_t)c.sizes.size() && image >= 0 && image < c.batch;
    if (!there) return;
    float p[4];
    for (int k = 0; k < 4; k++) {
      p[k] = c.boxes[4 * r + k] * c.scales[level];
      there = there && fabsf(p[k]) <= 4194304.0f;
    }
    if (!there) return;
    axes.emplace_back(p[1], p[3], c.sizes[level].first, c.rows, c.sampling_h, c.aligned != 0);
    axes.emplace_back(p[0], p[2], c.sizes[level].second, c.columns, c.sampling_w, c.aligned != 0);
  }

  float divisor() const { return fmaxf((float)axes[0].m * (float)axes[1].m, 1.0f); }
};

struct RoiExpected {
  std::vector<float> y;
  std::vector<int32_t> indices;
};

inline void roi_bin(const RoiCase& c, const RoiRefBox& box, int64_t i, int64_t j, const float* x, float& y, int32_t& index) {
  const std::vector<RoiRef>&rows = box.axes[0].bins[i], &columns = box.axes[1].bins[j];
  const int64_t width = c.sizes[box.level].second;
  auto h = [&](int64_t r) {
    float acc = 0;
    for (const RoiRef& s : columns) {
      acc = fmaf(s.v1, x[r * width + s.c1], fmaf(s.v0, x[r * width + s.c0], acc));
    }
    return acc;
  };
  float sum = 0, best = 0;
  bool found = false;
  index = -1;
  int32_t number = 0;
  auto see = [&](float v, int32_t at) {
    if (!found || v > best || (v != v && best == best)) best = v, index = at;
    found = true;
  };
  for (const RoiRef& u : rows) {
    if (c.op == ONDOL_ROIALIGN_AVERAGE) sum = fmaf(u.v1, h(u.c1), fmaf(u.v0, h(u.c0), sum));
    for (const RoiRef& v : columns) {
      auto t = [&](int64_t r) { return fmaf(v.v1, x[r * width + v.c1], v.v0 * x[r * width + v.c0]); };
      if (c.op == ONDOL_ROIALIGN_MAX) see(fmaf(u.v1, t(u.c1), u.v0 * t(u.c0)), number);
      if (c.op == ONDOL_ROIALIGN_CORNERS) {
        see((u.v0 * v.v0) * x[u.c0 * width + v.c0], 4 * number);
        see((u.v0 * v.v1) * x[u.c0 * width + v.c1], 4 * number + 1);
        see((u.v1 * v.v0) * x[u.c1 * width + v.c0], 4 * number + 2);
        see((u.v1 * v.v1) * x[u.c1 * width + v.c1], 4 * number + 3);
      }
      number++;
    }
  }
  if ((box.axes[0].outside(i) || box.axes[1].outside(j)) && 0.0f > best) best = 0, index = -1;
  y = c.op == ONDOL_ROIALIGN_AVERAGE ? sum / box.divisor() : best + 0.0f;
}

inline RoiExpected roi_expected(const RoiCase& c) {
  RoiExpected e = {std::vector<float>(c.results(), 0.0f), std::vector<int32_t>(c.results(), -1)};
  for (int64_t r = 0; r < c.count(); r++) {
    const RoiRefBox box(c, r);
    for (int64_t k = 0; k < c.outputs() * c.rows * c.columns && box.there; k++) {
      const int64_t ch = k / (c.rows * c.columns), i = k / c.columns % c.rows, j = k % c.columns;
      const int64_t channel = c.position_sensitive ? (ch * c.rows + i) * c.columns + j : ch;
      const float* x = &c.x[box.level][(box.image * c.channels + channel) * c.plane(box.level)];
      const int64_t at = r * c.outputs() * c.rows * c.columns + k;
      roi_bin(c, box, i, j, x, e.y[at], e.indices[at]);
    }
  }
  return e;
}

// Adds what one bin of a maximum says of dx.
inline void roi_maximum_bin(const RoiCase& c, const std::vector<RoiRef>& rows, const std::vector<RoiRef>& columns, int32_t index, float dy,
                            float* dx, int64_t width) {
  int32_t number = 0;
  for (const RoiRef& u : rows) {
    for (const RoiRef& v : columns) {
      const int64_t cells[] = {u.c0 * width + v.c0, u.c0 * width + v.c1, u.c1 * width + v.c0, u.c1 * width + v.c1};
      const float weights[] = {u.v0 * v.v0, u.v0 * v.v1, u.v1 * v.v0, u.v1 * v.v1};
      for (int k = 0; k < 4; k++) {
        const bool named = c.op == ONDOL_ROIALIGN_CORNERS ? index == 4 * number + k : index == number;
        if (named) dx[cells[k]] = fmaf(weights[k], dy, dx[cells[k]]);
      }
      number++;
    }
  }
}

inline void roi_average_row(const RoiRefBox& box, int64_t i, int64_t first, int64_t last, const float* dy, float divisor, float* dx,
                            int64_t width) {
  std::vector<float> line(width);
  for (int64_t j = first; j < last; j++) {
    const float d = dy[j - first] / divisor;
    for (const RoiRef& v : box.axes[1].bins[j]) {
      line[v.c0] = fmaf(v.v0, d, line[v.c0]);
      line[v.c1] = fmaf(v.v1, d, line[v.c1]);
    }
  }
  for (const RoiRef& u : box.axes[0].bins[i]) {
    for (int64_t c = 0; c < width; c++) dx[u.c0 * width + c] = fmaf(u.v0, line[c], dx[u.c0 * width + c]);
    for (int64_t c = 0; c < width; c++) dx[u.c1 * width + c] = fmaf(u.v1, line[c], dx[u.c1 * width + c]);
  }
}

inline std::vector<std::vector<float>> roi_gradient(const RoiCase& c, const float* dy, const int32_t* indices) {
  std::vector<std::vector<float>> dx;
  for (size_t l = 0; l < c.sizes.size(); l++) dx.emplace_back(c.batch * c.channels * c.plane(l), 0.0f);
  const int64_t grid = c.rows * c.columns;
  for (int64_t r = 0; r < c.count(); r++) {
    const RoiRefBox box(c, r);
    for (int64_t ch = 0; ch < c.outputs() && box.there; ch++) {
      const int64_t width = c.sizes[box.level].second, at = (r * c.outputs() + ch) * grid;
      auto plane = [&](int64_t bin) {
        return &dx[box.level][(box.image * c.channels + (c.position_sensitive ? ch * grid + bin : ch)) * c.plane(box.level)];
      };
      for (int64_t i = 0; i < c.rows; i++) {
        if (c.op == ONDOL_ROIALIGN_AVERAGE && !c.position_sensitive) {
          roi_average_row(box, i, 0, c.columns, dy + at + i * c.columns, box.divisor(), plane(0), width);
        }
        for (int64_t j = 0; j < c.columns; j++) {
          const int64_t bin = i * c.columns + j;
          if (c.op != ONDOL_ROIALIGN_AVERAGE) {
            roi_maximum_bin(c, box.axes[0].bins[i], box.axes[1].bins[j], indices[at + bin], dy[at + bin], plane(bin), width);
          } else if (c.position_sensitive) {
            roi_average_row(box, i, j, j + 1, dy + at + bin, box.divisor(), plane(bin), width);
          }
        }
      }
    }
  }
  for (std::vector<float>& level : dx) {
    for (float& v : level) v = v + 0.0f;
  }
  return dx;
}

}  // namespace testing

#endif
