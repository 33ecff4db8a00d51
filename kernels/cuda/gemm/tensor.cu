// Chooses how gemm of lower precision reads its operands, and starts it.
#include "gemm.cuh"
#include "lines.cuh"

namespace ondol::cuda {
namespace {

constexpr int64_t ALIGNMENT = 256;

int64_t rewritten(const TensorSource& source, int64_t precision) {
  TensorOperand operand;
  if (reads_in_place(source, precision, operand)) return 0;
  return ceil_div(lines_bytes(source, precision), ALIGNMENT) * ALIGNMENT;
}

// An operand at the front of what is left of the workspace, or where it lies.
TensorOperand operand_of(Launcher& launcher, const TensorSource& source, int64_t precision, unsigned char*& workspace) {
  TensorOperand operand;
  if (reads_in_place(source, precision, operand)) return operand;
  operand = write_lines(launcher, source, precision, workspace);
  workspace += rewritten(source, precision);
  return operand;
}

int64_t batches_of(const ondol_gemm_args& args) {
  int64_t batches = 1;
  for (int64_t extent : args.batch) batches *= extent;
  return batches;
}

}  // namespace

int64_t gemm_tensor_workspace(const ondol_gemm_args& args) {
  if (batches_of(args) * args.m * args.n == 0) return 0;
  return rewritten(tensor_source_a(args), args.precision) + rewritten(tensor_source_b(args), args.precision);
}

void launch_gemm_tensor(Launcher& launcher, const ondol_gemm_args& args, void* workspace) {
  int64_t batches = batches_of(args);
  if (batches * args.m * args.n == 0) return;
  auto* free = static_cast<unsigned char*>(workspace);
  TensorProblem problem = {args, static_cast<float>(args.alpha), 0, 0, 0, {}, {}};
  problem.a = operand_of(launcher, tensor_source_a(args), args.precision, free);
  problem.b = operand_of(launcher, tensor_source_b(args), args.precision, free);
  switch (args.precision) {
    case ONDOL_BFLOAT16: launch_gemm_bfloat16(launcher, problem, batches); break;
    case ONDOL_FLOAT16: launch_gemm_float16(launcher, problem, batches); break;
    case ONDOL_TF32: launch_gemm_tf32(launcher, problem, batches); break;
    default: launch_gemm_bfloat16x3(launcher, problem, batches); break;
  }
}

}  // namespace ondol::cuda
