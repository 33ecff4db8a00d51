// The gradient of a conv's filters against scalar loops over fmaf, bit for bit: every variant, threads, layouts, live entries.
#include "conv_cases.h"

using namespace testing;

namespace {

struct Case {
  ondol_convweight_args args = {};
  MapLayout lx, ly;
  Guarded x, dy, dw;
  std::vector<Live> live;
  std::vector<float> expected;

  Case(std::mt19937& random, const ondol_conv_args& sizes, bool drawn)
      : lx(random, sizes.batch, sizes.x_channels, sizes.x_height * sizes.x_width),
        ly(random, sizes.batch, sizes.y_channels, sizes.y_height * sizes.y_width),
        x(lx.size),
        dy(ly.size),
        dw(sizes.y_channels * (sizes.x_channels / sizes.groups) * sizes.kernel_h * sizes.kernel_w) {
    const bool special = drawn && random() % 4 == 0, tiny = drawn && !special && random() % 4 == 0;
    conv_fill(random, x, special, tiny ? 0x1p-76f : 1);
    conv_fill(random, dy, special && random() % 2 == 0, tiny ? 0x1p-76f : 1);
    ondol_conv_args& a = args.forward;
    a = sizes;
    a.x = x.data(), a.x_batch = lx.batch, a.x_channel = lx.channel;
    if (random() % 3 == 0) live.emplace_back(random, a), live[0].put(a);
    args.dy = dy.data(), args.dy_batch = ly.batch, args.dy_channel = ly.channel;
    args.dw = dw.data();
    reference();
  }

  // The chain of one image over the positions of y.
  float image(int64_t n, int64_t o, int64_t c, int64_t ky, int64_t kx) const {
    const ondol_conv_args& a = args.forward;
    float v = 0;
    for (int64_t oy = 0; oy < a.y_height; oy++) {
      for (int64_t ox = 0; ox < a.y_width; ox++) {
        const float g = args.dy[n * args.dy_batch + o * args.dy_channel + oy * a.y_width + ox];
        v = fmaf(g, conv_padded(a, n, c, oy * a.stride_h - a.pad_top + ky * a.dilation_h,
                                ox * a.stride_w - a.pad_left + kx * a.dilation_w), v);
      }
    }
    return v;
  }

  void reference() {
    const ondol_conv_args& a = args.forward;
    const int64_t x_group = a.x_channels / a.groups, y_group = a.y_channels / a.groups;
    for (int64_t o = 0; o < a.y_channels; o++) {
      for (int64_t c = 0; c < x_group; c++) {
        for (int64_t ky = 0; ky < a.kernel_h; ky++) {
          for (int64_t kx = 0; kx < a.kernel_w; kx++) {
            float sum = 0;
            const bool dead = !live.empty() && !live[0].flags[expected.size()];
            for (int64_t n = 0; n < a.batch && !dead; n++) sum = sum + image(n, o, o / y_group * x_group + c, ky, kx);
            expected.push_back(sum);
          }
        }
      }
    }
  }

  void check(const std::vector<int64_t>& all) {
    for (int64_t variant : all) {
      for (int64_t threads : {1, 2, 7}) {
        dw.fill(nan());
        EXPECT(run_variant(ondol_convweight_plan, ondol_convweight_run, args, variant, threads) == ONDOL_OK, "%s",
               conv_text(args.forward).c_str());
        compare(ondol_variant_name("convweight", variant), threads);
      }
    }
    dw.fill(nan());
    ondol_error error = {};
    EXPECT(ondol_convweight(&args, &error) == ONDOL_OK, "%s: %s", conv_text(args.forward).c_str(), error.message);
    compare("checked", ondol_threads());
  }

