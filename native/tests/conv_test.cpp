// conv, maskedconv and deconv against scalar loops over fmaf, bit for bit: every variant, threads, layouts, windows,
// packed filters, epilogues.
#include <thread>

#include "conv_cases.h"

using namespace testing;

namespace {

struct Case {
  bool transposed;
  ondol_conv_args args;
  MapLayout lx, ly, lr;
  Guarded x, weight, y, residual, bias;
  std::vector<Live> live;  // one, or none where every entry lives
  std::vector<float> packed, initial, expected;

  Case(std::mt19937& random, bool transposed, const ondol_conv_args& sizes, bool drawn)
      : transposed(transposed),
        args(sizes),
        lx(random, sizes.batch, sizes.x_channels, sizes.x_height * sizes.x_width),
        ly(random, sizes.batch, sizes.y_channels, sizes.y_height * sizes.y_width),
        lr(random, sizes.batch, sizes.y_channels, sizes.y_height * sizes.y_width),
        x(lx.size),
        weight(sizes.y_channels * (sizes.x_channels / sizes.groups) * sizes.kernel_h * sizes.kernel_w),
        y(ly.size),
        residual(lr.size),
        bias(sizes.y_channels) {
    ondol_conv_args& a = args;
    const bool special = drawn && random() % 4 == 0, tiny = drawn && !special && random() % 4 == 0;
    conv_fill(random, x, special, tiny ? 0x1p-76f : 1);
    conv_fill(random, weight, special && random() % 2 == 0, tiny ? 0x1p-76f : 1);
    conv_fill(random, residual, special, 1);
    conv_fill(random, bias, special, 1);
    conv_fill(random, y, special, 1);
    a.x = x.data(), a.x_batch = lx.batch, a.x_channel = lx.channel;
    a.y = y.data(), a.y_batch = ly.batch, a.y_channel = ly.channel;
    if (random() % 3 == 0) live.emplace_back(random, a), live[0].put(a);
    if (random() % 2 == 0) {
      a.weight = weight.data();
      packed.assign(ondol_conv_packed_size(&a, transposed), nan());
      ondol_conv_pack(&a, transposed, packed.data());
      a.weight = nullptr;
      packed.push_back(0);  // so that filters without live entries have an address, too
      a.packed = packed.data();
    } else {
      a.weight = weight.data();
    }
    if (drawn && random() % 4 == 0) {
      a.begin_h = random() % (a.y_height + 1), a.end_h = a.begin_h + random() % (a.y_height - a.begin_h + 1);
      a.begin_w = random() % (a.y_width + 1), a.end_w = a.begin_w + random() % (a.y_width - a.begin_w + 1);
    }
    if (random() % 2 == 0) a.bias = bias.data();
    if (random() % 3 == 0) a.residual = residual.data(), a.residual_batch = lr.batch, a.residual_channel = lr.channel;
    if (random() % 3 == 0) a.residual = a.y, a.residual_batch = a.y_batch, a.residual_channel = a.y_channel;
    a.activation = random() % 2 == 0 ? 0 : random() % 3 == 0 ? 1 : random() % 7;  // 1: relu
    const double slopes[] = {0, 0.1, -0.5, 1.5, 1e-60};
    a.slope = slopes[random() % 5];
    initial.assign(y.data(), y.data() + y.size());
    reference();
  }

  void reference() {
    expected = initial;
    const ondol_conv_args& a = args;
    for (int64_t n = 0; n < a.batch; n++) {
      for (int64_t o = 0; o < a.y_channels; o++) {
        for (int64_t oy = a.begin_h; oy < a.end_h; oy++) {
          for (int64_t ox = a.begin_w; ox < a.end_w; ox++) {
            const int64_t pixel = oy * a.y_width + ox, at = n * a.y_batch + o * a.y_channel + pixel;
            float v = conv_chain(a, weight.data(), live.empty() ? nullptr : &live[0], transposed, n, o, oy, ox);
            if (a.bias != nullptr) v = v + a.bias[o];
            if (a.residual == a.y) v = v + initial[at];
            if (a.residual == residual.data()) v = v + a.residual[n * a.residual_batch + o * a.residual_channel + pixel];
            const float slope = (float)a.slope;
            expected[at] = a.activation == ONDOL_RELU && slope != 0 ? (v < 0 ? v * slope : v) : activated(v, a.activation);
          }
        }
      }
    }
  }

  void restore() { std::copy(initial.begin(), initial.end(), y.data()); }

  int64_t checked(ondol_error* error) { return transposed ? ondol_deconv(&args, error) : ondol_conv(&args, error); }

