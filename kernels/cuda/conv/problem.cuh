// What a call of conv or deconv is to its kernels. Both gather: an output sums x(y + dy, x + dx) times a weight over
// its live entries. For deconv the outputs fall into phases, the residues of (oy + pad) and (ox + pad) by the strides:
// outputs of a phase have the same taps, and within a phase deconv is a conv of stride 1.
#ifndef ONDOL_CUDA_CONV_PROBLEM_CUH
#define ONDOL_CUDA_CONV_PROBLEM_CUH

#include "../common/math.cuh"

namespace ondol::cuda {

constexpr int PANEL_CHANNELS = 16;  // channels of a panel of packed filters

// first, first + step, ...: `count` numbers.
struct Progression {
  int64_t first, step, count;
};

// One axis of a deconv: which taps belong to a residue r by the stride. They solve tap * dilation = r (mod stride).
struct Axis {
  int64_t kernel, stride, dilation, pad;
  int64_t divisor;  // gcd(stride, dilation)
  int64_t inverse;  // of dilation / divisor modulo stride / divisor
};

struct ConvProblem {
  ondol_conv_args args;
  bool transposed;  // deconv
  bool wide;        // coordinates need 64 bits
  float slope;
  int64_t x_group, y_group, taps, depth;  // channels of a group; kernel_h * kernel_w; entries of a filter
  Axis h, w;
  int64_t phases_h, phases_w;  // of the outputs in the window; 1 for conv
  int64_t channel_tiles, position_tiles;
  // Masked deconv with a stride: each class's live entries ordered by phase, at live_start of the class, and for each
  // class and phase the place of its first entry in that order and their number.
  const int32_t* sorted;
  const int32_t* ranges;
  const int64_t* shift;  // of the window: rows and columns, known when the kernel runs; null for none
  // Filters rewritten for tensor cores: for each phase and channel, in the order of the classes, a line of `pitch`
  // bytes.
  unsigned char* lines;
  int64_t pitch;
};

ConvProblem conv_problem(const ondol_conv_args& args, bool transposed);
void launch_conv(Launcher& launcher, const ConvProblem& problem);         // chooses between the two below
void launch_conv_tensor(Launcher& launcher, ConvProblem problem, void* workspace);  // every precision but the exact one
int64_t conv_tensor_workspace(const ConvProblem& problem);                // bytes; 0 for the exact precision
void launch_weight_tensor(Launcher& launcher, const ondol_convweight_args& args, void* workspace);
int64_t weight_tensor_workspace(const ondol_convweight_args& args);
void launch_conv_tiles(Launcher& launcher, ConvProblem problem);          // many channels share their entries
void launch_conv_direct(Launcher& launcher, ConvProblem problem);         // few do, as in a depthwise convolution

// Blocks for the channels, `width` at a time, of which none spans two classes. What classes there are is known on the
// device alone, so with a mask this is a bound and the last blocks may find nothing to do.
inline int64_t channel_tiles(const ConvProblem& problem, int64_t width) {
  const ondol_conv_args& args = problem.args;
  if (args.classes == 0) return args.groups * ceil_div(problem.y_group, width);
  int64_t bound = args.y_channels / width + args.classes;
  return bound < args.y_channels ? bound : args.y_channels;
}

// Outputs of a channel in the largest phase.
inline int64_t phase_positions(const ConvProblem& problem) {
  const ondol_conv_args& args = problem.args;
  return args.batch * ceil_div(args.end_h - args.begin_h, problem.transposed ? args.stride_h : 1) *
         ceil_div(args.end_w - args.begin_w, problem.transposed ? args.stride_w : 1);
}

}  // namespace ondol::cuda

#endif
