// The emulated conv, maskedconv, deconv and convweight of lower precision against sums in double and a reference in
// that precision: the generated cases of the exact kernels, with 16-bit operands where the precision has them.
#include "conv_cases.h"
#include "precision.h"
#include "reference.h"
#ifndef ONDOL_TEST_DEVICE
#include "emulate_hopper.h"
#endif

using namespace testing;

// Huge numbers would overflow in float32 and not in double; infinities and NaN stay.
static void tame(std::vector<float>& numbers, int64_t precision) {
  for (float& x : numbers) {
    if (std::isfinite(x) && std::fabs(x) > 100) x = std::copysign(100.0f, x);
    x = round_to(precision, x);
  }
}

// `whole`: operands in steps of 16 bytes.
static void check(ConvCase& c, int64_t precision, bool whole = false) {
  ondol_conv_args& args = c.args;
  args.precision = precision;
  tame(c.x, precision);
  tame(c.weight, precision);
  Map y(args.batch, args.y_channels, args.y_height * args.y_width, false, whole);
  Map other(args.batch, args.y_channels, args.y_height * args.y_width, false, whole);
  args.y_batch = y.batch;
  args.y_channel = y.channel;
  if (chance(2)) {
    c.bias = values(random_source, args.y_channels, false);
    args.bias = c.bias.data();
  }
  auto shift = static_cast<size_t>(whole ? 0 : below(2));
  Stored x(precision, c.x, shift), weight(precision, c.weight, shift), to(precision, y.data, shift);
  Stored residual(precision, other.data, shift);
  Stored before = to;
  bool in_place = chance(3);
  ondol_conv_args own = args;
  own.x = x.data();
  own.weight = weight.data();
  own.y = to.data();
  if (in_place || chance(2)) {
    own.residual = in_place ? to.data() : residual.data();
    own.residual_batch = in_place ? y.batch : other.batch;
    own.residual_channel = in_place ? y.channel : other.channel;
  }
  if (chance(2)) c.pack();
  Stored packed(precision, c.packed, shift);
  if (!c.packed.empty()) {
    own.packed = packed.data();
    own.weight = nullptr;
  }
  if (c.transposed) {
    run_emulated(ondol_cuda_deconv_workspace, ondol_cuda_deconv, own);
  } else {
    run_emulated(ondol_cuda_conv_workspace, ondol_cuda_conv, own);
  }

  Judge judge(precision);
  std::vector<bool> written(y.data.size());
  using Chain = std::vector<reference::Step>;
  reference::each_chain(args, c.transposed, [&](int64_t n, int64_t o, int64_t pixel, const Chain& chain) {
    Sum sum(precision);
    for (const reference::Step& step : chain) sum.add(step.x, step.w);
    float low = sum.low;
    double exact = sum.exact;
    if (args.bias != nullptr) {
      low += args.bias[o];
      exact += static_cast<double>(args.bias[o]);
    }
    if (own.residual != nullptr) {
      const Stored& from = in_place ? before : residual;
      float r = from.values[static_cast<size_t>(n * own.residual_batch + o * own.residual_channel + pixel)];
      low += r;
      exact += static_cast<double>(r);
    }
    auto slope = static_cast<float>(args.slope);
    if (args.activation == ONDOL_RELU && slope != 0) {
      low = low < 0 ? low * slope : low;
      exact = exact < 0 ? exact * static_cast<double>(slope) : exact;
    } else {
      low = reference::activation(args.activation, low);
      exact = activated(args.activation, exact);
    }
    auto place = static_cast<size_t>(n * args.y_batch + o * args.y_channel + pixel);
    written[place] = true;
    judge.add(to.at(place), low, exact);
  });
  bool good = judge.passes("y");
  for (size_t i = 0; i < written.size(); i++) {
    if (!written[i]) EXPECT(same(to.at(i), before.at(i)), "y[%zu], outside the window, was written", i);
  }
  if (!good) c.print();
}

static void generated(bool transposed, bool masked, int64_t precision) {
  Shape shape;
  if (chance(12)) shape.batch = 0;
  if (chance(5)) {  // depthwise
    shape.groups = pick({2, 5, 9});
    shape.x_group = 1;
    shape.y_group = pick({1, 2});
  }
  ConvCase c(transposed, shape, masked);
  ondol_conv_args& a = c.args;
  if (chance(4)) {
    a.begin_h = below(a.y_height);
    a.end_h = a.begin_h + below(a.y_height - a.begin_h + 1);
    a.begin_w = below(a.y_width);
    a.end_w = a.begin_w + below(a.y_width - a.begin_w + 1);
  }
  check(c, precision);
}

