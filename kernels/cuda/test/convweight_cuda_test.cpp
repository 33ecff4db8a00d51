// The emulated convweight kernels against plain loops and the CPU library: generated shapes, and shapes that reach
// every tile.
#include "conv_cases.h"
#include "reference.h"

using namespace testing;

// The CPU library refuses what it would need terabytes of scratch for.
enum class Cpu { COMPARED, LEFT_OUT };

static void check(ConvCase& c, Cpu with = Cpu::COMPARED) {
  ondol_convweight_args expected = {};
  expected.forward = c.args;
  expected.forward.weight = nullptr;
  Map dy(c.args.batch, c.args.y_channels, c.args.y_height * c.args.y_width, chance(8));
  expected.dy = dy.data.data();
  expected.dy_batch = dy.batch;
  expected.dy_channel = dy.channel;
  ondol_convweight_args actual = expected;
  std::vector<float> dw(c.weight.size(), nan()), actual_dw = dw;
  expected.dw = dw.data();
  actual.dw = actual_dw.data();
  reference::convweight(expected);
  run_emulated(ondol_cuda_convweight_workspace, ondol_cuda_convweight, actual);
  bool equal = compare("dw", actual_dw, dw);
  if (with == Cpu::COMPARED) {
    std::vector<float> cpu_dw(dw.size(), nan());
    actual.dw = cpu_dw.data();
    run_cpu(ondol_convweight, actual);
    equal &= compare("dw", actual_dw, cpu_dw);
  }
  if (!equal) c.print();
}

static void generated(bool masked) {
  Shape shape;
  if (chance(12)) shape.batch = 0;
  if (chance(5)) {  // depthwise
    shape.groups = pick({2, 5, 9});
    shape.x_group = 1;
    shape.y_group = pick({1, 2});
  }
  ConvCase c(false, shape, masked);
  check(c);
}

// Enough work for the tiles that are chosen by size.
static void large(int64_t batch, int64_t groups, int64_t x_group, int64_t y_group, int64_t width,
                  int64_t classes) {
  Shape shape;
  shape.batch = batch;
  shape.groups = groups;
  shape.x_group = x_group;
  shape.y_group = y_group;
  shape.width = width;
  shape.kernel = 3;
  shape.stride = 2;
  shape.classes = classes;
  ConvCase c(false, shape, classes != 0);
  ondol_conv_args& a = c.args;
  if (width == 1) {
    a.x_height = a.y_height = a.end_h = a.y_width = a.end_w = 1;
    a.pad_top = a.pad_left = 1;
    a.dilation_h = a.dilation_w = 1;
  }
  check(c);
}

// Coordinates that leave 32 bits: only the third tap's row meets the map.
static void check_wide(int64_t y_group) {
  Shape shape;
  shape.y_group = y_group;
  shape.height = 4;
  shape.kernel = 5;
  ConvCase c(false, shape, false);
  ondol_conv_args& a = c.args;
  a.dilation_h = a.stride_h = int64_t{1} << 30;
  a.pad_top = INT32_MAX;
  a.y_height = a.end_h = 1;
  check(c, Cpu::LEFT_OUT);
}

int main() {
  unsigned s = seed();
  printf("seed %u\n", s);
  random_source.seed(s);
  for (int round = 0; round < rounds(60); round++) generated(round % 2);
  check_wide(2);
  check_wide(20);
  if (rounds(60) < 60) return finish();  // the rest takes minutes where each case is slow
  large(40, 1, 25, 64, 12, 0);
  large(40, 1, 25, 100, 12, 2);
  large(60, 1, 30, 120, 5, 0);
  large(60, 1, 30, 230, 5, 2);
  large(75, 1, 112, 224, 1, 0);  // the images' chains do not fit into one workspace
  large(75, 1, 112, 224, 1, 1);
  large(3, 130, 4, 20, 6, 0);  // enough tiles: a block adds its images itself
  large(3, 130, 4, 20, 6, 1);
  large(3, 3700, 1, 1, 3, 0);
  return finish();
}
