// winograd against scalar loops over fmaf, bit for bit: every variant, threads, layouts, tiles that are cut off, epilogues.
// The transformed filters are drawn: how they come from filters is the Java tests' matter.
#include "conv_cases.h"

using namespace testing;

namespace {

constexpr int64_t SIDE = 6, TILE = 4, POINTS = SIDE * SIDE;

// docs/arithmetic.md, Winograd: a row or column of d, and of M.
void transform_input(float* d, int64_t step) {
  const float d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step], d5 = d[5 * step];
  const float p = fmaf(-4, d2, d4), q = fmaf(-4, d1, d3), r = d4 - d2, s = (d3 - d1) * 2;
  d[0] = fmaf(4, d0, fmaf(-5, d2, d4));
  d[step] = p + q;
  d[2 * step] = p - q;
  d[3 * step] = r + s;
  d[4 * step] = r - s;
  d[5 * step] = fmaf(4, d1, fmaf(-5, d3, d5));
}

void transform_product(float* m, int64_t step) {
  const float m0 = m[0], m5 = m[5 * step];
  const float s1 = m[step] + m[2 * step], d1 = m[step] - m[2 * step];
  const float s2 = m[3 * step] + m[4 * step], d2 = m[3 * step] - m[4 * step];
  m[0] = (m0 + s1) + s2;
  m[step] = fmaf(2, d2, d1);
  m[2 * step] = fmaf(4, s2, s1);
  m[3 * step] = fmaf(8, d2, d1) + m5;
}

struct Case {
  ondol_conv_args args;
  MapLayout lx, ly, lr;
  Guarded x, packed, y, residual, bias;
  std::vector<float> initial, expected;

  Case(std::mt19937& random, const ondol_conv_args& sizes)
      : args(sizes),
        lx(random, sizes.batch, sizes.x_channels, sizes.x_height * sizes.x_width),
        ly(random, sizes.batch, sizes.y_channels, sizes.y_height * sizes.y_width),
        lr(random, sizes.batch, sizes.y_channels, sizes.y_height * sizes.y_width),
        x(lx.size),
        packed(POINTS * panels() * 16 * sizes.x_channels),
        y(ly.size),
        residual(lr.size),
        bias(sizes.y_channels) {
    ondol_conv_args& a = args;
    const bool special = random() % 4 == 0;
    conv_fill(random, x, special, 1);
    conv_fill(random, packed, special && random() % 2 == 0, 1);
    conv_fill(random, residual, special, 1);
    conv_fill(random, bias, special, 1);
    conv_fill(random, y, special, 1);
    a.x = x.data(), a.x_batch = lx.batch, a.x_channel = lx.channel;
    a.y = y.data(), a.y_batch = ly.batch, a.y_channel = ly.channel;
    a.packed = packed.data();
    if (random() % 2 == 0) a.bias = bias.data();
    if (random() % 3 == 0) a.residual = residual.data(), a.residual_batch = lr.batch, a.residual_channel = lr.channel;
    if (random() % 3 == 0) a.residual = a.y, a.residual_batch = a.y_batch, a.residual_channel = a.y_channel;
    a.activation = random() % 2 == 0 ? 0 : random() % 3 == 0 ? 1 : random() % 7;  // 1: relu
    a.slope = random() % 2 == 0 ? 0 : 0.1;
    initial.assign(y.data(), y.data() + y.size());
    expected = initial;
    for (int64_t n = 0; n < a.batch; n++) {
      for (int64_t top = 0; top < a.y_height; top += TILE) {
        for (int64_t left = 0; left < a.y_width; left += TILE) tile(n, top, left);
      }
    }
  }

  int64_t panels() const { return (args.y_channels + 15) / 16; }

  void tile(int64_t n, int64_t top, int64_t left) {
    const ondol_conv_args& a = args;
    std::vector<float> v(a.x_channels * POINTS);
    for (int64_t c = 0; c < a.x_channels; c++) {
      float* d = &v[c * POINTS];
      for (int64_t i = 0; i < POINTS; i++) {
        d[i] = conv_padded(a, n, c, top - a.pad_top + i / SIDE, left - a.pad_left + i % SIDE);
      }
      for (int64_t j = 0; j < SIDE; j++) transform_input(d + j, SIDE);
      for (int64_t i = 0; i < SIDE; i++) transform_input(d + i * SIDE, 1);
    }
    for (int64_t o = 0; o < a.y_channels; o++) {
      float m[POINTS] = {};
      for (int64_t i = 0; i < POINTS; i++) {
        const float* u = packed.data() + (i * panels() + o / 16) * a.x_channels * 16 + o % 16;
        for (int64_t c = 0; c < a.x_channels; c++) m[i] = fmaf(v[c * POINTS + i], u[c * 16], m[i]);
      }
      for (int64_t j = 0; j < SIDE; j++) transform_product(m + j, SIDE);
      for (int64_t i = 0; i < TILE; i++) transform_product(m + i * SIDE, 1);
      for (int64_t i = 0; i < TILE && top + i < a.y_height; i++) {
        for (int64_t j = 0; j < TILE && left + j < a.y_width; j++) {
          finish(n, o, (top + i) * a.y_width + left + j, m[i * SIDE + j]);
        }
      }
    }
  }