// Enough work for the large tile.
static void large(bool transposed, int64_t y_group, int64_t classes, int64_t precision) {
  Shape shape;
  shape.groups = 128;
  shape.y_group = y_group;
  shape.batch = 1;
  shape.x_group = 3;
  shape.classes = classes;
  shape.height = shape.width = 4;
  shape.kernel = 3;
  shape.stride = transposed ? 2 : 1;
  ConvCase c(transposed, shape, classes != 0);
  check(c, precision);
}

// Coordinates that leave 32 bits: only a tap far away meets the map.
static void check_wide(bool transposed, int64_t precision) {
  Shape shape;
  shape.y_group = 20;
  shape.height = 4;
  shape.kernel = 5;
  shape.stride = 1;
  ConvCase c(transposed, shape, false);
  ondol_conv_args& a = c.args;
  a.dilation_h = int64_t{1} << 30;
  a.pad_top = INT32_MAX;
  a.y_height = transposed ? a.x_height + 2 : 1;
  if (!transposed) a.stride_h = a.dilation_h;
  a.end_h = a.y_height;
  check(c, precision);
}

// ---- Hopper's kernel ----------------------------------------------------------------------------------------------

// What decides whether it takes a call, and with which of its tiles.
struct HopperCase {
  const char* name;
  int64_t batch, x_channels, y_channels, height, width, kernel, pad;
  enum Mask { NONE, RANDOM, A, B } mask = NONE;
  int64_t colours = 1;  // of a mask
  int64_t rows = 0;     // of the window, where only a corner is computed
};

static const HopperCase hopper_cases[] = {
    // The tiles that one processor is best served with: channels x pixels of a product.
    {"128 x 256", 1, 64, 128, 8, 32, 3, 1},
    {"128 x 224", 1, 32, 128, 28, 56, 3, 1},
    {"128 x 192", 1, 72, 100, 12, 16, 3, 1},
    {"128 x 128", 1, 64, 128, 8, 16, 5, 2},
    {"128 x 64", 2, 100, 130, 8, 8, 3, 1},
    {"64 x 128", 1, 64, 64, 8, 32, 3, 1},
    {"64 x 64", 1, 64, 192, 8, 16, 3, 1},
    // Ragged ones.
    {"all kinds of strips", 2, 32, 40, 9, 56, 3, 1},
    {"lower than a tile", 3, 40, 128, 3, 32, 7, 3},
    {"one tap", 2, 130, 128, 5, 24, 1, 0},
    // Masks.
    {"mask A 7x7", 1, 64, 128, 8, 32, 7, 3, HopperCase::A},
    {"mask B 3x3", 2, 64, 128, 6, 32, 3, 1, HopperCase::B},
    {"mask A of colours", 1, 64, 128, 8, 16, 3, 1, HopperCase::A, 3},
    {"mask B of colours", 1, 66, 96, 5, 16, 5, 2, HopperCase::B, 3},
    {"nothing live", 1, 64, 96, 5, 16, 1, 0, HopperCase::A},
    {"any mask", 1, 80, 70, 6, 8, 3, 1, HopperCase::RANDOM},
    // Those that bench/cuda times, in a corner of one image.
    {"conv 3x3 256->256 56x56", 1, 256, 256, 56, 56, 3, 1, HopperCase::NONE, 1, 2},
    {"maskedconv B 3x3 128->128 32x32", 1, 128, 128, 32, 32, 3, 1, HopperCase::B, 1, 2},
    {"maskedconv A 7x7 128->128 32x32", 1, 128, 128, 32, 32, 7, 3, HopperCase::A, 1, 2},
};

static Shape shape_of(const HopperCase& h) {
  Shape shape;
  shape.groups = shape.stride = shape.dilation = 1;
  shape.batch = h.batch;
  shape.x_group = h.x_channels;
  shape.y_group = h.y_channels;
  shape.height = h.height;
  shape.width = h.width;
  shape.kernel = h.kernel;
  shape.pad = h.pad;
  shape.classes = 3;
  shape.whole = true;
  return shape;
}

// Few infinities, so that most sums are finite and a dead entry that turns one into NaN shows.
static void calm(std::vector<float>& numbers, int64_t infinities) {
  for (float& x : numbers) x = std::isfinite(x) ? x : 1.0f;
  auto count = static_cast<int64_t>(numbers.size());
  for (int64_t i = 0; i < infinities; i++) numbers[static_cast<size_t>(below(count))] = HUGE_VALF;
}

