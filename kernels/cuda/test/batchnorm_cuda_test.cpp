// The emulated batchnorm kernels against the CPU library, bit for bit.
#include "emulated.h"

using namespace testing;

static std::mt19937 random_source;

static void check_forward(int64_t batch, int64_t channels, int64_t size, bool training, bool affine, bool relu, bool special) {
  std::vector<float> x = values(random_source, batch * channels * size, special);
  std::vector<float> gamma = values(random_source, channels, false), beta = values(random_source, channels, false);
  struct Result {
    std::vector<float> y, mean, variance, rstd;
  };
  Result expected{std::vector<float>(x.size(), nan()), values(random_source, channels, false),
                  std::vector<float>(gamma.size(), 0.7f), std::vector<float>(gamma.size(), nan())};
  Result actual = expected;
  ondol_batchnorm_args args = {batch, channels, size, training, x.data(), affine ? gamma.data() : nullptr,
                               affine ? beta.data() : nullptr, nullptr, nullptr, nullptr, nullptr, relu, 1e-3};
  for (Result* r : {&expected, &actual}) {
    args.mean = r->mean.data();
    args.variance = r->variance.data();
    args.rstd = r->rstd.data();
    args.y = r->y.data();
    if (r == &expected) {
      run_cpu(ondol_batchnorm, args);
    } else {
      run_emulated(ondol_cuda_batchnorm_workspace, ondol_cuda_batchnorm, args);
    }
  }
  compare("batchnorm y", actual.y, expected.y);
  compare("batchnorm mean", actual.mean, expected.mean);
  compare("batchnorm variance", actual.variance, expected.variance);
  compare("batchnorm rstd", actual.rstd, expected.rstd);
}

static void check_backward(int64_t batch, int64_t channels, int64_t size, bool training, bool scaled, bool relu, bool special) {
  int64_t count = batch * channels * size;
  std::vector<float> x = values(random_source, count, false), dy = values(random_source, count, special);
  std::vector<float> y = values(random_source, count, special), gamma = values(random_source, channels, false);
  std::vector<float> mean = values(random_source, channels, false), rstd = values(random_source, channels, false);
  struct Result {
    std::vector<float> dx, dgamma, dbeta;
  };
  Result expected{std::vector<float>(x.size(), nan()), std::vector<float>(gamma.size(), nan()),
                  std::vector<float>(gamma.size(), nan())};
  Result actual = expected;
  ondol_batchnorm_backward_args args = {batch, channels, size, training, x.data(), dy.data(), relu ? y.data() : nullptr,
                                        scaled ? gamma.data() : nullptr, mean.data(), rstd.data(), nullptr, nullptr, nullptr};
  for (Result* r : {&expected, &actual}) {
    args.dx = r->dx.data();
    args.dgamma = r->dgamma.data();
    args.dbeta = r->dbeta.data();
    if (r == &expected) {
      run_cpu(ondol_batchnorm_backward, args);
    } else {
      run_emulated(ondol_cuda_batchnorm_backward_workspace, ondol_cuda_batchnorm_backward, args);
    }
  }
  compare("batchnorm_backward dx", actual.dx, expected.dx);
  compare("batchnorm_backward dgamma", actual.dgamma, expected.dgamma);
  compare("batchnorm_backward dbeta", actual.dbeta, expected.dbeta);
}

int main() {
  unsigned s = seed();
  printf("seed %u\n", s);
  random_source.seed(s);
  const int64_t shapes[][3] = {{1, 1, 1}, {5, 20, 1}, {2, 3, 7}, {3, 5, 49}, {1, 2, 4096}, {2, 2, 4099}, {2, 1, 9000}};
  for (const auto& z : shapes) {
    for (int bits = 0; bits < 16; bits++) {
      check_forward(z[0], z[1], z[2], bits & 1, bits & 2, bits & 4, bits & 8);
      check_backward(z[0], z[1], z[2], bits & 1, bits & 2, bits & 4, bits & 8);
    }
  }
  return finish();
}
