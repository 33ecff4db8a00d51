// Operands of gemm rewritten for tensor.cuh: rounded or split, along k, every line a number of whole slices with zeros
// at its end. That is how float32 operands come in, and 16-bit ones whose strides or address do not suit copies of 16
// bytes.
#include "lines.cuh"

namespace ondol::cuda {
namespace {

constexpr int ROWS = 64;  // of a block, for one slice
constexpr int THREADS = 256;
constexpr int WORDS = LINE / 4;

struct LinesProblem {
  TensorSource source;
  unsigned char* to;
  int64_t slices, row_blocks;
};

int64_t batches_of(const TensorSource& source) {
  int64_t batches = 1;
  for (int64_t extent : source.extents) batches *= extent;
  return batches;
}

int64_t slices_of(const TensorSource& source, int64_t precision) {
  bool narrow = precision == ONDOL_BFLOAT16 || precision == ONDOL_FLOAT16;
  return ceil_div(source.k, narrow ? Bfloat16::DEPTH : Tf32::DEPTH);
}

// Two elements of padding keep reads down a column off each other's banks.
template <class Format>
struct Tile {
  typename Format::Element element[ROWS][Format::DEPTH + 2];
};

template <class Format>
ONDOL_DEVICE typename Format::Element element_of(const TensorSource& source, int64_t base, int64_t row, int64_t k) {
  auto data = static_cast<const typename Format::Element*>(source.data);
  if (row >= source.rows || k >= source.k) return {};
  if (source.panels) return data[(row / 16 * source.k + k) * 16 + row % 16];
  return data[base + row * source.row + k * source.step];
}

// Neighbouring threads read neighbouring addresses, along k or across, and write neighbouring words.
template <class Format>
__global__ void __launch_bounds__(THREADS, 1) gemm_lines(LinesProblem problem) {
  auto& s = shared<Tile<Format>>();
  const TensorSource& source = problem.source;
  int64_t block = blockIdx.x;
  int64_t slice = block % problem.slices;
  block /= problem.slices;
  int64_t row0 = block % problem.row_blocks * ROWS;
  int64_t batch = block / problem.row_blocks;
  int64_t base = 0;
  int64_t rest = batch;
#pragma unroll
  for (int d = ONDOL_BATCH_RANK - 1; d >= 0; --d) {
    base += rest % source.extents[d] * source.batch[d];
    rest /= source.extents[d];
  }
  bool along_k = !source.panels && source.row != 1;
  for (int e = static_cast<int>(threadIdx.x); e < ROWS * Format::DEPTH; e += THREADS) {
    int r = along_k ? e / Format::DEPTH : e % ROWS;
    int k = along_k ? e % Format::DEPTH : e / ROWS;
    s.element[r][k] = element_of<Format>(source, base, row0 + r, slice * Format::DEPTH + k);
  }
  __syncthreads();
  for (int e = static_cast<int>(threadIdx.x); e < ROWS * WORDS; e += THREADS) {
    int64_t row = row0 + e / WORDS;
    if (row >= source.rows) break;
    int64_t line = (batch * source.rows + row) * problem.slices + slice;
    reinterpret_cast<uint32_t*>(problem.to + line * LINE)[e % WORDS] = Format::word(s.element[e / WORDS], e % WORDS);
  }
}

template <class Format>
void launch(Launcher& launcher, const LinesProblem& problem) {
  launcher.launch("gemm", gemm_lines<Format>, batches_of(problem.source) * problem.row_blocks * problem.slices, THREADS,
                  sizeof(Tile<Format>), problem);
}

void set_batch(TensorSource& source, const ondol_gemm_args& args, const int64_t* strides) {
  for (int d = 0; d < ONDOL_BATCH_RANK; d++) {
    source.extents[d] = strides[d] == 0 ? 1 : args.batch[d];
    source.batch[d] = strides[d];
  }
}

}  // namespace

TensorSource tensor_source_a(const ondol_gemm_args& args) {
  TensorSource source = {args.a, false, args.m, args.k, args.a_row, args.a_col, {}, {}};
  set_batch(source, args, args.a_batch);
  return source;
}

TensorSource tensor_source_b(const ondol_gemm_args& args) {
  static const int64_t none[ONDOL_BATCH_RANK] = {};
  bool panels = args.packed != nullptr;
  TensorSource source = {panels ? args.packed : args.b, panels, args.n, args.k, args.b_col, args.b_row, {}, {}};
  set_batch(source, args, panels ? none : args.b_batch);
  return source;
}

bool reads_in_place(const TensorSource& source, int64_t precision, TensorOperand& operand) {
  constexpr int64_t EACH = CHUNK / 2;
  if (precision != ONDOL_BFLOAT16 && precision != ONDOL_FLOAT16) return false;
  if (source.k == 0 || source.panels || reinterpret_cast<uintptr_t>(source.data) % CHUNK != 0) return false;
  operand.data = static_cast<const unsigned char*>(source.data);
  for (int d = 0; d < ONDOL_BATCH_RANK; d++) {
    if (source.extents[d] > 1 && source.batch[d] % EACH != 0) return false;
    operand.batch[d] = source.extents[d] > 1 ? source.batch[d] * 2 : 0;
  }
  if (source.step == 1 && (source.row % EACH == 0 || source.rows == 1)) {
    operand.pitch = source.rows == 1 ? 0 : source.row * 2;
    operand.extent = source.k * 2;
    operand.lines = source.rows;
    operand.transposed = false;
    return true;
  }
  if (source.row == 1 && source.step % EACH == 0) {
    operand.pitch = source.step * 2;
    operand.extent = source.rows * 2;
    operand.lines = source.k;
    operand.transposed = true;
    return true;
  }
  return false;
}

int64_t lines_bytes(const TensorSource& source, int64_t precision) {
  return batches_of(source) * source.rows * slices_of(source, precision) * LINE;
}

TensorOperand write_lines(Launcher& launcher, const TensorSource& source, int64_t precision, unsigned char* to) {
  LinesProblem problem = {source, to, slices_of(source, precision), ceil_div(source.rows, ROWS)};
  switch (precision) {
    case ONDOL_BFLOAT16:
    case ONDOL_FLOAT16: launch<Bfloat16>(launcher, problem); break;  // words as they are
    case ONDOL_TF32: launch<Tf32>(launcher, problem); break;
    default: launch<Bfloat16x3>(launcher, problem); break;
  }
  TensorOperand operand = {to, {}, problem.slices * LINE, problem.slices * LINE, source.rows, false};
  int64_t bytes = source.rows * operand.pitch;
  for (int d = ONDOL_BATCH_RANK - 1; d >= 0; d--) {
    operand.batch[d] = source.extents[d] > 1 ? bytes : 0;
    bytes *= source.extents[d];
  }
  return operand;
}

}  // namespace ondol::cuda
