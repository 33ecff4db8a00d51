// The emulated conv, maskedconv, deconv and convweight of lower precision against sums in double and a reference in
// that precision: the generated cases of the exact kernels, with 16-bit operands where the precision has them.
#include "conv_check.h"

using namespace testing;

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
