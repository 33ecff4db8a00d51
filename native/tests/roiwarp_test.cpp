// roiwarp and its gradient on every variant against loops that follow the definition element by element.
#include <math.h>

#include "testing.h"

using namespace testing;

namespace {

struct Cells {
  bool outside;
  int64_t first, second;
  float first_weight, second_weight;
};

struct Problem {
  ondol_roiwarp_args a;
  std::vector<float> boxes, fill, x, dy;
  std::vector<int32_t> images;

  double extent(int64_t r, int axis) const {
    const double e = ((double)boxes[4 * r + 2 + axis] - boxes[4 * r + axis]) + a.pixel;
    return e < 0 ? 0 : e;
  }

  Cells cells(int64_t r, int axis, int64_t j) const {
    const double in[] = {(double)a.x_width, (double)a.x_height}, out[] = {(double)a.y_width, (double)a.y_height};
    double scale[2];
    for (int k = 0; k < 2; k++) scale[k] = extent(r, k) / (out[k] - 2 * a.context);
    double s = scale[axis];
    if (a.mode != ONDOL_ROIWARP) s = scale[0] > scale[1] ? scale[0] : scale[1];
    const double corner = boxes[4 * r + axis], t = (corner + 0.5 * extent(r, axis)) + ((j + 0.5) - 0.5 * out[axis]) * s;
    double low = 0, high = in[axis];
    if (a.mode == ONDOL_ROIWARP_ALONE) {
      const double end = corner + extent(r, axis);
      low = 0 > corner ? 0 : corner;
      high = high < end ? high : end;
    }
    Cells c = {!(t >= low && t <= high) || images[r] < 0 || images[r] >= a.batch, 0, 0, 1, 0};
    if (c.outside) return c;
    const double p = t - 0.5, f = floor(p);
    if (f < 0 || f >= in[axis] - 1) {
      c.first = c.second = f < 0 ? 0 : (int64_t)in[axis] - 1;
    } else {
      c.first = (int64_t)f;
      c.second = c.first + 1;
      c.first_weight = (float)(1 - (p - f));
      c.second_weight = (float)(p - f);
    }
    return c;
  }

  std::vector<float> forward() const {
    std::vector<float> y;
    for (int64_t r = 0; r < a.rois; r++) {
      for (int64_t c = 0; c < a.channels; c++) {
        for (int64_t i = 0; i < a.y_height; i++) {
          for (int64_t j = 0; j < a.y_width; j++) {
            const Cells u = cells(r, 1, i), v = cells(r, 0, j);
            if (u.outside || v.outside) {
              y.push_back(fill.empty() ? 0 : fill[c]);
              continue;
            }
            const float* plane = &x[(images[r] * a.channels + c) * a.x_height * a.x_width];
            const auto h = [&](int64_t row) {
              const float* line = plane + row * a.x_width;
              return fmaf(v.second_weight, line[v.second], v.first_weight * line[v.first]);
            };
            y.push_back(fmaf(u.second_weight, h(u.second), u.first_weight * h(u.first)));
          }
        }
      }
    }
    return y;
  }

