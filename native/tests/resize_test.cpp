// resize and its gradient on every variant against plain loops, with tables of every kind: enlarging, shrinking, repeated
// and even unordered cells, which no convention gives but the C ABI allows.
#include "testing.h"

using namespace testing;

namespace {

struct Axis {
  int64_t in, out;
  std::vector<int32_t> cells;
  std::vector<float> weights;
};

enum class Kind { EVEN, RANDOM, CONSTANT };

Axis axis(std::mt19937& random, int64_t in, int64_t out, Kind kind, bool linear) {
  Axis a = {in, out, std::vector<int32_t>(linear ? 2 * out : out), std::vector<float>(linear ? 2 * out : 0)};
  for (int64_t j = 0; j < out; j++) {
    const double p = kind == Kind::EVEN ? (j + 0.5) * in / out - 0.5 : kind == Kind::CONSTANT ? in / 2 : random() % in;
    const double f = floor(p < 0 ? 0 : p);
    a.cells[j] = (int32_t)f;
    if (!linear) continue;
    a.cells[out + j] = f + 1 < in ? (int32_t)f + 1 : (int32_t)f;
    a.weights[j] = (float)(1 - (p - f));
    a.weights[out + j] = (float)(p - f);
  }
  return a;
}

std::vector<float> forward(const std::vector<float>& x, int64_t planes, const Axis& r, const Axis& c) {
  std::vector<float> y;
  for (int64_t p = 0; p < planes; p++) {
    for (int64_t i = 0; i < r.out; i++) {
      for (int64_t j = 0; j < c.out; j++) {
        const auto at = [&](int64_t row, int64_t k) { return x[(p * r.in + row) * c.in + c.cells[k * c.out + j]]; };
        const auto h = [&](int64_t row) {
          return fmaf(c.weights[c.out + j], at(row, 1), c.weights[j] * at(row, 0));
        };
        y.push_back(r.weights.empty() ? at(r.cells[i], 0)
                                      : fmaf(r.weights[r.out + i], h(r.cells[r.out + i]), r.weights[i] * h(r.cells[i])));
      }
    }
  }
  return y;
}

// Adds `value` to the cells that output position i is made of.
template <class Add>
void spread(const Axis& axis, int64_t i, float value, Add add) {
  if (axis.weights.empty()) return add(axis.cells[i], 1.0f, value);
  add(axis.cells[i], axis.weights[i], value);
  add(axis.cells[axis.out + i], axis.weights[axis.out + i], value);
}

std::vector<float> backward(const std::vector<float>& dy, int64_t planes, const Axis& r, const Axis& c) {
  std::vector<float> dx(planes * r.in * c.in);
  for (int64_t p = 0; p < planes; p++) {
    std::vector<float> g(r.in * c.out);
    for (int64_t i = 0; i < r.out; i++) {
      for (int64_t j = 0; j < c.out; j++) {
        spread(r, i, dy[(p * r.out + i) * c.out + j], [&](int64_t row, float w, float v) {
          g[row * c.out + j] = fmaf(w, v, g[row * c.out + j]);
        });
      }
    }
    for (int64_t row = 0; row < r.in; row++) {
      for (int64_t j = 0; j < c.out; j++) {
        spread(c, j, g[row * c.out + j], [&](int64_t column, float w, float v) {
          float& to = dx[(p * r.in + row) * c.in + column];
          to = fmaf(w, v, to);
        });
      }
    }
  }
  return dx;
}

void expect_same(const char* what, const char* variant, const std::vector<float>& got,
                 const std::vector<float>& expected) {
  for (size_t i = 0; i < expected.size(); i++) {
    EXPECT(same(got[i], expected[i]), "%s %s element %zu of %zu: %a, expected %a", what, variant, i, expected.size(),
           got[i], expected[i]);
  }
}

void check(std::mt19937& random, int64_t planes, const Axis& r, const Axis& c, bool special) {
  const std::vector<float> x = values(random, planes * r.in * c.in, special);
  const std::vector<float> dy = values(random, planes * r.out * c.out, special);
  const float* u = r.weights.empty() ? nullptr : r.weights.data();
  const float* v = c.weights.empty() ? nullptr : c.weights.data();
  const std::vector<float> expected = forward(x, planes, r, c), gradient = backward(dy, planes, r, c);
  for (int64_t threads : {1, 2, 7}) {
    for (int64_t variant : variants("resize")) {
      std::vector<float> y(expected.size(), nan());
      const ondol_resize_args a = {planes, r.in, c.in, r.out, c.out, x.data(), y.data(), r.cells.data(), u, c.cells.data(), v};
      EXPECT(run_variant(ondol_resize_plan, ondol_resize_run, a, variant, threads) == ONDOL_OK, "resize");
      expect_same("resize", ondol_variant_name("resize", variant), y, expected);
    }
    for (int64_t variant : variants("resize_backward")) {
      std::vector<float> dx(gradient.size(), nan());
      const ondol_resize_backward_args a = {planes,    r.in,           c.in, r.out,          c.out, dy.data(),
                                            dx.data(), r.cells.data(), u,    c.cells.data(), v};
      EXPECT(run_variant(ondol_resize_backward_plan, ondol_resize_backward_run, a, variant, threads) == ONDOL_OK, "backward");
      expect_same("resize_backward", ondol_variant_name("resize_backward", variant), dx, gradient);
    }
  }
}

template <class Args>
void refused(int64_t (*call)(const Args*, ondol_error*), const Args& a, const char* message) {
  ondol_error error = {};
  EXPECT(call(&a, &error) == ONDOL_INVALID_ARGUMENT, "%s", message);
  EXPECT(strstr(error.message, message) != nullptr, "\"%s\" lacks \"%s\"", error.message, message);
}

void bad_arguments_are_named() {
  float x[4] = {}, y[16] = {}, w[8] = {};
  int32_t cells[8] = {0, 0, 1, 1, 1, 1, 1, 1}, far[8] = {0, 0, 2, 1}, low[4] = {0, -1, 0, 0};
  refused(ondol_resize, {-1, 2, 2, 4, 4, x, y, cells, w, cells, w}, "[planes, in_rows, in_columns][0] = -1");
  refused(ondol_resize, {1, 2, 2, 4, 1LL << 61, x, y, cells, w, cells, w}, "[planes, out_rows, out_columns][2]");
  refused(ondol_resize, {1, 2, 2, 4, 4, nullptr, y, cells, w, cells, w}, "x = null");
  refused(ondol_resize, {1, 2, 2, 4, 4, x, nullptr, cells, w, cells, w}, "y = null");
  refused(ondol_resize, {1, 2, 2, 4, 4, x, y, nullptr, w, cells, w}, "rows = null");
  refused(ondol_resize, {1, 2, 2, 4, 4, x, y, far, nullptr, cells, nullptr}, "rows[2] = 2: expected 0 to 1");
  refused(ondol_resize, {1, 2, 2, 4, 4, x, y, cells, nullptr, low, nullptr}, "columns[1] = -1: expected 0 to 1");
  refused(ondol_resize, {1, 2, 2, 4, 4, x, y, cells, w, cells, nullptr}, "column_weights");
  refused(ondol_resize, {1, 2, 2, 4, 4, y + 1, y, cells, w, cells, w}, "expected no overlap with x");
  refused(ondol_resize_backward, {1, 2, 2, 4, 4, y, y, cells, w, cells, w}, "expected no overlap with dy");
  refused(ondol_resize_backward, {1, 2, 2, 4, 4, nullptr, x, cells, w, cells, w}, "dy = null");
}

}  // namespace

int main() {
  const unsigned s = seed();
  printf("seed %u (ONDOL_TEST_SEED sets it)\n", s);
  std::mt19937 random(s);
  const int64_t sizes[][4] = {{1, 1, 1, 1},   {1, 1, 5, 40},  {3, 5, 6, 10},    {7, 9, 14, 18},  {16, 16, 32, 32},
                              {17, 33, 9, 15}, {5, 40, 3, 90}, {20, 100, 11, 17}, {4, 13, 40, 104}, {2, 64, 300, 31}};
  for (const auto& z : sizes) {
    for (Kind kind : {Kind::EVEN, Kind::RANDOM, Kind::CONSTANT}) {
      for (bool linear : {false, true}) {
        for (bool special : {false, true}) {
          const int64_t planes = 1 + random() % 4;
          const Axis rows = axis(random, z[0], z[2], kind, linear), columns = axis(random, z[1], z[3], kind, linear);
          check(random, planes, rows, columns, special);
        }
      }
    }
  }
  check(random, 0, axis(random, 2, 3, Kind::EVEN, true), axis(random, 2, 3, Kind::EVEN, true), false);
  bad_arguments_are_named();
  return finish();
}
