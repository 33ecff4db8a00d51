// How Hopper's conv (hopper.cu) divides its work: what it, the choice of its tiles (hopper_plan.cu) and the kernel that
// rewrites filters for it (hopper_filters.cu) agree on.
#ifndef ONDOL_CUDA_CONV_HOPPER_CUH
#define ONDOL_CUDA_CONV_HOPPER_CUH

#include "../common/tensormap.cuh"
#include "problem.cuh"

namespace ondol::cuda {

constexpr int SLICE = 64;   // channels of x in a step
constexpr int HALF = 64;    // channels of y in a product
constexpr int HEAD = 1024;  // bytes of shared memory before the stages
constexpr int MOST_STAGES = 6;
constexpr int MOST_CLASSES = 8;        // of a mask
constexpr int64_t MOST_SLICES = 4096;  // a filter's taps times its slices of channels

// One step of a block: a tap's filters for SLICE channels times the pixels under that tap. The steps whose taps lie in
// one column of the filter follow each other and share the pixels, a box of rows.
struct alignas(8) ConvStep {
  uint16_t slice;
  uint8_t column;        // of the filter: kx
  uint8_t top;           // ky of the box's first row
  uint8_t down;          // ky - top
  uint8_t halo;          // the last ky of the box - top
  uint8_t begins, ends;  // whether the step is the first, the last with this box
};

// Kinds of strips into which an image is cut from left to right, by their width.
constexpr int KINDS = 3;
constexpr int WIDEST = 32;

struct ConvPlan {
  int columns;        // of a product: N
  int rows;           // channels of y in a block: 128, or 64 whose consumers share them and divide the pixels
  int row_tiles;      // blocks of channels
  int steps;          // of an unmasked block: the most there are
  int strips[KINDS];  // of 32, 16 and 8 pixels
  int down[KINDS];    // tiles of such a strip
  int image;          // tiles of an image
  int pairs;          // of tiles in all, the two of each having the same channels
  int filter_stages, pixel_stages;
  int pixel_bytes;   // of a stage
  int shared_bytes;  // of a block
  int blocks;        // of the grid

  // Rewritten filters: for each block of channels and each of its steps, lines of 64; the steps; how many there are.
  uint16_t* filters;
  ConvStep* list;
  int32_t* counts;
};

// Pixels of a tile and its rows in a strip of that kind.
__host__ ONDOL_DEVICE int tile_rows(const ConvPlan& plan, int kind) {
  return plan.columns * (plan.rows == 64 ? 2 : 1) / (WIDEST >> kind);
}

// x and the window of y in boxes of a strip's width, SLICE channels and some rows.
TensorShape x_shape(const ondol_conv_args& args, int width, int rows);
TensorShape y_shape(const ondol_conv_args& args, int width, int rows);
TensorShape filter_shape(const ConvPlan& plan);

// hopper_plan.cu: the best plan for so many multiprocessors, in a workspace; false where no tile fits.
bool plan_conv(const ConvProblem& problem, int processors, void* workspace, ConvPlan& plan);

// hopper_filters.cu
void launch_hopper_filters(Launcher& launcher, const ConvProblem& problem, const ConvPlan& plan);

// Whether a call may be one for Hopper's conv, on a device that has the units; its workspace (hopper_plan.cu); and the
// call, which is false where a block has no room for it (hopper.cu).
bool conv_hopper_takes(const ConvProblem& problem);
int64_t conv_hopper_workspace(const ConvProblem& problem);
bool launch_conv_hopper(Launcher& launcher, const ConvProblem& problem, const ondol_cuda_queue* queue);

}  // namespace ondol::cuda

#endif
