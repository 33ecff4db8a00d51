// softmax, layernorm, reduce and embedding, with their gradients, on every variant against scalar references.
#include "reference.h"
#include "testing.h"

using namespace testing;
namespace ref = reference;

namespace {

struct Shape {
  int64_t outer, n, inner;
  int64_t size() const { return outer * n * inner; }
};

const Shape shapes[] = {{3, 1, 1},  {5, 7, 1},   {2, 15, 1},  {2, 16, 1},  {2, 17, 1},  {1, 33, 1}, {40, 384, 1},
                        {1, 40003, 1}, {2, 5, 3}, {3, 17, 31}, {2, 40, 33}, {1, 300, 70}, {0, 4, 1},  {2, 19, 129}};

void expect_same(const char* what, const char* variant, const std::vector<float>& got,
                 const std::vector<float>& expected) {
  for (size_t i = 0; i < got.size(); i++) {
    EXPECT(same(got[i], expected[i]), "%s %s element %zu of %zu: %a, expected %a", what, variant, i, got.size(), got[i],
           expected[i]);
  }
}

#define ON_EVERY_VARIANT(stem, args, out, expected, what)                                                   \
  for (int64_t variant : variants(#stem)) {                                                                 \
    std::fill(out.begin(), out.end(), nan());                                                               \
    EXPECT(run_variant(ondol_##stem##_plan, ondol_##stem##_run, args, variant, 2) == ONDOL_OK, "%s", what); \
    expect_same(what, ondol_variant_name(#stem, variant), out, expected);                                   \
  }

void softmax(std::mt19937& random, const Shape& s, bool log, bool special) {
  std::vector<float> x = values(random, s.size(), special), y(s.size()), expected(s.size());
  std::vector<float> dy = values(random, s.size(), false), dx(s.size()), gradient(s.size());
  for (int64_t slice = 0; slice < s.outer * s.inner; slice++) {
    const auto at = [&](int64_t i) { return slice / s.inner * s.n * s.inner + i * s.inner + slice % s.inner; };
    const float m = ref::max16(s.n, [&](int64_t i) { return x[at(i)]; });
    const float sum = ref::sum16(s.n, [&](float p, int64_t i) { return p + ref::exp(x[at(i)] - m); });
    for (int64_t i = 0; i < s.n; i++) {
      expected[at(i)] = log ? (x[at(i)] - m) - ref::log(sum) : ref::exp(x[at(i)] - m) * (1 / sum);
    }
    const float t = ref::sum16(s.n, [&](float p, int64_t i) {
      return log ? p + dy[at(i)] : fmaf(expected[at(i)], dy[at(i)], p);
    });
    for (int64_t i = 0; i < s.n; i++) {
      const float v = expected[at(i)], g = dy[at(i)];
      gradient[at(i)] = log ? fmaf(-ref::exp(v), t, g) : v * (g - t);
    }
  }
  ondol_softmax_args a = {s.outer, s.n, s.inner, x.data(), y.data(), log};
  ON_EVERY_VARIANT(softmax, a, y, expected, "softmax");
  ondol_softmax_backward_args b = {s.outer, s.n, s.inner, expected.data(), dy.data(), dx.data(), log};
  ON_EVERY_VARIANT(softmax_backward, b, dx, gradient, "softmax_backward");
  if (s.size() == 0) return;
  y = x;
  a.x = y.data();
  EXPECT(ondol_softmax(&a, nullptr) == ONDOL_OK, "in place");
  expect_same("softmax in place", "best", y, expected);
  b.dy = dx.data();
  dx = dy;
  EXPECT(ondol_softmax_backward(&b, nullptr) == ONDOL_OK, "in place");
  expect_same("softmax_backward in place", "best", dx, gradient);
}

void reduce(std::mt19937& random, const Shape& s, int64_t op, bool special) {
  std::vector<float> x = values(random, s.size(), special), y(s.outer * s.inner), expected(y.size());
  for (int64_t slice = 0; slice < s.outer * s.inner; slice++) {
    const auto value = [&](int64_t i) {
      return x[slice / s.inner * s.n * s.inner + i * s.inner + slice % s.inner];
    };
    const float sum = ref::sum16(s.n, [&](float p, int64_t i) {
      return op == ONDOL_SUMSQ ? fmaf(value(i), value(i), p) : p + value(i);
    });
    expected[slice] = op == ONDOL_MAX ? ref::max16(s.n, value) : op == ONDOL_MEAN ? sum / (float)s.n : sum;
  }
  const ondol_reduce_args a = {op, s.outer, s.n, s.inner, x.data(), y.data()};
  ON_EVERY_VARIANT(reduce, a, y, expected, "reduce");
}

void layernorm(std::mt19937& random, int64_t rows, int64_t n, bool affine) {
  const int64_t pad = random() % 3;
  std::vector<float> x = values(random, rows * (n + pad), false), gamma = values(random, n, false);
  std::vector<float> beta = values(random, n, false), dy = values(random, rows * n, false);
  std::vector<float> y(rows * n), mean(rows), rstd(rows), h(rows * n), dx(rows * n), dgamma(n), dbeta(n);
  std::vector<float> expected(rows * n), gradient(rows * n), gamma_gradient(n), beta_gradient(n);
  const auto weight = [&](int64_t i) { return affine ? gamma[i] : 1.0f; };
  const float eps = 1e-12f;
  for (int64_t r = 0; r < rows; r++) {
    const float* row = &x[r * (n + pad)];
    const float* g = &dy[r * n];
    mean[r] = ref::sum16(n, [&](float p, int64_t i) { return p + row[i]; }) / (float)n;
    const float variance = ref::sum16(n, [&](float p, int64_t i) {
      return fmaf(row[i] - mean[r], row[i] - mean[r], p);
    }) / (float)n;
    rstd[r] = 1 / sqrtf(variance + eps);
    float* hr = &h[r * n];
    for (int64_t i = 0; i < n; i++) {
      hr[i] = (row[i] - mean[r]) * rstd[r];
      expected[r * n + i] = fmaf(hr[i], weight(i), affine ? beta[i] : 0.0f);
    }
    const float s1 = ref::sum16(n, [&](float p, int64_t i) { return p + g[i] * weight(i); }) / (float)n;
    const float s2 = ref::sum16(n, [&](float p, int64_t i) { return fmaf(g[i] * weight(i), hr[i], p); }) / (float)n;
    for (int64_t i = 0; i < n; i++) {
      gradient[r * n + i] = rstd[r] * fmaf(-hr[i], s2, g[i] * weight(i) - s1);
      gamma_gradient[i] = fmaf(g[i], hr[i], gamma_gradient[i]);
      beta_gradient[i] = beta_gradient[i] + g[i];
    }
  }
  std::vector<float> means(rows), rstds(rows);
  const float* scale = affine ? gamma.data() : nullptr;
  const float* offset = affine ? beta.data() : nullptr;
  const ondol_layernorm_args a = {rows,   n,        n + pad,      n,            x.data(), scale,
                                  offset, y.data(), means.data(), rstds.data(), 1e-12};
  ON_EVERY_VARIANT(layernorm, a, y, expected, "layernorm");
  expect_same("layernorm mean", "", means, mean);
  expect_same("layernorm rstd", "", rstds, rstd);
  const ondol_layernorm_backward_args b = {rows,        n,         n + pad,   n,
                                           n,           x.data(),  scale,     dy.data(),
                                           mean.data(), rstd.data(), dx.data(), dgamma.data(),
                                           dbeta.data()};
  ON_EVERY_VARIANT(layernorm_backward, b, dx, gradient, "layernorm_backward dx");
  ON_EVERY_VARIANT(layernorm_backward, b, dgamma, gamma_gradient, "layernorm_backward dgamma");
  ON_EVERY_VARIANT(layernorm_backward, b, dbeta, beta_gradient, "layernorm_backward dbeta");
}

template <class Id>
void embedding(std::mt19937& random, int64_t count, int64_t vocabulary, int64_t width) {
  std::vector<float> table = values(random, vocabulary * width, false), dout = values(random, count * width, false);
  std::vector<float> out(count * width), expected(count * width), dtable(vocabulary * width), gradient(dtable.size());
  std::vector<Id> ids(count);
  for (int64_t i = 0; i < count; i++) {
    ids[i] = (Id)(random() % (vocabulary + 2)) - 1;
    for (int64_t c = 0; c < width && ids[i] >= 0 && ids[i] < vocabulary; c++) {
      expected[i * width + c] = table[ids[i] * width + c];
      gradient[ids[i] * width + c] += dout[i * width + c];
    }
  }
  const ondol_embedding_args a = {count,        vocabulary, width,      width,     width,
                                  table.data(), ids.data(), sizeof(Id), out.data()};
  ON_EVERY_VARIANT(embedding, a, out, expected, "embedding");
  const ondol_embedding_backward_args b = {count,       vocabulary, width,      width,        width,
                                           dout.data(), ids.data(), sizeof(Id), dtable.data()};
  ON_EVERY_VARIANT(embedding_backward, b, dtable, gradient, "embedding_backward");
}

template <class Args>
void refused(int64_t (*call)(const Args*, ondol_error*), const Args& a, const char* message) {
  ondol_error error = {};
  EXPECT(call(&a, &error) == ONDOL_INVALID_ARGUMENT, "%s", message);
  EXPECT(strstr(error.message, message) != nullptr, "\"%s\" lacks \"%s\"", error.message, message);
}

void bad_arguments_are_named() {
  float x[8] = {}, y[8] = {};
  int64_t ids[2] = {};
  refused(ondol_softmax, {-1, 2, 1, x, y, 0}, "[outer, n, inner][0] = -1");
  refused(ondol_softmax, {2, 2, 1, nullptr, y, 0}, "x = null");
  refused(ondol_softmax, {2, 2, 1, x, y, 7}, "log = 7: expected 0 to 1");
  refused(ondol_softmax, {2, 2, 1, x, x + 1, 0}, "expected no overlap");
  refused(ondol_softmax_backward, {2, 2, 1, x, y, x, 0}, "expected no overlap with y");
  refused(ondol_reduce, {4, 2, 2, 1, x, y}, "op = 4: expected 0 to 3");
  refused(ondol_reduce, {0, 1LL << 40, 1LL << 40, 1, x, y}, "product of sizes");
  refused(ondol_layernorm, {2, 4, 4, 3, x, nullptr, nullptr, y, nullptr, nullptr, 0}, "y_row = 3: expected at least 4");
  refused(ondol_layernorm, {2, 4, 4, 4, x, nullptr, nullptr, y, nullptr, nullptr, -1}, "eps = -1");
  refused(ondol_layernorm_backward, {2, 4, 4, 4, 4, x, nullptr, x, nullptr, y, y, nullptr, nullptr}, "mean = null");
  refused(ondol_embedding, {2, 2, 2, 2, 2, x, ids, 2, y}, "id_bytes = 2: expected 4 or 8");
  refused(ondol_embedding_backward, {2, 2, 2, 2, 2, x, nullptr, 8, y}, "ids = null");
}

}  // namespace

int main() {
  unsigned s = seed();
  printf("seed %u (ONDOL_TEST_SEED sets it)\n", s);
  std::mt19937 random(s);
  for (const Shape& shape : shapes) {
    for (bool special : {false, true}) {
      for (bool log : {false, true}) softmax(random, shape, log, special);
      for (int64_t op = ONDOL_SUM; op <= ONDOL_SUMSQ; op++) reduce(random, shape, op, special);
    }
  }
  reduce(random, {3, 0, 1}, ONDOL_MEAN, false);
  reduce(random, {3, 0, 5}, ONDOL_MAX, false);
  for (int64_t n : {1, 7, 8, 16, 31, 33, 384, 1000}) {
    for (int64_t rows : {1, 3, 200}) {
      for (bool affine : {false, true}) layernorm(random, rows, n, affine);
    }
  }
  layernorm(random, 0, 9, true);
  for (int64_t width : {1, 7, 32, 45, 384}) {
    embedding<int32_t>(random, 300, 50, width);
    embedding<int64_t>(random, 20, 300, width);
    embedding<int64_t>(random, 0, 3, width);
  }
  bad_arguments_are_named();
  return finish();
}
