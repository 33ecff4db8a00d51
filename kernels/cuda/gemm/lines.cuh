// What tensor.cuh's copies can read: operands as they lie in memory, where they may, and otherwise rewritten.
#ifndef ONDOL_CUDA_GEMM_LINES_CUH
#define ONDOL_CUDA_GEMM_LINES_CUH

#include "tensor.cuh"

namespace ondol::cuda {

// A or B of a call: `rows` rows of k elements, any strides apart (the rows of B are its columns).
struct TensorSource {
  const void* data;
  bool panels;  // data is packed as ondol_gemm_pack does it
  int64_t rows, k, row, step;
  int64_t extents[ONDOL_BATCH_RANK];  // 1 where the batch shares it
  int64_t batch[ONDOL_BATCH_RANK];
};

TensorSource tensor_source_a(const ondol_gemm_args& args);
TensorSource tensor_source_b(const ondol_gemm_args& args);

// Whether it is copied as it is; else `lines_bytes` of workspace hold it rewritten.
bool reads_in_place(const TensorSource& source, int64_t precision, TensorOperand& operand);
int64_t lines_bytes(const TensorSource& source, int64_t precision);
TensorOperand write_lines(Launcher& launcher, const TensorSource& source, int64_t precision, unsigned char* to);

}  // namespace ondol::cuda

#endif
