// Which calls Hopper's conv takes, and the choice of its tiles.
#include "hopper.cuh"

namespace ondol::cuda {
namespace {

constexpr int ROOM = 227 * 1024;  // shared memory of a block

constexpr int64_t ANY = 8;  // the stride of a dimension with one index

int64_t stride_of(int64_t size, int64_t stride) { return size > 1 ? stride : ANY; }

// A map as boxes of `rows` rows of a strip.
TensorShape map_shape(const float* base, int64_t offset, const int64_t (&size)[4], int64_t width, int64_t channel,
                      int64_t batch, int box, int rows) {
  return {reinterpret_cast<const uint16_t*>(base) + offset,
          {size[0], size[1], size[2], size[3], 1},
          {1, stride_of(size[1], channel), stride_of(size[2], width), stride_of(size[3], batch), ANY},
          {box, SLICE, rows, 1, 1}};
}

// Sizes that the filters alone decide.
int64_t slices_of(const ConvProblem& problem) { return ceil_div(problem.args.x_channels, SLICE); }
int64_t most_steps(const ConvProblem& problem) { return slices_of(problem) * problem.taps; }
int64_t whole_rows(const ConvProblem& problem) { return ceil_div(problem.args.y_channels, 2 * HALF) * 2 * HALF; }

int64_t rounded_up(int64_t bytes) { return ceil_div(bytes, 256) * 256; }

// Strips of 32 pixels, and for the rest one of 32, or of 16 and 8 if they are enough. The number of pairs of tiles.
int64_t cut(const ondol_conv_args& args, ConvPlan& plan) {
  int64_t width = args.end_w - args.begin_w;
  int64_t eights = ceil_div(width % WIDEST, 8);
  plan.strips[0] = static_cast<int>(width / WIDEST + (eights == 4 ? 1 : 0));
  plan.strips[1] = eights == 2 || eights == 3 ? 1 : 0;
  plan.strips[2] = eights == 1 || eights == 3 ? 1 : 0;
  int64_t image = 0;
  for (int kind = 0; kind < KINDS; ++kind) {
    plan.down[kind] = static_cast<int>(ceil_div(args.end_h - args.begin_h, tile_rows(plan, kind)));
    image += static_cast<int64_t>(plan.strips[kind]) * plan.down[kind];
  }
  plan.image = static_cast<int>(image);
  return ceil_div(image * args.batch, 2) * plan.row_tiles;
}

// Divides the shared memory; false where there is too little.
bool fit(const ondol_conv_args& args, ConvPlan& plan) {
  int kind = 0;
  while (plan.strips[kind] == 0) ++kind;
  int64_t further = (args.kernel_h - 1) * args.dilation_h;
  int64_t row_bytes = 2 * SLICE * (WIDEST >> kind);
  int64_t pixel_bytes = (tile_rows(plan, kind) + further) * row_bytes;
  int64_t filter_bytes = plan.rows * SLICE * 2;
  int64_t room = ROOM - HEAD - 2 * HALF * plan.columns * 2;
  constexpr int64_t ENOUGH = 4;  // stages of filters, before the pixels get a third
  plan.pixel_stages = 3 * pixel_bytes + ENOUGH * filter_bytes <= room ? 3 : 2;
  int64_t stages = (room - plan.pixel_stages * pixel_bytes) / filter_bytes;
  if (stages < 3) return false;
  plan.filter_stages = static_cast<int>(stages < MOST_STAGES ? stages : MOST_STAGES);
  plan.pixel_bytes = static_cast<int>(pixel_bytes);
  plan.shared_bytes =
      static_cast<int>(ROOM - room + plan.pixel_stages * pixel_bytes + plan.filter_stages * filter_bytes);
  return true;
}

// Pairs of blocks that `processors` run at once.
int pairs_of(int processors) { return processors < 2 ? 1 : processors / 2; }

// The plan with the least work for the busiest pair of `processors`; results are the same with each. BESIDE is what a
// tile costs in columns beside its own: filling the stages and writing the results of a short one. It is a guess.
bool choose(const ConvProblem& problem, int processors, ConvPlan& best) {
  constexpr int BESIDE = 32;
  int64_t least = 0;
  for (int rows : {2 * HALF, HALF}) {
    for (int columns : {256, 224, 192, 128, 64}) {
      ConvPlan plan = {};
      plan.rows = rows;
      plan.columns = columns;
      plan.row_tiles = static_cast<int>(ceil_div(problem.args.y_channels, rows));
      plan.steps = static_cast<int>(most_steps(problem));
      int64_t pairs = cut(problem.args, plan);
      if (pairs > INT32_MAX / 4 || !fit(problem.args, plan)) continue;
      plan.pairs = static_cast<int>(pairs);
      int64_t cost = ceil_div(pairs, pairs_of(processors)) * (columns + BESIDE);
      if (least != 0 && cost >= least) continue;
      least = cost;
      best = plan;
    }
  }
  return least != 0;
}

}  // namespace

TensorShape x_shape(const ondol_conv_args& args, int width, int rows) {
  return map_shape(args.x, 0, {args.x_width, args.x_channels, args.x_height, args.batch}, args.x_width, args.x_channel,
                   args.x_batch, width, rows);
}

// The window of y.
TensorShape y_shape(const ondol_conv_args& args, int width, int rows) {
  return map_shape(args.y, args.begin_h * args.y_width + args.begin_w,
                   {args.end_w - args.begin_w, args.y_channels, args.end_h - args.begin_h, args.batch}, args.y_width,
                   args.y_channel, args.y_batch, width, rows);
}

TensorShape filter_shape(const ConvPlan& plan) {
  int64_t lines = static_cast<int64_t>(plan.row_tiles) * plan.steps * plan.rows;
  return {plan.filters, {SLICE, lines, 1, 1, 1}, {1, SLICE, ANY, ANY, ANY}, {SLICE, plan.rows / 2, 1, 1, 1}};
}

bool plan_conv(const ConvProblem& problem, int processors, void* workspace, ConvPlan& plan) {
  if (!choose(problem, processors, plan)) return false;
  int pairs = pairs_of(processors);
  plan.blocks = 2 * (plan.pairs < pairs ? plan.pairs : pairs);
  auto* filters = static_cast<unsigned char*>(workspace);
  auto* list = filters + rounded_up(whole_rows(problem) * plan.steps * SLICE * 2);
  plan.filters = reinterpret_cast<uint16_t*>(filters);
  plan.list = reinterpret_cast<ConvStep*>(list);
  plan.counts = reinterpret_cast<int32_t*>(plan.list + static_cast<int64_t>(plan.row_tiles) * plan.steps);
  return true;
}

bool conv_hopper_takes(const ConvProblem& problem) {
  const ondol_conv_args& args = problem.args;
  if (args.precision != ONDOL_BFLOAT16 && args.precision != ONDOL_FLOAT16) return false;
  if (problem.transposed || problem.wide || args.groups != 1 || args.classes > MOST_CLASSES) return false;
  if (args.stride_h != 1 || args.stride_w != 1) return false;
  // Fewer channels would leave more than half of a step's or a block's products without any.
  if (args.x_channels < SLICE / 2 || args.y_channels < HALF / 2) return false;
  if (args.kernel_h > UINT8_MAX || args.kernel_w > UINT8_MAX || slices_of(problem) > UINT16_MAX) return false;
  if (most_steps(problem) > MOST_SLICES || whole_rows(problem) * most_steps(problem) > INT32_MAX) return false;
  if (phase_positions(problem) == 0) return false;
  return fits_tensor_copy(x_shape(args, 8, 1)) && fits_tensor_copy(y_shape(args, 8, 1));
}

int64_t conv_hopper_workspace(const ConvProblem& problem) {
  if (!conv_hopper_takes(problem)) return 0;
  int64_t steps = most_steps(problem);
  int64_t most_tiles = whole_rows(problem) / HALF;
  return rounded_up(whole_rows(problem) * steps * SLICE * 2) +
         rounded_up(most_tiles * (steps * static_cast<int64_t>(sizeof(ConvStep)) + 4));
}

}  // namespace ondol::cuda
