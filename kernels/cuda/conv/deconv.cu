// Transposed convolution, gathered: see docs/arithmetic.md, Convolution, and problem.cuh for the phases. The kernels
// that compute are those of conv; what is here sorts the live entries of a masked deconv with a stride by phase.
#include "problem.cuh"

namespace ondol::cuda {
namespace {

constexpr int THREADS = 128;

struct Counts {
  int64_t before[THREADS];
  int64_t same[THREADS];
};

struct Lists {
  int32_t* sorted;
  int32_t* ranges;
};

// -1, 0 or 1: whether an entry's phase comes before, is or comes after the given one.
ONDOL_DEVICE int compare(const ondol_conv_args& args, int32_t entry, int64_t residue_h, int64_t residue_w) {
  int64_t h = entry / args.kernel_w % args.kernel_h * args.dilation_h % args.stride_h;
  int64_t w = entry % args.kernel_w * args.dilation_w % args.stride_w;
  if (h != residue_h) return h < residue_h ? -1 : 1;
  return w == residue_w ? 0 : w < residue_w ? -1 : 1;
}

// A block for each class and phase. A thread looks through one stretch of the class's entries, counts first and then
// writes its own behind those of the threads before it, so the order stays ascending.
__global__ void __launch_bounds__(THREADS, 1) deconv_lists(ConvProblem problem, Lists lists) {
  auto& s = shared<Counts>();
  const ondol_conv_args& args = problem.args;
  int64_t phases = problem.phases_h * problem.phases_w;
  int64_t which = blockIdx.x / phases;
  int64_t phase = blockIdx.x % phases;
  int64_t residue_h = (args.begin_h + phase / problem.phases_w + args.pad_top) % args.stride_h;
  int64_t residue_w = (args.begin_w + phase % problem.phases_w + args.pad_left) % args.stride_w;
  const int32_t* live = args.live + args.live_start[which];
  int64_t count = args.live_start[which + 1] - args.live_start[which];
  int64_t each = (count + THREADS - 1) / THREADS;
  int64_t begin = threadIdx.x * each;
  int64_t end = begin + each < count ? begin + each : count;

  int64_t before = 0;
  int64_t same = 0;
  for (int64_t i = begin; i < end; ++i) {
    int order = compare(args, live[i], residue_h, residue_w);
    before += order < 0;
    same += order == 0;
  }
  s.before[threadIdx.x] = before;
  s.same[threadIdx.x] = same;
  __syncthreads();
  int64_t first = 0;
  int64_t total = 0;
  int64_t mine = 0;
  for (int t = 0; t < THREADS; ++t) {
    first += s.before[t];
    total += s.same[t];
    if (t < static_cast<int>(threadIdx.x)) mine += s.same[t];
  }
  int32_t* out = lists.sorted + args.live_start[which] + first + mine;
  for (int64_t i = begin; i < end; ++i) {
    if (compare(args, live[i], residue_h, residue_w) == 0) *out++ = live[i];
  }
  if (threadIdx.x == 0) {
    lists.ranges[blockIdx.x * int64_t{2}] = static_cast<int32_t>(first);
    lists.ranges[blockIdx.x * int64_t{2} + 1] = static_cast<int32_t>(total);
  }
}

bool needs_lists(const ConvProblem& problem) {
  const ondol_conv_args& args = problem.args;
  return args.classes != 0 && (args.stride_h != 1 || args.stride_w != 1);
}

// How many live entries there are is known on the device alone: room for all of every class, at most a weight's size.
int64_t sorted_size(const ConvProblem& problem) { return problem.args.classes * problem.depth; }

int64_t range_count(const ConvProblem& problem) {
  return problem.args.classes * problem.phases_h * problem.phases_w;
}

// Rounded up for what comes behind them.
int64_t lists_bytes(const ConvProblem& problem) {
  constexpr int64_t ALIGNMENT = 256;
  if (!needs_lists(problem)) return 0;
  return ceil_div((sorted_size(problem) + 2 * range_count(problem)) * 4, ALIGNMENT) * ALIGNMENT;
}

}  // namespace
}  // namespace ondol::cuda

using namespace ondol::cuda;

int64_t ondol_cuda_deconv_workspace(const ondol_deconv_args* args) {
  ConvProblem problem = conv_problem(*args, true);
  return lists_bytes(problem) + conv_tensor_workspace(problem);
}

int64_t ondol_cuda_deconv(const ondol_deconv_args* args, const ondol_cuda_queue* queue, ondol_error* error) {
  Launcher launcher(queue, error);
  if (!launcher.accepts("deconv", args->precision, ONDOL_BFLOAT16X3)) return launcher.status();
  ConvProblem problem = conv_problem(*args, true);
  if (needs_lists(problem)) {
    auto* sorted = static_cast<int32_t*>(queue->workspace);
    Lists lists{sorted, sorted + sorted_size(problem)};
    launcher.launch("deconv", deconv_lists, range_count(problem), THREADS, sizeof(Counts), problem, lists);
    problem.sorted = lists.sorted;
    problem.ranges = lists.ranges;
  }
  if (args->precision == ONDOL_EXACT) {
    launch_conv(launcher, problem);
  } else {
    launch_conv_tensor(launcher, problem, static_cast<unsigned char*>(queue->workspace) + lists_bytes(problem));
  }
  return launcher.status();
}
