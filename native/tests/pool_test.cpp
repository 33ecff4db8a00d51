// pool, unpool and their gradients on every variant against loops over all pairs of a window and a cell.
#include "pool_cases.h"

using namespace testing;

namespace {

// Whether cell `at` of an axis is a tap of window o, and how many taps an average counts there.
struct Axis {
  int64_t in, out, kernel, stride, dilation, begin, end;

  bool holds(int64_t o, int64_t at) const {
    if (kernel == 0) return at * out < (o + 1) * in && at >= o * in / out;
    const int64_t distance = at - (o * stride - begin);
    return distance >= 0 && distance % dilation == 0 && distance / dilation < kernel;
  }

  int64_t count(int64_t o, bool padding) const {
    int64_t n = 0;
    if (kernel == 0 || !padding) {
      for (int64_t at = 0; at < in; at++) n += holds(o, at);
    } else {
      for (int64_t t = 0; t < kernel; t++) n += o * stride - begin + t * dilation < in + end;
    }
    return n;
  }

  // Of every window.
  std::vector<std::vector<int64_t>> taps() const {
    std::vector<std::vector<int64_t>> all(out);
    for (int64_t o = 0; o < out; o++) {
      for (int64_t at = 0; at < in; at++) {
        if (holds(o, at)) all[o].push_back(at);
      }
    }
    return all;
  }