static void mask(ConvCase& c, const HopperCase& h) {
  if (h.mask == HopperCase::RANDOM) c.mask(shape_of(h));
  if (h.mask == HopperCase::A || h.mask == HopperCase::B) c.raster_mask(h.colours, h.mask == HopperCase::B);
}

// Of the emulated device; a real one is what it is.
static void set_device(int capability, int processors) {
#ifndef ONDOL_TEST_DEVICE
  ondol::cuda::emulate::set_capability(capability);
  ondol::cuda::emulate::set_processors(processors);
#else
  (void)capability, (void)processors;
#endif
}

static uint64_t wgmmas() {
#ifndef ONDOL_TEST_DEVICE
  return ondol::cuda::emulate::products_computed();
#else
  return 0;
#endif
}

// Hopper's kernel ran since `before`, or not, as `expected`; only the emulator knows.
static void expect_hopper(uint64_t before, bool expected, const char* name) {
#ifndef ONDOL_TEST_DEVICE
  EXPECT((wgmmas() != before) == expected, "%s: Hopper's kernel: expected %d", name, expected);
#else
  (void)before, (void)expected, (void)name;
#endif
}

static void check_hopper(const HopperCase& h, int64_t precision) {
  ConvCase c(false, shape_of(h), false);
  calm(c.x, below(4));
  calm(c.weight, chance(4));
  mask(c, h);
  if (h.rows != 0) {
    c.args.end_h = h.rows;
    c.args.end_w = 8;
  } else if (chance(3)) {  // a window whose rows begin at whole steps
    c.args.begin_h = below(c.args.y_height);
    c.args.end_h = c.args.begin_h + 1 + below(c.args.y_height - c.args.begin_h);
    c.args.begin_w = below((c.args.y_width + 7) / 8) * 8;
    c.args.end_w = c.args.begin_w + 1 + below(c.args.y_width - c.args.begin_w);
  }
  set_device(90, static_cast<int>(pick({1, 1, 2, 7})));
  uint64_t before = wgmmas();
  check(c, precision, true);
  expect_hopper(before, c.args.classes == 0 || !c.live.empty(), h.name);
}

// Calls that it must leave to the portable kernel.
static void check_not_hopper() {
  const HopperCase h = {"left to mma.sync", 1, 32, 32, 3, 8, 3, 1};
  for (int what = 0; what < 5; what++) {
    Shape shape = shape_of(h);
    if (what == 2) shape.width = 12;
    if (what == 3) shape.x_group = 31;
    if (what == 4) shape.stride = 2;
    ConvCase c(false, shape, false);
    if (what == 1) c.args.begin_w = 1;
    set_device(what == 0 ? 80 : 90, 2);
    uint64_t before = wgmmas();
    check(c, ONDOL_BFLOAT16, true);
    expect_hopper(before, false, h.name);
  }
}

// The same bits with every tile and grid, and in every order of the threads.
static void check_tiles(const HopperCase& h) {
  ConvCase c(false, shape_of(h), false);
  mask(c, h);
  c.args.precision = ONDOL_FLOAT16;
  Stored x(ONDOL_FLOAT16, c.x), weight(ONDOL_FLOAT16, c.weight);
  c.args.x = x.data();
  c.args.weight = weight.data();
  c.args.y_channel = c.args.y_height * c.args.y_width;
  c.args.y_batch = c.args.y_channels * c.args.y_channel;
  std::vector<uint16_t> first;
  for (int processors : {1, 2, 5, 100}) {
    Stored y(ONDOL_FLOAT16, std::vector<float>(static_cast<size_t>(c.args.batch * c.args.y_batch), nan()));
    c.args.y = y.data();
    set_device(90, processors);
    run_emulated(ondol_cuda_conv_workspace, ondol_cuda_conv, c.args);
    if (first.empty()) first = y.narrow;
    EXPECT(first == y.narrow, "%s: other bits with the tiles for %d processors", h.name, processors);
  }
}

static void check_hopper_cases() {
  int64_t part = 12 / rounds(12);
  for (const HopperCase& h : hopper_cases) {
    if (below(part) == 0) check_hopper(h, chance(2) ? ONDOL_BFLOAT16 : ONDOL_FLOAT16);
  }
  check_tiles({"dense", 1, 70, 130, 9, 24, 3, 1});
  check_tiles({"masked", 1, 70, 130, 8, 16, 3, 1, HopperCase::B, 3});
  check_not_hopper();
  set_device(90, 2);
}