  void finish(int64_t n, int64_t o, int64_t pixel, float v) {
    const ondol_conv_args& a = args;
    const int64_t at = n * a.y_batch + o * a.y_channel + pixel;
    if (a.bias != nullptr) v = v + a.bias[o];
    if (a.residual == a.y) v = v + initial[at];
    if (a.residual == residual.data()) v = v + a.residual[n * a.residual_batch + o * a.residual_channel + pixel];
    const float slope = (float)a.slope;
    expected[at] = a.activation == ONDOL_RELU && slope != 0 ? (v < 0 ? v * slope : v) : activated(v, a.activation);
  }

  void check(const std::vector<int64_t>& all) {
    for (int64_t variant : all) {
      for (int64_t threads : {1, 2, 7}) {
        restore();
        const int64_t status = run_variant(ondol_winograd_plan, ondol_winograd_run, args, variant, threads);
        EXPECT(status == ONDOL_OK, "%s", conv_text(args).c_str());
        compare(ondol_variant_name("winograd", variant), threads);
      }
    }
    restore();
    ondol_error error = {};
    EXPECT(ondol_winograd(&args, &error) == ONDOL_OK, "%s: %s", conv_text(args).c_str(), error.message);
    compare("checked", ondol_threads());
  }

  void restore() { std::copy(initial.begin(), initial.end(), y.data()); }

  // All of y's memory: the gaps keep what they had.
  void compare(const char* name, int64_t threads) {
    for (int64_t i = 0; i < y.size(); i++) {
      if (same(y.data()[i], expected[i])) continue;
      EXPECT(false, "winograd %s %s threads=%ld at %ld: %a, expected %a", conv_text(args).c_str(), name, (long)threads,
             (long)i, y.data()[i], expected[i]);
      return;
    }
  }
};

ondol_conv_args sizes(int64_t batch, int64_t in, int64_t height, int64_t width, int64_t out, int64_t top, int64_t left,
                      int64_t bottom, int64_t right) {
  ondol_conv_args a = {};
  a.batch = batch, a.groups = 1;
  a.x_channels = in, a.x_height = height, a.x_width = width;
  a.kernel_h = a.kernel_w = 3, a.stride_h = a.stride_w = a.dilation_h = a.dilation_w = 1;
  a.pad_top = top, a.pad_left = left;
  a.y_channels = out, a.y_height = height + top + bottom - 2, a.y_width = width + left + right - 2;
  a.end_h = a.y_height, a.end_w = a.y_width;
  return a;
}

void drawn_shapes(std::mt19937& random, const std::vector<int64_t>& all) {
  for (int round = 0; round < rounds(300); round++) {
    const bool wide = random() % 2 == 0;
    const int64_t height = 3 + random() % (random() % 3 == 0 ? 30 : 9), width = 3 + random() % (random() % 3 == 0 ? 90 : 12);
    const int64_t in = wide ? pick(random, {1, 7, 16, 17, 33}) : 1 + random() % 4;
    const int64_t out = wide ? pick(random, {1, 8, 15, 16, 17, 33, 49}) : 1 + random() % 4;
    auto pad = [&] { return (int64_t)(random() % 5); };
    const int64_t batch = random() % 12 == 0 ? 0 : 1 + random() % 4;
    Case(random, sizes(batch, in, height, width, out, pad(), pad(), pad(), pad())).check(all);
  }
}

// Strips over several images, and transformed filters of more than the second-level cache; only the lightest where every
// case is slow.
void layers(std::mt19937& random, const std::vector<int64_t>& all) {
  Case(random, sizes(2, 20, 28, 29, 100, 1, 1, 1, 1)).check(all);
  Case(random, sizes(9, 24, 7, 6, 70, 1, 1, 1, 1)).check(all);
  if (rounds(300) < 300) return;
  Case(random, sizes(1, 70, 57, 56, 64, 1, 1, 1, 1)).check(all);
  Case(random, sizes(5, 250, 14, 14, 130, 1, 1, 1, 1)).check(all);
}

void refused(const ondol_conv_args& a, const char* message) {
  ondol_error error = {};
  EXPECT(ondol_winograd(&a, &error) == ONDOL_INVALID_ARGUMENT, "%s", message);
  EXPECT(strstr(error.message, message) != nullptr, "\"%s\" lacks \"%s\"", error.message, message);
}

void bad_arguments_are_named() {
  std::vector<float> x(2 * 6 * 6, 1), u(36 * 2 * 16, 1), y(3 * 6 * 6, 1);
  ondol_conv_args good = sizes(1, 2, 6, 6, 3, 1, 1, 1, 1);
  good.x = x.data(), good.x_batch = 72, good.x_channel = 36;
  good.y = y.data(), good.y_batch = 108, good.y_channel = 36;
  good.packed = u.data();
  EXPECT(ondol_winograd(&good, nullptr) == ONDOL_OK, "valid call");
  EXPECT(ondol_winograd(nullptr, nullptr) == ONDOL_INVALID_ARGUMENT, "null args");
  ondol_conv_args a = good;
  a.packed = nullptr, a.weight = u.data(), refused(a, "packed");
  a = good, a.packed = y.data(), refused(a, "packed");
  a = good, a.kernel_h = 1, a.pad_top = 0, refused(a, "kernel");
  a = good, a.end_w = 5, refused(a, "begin and end");
  a = good, a.x = nullptr, refused(a, "x = null");
}

}  // namespace

int main() {
  const unsigned s = seed();
  printf("seed %u (ONDOL_TEST_SEED sets it)\n", s);
  std::mt19937 random(s);
  const std::vector<int64_t> all = variants("winograd");
  bad_arguments_are_named();
  drawn_shapes(random, all);
  layers(random, all);
  return finish();
}
