// Hopper's conv and maskedconv, emulated: that it takes the calls which it should, with every tile, ragged maps,
// windows and masks, and what it computes.
#include "conv_check.h"
#ifndef ONDOL_TEST_DEVICE
#include "emulate_hopper.h"
#endif

using namespace testing;

// What decides whether it takes a call, and with which of its tiles.
struct HopperCase {
  const char* name;
  int64_t batch, x_channels, y_channels, height, width, kernel, pad;
  enum Mask { NONE, RANDOM, A, B } mask = NONE;
  int64_t colours = 1;  // of a mask
  int64_t rows = 0;     // of the window, where only a corner is computed
};

static const HopperCase hopper_cases[] = {
    // The tiles that one pair of blocks is best served with: channels x pixels of a product.
    {"128 x 256", 2, 64, 128, 8, 32, 3, 1},
    {"128 x 224", 1, 32, 128, 28, 56, 3, 1},
    {"128 x 192", 2, 72, 100, 12, 16, 3, 1},
    {"128 x 128", 2, 64, 128, 8, 16, 5, 2},
    {"128 x 64", 2, 100, 128, 8, 8, 3, 1},
    {"64 x 128", 2, 64, 64, 8, 32, 3, 1},
    {"64 x 64", 2, 64, 64, 8, 16, 3, 1},
    // Ragged ones.
    {"all kinds of strips", 2, 32, 40, 9, 56, 3, 1},
    {"lower than a tile", 2, 40, 128, 3, 32, 5, 2},
    {"more channels than a tile", 2, 33, 130, 4, 8, 3, 1},
    {"no padding", 1, 32, 64, 12, 16, 9, 0},
    {"more padding than filter", 1, 32, 64, 4, 8, 3, 5},
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

int main() {
  unsigned s = seed();
  printf("seed %u\n", s);
  random_source.seed(s);
  int64_t part = 12 / rounds(12);
  for (const HopperCase& h : hopper_cases) {
    if (below(part) == 0) check_hopper(h, chance(2) ? ONDOL_BFLOAT16 : ONDOL_FLOAT16);
  }
  check_tiles({"dense", 1, 70, 130, 9, 24, 3, 1});
  check_tiles({"masked", 1, 70, 130, 8, 16, 3, 1, HopperCase::B, 3});
  check_not_hopper();
  return finish();
}