// Both operands are rounded as they should be: of conv, deconv and the weight gradient.
static void check_rounding() {
  for (const Rounding& r : roundings) {
    for (bool left : {false, true}) {
      ondol_convweight_args args = {};
      ondol_conv_args& a = args.forward;
      a.batch = a.groups = a.x_channels = a.x_height = a.x_width = a.y_channels = a.y_height = a.y_width = 1;
      a.kernel_h = a.kernel_w = a.stride_h = a.stride_w = a.dilation_h = a.dilation_w = a.end_h = a.end_w = 1;
      a.x_batch = a.x_channel = a.y_batch = a.y_channel = args.dy_batch = args.dy_channel = 1;
      a.precision = r.precision;
      float one = 1, factor = r.factor, y[3] = {};
      a.x = left ? &factor : &one;
      a.weight = args.dy = left ? &one : &factor;
      a.y = y;
      run_emulated(ondol_cuda_conv_workspace, ondol_cuda_conv, a);
      a.y = y + 1;
      run_emulated(ondol_cuda_deconv_workspace, ondol_cuda_deconv, a);
      args.dw = y + 2;
      run_emulated(ondol_cuda_convweight_workspace, ondol_cuda_convweight, args);
      for (float actual : y) {
        EXPECT(actual == r.product, "precision %d: %a becomes %a", static_cast<int>(r.precision), factor, actual);
      }
    }
  }
}

static void check_weights(ConvCase& c, int64_t precision) {
  ondol_convweight_args args = {};
  c.args.precision = precision;
  args.forward = c.args;
  tame(c.x, precision);
  Map dy(c.args.batch, c.args.y_channels, c.args.y_height * c.args.y_width, chance(8));
  tame(dy.data, precision);
  args.dy = dy.data.data();
  args.dy_batch = dy.batch;
  args.dy_channel = dy.channel;
  auto shift = static_cast<size_t>(below(2));
  Stored x(precision, c.x, shift), from(precision, dy.data, shift);
  Stored to(precision, std::vector<float>(c.weight.size(), nan()), shift);
  ondol_convweight_args own = args;
  own.forward.x = x.data();
  own.forward.weight = nullptr;
  own.dy = from.data();
  own.dw = to.data();
  run_emulated(ondol_cuda_convweight_workspace, ondol_cuda_convweight, own);
  std::vector<Sum> sums(c.weight.size(), Sum(precision));
  std::vector<bool> live(c.weight.size());
  reference::each_weight(args, [&](int64_t element, const std::vector<reference::Step>& chain) {
    live[static_cast<size_t>(element)] = true;
    for (const reference::Step& step : chain) sums[static_cast<size_t>(element)].add(step.w, step.x);
  });
  Judge judge(precision);
  for (size_t i = 0; i < sums.size(); i++) {
    if (live[i]) judge.add(to.at(i), sums[i].low, sums[i].exact);
    if (!live[i]) EXPECT(bits(to.at(i)) == 0, "dw[%zu] = %g is dead", i, static_cast<double>(to.at(i)));
  }
  if (!judge.passes("dw")) c.print();
}

static void generated_weights(bool masked, int64_t precision) {
  Shape shape;
  if (chance(12)) shape.batch = 0;
  ConvCase c(false, shape, masked);
  check_weights(c, precision);
}

// Enough positions for several runs.
static void large_weights(bool masked, int64_t precision) {
  Shape shape;
  shape.groups = 1;
  shape.batch = 3;
  shape.x_group = 5;
  shape.y_group = 20;
  shape.height = shape.width = 30;
  shape.kernel = 3;
  shape.stride = 1;
  ConvCase c(false, shape, masked);
  check_weights(c, precision);
}

// Only the third tap's row meets the map.
static void wide_weights(int64_t precision) {
  Shape shape;
  shape.y_group = 20;
  shape.height = 4;
  shape.kernel = 5;
  ConvCase c(false, shape, false);
  ondol_conv_args& a = c.args;
  a.dilation_h = a.stride_h = int64_t{1} << 30;
  a.pad_top = INT32_MAX;
  a.y_height = a.end_h = 1;
  check_weights(c, precision);
}

int main() {
  unsigned s = seed();
  printf("seed %u\n", s);
  random_source.seed(s);
  check_rounding();
  check_hopper_cases();
  for (int64_t precision = ONDOL_BFLOAT16; precision <= ONDOL_BFLOAT16X3; precision++) {
    for (bool transposed : {false, true}) {
      for (int round = 0; round < rounds(12); round++) generated(transposed, round % 2, precision);
      check_wide(transposed, precision);
      if (rounds(12) == 12) large(transposed, 70, chance(2) ? 1 : 0, precision);
    }
    for (int round = 0; round < rounds(12); round++) generated_weights(round % 2, precision);
    large_weights(precision % 2 == 0, precision);
    wide_weights(precision);
  }
  return finish();
}
