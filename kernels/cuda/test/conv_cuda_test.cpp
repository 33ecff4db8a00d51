// The emulated conv and deconv kernels against plain loops and the CPU library: generated shapes, and shapes that reach
// every tile.
#include "conv_cases.h"
#include "reference.h"

using namespace testing;

// The CPU library refuses what it would need terabytes of scratch for.
enum class Cpu { COMPARED, LEFT_OUT };

static void check(ConvCase& c, Cpu with = Cpu::COMPARED) {
  ondol_conv_args& args = c.args;
  Map y(args.batch, args.y_channels, args.y_height * args.y_width, false);
  Map residual(args.batch, args.y_channels, args.y_height * args.y_width, false);
  std::vector<float> expected = y.data, actual = y.data;
  args.y_batch = y.batch;
  args.y_channel = y.channel;
  if (chance(2)) {
    c.bias = values(random_source, args.y_channels, false);
    args.bias = c.bias.data();
  }
  bool in_place = chance(3);
  if (in_place || chance(2)) {
    args.residual = in_place ? expected.data() : residual.data.data();
    args.residual_batch = in_place ? y.batch : residual.batch;
    args.residual_channel = in_place ? y.channel : residual.channel;
  }
  args.y = expected.data();
  c.transposed ? reference::deconv(args) : reference::conv(args);
  ondol_conv_args own = args;
  if (chance(2)) {
    c.pack();
    own.packed = c.packed.data();
    own.weight = nullptr;
  }
  own.y = actual.data();
  if (in_place) own.residual = actual.data();
  if (c.transposed) {
    run_emulated(ondol_cuda_deconv_workspace, ondol_cuda_deconv, own);
  } else {
    run_emulated(ondol_cuda_conv_workspace, ondol_cuda_conv, own);
  }
  bool equal = compare("y", actual, expected);
  if (with == Cpu::COMPARED) {
    std::vector<float> cpu = y.data;
    args.y = cpu.data();
    if (in_place) args.residual = cpu.data();
    run_cpu(c.transposed ? ondol_deconv : ondol_conv, args);
    equal &= compare("y", actual, cpu);
  }
  if (!equal) c.print();
}

static void generated(bool transposed, bool masked) {
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
  check(c);
}

// Enough work for each of the tiles that are chosen by size.
static void large(bool transposed, int64_t groups, int64_t y_group, int64_t classes) {
  Shape shape;
  shape.groups = groups;
  shape.y_group = y_group;
  shape.batch = 2;
  shape.x_group = 3;
  shape.classes = classes;
  shape.width = transposed ? 9 : 14;
  shape.kernel = 3;
  shape.stride = transposed ? 2 : 1;
  ConvCase c(transposed, shape, classes != 0);
  check(c);
}

// Coordinates that leave 32 bits: only a tap far away meets the map.
static void check_wide(bool transposed, int64_t y_group) {
  Shape shape;
  shape.y_group = y_group;
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
  check(c, Cpu::LEFT_OUT);
}

// A chain whose products all round to -0 stays -0 over the ragged end, and padding takes its step.
static void check_negative_zero(int64_t y_group, int64_t padding) {
  Shape shape;
  shape.groups = 1;
  shape.y_group = y_group;
  shape.x_group = 20;
  shape.kernel = 1;
  shape.stride = 1;
  shape.batch = 1;
  ConvCase c(false, shape, false);
  ondol_conv_args& a = c.args;
  std::fill(c.x.begin(), c.x.end(), -1e-30f);
  std::fill(c.weight.begin(), c.weight.end(), 1e-30f);
  a.pad_top = padding;
  a.pad_left = 0;
  a.activation = ONDOL_NONE;
  std::vector<float> y(static_cast<size_t>(a.y_channels * a.y_height * a.y_width));
  a.y = y.data();
  a.y_channel = a.y_height * a.y_width;
  a.end_h = 1;
  a.end_w = 1;
  run_emulated(ondol_cuda_conv_workspace, ondol_cuda_conv, a);
  // fma(-1e-30, 1e-30, +0) is -0 rounded; the next step adds -0 to it. Outside x the chain is fma(+0, w, +0) = +0.
  EXPECT(bits(y[0]) == (padding == 0 ? 0x80000000u : 0u), "%a with padding %lld", y[0], (long long)padding);
}

int main() {
  unsigned s = seed();
  printf("seed %u\n", s);
  random_source.seed(s);
  for (int64_t y_group : {1, 20}) {
    check_negative_zero(y_group, 0);
    check_negative_zero(y_group, 1);
  }
  for (int round = 0; round < rounds(100); round++) {
    for (bool transposed : {false, true}) generated(transposed, round % 2);
  }
  for (bool transposed : {false, true}) {
    check_wide(transposed, 2);
    check_wide(transposed, 20);
    if (rounds(100) < 100) continue;  // the rest takes minutes where each case is slow
    large(transposed, 128, 128, 0);
    large(transposed, 65, 64, 0);
    large(transposed, 65, 20, 0);
    large(transposed, 40, 120, 1);
    large(transposed, 40, 120, 2);
    large(transposed, 40, 60, 3);
  }
  return finish();
}