  std::vector<float> backward() const {
    std::vector<float> dx(x.size());
    for (int64_t r = 0; r < a.rois; r++) {
      for (int64_t c = 0; c < a.channels && images[r] >= 0 && images[r] < a.batch; c++) {
        std::vector<float> g(a.x_height * a.y_width);
        for (int64_t i = 0; i < a.y_height; i++) {
          const Cells u = cells(r, 1, i);
          for (int64_t j = 0; j < a.y_width && !u.outside; j++) {
            const float d = dy[((r * a.channels + c) * a.y_height + i) * a.y_width + j];
            float& first = g[u.first * a.y_width + j];
            first = fmaf(u.first_weight, d, first);
            float& second = g[u.second * a.y_width + j];
            second = fmaf(u.second_weight, d, second);
          }
        }
        for (int64_t row = 0; row < a.x_height; row++) {
          float* to = &dx[((images[r] * a.channels + c) * a.x_height + row) * a.x_width];
          for (int64_t j = 0; j < a.y_width; j++) {
            const Cells v = cells(r, 0, j);
            if (v.outside) continue;
            to[v.first] = fmaf(v.first_weight, g[row * a.y_width + j], to[v.first]);
            to[v.second] = fmaf(v.second_weight, g[row * a.y_width + j], to[v.second]);
          }
        }
      }
    }
    for (float& d : dx) d = d + 0.0f;
    return dx;
  }
};

// Boxes inside, partly or wholly outside, reversed, of no size, and of special numbers.
std::vector<float> boxes(std::mt19937& random, int64_t n, int64_t width, int64_t height) {
  std::vector<float> out;
  std::uniform_real_distribution<float> unit(0, 1);
  for (int64_t i = 0; i < n; i++) {
    float box[4];
    const unsigned kind = random() % 10;
    for (int k = 0; k < 2; k++) {
      const float size = (float)(k == 0 ? width : height);
      box[k] = (kind < 5 ? unit(random) : 3 * unit(random) - 1) * size;
      box[2 + k] = box[k] + unit(random) * (kind < 5 ? size - box[k] : 2 * size);
      if (kind == 1 || kind == 6) box[k] = floorf(box[k]), box[2 + k] = floorf(box[2 + k]);
    }
    if (kind == 7) box[2] = box[0] - 1;
    if (kind == 8) box[2] = box[0], box[3] = box[1];
    if (kind == 9) {
      static const float rare[] = {nan(), __builtin_inff(), -__builtin_inff(), 3e38f, -3e38f};
      box[random() % 4] = rare[random() % 5];
    }
    out.insert(out.end(), box, box + 4);
  }
  return out;
}

Problem draw(std::mt19937& random, int64_t rois, int64_t channels, int64_t height, int64_t width, int64_t out_h, int64_t out_w,
             bool special) {
  Problem p;
  p.a = {};
  p.a.mode = random() % 3;
  p.a.pixel = random() % 2;
  p.a.context = random() % ((std::min(out_h, out_w) - 1) / 2 + 1);
  p.a.rois = rois;
  p.a.batch = 1 + random() % 2;
  p.a.channels = channels;
  p.a.x_height = height;
  p.a.x_width = width;
  p.a.y_height = out_h;
  p.a.y_width = out_w;
  p.boxes = boxes(random, rois, width, height);
  for (int64_t r = 0; r < rois; r++) {
    const int32_t nowhere = random() % 2 ? -1 : 7;
    p.images.push_back(random() % 12 == 0 ? nowhere : (int32_t)(random() % p.a.batch));
  }
  if (random() % 2 == 0) p.fill = values(random, channels, special);
  p.x = values(random, p.a.batch * channels * height * width, special);
  p.dy = values(random, rois * channels * out_h * out_w, special);
  return p;
}

void expect_same(const char* what, const char* variant, const std::vector<float>& got, const std::vector<float>& expected) {
  for (size_t i = 0; i < expected.size(); i++) {
    EXPECT(same(got[i], expected[i]), "%s %s element %zu of %zu: %a, expected %a", what, variant, i, expected.size(), got[i],
           expected[i]);
  }
}

void check(const Problem& p) {
  const std::vector<float> y = p.forward(), dx = p.backward();
  ondol_roiwarp_args a = p.a;
  a.boxes = p.boxes.data();
  a.images = p.images.data();
  a.fill = p.fill.empty() ? nullptr : p.fill.data();
  // Inputs end at a page that cannot be touched.
  Aligned x(4 * (int64_t)p.x.size());
  float* const copy = (float*)((char*)x.p + (p.x.size() * 4 + 63) / 64 * 64) - p.x.size();
  if (!p.x.empty()) memcpy(copy, p.x.data(), 4 * p.x.size());
  a.x = copy;
  for (int64_t variant : variants("roiwarp")) {
    std::vector<float> got(y.size(), nan());
    a.y = got.data();
    EXPECT(run_variant(ondol_roiwarp_plan, ondol_roiwarp_run, a, variant, 2) == ONDOL_OK, "roiwarp");
    expect_same("roiwarp", ondol_variant_name("roiwarp", variant), got, y);
  }
  for (int64_t variant : variants("roiwarp_backward")) {
    std::vector<float> got(dx.size(), nan());
    const ondol_roiwarp_backward_args b = {a, p.dy.data(), got.data()};
    EXPECT(run_variant(ondol_roiwarp_backward_plan, ondol_roiwarp_backward_run, b, variant, 2) == ONDOL_OK, "backward");
    expect_same("roiwarp_backward", ondol_variant_name("roiwarp_backward", variant), got, dx);
  }
}

// A ramp shows where samples lie: column c holds c, so an interior sample is its own position.
void known_positions() {
  float x[8] = {0, 1, 2, 3, 4, 5, 6, 7}, y[8], box[] = {2, 0, 6, 1}, fill[] = {-9};
  int32_t image = 0;
  ondol_roiwarp_args a = {ONDOL_ROIWARP, 0, 0, 1, 1, 1, 1, 8, 1, 4, box, &image, fill, x, y};
  const auto run = [&](int64_t width, const float* expected) {
    a.y_width = width;
    EXPECT(ondol_roiwarp(&a, nullptr) == ONDOL_OK, "roiwarp");
    for (int64_t j = 0; j < width; j++) EXPECT(y[j] == expected[j], "element %d: %g, not %g", (int)j, y[j], expected[j]);
  };
  const float same_size[] = {2, 3, 4, 5}, half[] = {2.5f, 4.5f}, left[] = {-9, 1, 3, 5};
  run(4, same_size);
  run(2, half);
  a.pixel = 1;  // pixels 2 to 5 are the same box
  box[2] = 5;
  box[3] = 0;
  run(4, same_size);
  a.pixel = 0;  // samples at -0.5, which is beyond the edge, 1.5, 3.5 and 5.5
  box[0] = -1.5f;
  box[2] = 6.5f;
  box[3] = 1;
  run(4, left);
  a.y_height = 4;  // eight by one in a square of eight, which reaches 3.5 above and below
  a.mode = ONDOL_ROIWARP_SQUARE;
  float square[16];
  a.y = square;
  box[0] = 0;
  box[2] = 8;
  a.y_width = 4;
  EXPECT(ondol_roiwarp(&a, nullptr) == ONDOL_OK, "roiwarp");
  for (int k = 0; k < 16; k++) EXPECT(square[k] == -9, "rows at -2.5, -0.5, 1.5 and 3.5 are outside: %g", square[k]);
  a.y_height = 3;
  a.y_width = 3;
  EXPECT(ondol_roiwarp(&a, nullptr) == ONDOL_OK, "roiwarp");
  for (int k = 0; k < 9; k++) EXPECT((square[k] == -9) == (k / 3 != 1), "the middle row alone is inside: %g", square[k]);
  EXPECT(square[4] == 3.5f, "the middle is %g", square[4]);
  // One pixel of context: the box is the middle one of three samples.
  a = {ONDOL_ROIWARP, 0, 1, 1, 1, 1, 1, 8, 3, 3, box, &image, fill, x, square};
  box[0] = 3;
  box[2] = 4;
  EXPECT(ondol_roiwarp(&a, nullptr) == ONDOL_OK, "roiwarp");
  EXPECT(square[3] == 2 && square[4] == 3 && square[5] == 4 && square[1] == -9, "context: %g %g %g", square[3], square[4],
         square[5]);
}

template <class Args>
void refused(int64_t (*call)(const Args*, ondol_error*), const Args& a, const char* message) {
  ondol_error error = {};
  EXPECT(call(&a, &error) == ONDOL_INVALID_ARGUMENT, "%s", message);
  EXPECT(strstr(error.message, message) != nullptr, "\"%s\" lacks \"%s\"", error.message, message);
}

void bad_arguments_are_named() {
  float x[16] = {}, y[16] = {}, box[4] = {};
  int32_t image[1] = {};
  const ondol_roiwarp_args good = {0, 0, 0, 1, 1, 1, 4, 4, 4, 4, box, image, nullptr, x, y};
  const auto with = [&](int64_t ondol_roiwarp_args::*field, int64_t value) {
    ondol_roiwarp_args a = good;
    a.*field = value;
    return a;
  };
  typedef ondol_roiwarp_args A;
  refused(ondol_roiwarp, with(&A::mode, 3), "mode = 3");
  refused(ondol_roiwarp, with(&A::pixel, -1), "pixel = -1");
  refused(ondol_roiwarp, with(&A::context, 2), "context = 2: expected 0 to 1");
  refused(ondol_roiwarp, with(&A::x_height, 0), "x_height = 0");
  refused(ondol_roiwarp, with(&A::y_width, 1LL << 40), "y_width");
  refused(ondol_roiwarp, with(&A::rois, -1), "[rois, channels, y_height, y_width][0] = -1");
  refused(ondol_roiwarp, with(&A::channels, 1LL << 60), "[batch, channels, x_height, x_width]");
  A a = good;
  a.boxes = nullptr;
  refused(ondol_roiwarp, a, "boxes = null");
  a = good;
  a.images = nullptr;
  refused(ondol_roiwarp, a, "images = null");
  a = good;
  a.y = x + 8;
  refused(ondol_roiwarp, a, "expected no overlap with x");
  a = good;
  a.fill = y + 15;
  refused(ondol_roiwarp, a, "expected no overlap with fill");
  refused(ondol_roiwarp_backward, {good, nullptr, x}, "dy = null");
  refused(ondol_roiwarp_backward, {good, y, y}, "expected no overlap with dy");
}

}  // namespace

int main() {
  const unsigned s = seed();
  printf("seed %u (ONDOL_TEST_SEED sets it)\n", s);
  std::mt19937 random(s);
  known_positions();
  // channels, height, width, output height and width
  const int64_t sizes[][5] = {{1, 1, 1, 1, 1}, {3, 5, 7, 4, 4}, {2, 40, 9, 7, 16}, {5, 20, 33, 17, 15}, {9, 18, 130, 3, 33},
                              {1, 70, 70, 30, 20}, {3, 6, 200, 2, 5}};
  for (int round = rounds(12); round > 0; round--) {
    for (const auto& z : sizes) check(draw(random, 1 + random() % 9, z[0], z[1], z[2], z[3], z[4], round % 2 == 0));
  }
  check(draw(random, 0, 2, 5, 5, 3, 3, false));
  check(draw(random, 3, 0, 5, 5, 3, 3, false));
  check(draw(random, 40, 70, 9, 9, 7, 7, false));  // a task is some of the channels
  bad_arguments_are_named();
  return finish();
}