  void check(const std::vector<int64_t>& all) {
    for (int64_t variant : all) {
      for (int64_t threads : {1, 2, 7}) {
        restore();
        const int64_t status = transposed ? run_variant(ondol_deconv_plan, ondol_deconv_run, args, variant, threads)
                                          : run_variant(ondol_conv_plan, ondol_conv_run, args, variant, threads);
        EXPECT(status == ONDOL_OK, "%s", conv_text(args).c_str());
        compare(ondol_variant_name("conv", variant), threads);
      }
    }
    restore();
    ondol_error error = {};
    EXPECT(checked(&error) == ONDOL_OK, "%s: %s", conv_text(args).c_str(), error.message);
    compare("checked", ondol_threads());
  }

  // All of y's memory: the gaps and what lies outside the window keep what they had.
  void compare(const char* name, int64_t threads) {
    for (int64_t i = 0; i < y.size(); i++) {
      if (same(y.data()[i], expected[i])) continue;
      EXPECT(false, "%s %s %s threads=%ld at %ld: %a, expected %a", transposed ? "deconv" : "conv",
             conv_text(args).c_str(), name, (long)threads, (long)i, y.data()[i], expected[i]);
      return;
    }
  }
};

void drawn_shapes(std::mt19937& random, const std::vector<int64_t>& all) {
  for (int round = 0; round < rounds(600); round++) {
    const bool transposed = round % 3 == 0;
    Case(random, transposed, conv_sizes(random, transposed), true).check(all);
  }
}

ondol_conv_args square(int64_t batch, int64_t in, int64_t size, int64_t out, int64_t kernel, int64_t stride, int64_t pad,
                       int64_t groups, bool transposed) {
  ondol_conv_args a = {};
  a.batch = batch, a.groups = groups;
  a.x_channels = in, a.x_height = size, a.x_width = size + 1;
  a.kernel_h = a.kernel_w = kernel, a.stride_h = a.stride_w = stride, a.dilation_h = a.dilation_w = 1;
  a.pad_top = a.pad_left = pad;
  auto length = [&](int64_t x) { return transposed ? (x - 1) * stride + kernel - 2 * pad : (x + 2 * pad - kernel) / stride + 1; };
  a.y_channels = out, a.y_height = length(a.x_height), a.y_width = length(a.x_width);
  a.end_h = a.y_height, a.end_w = a.y_width;
  return a;
}

// Several tiles in every direction; only the lightest where every case is slow.
void layers(std::mt19937& random, const std::vector<int64_t>& all) {
  const ondol_conv_args convs[] = {square(1, 64, 28, 100, 3, 1, 1, 1, false), square(2, 200, 14, 130, 1, 1, 0, 1, false),
                                   square(1, 3, 96, 64, 7, 2, 3, 1, false), square(2, 70, 30, 70, 3, 2, 1, 70, false),
                                   square(2, 3, 31, 43, 7, 1, 3, 1, false), square(1, 140, 15, 22, 3, 1, 1, 1, false),
                                   // Few entries: by flat maps that end within a vector, by lines, in groups.
                                   square(2, 24, 13, 136, 1, 1, 0, 1, false), square(1, 144, 40, 21, 1, 1, 0, 1, false),
                                   square(1, 3, 62, 44, 3, 2, 0, 1, false), square(1, 8, 47, 13, 3, 1, 1, 1, false),
                                   square(2, 60, 21, 45, 1, 1, 0, 3, false), square(1, 30, 63, 7, 1, 2, 0, 1, false)};
  const ondol_conv_args deconvs[] = {square(2, 96, 8, 70, 5, 2, 2, 1, true), square(1, 24, 40, 12, 2, 2, 0, 1, true),
                                     square(1, 12, 17, 12, 16, 8, 4, 12, true)};
  const bool slow = rounds(600) < 600;
  for (const ondol_conv_args& a : convs) {
    if (!slow || conv_work(a) < 25000000) Case(random, false, a, false).check(all);
  }
  for (const ondol_conv_args& a : deconvs) {
    if (!slow || conv_work(a) < 25000000) Case(random, true, a, false).check(all);
  }
}

// Callers on threads of their own share the library's.
void many_callers(std::mt19937& random) {
  const int64_t before = ondol_threads();
  ondol_set_threads(3);
  std::vector<std::unique_ptr<Case>> cases;
  for (int i = 0; i < 4; i++) {
    cases.push_back(std::make_unique<Case>(random, i % 2 == 0, square(1, 32, 12, 40, 3, 1, 1, 1, i % 2 == 0), false));
  }
  std::vector<std::thread> callers;
  std::vector<int> wrong(cases.size());
  for (size_t i = 0; i < cases.size(); i++) {
    callers.emplace_back([&, i] {
      Case& c = *cases[i];
      for (int round = 0; round < 50; round++) {
        c.restore();
        wrong[i] += c.checked(nullptr) != ONDOL_OK;
        for (int64_t k = 0; k < c.y.size(); k++) wrong[i] += !same(c.y.data()[k], c.expected[k]);
      }
    });
  }
  for (std::thread& t : callers) t.join();
  for (size_t i = 0; i < cases.size(); i++) EXPECT(wrong[i] == 0, "caller %ld: %d wrong", (long)i, wrong[i]);
  ondol_set_threads(before);
}

void refused(const ondol_conv_args& a, const char* message, bool transposed = false) {
  ondol_error error = {};
  const int64_t status = transposed ? ondol_deconv(&a, &error) : ondol_conv(&a, &error);
  EXPECT(status == ONDOL_INVALID_ARGUMENT, "%s: status %ld", message, (long)status);
  EXPECT(strstr(error.message, message) != nullptr, "\"%s\" lacks \"%s\"", error.message, message);
}

// x [2, 4, 5, 5] with filters [6, 2, 3, 3] in two groups gives [2, 6, 3, 3].
void bad_arguments_are_named() {
  std::vector<float> x(200, 1), w(108, 1), y(108, 1), r(108, 1);
  ondol_conv_args good = {};
  good.batch = 2, good.groups = 2;
  good.x_channels = 4, good.x_height = good.x_width = 5, good.y_channels = 6, good.y_height = good.y_width = 3;
  good.kernel_h = good.kernel_w = 3, good.stride_h = good.stride_w = good.dilation_h = good.dilation_w = 1;
  good.end_h = good.end_w = 3;
  good.x = x.data(), good.x_batch = 100, good.x_channel = 25;
  good.y = y.data(), good.y_batch = 54, good.y_channel = 9;
  good.weight = w.data();
  ondol_conv_args a = good;
  EXPECT(ondol_conv(&a, nullptr) == ONDOL_OK && y[0] == 18 && y[107] == 18, "valid call: %g", y[0]);
  EXPECT(ondol_conv(nullptr, nullptr) == ONDOL_INVALID_ARGUMENT, "null args");
  EXPECT(ondol_deconv(nullptr, nullptr) == ONDOL_INVALID_ARGUMENT, "null args");
  a = good, a.batch = -1, refused(a, "batch = -1");
  a = good, a.batch = INT64_MAX, refused(a, "2^60");
  a = good, a.groups = 0, refused(a, "groups = 0");
  a = good, a.groups = 4, refused(a, "groups = 4");
  a = good, a.x_channels = 0, refused(a, "x_channels = 0");
  a = good, a.y_channels = -6, refused(a, "y_channels = -6");
  a = good, a.x_height = 0, refused(a, "x_height = 0");
  a = good, a.x_width = int64_t(1) << 40, refused(a, "x_width = 1099511627776");
  a = good, a.y_height = 0, refused(a, "y_height = 0");
  a = good, a.y_width = -1, refused(a, "y_width = -1");
  a = good, a.kernel_h = 0, refused(a, "kernel_h = 0");
  a = good, a.kernel_w = INT64_MIN, refused(a, "kernel_w = ");
  a = good, a.kernel_h = a.kernel_w = 1 << 16, refused(a, "kernel_h * kernel_w");
  a = good, a.stride_h = 0, refused(a, "stride_h = 0");
  a = good, a.stride_w = INT64_MAX, refused(a, "stride_w = ");
  a = good, a.dilation_h = -2, refused(a, "dilation_h = -2");
  a = good, a.dilation_w = 0, refused(a, "dilation_w = 0");
  a = good, a.pad_top = -1, refused(a, "pad_top = -1");
  a = good, a.pad_left = int64_t(1) << 40, refused(a, "pad_left = ");
  a = good, a.begin_h = -1, refused(a, "begin_h = -1");
  a = good, a.end_h = 4, refused(a, "end_h = 4");
  a = good, a.begin_w = 2, a.end_w = 1, refused(a, "end_w = 1");
  a = good, a.end_w = INT64_MAX, refused(a, "end_w = ");
  a = good, a.x = nullptr, refused(a, "x = null");
  a = good, a.y = nullptr, refused(a, "y = null");
  a = good, a.weight = nullptr, refused(a, "weight = null");
  a = good, a.packed = w.data(), refused(a, "expected null where packed is given");
  a = good, a.x_batch = INT64_MAX, refused(a, "x strides[0]");
  a = good, a.y_channel = 8, refused(a, "y strides[1] = 8");
  a = good, a.y_batch = 53, refused(a, "y strides[0] = 53");
  a = good, a.activation = 7, refused(a, "activation = 7");
  a = good, a.activation = -1, refused(a, "activation = -1");
  a = good, a.y = x.data() + 50, refused(a, "expected no overlap with x");
  a = good, a.bias = y.data() + 5, refused(a, "expected no overlap with bias");
  a = good, a.weight = y.data() + 100, refused(a, "expected no overlap with weight");
  a = good, a.weight = nullptr, a.packed = y.data(), refused(a, "expected no overlap with packed");
  a = good, a.residual = a.y, a.residual_batch = 54, a.residual_channel = 10, refused(a, "expected equal strides");
  a = good, a.residual = a.y + 1, a.residual_batch = 54, a.residual_channel = 9, refused(a, "expected no overlap with residual");
  a = good, a.residual = r.data(), a.residual_batch = INT64_MIN, refused(a, "residual strides[0]");
  // As a deconv: x [2, 4, 5, 5] with filters [4, 3, 3, 3] gives at least 7 x 7.
  a = good, a.stride_h = INT32_MAX, a.x_height = INT32_MAX, refused(a, "2^60", true);
}

void bad_live_entries_are_named() {
  std::vector<float> x(50, 1), w(36, 1), y(18, 1);
  ondol_conv_args good = {};
  good.batch = 1, good.groups = 2;
  good.x_channels = 2, good.x_height = good.x_width = 5, good.y_channels = 4, good.y_height = good.y_width = 2;
  good.kernel_h = good.kernel_w = 3, good.stride_h = good.stride_w = 2, good.dilation_h = good.dilation_w = 1;
  good.end_h = good.end_w = 2;
  good.x = x.data(), good.x_batch = 50, good.x_channel = 25;
  good.y = y.data(), good.y_batch = 16, good.y_channel = 4, good.weight = w.data();
  const int32_t channel_start[] = {0, 1, 2, 4}, channels[] = {0, 1, 2, 3}, live_start[] = {0, 2, 2, 5}, live[] = {0, 8, 1, 2, 3};
  good.classes = 3, good.channel_start = channel_start, good.channels = channels, good.live_start = live_start, good.live = live;
  ondol_conv_args a = good;
  ondol_error error = {};
  EXPECT(ondol_conv(&a, &error) == ONDOL_OK && y[0] == 2 && y[4] == 0 && y[8] == 3, "%s", error.message);
  a = good, a.classes = -1, refused(a, "classes = -1");
  a = good, a.classes = 5, refused(a, "classes = 5");
  a = good, a.channel_start = nullptr, refused(a, "channel_start = null");
  a = good, a.channels = nullptr, refused(a, "channels = null");
  a = good, a.live_start = nullptr, refused(a, "live_start = null");
  a = good, a.live = nullptr, refused(a, "live = null");
  const int32_t late[] = {1, 1, 2, 4}, short_of[] = {0, 1, 2, 3}, back[] = {0, 2, 1, 4}, beyond[] = {0, 1000000, 2, 4};
  a = good, a.channel_start = late, refused(a, "channel_start");
  a = good, a.channel_start = short_of, refused(a, "channel_start");
  a = good, a.channel_start = back, refused(a, "channel_start[2]");
  a = good, a.channel_start = beyond, refused(a, "channel_start[1]");
  const int32_t across[] = {0, 1, 1, 3}, high[] = {0, 1, 2, 4}, twice[] = {0, 1, 3, 3}, again[] = {0, 0, 2, 3};
  a = good, a.channels = across, refused(a, "channels[3] = 3");
  a = good, a.channels = high, refused(a, "channels[3] = 4");
  a = good, a.channels = twice, refused(a, "channels[3] = 3");
  a = good, a.channels = again, refused(a, "channels[1] = 0");
  const int32_t falling[] = {0, 2, 1, 5}, not_from_0[] = {1, 2, 2, 5};
  a = good, a.live_start = falling, refused(a, "live_start[2]");
  a = good, a.live_start = not_from_0, refused(a, "live_start");
  const int32_t descending[] = {0, 8, 2, 1, 3}, doubled[] = {0, 8, 1, 1, 3}, deep[] = {0, 9, 1, 2, 3}, negative[] = {-1, 8, 1, 2, 3};
  a = good, a.live = descending, refused(a, "live[3] = 1");
  a = good, a.live = doubled, refused(a, "live[3] = 1");
  a = good, a.live = deep, refused(a, "live[1] = 9");
  a = good, a.live = negative, refused(a, "live[0] = -1");
}

}  // namespace

int main() {
  const unsigned s = seed();
  printf("seed %u (ONDOL_TEST_SEED sets it)\n", s);
  std::mt19937 random(s);
  const std::vector<int64_t> all = variants("conv");
  bad_arguments_are_named();
  bad_live_entries_are_named();
  drawn_shapes(random, all);
  layers(random, all);
  many_callers(random);
  return finish();
}
