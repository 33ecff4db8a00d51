// batchnorm in training and inference and its gradient on every variant, with one phase and with several, against plain loops.
#include "reference.h"
#include "testing.h"

using namespace testing;
namespace ref = reference;

namespace {

struct Shape {
  int64_t batch, channels, size;
  int64_t count() const { return batch * channels * size; }
};

// chansum of docs/arithmetic.md: step(partial, offset) takes an element into its partial.
template <class Step>
float chansum(const Shape& s, int64_t c, Step step) {
  float acc = 0;
  for (int64_t n = 0; n < s.batch; n++) {
    for (int64_t first = 0; first < s.size; first += 4096) {
      const int64_t at = (n * s.channels + c) * s.size + first;
      acc = acc + ref::sum16(s.size - first < 4096 ? s.size - first : 4096, [&](float p, int64_t i) { return step(p, at + i); });
    }
  }
  return acc;
}

template <class Visit>
void each(const Shape& s, int64_t c, Visit visit) {
  for (int64_t n = 0; n < s.batch; n++) {
    for (int64_t i = 0; i < s.size; i++) visit((n * s.channels + c) * s.size + i);
  }
}

struct Result {
  std::vector<float> y, mean, variance, rstd;
  explicit Result(const Shape& s) : y(s.count(), nan()), mean(s.channels, nan()), variance(mean), rstd(mean) {}
};

void expect_same(const char* what, const char* variant, const std::vector<float>& got,
                 const std::vector<float>& expected) {
  for (size_t i = 0; i < expected.size(); i++) {
    EXPECT(same(got[i], expected[i]), "%s %s element %zu of %zu: %a, expected %a", what, variant, i, expected.size(),
           got[i], expected[i]);
  }
}

void forward(std::mt19937& random, const Shape& s, bool training, bool affine, bool relu, bool special) {
  const std::vector<float> x = values(random, s.count(), special), gamma = values(random, s.channels, false);
  const std::vector<float> beta = values(random, s.channels, false);
  const double eps = 1e-3;
  const float m = (float)(s.batch * s.size);
  Result expected(s);
  for (int64_t c = 0; c < s.channels; c++) {
    if (training) {
      expected.mean[c] = chansum(s, c, [&](float p, int64_t at) { return p + x[at]; }) / m;
      expected.variance[c] = chansum(s, c, [&](float p, int64_t at) {
        return fmaf(x[at] - expected.mean[c], x[at] - expected.mean[c], p);
      }) / m;
    } else {
      expected.mean[c] = (float)(random() % 100) / 50 - 1;
      expected.variance[c] = (float)(random() % 100) / 50;
    }
    const float root = sqrtf(expected.variance[c] + (float)eps), g = affine ? gamma[c] : 1, b = affine ? beta[c] : 0;
    expected.rstd[c] = 1 / root;
    each(s, c, [&](int64_t at) {
      const float y = training ? fmaf(x[at] - expected.mean[c], g * (1 / root), b)
                               : fmaf(x[at], g / root, fmaf(-expected.mean[c], g / root, b));
      expected.y[at] = relu && y < 0 ? 0.0f : y;
    });
  }
  for (int64_t variant : variants("batchnorm")) {
    const char* name = ondol_variant_name("batchnorm", variant);
    for (int64_t threads : {1, 2, 40}) {
      Result got(s);
      if (!training) {
        got.mean = expected.mean;
        got.variance = expected.variance;
      }
      const bool in_place = random() % 2;
      if (in_place) got.y = x;
      const ondol_batchnorm_args a = {s.batch, s.channels, s.size, training, in_place ? got.y.data() : x.data(),
                                      affine ? gamma.data() : nullptr, affine ? beta.data() : nullptr, got.mean.data(),
                                      got.variance.data(), got.rstd.data(), got.y.data(), relu, eps};
      EXPECT(run_variant(ondol_batchnorm_plan, ondol_batchnorm_run, a, variant, threads) == ONDOL_OK, "batchnorm");
      expect_same("batchnorm y", name, got.y, expected.y);
      expect_same("batchnorm mean", name, got.mean, expected.mean);
      expect_same("batchnorm variance", name, got.variance, expected.variance);
      expect_same("batchnorm rstd", name, got.rstd, expected.rstd);
    }
  }
}

void backward(std::mt19937& random, const Shape& s, bool training, bool scaled, bool relu, bool special) {
  const std::vector<float> x = values(random, s.count(), false), dy = values(random, s.count(), special);
  const std::vector<float> y = values(random, s.count(), special), gamma = values(random, s.channels, false);
  const std::vector<float> mean = values(random, s.channels, false), rstd = values(random, s.channels, false);
  const float m = (float)(s.batch * s.size);
  std::vector<float> dx(s.count()), dgamma(s.channels), dbeta(s.channels);
  for (int64_t c = 0; c < s.channels; c++) {
    const auto g = [&](int64_t at) { return !relu || y[at] > 0 ? dy[at] : 0.0f; };
    const auto h = [&](int64_t at) { return (x[at] - mean[c]) * rstd[c]; };
    dbeta[c] = chansum(s, c, [&](float p, int64_t at) { return p + g(at); });
    dgamma[c] = chansum(s, c, [&](float p, int64_t at) { return fmaf(g(at), h(at), p); });
    const float a = scaled ? gamma[c] * rstd[c] : rstd[c];
    each(s, c, [&](int64_t at) {
      dx[at] = a * (training ? fmaf(-h(at), dgamma[c] / m, g(at) - dbeta[c] / m) : g(at));
    });
  }
  for (int64_t variant : variants("batchnorm_backward")) {
    const char* name = ondol_variant_name("batchnorm_backward", variant);
    for (int64_t threads : {1, 2, 40}) {
      std::vector<float> got(s.count(), nan()), got_gamma(s.channels, nan()), got_beta(s.channels, nan());
      const ondol_batchnorm_backward_args a = {s.batch, s.channels, s.size, training, x.data(), dy.data(),
                                               relu ? y.data() : nullptr, scaled ? gamma.data() : nullptr, mean.data(),
                                               rstd.data(), got.data(), got_gamma.data(), got_beta.data()};
      EXPECT(run_variant(ondol_batchnorm_backward_plan, ondol_batchnorm_backward_run, a, variant, threads) == ONDOL_OK, "backward");
      expect_same("batchnorm_backward dx", name, got, dx);
      expect_same("batchnorm_backward dgamma", name, got_gamma, dgamma);
      expect_same("batchnorm_backward dbeta", name, got_beta, dbeta);
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
  float x[8] = {}, y[8] = {}, a[2] = {}, b[2] = {}, c[2] = {};
  refused(ondol_batchnorm, {2, -2, 2, 0, x, nullptr, nullptr, a, b, nullptr, y, 0, 0}, "[batch, channels, size][1] = -2");
  refused(ondol_batchnorm, {2, 2, 2, 3, x, nullptr, nullptr, a, b, nullptr, y, 0, 0}, "training = 3: expected 0 to 1");
  refused(ondol_batchnorm, {2, 2, 2, 0, x, nullptr, nullptr, a, b, nullptr, y, -1, 0}, "relu = -1");
  refused(ondol_batchnorm, {2, 2, 2, 0, x, nullptr, nullptr, a, b, nullptr, y, 0, -1}, "eps = -1");
  refused(ondol_batchnorm, {2, 2, 2, 0, nullptr, nullptr, nullptr, a, b, nullptr, y, 0, 0}, "x = null");
  refused(ondol_batchnorm, {2, 2, 2, 0, x, nullptr, nullptr, a, nullptr, nullptr, y, 0, 0}, "variance = null");
  refused(ondol_batchnorm, {2, 2, 2, 0, x, nullptr, nullptr, a, b, nullptr, x + 1, 0, 0}, "expected no overlap with x");
  refused(ondol_batchnorm, {2, 2, 2, 1, x, nullptr, nullptr, a, a, nullptr, y, 0, 0}, "expected no overlap with mean");
  refused(ondol_batchnorm, {2, 2, 2, 0, x, c, nullptr, a, b, c, y, 0, 0}, "expected no overlap with gamma");
  refused(ondol_batchnorm_backward, {2, 2, 2, 1, x, y, nullptr, nullptr, nullptr, b, y, nullptr, nullptr}, "mean = null");
  refused(ondol_batchnorm_backward, {2, 2, 2, 1, x, y, nullptr, nullptr, a, b, y, nullptr, nullptr}, "no overlap with dy");
  refused(ondol_batchnorm_backward, {2, 2, 2, 2, x, y, nullptr, nullptr, a, b, nullptr, c, c}, "training = 2");
  refused(ondol_batchnorm_backward, {2, 2, 2, 1, x, y, nullptr, nullptr, a, b, nullptr, c, c}, "no overlap with dgamma");
}

}  // namespace

int main() {
  const unsigned s = seed();
  printf("seed %u (ONDOL_TEST_SEED sets it)\n", s);
  std::mt19937 random(s);
  const Shape shapes[] = {{1, 1, 1},  {3, 5, 1},   {9, 70, 1}, {2, 3, 7},  {2, 3, 16},    {1, 1, 4096}, {2, 1, 4097},
                          {1, 2, 9000}, {4, 33, 25}, {3, 9, 49}, {8, 90, 49}, {2, 2, 12544}, {0, 3, 4},    {2, 0, 4}};
  for (const Shape& shape : shapes) {
    for (int bits = 0; bits < 16; bits++) {
      forward(random, shape, bits & 1 && shape.batch > 0, bits & 2, bits & 4, bits & 8);
      backward(random, shape, bits & 1 && shape.batch > 0, bits & 2, bits & 4, bits & 8);
    }
  }
  bad_arguments_are_named();
  return finish();
}
