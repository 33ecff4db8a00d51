// The weight gradient of lower precision: cuts the positions into runs, starts the kernel of the precision, and adds
// the runs.
#include "weight_tensor.cuh"

namespace ondol::cuda {
namespace {

constexpr int THREADS = 128;
constexpr int TILE = 64;           // channels and entries of a block
constexpr int64_t ENOUGH = 256;    // blocks that fill a GPU, about
constexpr int64_t LEAST = 1024;    // positions of a run, where there are several
constexpr int64_t ROOM = 1 << 26;  // bytes of workspace, at most, where there are several

// Dead entries have no sum.
__global__ void __launch_bounds__(THREADS) weight_clear(float* sums, int64_t count) {
  int64_t i = int64_t{blockIdx.x} * THREADS + threadIdx.x;
  if (i < count) sums[i] = 0.0f;
}

template <class Format>
__global__ void __launch_bounds__(THREADS) weight_add(const float* sums, int64_t runs, int64_t size, float* dw) {
  int64_t i = int64_t{blockIdx.x} * THREADS + threadIdx.x;
  if (i >= size) return;
  float sum = 0.0f;
  for (int64_t run = 0; run < runs; ++run) sum = add(sum, sums[run * size + i]);
  reinterpret_cast<typename Format::Element*>(dw)[i] = Format::narrow(sum);
}

WeightTensorProblem weight_problem(const ondol_convweight_args& args) {
  WeightTensorProblem problem = {};
  ondol_conv_args forward = args.forward;
  forward.packed = nullptr;
  problem.conv = conv_problem(forward, false);
  problem.dy = args.dy;
  problem.dy_batch = args.dy_batch;
  problem.dy_channel = args.dy_channel;
  problem.size = forward.y_channels * problem.conv.depth;
  problem.conv.channel_tiles = channel_tiles(problem.conv, TILE);
  problem.conv.position_tiles = 1;
  problem.channel_tiles = problem.conv.channel_tiles;
  problem.entry_tiles = ceil_div(problem.conv.depth, TILE);
  problem.positions = forward.batch * forward.y_height * forward.y_width;
  if (problem.positions == 0) return problem;
  int64_t wanted = ceil_div(ENOUGH, problem.channel_tiles * problem.entry_tiles);
  int64_t most = ROOM / (problem.size * 4);
  int64_t runs = wanted < most ? wanted : most;
  int64_t pieces = ceil_div(problem.positions, LEAST);
  if (pieces < runs) runs = pieces;
  if (runs < 1) runs = 1;
  problem.run = ceil_div(ceil_div(problem.positions, runs), TILE) * TILE;  // whole slices
  problem.runs = ceil_div(problem.positions, problem.run);
  return problem;
}

template <class Format>
void add_runs(Launcher& launcher, const WeightTensorProblem& problem, float* dw) {
  launcher.launch("convweight", weight_add<Format>, ceil_div(problem.size, THREADS), THREADS, 0,
                  static_cast<const float*>(problem.sums), problem.runs, problem.size, dw);
}

}  // namespace

int64_t weight_tensor_workspace(const ondol_convweight_args& args) {
  WeightTensorProblem problem = weight_problem(args);
  return problem.runs * problem.size * 4;
}

void launch_weight_tensor(Launcher& launcher, const ondol_convweight_args& args, void* workspace) {
  WeightTensorProblem problem = weight_problem(args);
  problem.sums = static_cast<float*>(workspace);
  if (args.forward.classes != 0) {
    int64_t count = problem.runs * problem.size;
    launcher.launch("convweight", weight_clear, ceil_div(count, THREADS), THREADS, 0, problem.sums, count);
  }
  switch (args.forward.precision) {
    case ONDOL_BFLOAT16:
      launch_weight_bfloat16(launcher, problem);
      add_runs<Bfloat16>(launcher, problem, args.dw);
      break;
    case ONDOL_FLOAT16:
      launch_weight_float16(launcher, problem);
      add_runs<Float16>(launcher, problem, args.dw);
      break;
    case ONDOL_TF32:
      launch_weight_tf32(launcher, problem);
      add_runs<Tf32>(launcher, problem, args.dw);
      break;
    default:
      launch_weight_bfloat16x3(launcher, problem);
      add_runs<Bfloat16x3>(launcher, problem, args.dw);
      break;
  }
}

}  // namespace ondol::cuda