  std::vector<int64_t> counts(bool padding) const {
    std::vector<int64_t> all;
    for (int64_t o = 0; o < out; o++) all.push_back(count(o, padding));
    return all;
  }
};

Axis rows(const ondol_pool_args& a) {
  return {a.x_height, a.y_height, a.kernel_h, a.stride_h, a.dilation_h, a.pad_top, a.pad_bottom};
}

Axis columns(const ondol_pool_args& a) {
  return {a.x_width, a.y_width, a.kernel_w, a.stride_w, a.dilation_w, a.pad_left, a.pad_right};
}

struct Expected {
  std::vector<float> y;
  std::vector<int32_t> indices;
};

// One plane.
Expected pool(const ondol_pool_args& a, const float* x) {
  Expected e;
  const auto y_taps = rows(a).taps(), x_taps = columns(a).taps();
  const auto y_counts = rows(a).counts(a.count_pad), x_counts = columns(a).counts(a.count_pad);
  for (int64_t oy = 0; oy < a.y_height; oy++) {
    const std::vector<int64_t>& ys = y_taps[oy];
    for (int64_t ox = 0; ox < a.y_width; ox++) {
      const std::vector<int64_t>& xs = x_taps[ox];
      int64_t best = -1;
      for (int64_t iy : ys) {
        for (int64_t ix : xs) {
          const float v = x[iy * a.x_width + ix];
          if (best < 0 || v > x[best] || (v != v && x[best] == x[best])) best = iy * a.x_width + ix;
        }
      }
      float sum = 0;
      for (int64_t ix : xs) {
        float u = 0;
        for (int64_t iy : ys) u = u + x[iy * a.x_width + ix];
        sum = sum + u;
      }
      const float count = (float)(y_counts[oy] * x_counts[ox]);
      e.y.push_back(a.op == ONDOL_POOL_MAX ? x[best] + 0.0f : sum / count);
      e.indices.push_back((int32_t)best);
    }
  }
  return e;
}

std::vector<float> pool_backward(const ondol_pool_args& a, const float* dy, const int32_t* indices) {
  std::vector<float> dx(a.x_height * a.x_width);
  const auto y_taps = rows(a).taps(), x_taps = columns(a).taps();
  const auto y_counts = rows(a).counts(a.count_pad), x_counts = columns(a).counts(a.count_pad);
  for (int64_t oy = 0; oy < a.y_height; oy++) {
    std::vector<float> h(a.x_width);
    for (int64_t ox = 0; ox < a.y_width; ox++) {
      const int64_t o = oy * a.y_width + ox;
      const float g = dy[o] / (float)(y_counts[oy] * x_counts[ox]);
      for (int64_t ix : x_taps[ox]) {
        h[ix] = h[ix] + g;
        for (int64_t iy : y_taps[oy]) {
          if (a.op == ONDOL_POOL_MAX && indices[o] == iy * a.x_width + ix) dx[indices[o]] = dx[indices[o]] + dy[o];
        }
      }
    }
    for (int64_t iy : y_taps[oy]) {
      for (int64_t ix = 0; ix < a.x_width && a.op != ONDOL_POOL_MAX; ix++) dx[iy * a.x_width + ix] = dx[iy * a.x_width + ix] + h[ix];
    }
  }
  return dx;
}

void expect_plane(const char* what, const char* variant, const float* got, const std::vector<float>& expected,
                  const ondol_pool_args& a) {
  for (size_t i = 0; i < expected.size(); i++) {
    EXPECT(same(got[i], expected[i]), "%s %s [%ld, %ld] kernel %ld x %ld element %zu: %a, expected %a", what, variant,
           (long)a.x_height, (long)a.x_width, (long)a.kernel_h, (long)a.kernel_w, i, got[i], expected[i]);
  }
}

// x and y lie with a gap between channels, whose values must stay.
void check(std::mt19937& random, ondol_pool_args a, bool special) {
  const int64_t planes = a.batch * a.channels, in = a.x_height * a.x_width, out = a.y_height * a.y_width, gap = random() % 3;
  std::vector<float> x = values(random, planes * (in + gap), special), y(planes * (out + gap));
  std::vector<float> dy = values(random, planes * out, special), dx(planes * (in + gap));
  std::vector<int32_t> indices(planes * out);
  a.x = x.data(), a.x_channel = in + gap, a.x_batch = a.channels * a.x_channel;
  a.y = y.data(), a.y_channel = out + gap, a.y_batch = a.channels * a.y_channel;
  std::vector<Expected> expected;
  for (int64_t p = 0; p < planes; p++) expected.push_back(pool(a, &x[p * a.x_channel]));
  for (bool indexed : {false, true}) {
    if (indexed && a.op != ONDOL_POOL_MAX) break;
    a.indices = indexed ? indices.data() : nullptr;
    for (int64_t variant : variants("pool")) {
      std::fill(y.begin(), y.end(), nan());
      EXPECT(run_variant(ondol_pool_plan, ondol_pool_run, a, variant, 2) == ONDOL_OK, "pool");
      for (int64_t p = 0; p < planes; p++) {
        expect_plane("pool", ondol_variant_name("pool", variant), &y[p * a.y_channel], expected[p].y, a);
        for (int64_t g = 0; g < gap; g++) EXPECT(y[p * a.y_channel + out + g] != y[p * a.y_channel + out + g], "the gap of y");
        for (int64_t i = 0; i < out && indexed; i++) {
          EXPECT(indices[p * out + i] == expected[p].indices[i], "index %ld of %s: %d, expected %d", (long)i,
                 ondol_variant_name("pool", variant), indices[p * out + i], expected[p].indices[i]);
        }
      }
    }
  }
  for (int64_t p = 0; p < planes; p++) std::copy(expected[p].indices.begin(), expected[p].indices.end(), &indices[p * out]);
  for (size_t i = 0; i < indices.size(); i += 7) indices[i] = (int32_t)(random() % 4 == 0 ? random() : random() % in);
  a.indices = a.op == ONDOL_POOL_MAX ? indices.data() : nullptr;
  const ondol_pool_backward_args b = {a, dy.data(), a.channels * out, out, dx.data(), a.x_batch, a.x_channel};
  for (int64_t variant : variants("pool_backward")) {
    std::fill(dx.begin(), dx.end(), nan());
    EXPECT(run_variant(ondol_pool_backward_plan, ondol_pool_backward_run, b, variant, 2) == ONDOL_OK, "pool_backward");
    for (int64_t p = 0; p < planes; p++) {
      const std::vector<float> gradient = pool_backward(a, &dy[p * out], &indices[p * out]);
      expect_plane("pool_backward", ondol_variant_name("pool_backward", variant), &dx[p * a.x_channel], gradient, a);
    }
  }
}

void check_unpool(std::mt19937& random, int64_t planes, int64_t in, int64_t out, int64_t threads) {
  std::vector<float> x = values(random, planes * in, true), y(planes * out), expected(planes * out);
  std::vector<float> dy = values(random, planes * out, true), dx(planes * in), gradient(planes * in);
  std::vector<int32_t> indices(planes * in);
  for (int64_t i = 0; i < planes * in; i++) {
    indices[i] = random() % 9 == 0 ? (int32_t)random() : (int32_t)(random() % (out + 2)) - 1;
    if (indices[i] >= 0 && indices[i] < out) expected[i / in * out + indices[i]] = x[i];
  }
  for (int64_t i = 0; i < planes * in; i++) {
    bool counts = indices[i] >= 0 && indices[i] < out;
    for (int64_t later = i + 1; later < (i / in + 1) * in; later++) counts = counts && indices[later] != indices[i];
    gradient[i] = counts ? dy[i / in * out + indices[i]] : 0;
  }
  const ondol_unpool_args a = {1, planes, in, out, x.data(), 0, in, indices.data(), y.data(), 0, out};
  const ondol_unpool_backward_args b = {1, planes, in, out, dy.data(), 0, out, indices.data(), dx.data(), 0, in};
  for (int64_t variant : variants("unpool")) {
    std::fill(y.begin(), y.end(), nan());
    std::fill(dx.begin(), dx.end(), nan());
    EXPECT(run_variant(ondol_unpool_plan, ondol_unpool_run, a, variant, threads) == ONDOL_OK, "unpool");
    EXPECT(run_variant(ondol_unpool_backward_plan, ondol_unpool_backward_run, b, variant, threads) == ONDOL_OK, "unpool_backward");
    for (size_t i = 0; i < y.size(); i++) EXPECT(same(y[i], expected[i]), "unpool %zu: %a, expected %a", i, y[i], expected[i]);
    for (size_t i = 0; i < dx.size(); i++) EXPECT(same(dx[i], gradient[i]), "unpool_backward %zu: %a, expected %a", i, dx[i], gradient[i]);
  }
}

template <class Args>
void refused(int64_t (*call)(const Args*, ondol_error*), const Args& a, const char* message) {
  ondol_error error = {};
  EXPECT(call(&a, &error) == ONDOL_INVALID_ARGUMENT, "%s", message);
  EXPECT(strstr(error.message, message) != nullptr, "\"%s\" lacks \"%s\"", error.message, message);
}

template <class Change>
void refused_pool(const char* message, Change change) {
  static float x[16], y[4];
  static int32_t indices[4];
  ondol_pool_args a = pool_case(ONDOL_POOL_MAX, 1, 1, {4, 2, 2, 1, 0, 0, 2}, {4, 2, 2, 1, 0, 0, 2}, false);
  a.x = x, a.x_batch = a.x_channel = 16, a.y = y, a.y_batch = a.y_channel = 4, a.indices = indices;
  EXPECT(ondol_pool(&a, nullptr) == ONDOL_OK, "unchanged");
  change(a);
  refused(ondol_pool, a, message);
}

void bad_arguments_are_named() {
  refused_pool("op = 2: expected 0 to 1", [](ondol_pool_args& a) { a.op = 2; });
  refused_pool("indices", [](ondol_pool_args& a) { a.op = ONDOL_POOL_AVERAGE; });
  refused_pool("x_height = 0", [](ondol_pool_args& a) { a.x_height = 0; });
  refused_pool("kernel_h = 0", [](ondol_pool_args& a) { a.kernel_h = 0; });
  refused_pool("stride_w = 0", [](ondol_pool_args& a) { a.stride_w = 0; });
  refused_pool("dilation_h = -1", [](ondol_pool_args& a) { a.dilation_h = -1; });
  refused_pool("pad_left = -1", [](ondol_pool_args& a) { a.pad_left = -1; });
  refused_pool("count_pad = 2", [](ondol_pool_args& a) { a.count_pad = 2; });
  refused_pool("window 0 does not", [](ondol_pool_args& a) { a.pad_top = 2; });
  refused_pool("no window to begin behind x", [](ondol_pool_args& a) { a.y_width = 3; });
  refused_pool("x = null", [](ondol_pool_args& a) { a.x = nullptr; });
  refused_pool("expected no overlap", [](ondol_pool_args& a) { a.y = const_cast<float*>(a.x) + 15; });
  refused_pool("y strides", [](ondol_pool_args& a) { a.channels = 2, a.y_channel = 3, a.x_channel = 0; });
  float x[4] = {}, y[4] = {};
  int32_t indices[4] = {};
  refused(ondol_unpool, {1, 1, 4, 4, x, 4, 4, nullptr, y, 4, 4}, "indices = null");
  refused(ondol_unpool, {1, 1, 4, int64_t(1) << 31, x, 4, 4, indices, y, 4, 4}, "y_plane");
  refused(ondol_unpool, {1, 1, 4, 4, x, 4, 4, indices, x, 4, 4}, "expected no overlap");
  refused(ondol_unpool_backward, {1, 1, 0, 4, x, 4, 4, indices, y, 4, 4}, "x_plane = 0");
  ondol_pool_backward_args b = {};
  b.forward = pool_case(ONDOL_POOL_MAX, 1, 1, {2, 2, 2, 1, 0, 0, 1}, {2, 2, 2, 1, 0, 0, 1}, false);
  b.dy = y, b.dx = x, b.dy_batch = b.dy_channel = 1, b.dx_batch = b.dx_channel = 4;
  refused(ondol_pool_backward, b, "indices = null");
}

}  // namespace

