// y = act(w * x + bias + residual): see docs/arithmetic.md, Convolution. The kernels are in tiles.cu and
// direct.cu, for lower precision in tensor.cuh and hopper.cu.
#include "../common/tensormap.cuh"
#include "hopper.cuh"

namespace ondol::cuda {
namespace {

int64_t divisor(int64_t a, int64_t b) { return b == 0 ? a : divisor(b, a % b); }

// i with a i = 1 (mod m), 0 for m = 1; a and m have no common divisor.
int64_t inverse(int64_t a, int64_t m) {
  int64_t r0 = m, r1 = a % m, t0 = 0, t1 = 1;
  while (r1 > 1) {
    int64_t q = r0 / r1, r2 = r0 - q * r1, t2 = t0 - q * t1;
    r0 = r1;
    r1 = r2;
    t0 = t1;
    t1 = t2;
  }
  return m == 1 ? 0 : (t1 % m + m) % m;
}

Axis axis(int64_t kernel, int64_t stride, int64_t dilation, int64_t pad) {
  int64_t g = divisor(stride, dilation);
  return {kernel, stride, dilation, pad, g, inverse(dilation / g, stride / g)};
}

// Whether a coordinate in x, in the map or around it, may be too large for 32 bits.
bool is_wide(int64_t x, int64_t y, const Axis& a, bool transposed) {
  double corner = (transposed ? static_cast<double>(y) : static_cast<double>(y) * static_cast<double>(a.stride)) +
                  static_cast<double>(a.pad);
  double reach = static_cast<double>(a.kernel) * static_cast<double>(a.dilation);
  return static_cast<double>(x) + corner + reach >= 2147483648.0;
}

}  // namespace

ConvProblem conv_problem(const ondol_conv_args& args, bool transposed) {
  ConvProblem problem = {};
  problem.args = args;
  problem.transposed = transposed;
  problem.slope = static_cast<float>(args.slope);
  problem.x_group = args.x_channels / args.groups;
  problem.y_group = args.y_channels / args.groups;
  problem.taps = args.kernel_h * args.kernel_w;
  problem.depth = problem.x_group * problem.taps;
  problem.h = axis(args.kernel_h, args.stride_h, args.dilation_h, args.pad_top);
  problem.w = axis(args.kernel_w, args.stride_w, args.dilation_w, args.pad_left);
  problem.wide = is_wide(args.x_height, args.y_height, problem.h, transposed) ||
                 is_wide(args.x_width, args.y_width, problem.w, transposed);
  int64_t height = args.end_h - args.begin_h;
  int64_t width = args.end_w - args.begin_w;
  problem.phases_h = !transposed ? 1 : args.stride_h < height ? args.stride_h : height;
  problem.phases_w = !transposed ? 1 : args.stride_w < width ? args.stride_w : width;
  return problem;
}

void launch_conv(Launcher& launcher, const ConvProblem& problem) {
  const ondol_conv_args& args = problem.args;
  constexpr int64_t FEW = 8;  // channels for which a tile would be mostly empty
  int64_t classes = args.classes == 0 ? args.groups : args.classes;
  if (args.y_channels < FEW * classes) {
    launch_conv_direct(launcher, problem);
  } else {
    launch_conv_tiles(launcher, problem);
  }
}

}  // namespace ondol::cuda

using namespace ondol::cuda;

int64_t ondol_cuda_conv_workspace(const ondol_conv_args* args) {
  ConvProblem problem = conv_problem(*args, false);
  int64_t portable = conv_tensor_workspace(problem);
  int64_t hopper = conv_hopper_workspace(problem);
  return portable > hopper ? portable : hopper;
}

int64_t ondol_cuda_conv(const ondol_conv_args* args, const ondol_cuda_queue* queue, ondol_error* error) {
  Launcher launcher(queue, error);
  // A recording's shift moves the exact kernels alone.
  const int64_t most = queue->shift == nullptr ? ONDOL_BFLOAT16X3 : ONDOL_EXACT;
  if (!launcher.accepts("conv", args->precision, most)) return launcher.status();
  ConvProblem problem = conv_problem(*args, false);
  problem.shift = queue->shift;
  if (args->precision == ONDOL_EXACT) {
    launch_conv(launcher, problem);
  } else if (!conv_hopper_takes(problem) || !has_hopper_units(launcher, queue) ||
             !launch_conv_hopper(launcher, problem, queue)) {
    launch_conv_tensor(launcher, problem, queue->workspace);
  }
  return launcher.status();
}