  void compare(const char* name, int64_t threads) {
    for (int64_t i = 0; i < dw.size(); i++) {
      if (same(dw.data()[i], expected[i])) continue;
      EXPECT(false, "%s %s threads=%ld at %ld: %a, expected %a", conv_text(args.forward).c_str(), name, (long)threads,
             (long)i, dw.data()[i], expected[i]);
      return;
    }
  }
};

void refused(const ondol_convweight_args& a, const char* message) {
  ondol_error error = {};
  EXPECT(ondol_convweight(&a, &error) == ONDOL_INVALID_ARGUMENT, "%s", message);
  EXPECT(strstr(error.message, message) != nullptr, "\"%s\" lacks \"%s\"", error.message, message);
}

// x [2, 1, 3, 3] with dy [2, 2, 2, 2] and filters [2, 1, 2, 2].
void bad_arguments_are_named() {
  std::vector<float> x(18, 1), dy(16, 1), dw(8);
  ondol_convweight_args good = {};
  ondol_conv_args& f = good.forward;
  f.batch = 2, f.groups = 1, f.x_channels = 1, f.x_height = f.x_width = 3, f.y_channels = 2, f.y_height = f.y_width = 2;
  f.kernel_h = f.kernel_w = 2, f.stride_h = f.stride_w = f.dilation_h = f.dilation_w = 1, f.end_h = f.end_w = 2;
  f.x = x.data(), f.x_batch = 9, f.x_channel = 9;
  good.dy = dy.data(), good.dy_batch = 8, good.dy_channel = 4, good.dw = dw.data();
  ondol_convweight_args a = good;
  EXPECT(ondol_convweight(&a, nullptr) == ONDOL_OK && dw[0] == 8 && dw[7] == 8, "valid call: %g", dw[0]);
  EXPECT(ondol_convweight(nullptr, nullptr) == ONDOL_INVALID_ARGUMENT, "null args");
  a = good, a.dw = nullptr, refused(a, "dw = null");
  a = good, a.dy = nullptr, refused(a, "dy = null");
  a = good, a.forward.x = nullptr, refused(a, "x = null");
  a = good, a.forward.end_h = 1, refused(a, "expected all of y");
  a = good, a.forward.precision = -1, refused(a, "precision = -1: expected 0 to 4");
  a = good, a.forward.begin_w = 1, refused(a, "expected all of y");
  a = good, a.forward.groups = 2, refused(a, "groups = 2");
  a = good, a.forward.kernel_w = 0, refused(a, "kernel_w = 0");
  a = good, a.dy_batch = INT64_MAX, refused(a, "dy strides[0]");
  a = good, a.dw = dy.data() + 12, refused(a, "expected no overlap with dy");
  a = good, a.dw = x.data() + 17, refused(a, "expected no overlap with x");
  a = good, a.forward.batch = 0;
  EXPECT(ondol_convweight(&a, nullptr) == ONDOL_OK && dw[0] == 0 && dw[7] == 0, "no images: %g", dw[0]);
}

// Depthwise filters of the sizes that have kernels of their own, with bands of rows, ragged channels and wide borders.
void depthwise(std::mt19937& random, const std::vector<int64_t>& all) {
  for (int64_t kernel : {3, 5}) {
    for (int64_t stride : {1, 2, 3}) {
      for (int64_t channels : {8, 16, 21}) {
        ondol_conv_args a = {};
        a.batch = 2, a.groups = a.x_channels = a.y_channels = channels;
        a.x_height = 3 + random() % 30, a.x_width = pick(random, {3, 16, 37, 130});
        a.kernel_h = a.kernel_w = kernel, a.stride_h = a.stride_w = stride, a.dilation_h = a.dilation_w = 1;
        a.pad_top = random() % (kernel + 1), a.pad_left = 1 + random() % kernel;
        a.y_height = a.end_h = (a.x_height + 2 * a.pad_top - kernel) / stride + 1;
        a.y_width = a.end_w = (a.x_width + 2 * a.pad_left - kernel) / stride + 1;
        if (a.x_height + 2 * a.pad_top >= kernel && a.x_width + 2 * a.pad_left >= kernel) Case(random, a, false).check(all);
      }
    }
  }
}

}  // namespace

int main() {
  const unsigned s = seed();
  printf("seed %u (ONDOL_TEST_SEED sets it)\n", s);
  std::mt19937 random(s);
  const std::vector<int64_t> all = variants("convweight");
  bad_arguments_are_named();
  depthwise(random, all);
  for (int round = 0; round < rounds(400); round++) {
    // Any conv, and those that gradients of a deconv bring, whose y is not all that x has room for.
    ondol_conv_args a = conv_sizes(random, false);
    if (random() % 4 == 0) a.y_height = a.end_h = 1 + random() % a.y_height;
    Case(random, a, true).check(all);
  }
  ondol_conv_args layer = {};
  do layer = conv_sizes(random, false);
  while (layer.batch < 2 || layer.groups > 1 || layer.kernel_h * layer.kernel_w < 4);
  layer.x_channels = 40, layer.y_channels = 35;
  Case(random, layer, false).check(all);
  return finish();
}