int main() {
  unsigned s = seed();
  printf("seed %u (ONDOL_TEST_SEED sets it)\n", s);
  std::mt19937 random(s);
  each_pool_shape([&](const PoolAxisCase& h, const PoolAxisCase& w) {
    for (int64_t op : {ONDOL_POOL_MAX, ONDOL_POOL_AVERAGE}) {
      check(random, pool_case(op, 1 + random() % 2, 1 + random() % 3, h, w, random() % 2), random() % 2);
    }
  });
  for (const PoolAxisCase& w : pool_long_axes) {
    const PoolAxisCase& h = pool_axes[w.kernel == 0 ? 10 : 1];
    for (int64_t op : {ONDOL_POOL_MAX, ONDOL_POOL_AVERAGE}) check(random, pool_case(op, 1, 1, h, w, false), false);
  }
  check(random, pool_case(ONDOL_POOL_MAX, 0, 3, pool_axes[1], pool_axes[2], false), false);
  for (int64_t planes : {1, 3}) {
    for (int64_t threads : {1, 4}) {
      check_unpool(random, planes, 1, 1, threads);
      check_unpool(random, planes, 60, 200, threads);
      check_unpool(random, planes, 300, 40000, threads);
    }
  }
  bad_arguments_are_named();
  return finish();
}
