#include <math.h>

#include <thread>

#include "testing.h"

using namespace testing;

namespace {

const char* const names[] = {
#define ONDOL_OP(name, arity) #name,
#include "../../kernels/simd/elementwise/ops.inc"
#undef ONDOL_OP
};
const int64_t ops = sizeof names / sizeof *names;

int64_t op(const char* name) {
  for (int64_t i = 0; i < ops; i++) {
    if (strcmp(names[i], name) == 0) return i;
  }
  abort();
}

ondol_elementwise_args flat(const char* name, int64_t n, const float* x, const float* y, float* out) {
  ondol_elementwise_args a = {};
  a.op = op(name);
  a.rank = 1;
  a.shape[0] = n;
  a.x = x;
  a.y = y;
  a.out = out;
  a.x_stride[0] = a.y_stride[0] = a.out_stride[0] = 1;
  a.param = 0.75;
  return a;
}

std::vector<float> result(ondol_elementwise_args a, int64_t variant, int64_t size) {
  std::vector<float> out(size, -7.0f);
  a.out = out.data();
  run_variant(ondol_elementwise_plan, ondol_elementwise_run, a, variant, 1);
  return out;
}

void variants_agree_on_ragged_sizes(std::mt19937& random) {
  const std::vector<int64_t> all = variants("elementwise");
  for (int64_t o = 0; o < ops; o++) {
    for (int64_t n : {0, 1, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 1000, 16384, 16385, 40001}) {
      std::vector<float> x = values(random, n, true), y = values(random, n, true);
      ondol_elementwise_args a = flat(names[o], n, x.data(), y.data(), nullptr);
      std::vector<float> expected = result(a, all.back(), n + 1);
      EXPECT(expected[n] == -7.0f, "%s n=%ld wrote past the end", names[o], (long)n);
      for (int64_t variant : all) {
        std::vector<float> got = result(a, variant, n + 1);
        for (int64_t i = 0; i <= n; i++) {
          EXPECT(same(got[i], expected[i]), "%s %s n=%ld i=%ld x=%a y=%a: %a, portable %a", names[o],
                 ondol_variant_name("elementwise", variant), (long)n, (long)i, i < n ? x[i] : 0, i < n ? y[i] : 0,
                 got[i], expected[i]);
        }
      }
    }
  }
}

// Against the C library in float64: catches a wrong coefficient that all variants share.
void functions_are_accurate() {
  struct Case {
    const char* name;
    double (*exact)(double);
    double relative, absolute, low, high;
  };
  const Case cases[] = {
      {"exp", ::exp, 3e-7, 1e-45, -103, 88},
      {"log", ::log, 3e-7, 0, 1e-39, 100},
      {"tanh", ::tanh, 3e-7, 0, -12, 12},
      {"erf", ::erf, 3e-7, 0, -5, 5},
      {"sigmoid", [](double x) { return 1 / (1 + ::exp(-x)); }, 4e-7, 1e-38, -80, 80},
      {"silu", [](double x) { return x / (1 + ::exp(-x)); }, 4e-7, 1e-36, -80, 80},
      {"gelu", [](double x) { return x * 0.5 * (1 + ::erf(x * M_SQRT1_2)); }, 3e-7, 6e-7, -6, 6},
      {"gelu_tanh", [](double x) { return x * 0.5 * (1 + ::tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }, 3e-7,
       6e-7, -6, 6},
  };
  const int64_t n = 20011;
  for (const Case& c : cases) {
    std::vector<float> x(n), out(n);
    for (int64_t i = 0; i < n; i++) x[i] = (float)(c.low + (c.high - c.low) * i / (n - 1));
    ondol_elementwise_args a = flat(c.name, n, x.data(), nullptr, out.data());
    EXPECT(ondol_elementwise(&a, nullptr) == ONDOL_OK, "%s", c.name);
    for (int64_t i = 0; i < n; i++) {
      double exact = c.exact(x[i]);
      EXPECT(fabs(out[i] - exact) <= c.relative * fabs(exact) + c.absolute, "%s(%a) = %a, exactly %a", c.name, x[i],
             out[i], exact);
    }
  }
}

void broadcasts_and_strides(std::mt19937& random) {
  const std::vector<int64_t> all = variants("elementwise");
  for (int round = 0; round < 400; round++) {
    ondol_elementwise_args a = {};
    a.op = op("sub");
    a.rank = random() % 7;
    int64_t total = 1;
    for (int64_t d = 0; d < a.rank; d++) total *= a.shape[d] = 1 + random() % (d == a.rank - 1 ? 40 : 5);
    std::vector<int64_t> order(a.rank);
    for (int64_t d = 0; d < a.rank; d++) order[d] = d;
    auto strides = [&](int64_t* out, bool broadcast) {
      for (int64_t d = a.rank - 1; d > 0; d--) std::swap(order[d], order[random() % (d + 1)]);
      int64_t step = 1 + random() % 2;
      for (int64_t d : order) {
        out[d] = broadcast && random() % 3 == 0 ? 0 : step;
        step *= a.shape[d] + random() % 2;
      }
      return step + 1;
    };
    std::vector<float> x = values(random, strides(a.x_stride, true), false);
    std::vector<float> y = values(random, strides(a.y_stride, true), false);
    int64_t size = strides(a.out_stride, false);
    a.x = x.data();
    a.y = y.data();
    std::vector<float> expected(size, -7.0f);
    for (int64_t i = 0; i < total; i++) {
      int64_t rest = i, xi = 0, yi = 0, oi = 0;
      for (int64_t d = a.rank - 1; d >= 0; d--) {
        int64_t at = rest % a.shape[d];
        rest /= a.shape[d];
        xi += at * a.x_stride[d], yi += at * a.y_stride[d], oi += at * a.out_stride[d];
      }
      expected[oi] = x[xi] - y[yi];
    }
    for (int64_t variant : all) {
      std::vector<float> got = result(a, variant, size);
      for (int64_t i = 0; i < size; i++) EXPECT(same(got[i], expected[i]), "round %d i=%ld", round, (long)i);
    }
  }
}

void several_callers_share_the_pool(std::mt19937& random) {
  const int64_t n = 300000;
  std::vector<float> x = values(random, n, false), expected(n);
  ondol_elementwise_args a = flat("gelu", n, x.data(), nullptr, expected.data());
  ondol_set_threads(1);
  ondol_elementwise(&a, nullptr);
  for (int64_t threads : {2, 7}) {
    ondol_set_threads(threads);
    EXPECT(ondol_threads() == threads, "%ld", (long)ondol_threads());
    std::vector<std::thread> callers;
    std::vector<std::vector<float>> outs(4, std::vector<float>(n));
    for (auto& out : outs) {
      callers.emplace_back([&, a]() mutable {
        a.out = out.data();
        for (int i = 0; i < 20; i++) ondol_elementwise(&a, nullptr);
      });
    }
    for (auto& caller : callers) caller.join();
    for (auto& out : outs) EXPECT(memcmp(out.data(), expected.data(), n * 4) == 0, "threads=%ld", (long)threads);
  }
}

void refused(ondol_elementwise_args a, const char* message) {
  ondol_error error = {};
  EXPECT(ondol_elementwise(&a, &error) == ONDOL_INVALID_ARGUMENT, "%s", message);
  EXPECT(strstr(error.message, message) != nullptr, "\"%s\" lacks \"%s\"", error.message, message);
}

void bad_arguments_are_named() {
  std::vector<float> x(100), out(100);
  const ondol_elementwise_args good = flat("add", 50, x.data(), x.data(), out.data());
  ondol_elementwise_args a = good;
  EXPECT(ondol_elementwise(&a, nullptr) == ONDOL_OK, "valid call");
  EXPECT(ondol_elementwise(nullptr, nullptr) == ONDOL_INVALID_ARGUMENT, "null args");
  a = good, a.op = ops, refused(a, "op = 31: expected 0 to 30");
  a = good, a.rank = 7, refused(a, "rank = 7: expected 0 to 6");
  a = good, a.shape[0] = -2, refused(a, "shape[0] = -2");
  a = good, a.x = nullptr, refused(a, "x = null");
  a = good, a.y = nullptr, refused(a, "y = null");
  a = good, a.out = nullptr, refused(a, "out = null");
  a = good, a.out_stride[0] = 0, refused(a, "out_stride[0] = 0");
  a = good, a.x_stride[0] = INT64_MAX, refused(a, "x_stride[0] = 9223372036854775807");
  a = good, a.out = x.data() + 1, refused(a, "expected no overlap with x");
  a = good, a.out = x.data(), a.x_stride[0] = 2, refused(a, "expected equal strides");
}

}  // namespace

int main() {
  unsigned s = seed();
  printf("seed %u (ONDOL_TEST_SEED sets it)\n", s);
  std::mt19937 random(s);
  variants_agree_on_ragged_sizes(random);
  functions_are_accurate();
  broadcasts_and_strides(random);
  several_callers_share_the_pool(random);
  bad_arguments_are_named();
  return finish();
}
