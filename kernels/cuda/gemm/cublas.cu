// cuBLAS computes alpha A B. Without an epilogue it writes C itself; a bias, an activation or a residual wants the sums
// in float32, so that a result is rounded once: a piece of C at a time, small enough to stay in the L2 cache, goes to
// workspace and a kernel finishes it. (The epilogues of cublasLt take a bias of C's own type, which is not float32.)
//
// The constants are those of cublas_api.h and library_types.h of CUDA 12 and 13, whose header is not needed to build.
#include "cublas.cuh"

#include <cstdlib>
#include <cstring>
#include <mutex>

#if defined(__unix__)
#include <dlfcn.h>
#endif

#include "tensor.cuh"

namespace ondol::cuda {
namespace {

using Handle = void*;
constexpr int SUCCESS = 0;
constexpr int OP_N = 0;
constexpr int OP_T = 1;
constexpr int TYPE_FLOAT32 = 0;
constexpr int TYPE_FLOAT16 = 2;
constexpr int TYPE_BFLOAT16 = 14;
constexpr int COMPUTE_FLOAT32 = 68;
constexpr int ALGORITHM_DEFAULT = -1;
constexpr int SUMS_IN_FLOAT32 = 16;  // CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION

#ifdef ONDOL_CUDA_EMULATE
constexpr bool EMULATED = true;
#else
constexpr bool EMULATED = false;
#endif
constexpr int DEVICES = 64;
constexpr int64_t ITS_WORKSPACE = int64_t{32} << 20;  // what cuBLAS's manual recommends for sm_90
// Bytes of sums: the L2 cache of an A100 has 40 MiB, of an H100 50. Few in the emulation, where tests need several pieces.
constexpr int64_t PIECE = EMULATED ? 1 << 16 : 16 << 20;

struct Library {
  int (*create)(Handle*) = nullptr;
  int (*set_math_mode)(Handle, int) = nullptr;
  int (*set_stream)(Handle, cudaStream_t) = nullptr;
  int (*set_workspace)(Handle, void*, size_t) = nullptr;
  int (*gemm)(Handle, int, int, int, int, int, const void*, const void*, int, int, long long, const void*, int, int,
              long long, const void*, void*, int, int, long long, int, int, int) = nullptr;
  const char* name = "";  // empty where there is none
  std::mutex mutex;  // of the handles: one is used by one thread at a time
  Handle handles[DEVICES] = {};
  bool refused[DEVICES] = {};

  Library() {
#if defined(__unix__)
    const char* wanted = std::getenv("ONDOL_CUBLAS");
    if (wanted != nullptr && std::strcmp(wanted, "off") == 0) return;
    if (wanted != nullptr && *wanted != 0) {
      open(wanted);
    } else if (!EMULATED) {  // its kernels read device memory
      for (const char* usual : {"libcublas.so.13", "libcublas.so.12", "/usr/local/cuda/lib64/libcublas.so"}) {
        if (*name == 0) open(usual);
      }
    }
#endif
  }

  // The calling thread's current device has the ordinal; null where cuBLAS does not work on it. The mutex is held.
  Handle handle(int64_t device) {
    if (device < 0 || device >= DEVICES || refused[device]) return nullptr;
    if (handles[device] == nullptr) {
      // cuBLAS allocates here, which a thread that captures a graph may not do otherwise.
#ifndef ONDOL_CUDA_EMULATE
      cudaStreamCaptureMode mode = cudaStreamCaptureModeRelaxed;
      cudaThreadExchangeStreamCaptureMode(&mode);
#endif
      bool good = create(&handles[device]) == SUCCESS && set_math_mode(handles[device], SUMS_IN_FLOAT32) == SUCCESS;
#ifndef ONDOL_CUDA_EMULATE
      cudaThreadExchangeStreamCaptureMode(&mode);
#endif
      refused[device] = !good;
      if (!good) return nullptr;
    }
    return handles[device];
  }

 private:
#if defined(__unix__)
  void open(const char* path) {
    void* file = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (file == nullptr) return;
    if (load(file, "cublasCreate_v2", create) && load(file, "cublasSetMathMode", set_math_mode) &&
        load(file, "cublasSetStream_v2", set_stream) && load(file, "cublasSetWorkspace_v2", set_workspace) &&
        load(file, "cublasGemmStridedBatchedEx", gemm)) {
      name = path;
    }
  }

  template <class Function>
  static bool load(void* file, const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(file, name));
    return function != nullptr;
  }
#endif
};

Library& library() {
  static auto* loaded = new Library();  // never freed: calls may come while the process ends
  return *loaded;
}

bool is_there() { return *library().name != 0; }

// A matrix of rows x columns, as columns that are `lead` elements apart (transposed: as rows).
struct Layout {
  bool transposed;
  int64_t lead;
};

// cuBLAS's matrices are column-major: ours, with rows `row` apart, is its own transposed, and so is the product.
bool layout_of(int64_t rows, int64_t columns, int64_t row, int64_t column, Layout& layout) {
  if ((columns == 1 || column == 1) && (rows == 1 || row >= columns)) {
    layout = {false, rows == 1 ? columns : row};
  } else if ((rows == 1 || row == 1) && (columns == 1 || column >= rows)) {
    layout = {true, columns == 1 ? rows : column};
  } else {
    return false;
  }
  return layout.lead <= INT32_MAX;
}

// One stride for all batch dimensions, where there is one.
bool batch_stride(const int64_t* extents, const int64_t* strides, int64_t& stride) {
  int64_t inner = 1;
  stride = 0;
  for (int d = ONDOL_BATCH_RANK - 1; d >= 0; --d) {
    if (extents[d] == 1) continue;
    if (inner == 1) {
      stride = strides[d];
    } else if (strides[d] != inner * stride) {
      return false;
    }
    inner *= extents[d];
  }
  return true;
}

struct Product {
  Layout a, b;
  int64_t a_batch, b_batch, c_batch;
  int64_t batches;
  bool finished_by_us;
  int64_t piece_batches, piece_rows;  // of one call
};

bool whole_batch_is_one_matrix(const ondol_gemm_args& args, const Product& p) {
  return p.batches > 1 && p.b_batch == 0 && !p.a.transposed && args.m > 1 && p.a_batch == args.m * args.a_row &&
         p.c_batch == args.m * args.c_row && p.batches * args.m <= INT32_MAX;
}

bool plan(const ondol_gemm_args& args, Product& p) {
  if (args.precision != ONDOL_BFLOAT16 && args.precision != ONDOL_FLOAT16) return false;
  if (args.packed != nullptr || args.m <= 0 || args.n <= 0 || args.k <= 0) return false;
  if (args.m > INT32_MAX || args.n > INT32_MAX || args.k > INT32_MAX || args.c_row > INT32_MAX) return false;
  p.batches = 1;
  for (int64_t extent : args.batch) p.batches *= extent;
  if (p.batches <= 0 || p.batches > INT32_MAX) return false;
  if (!batch_stride(args.batch, args.a_batch, p.a_batch) || !batch_stride(args.batch, args.b_batch, p.b_batch) ||
      !batch_stride(args.batch, args.c_batch, p.c_batch)) {
    return false;
  }
  if (!layout_of(args.m, args.k, args.a_row, args.a_col, p.a) ||
      !layout_of(args.k, args.n, args.b_row, args.b_col, p.b)) {
    return false;
  }
  p.finished_by_us = args.bias != nullptr || args.residual != nullptr || args.activation != ONDOL_NONE;
  p.piece_batches = p.batches;
  p.piece_rows = args.m;
  if (!p.finished_by_us) return true;
  int64_t row = args.n * static_cast<int64_t>(sizeof(float));
  if (row > PIECE) return false;
  p.piece_rows = args.m * row <= PIECE ? args.m : PIECE / row;
  p.piece_batches = p.piece_rows < args.m ? 1 : PIECE / (args.m * row);
  if (p.piece_batches > p.batches) p.piece_batches = p.batches;
  return true;
}

int64_t workspace_of(const ondol_gemm_args& args, const Product& p) {
  int64_t sums = p.finished_by_us ? p.piece_batches * p.piece_rows * args.n * static_cast<int64_t>(sizeof(float)) : 0;
  return ITS_WORKSPACE + ceil_div(sums, 256) * 256;
}

// Element e of a piece's sums, which begins at a batch and a row of C.
template <class Format>
__global__ void __launch_bounds__(256) gemm_finish(TensorProblem problem, const float* sums, int64_t first_batch,
                                                   int64_t first_row, int64_t rows, int64_t count) {
  int64_t e = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (e >= count) return;
  int64_t column = e % problem.args.n;
  int64_t row = e / problem.args.n;
  TensorOutput at = tensor_output(problem.args, first_batch + row / rows);
  tensor_finish<Format>(problem, at, first_row + row % rows, column, sums[e]);
}

template <class Format>
void finish(Launcher& launcher, const ondol_gemm_args& args, const float* sums, int64_t batch, int64_t row,
            int64_t batches, int64_t rows) {
  constexpr int THREADS = 256;
  TensorProblem problem = {args, 1.0f, 0, 0, 0, {}, {}};
  int64_t count = batches * rows * args.n;
  launcher.launch("gemm", gemm_finish<Format>, ceil_div(count, THREADS), THREADS, 0, problem, sums, batch, row, rows,
                  count);
}

const void* element(const float* of, int64_t index) { return reinterpret_cast<const uint16_t*>(of) + index; }

// The rows [row, row + rows) of so many batches.
int multiply(Library& cublas, Handle handle, const ondol_gemm_args& args, const Product& p, int64_t batch, int64_t row,
             int64_t batches, int64_t rows, float* sums) {
  int type = args.precision == ONDOL_BFLOAT16 ? TYPE_BFLOAT16 : TYPE_FLOAT16;
  float alpha = static_cast<float>(args.alpha);
  float beta = 0.0f;
  const void* a = element(args.a, batch * p.a_batch + row * args.a_row);
  const void* b = element(args.b, batch * p.b_batch);
  void* c = sums != nullptr ? sums : const_cast<void*>(element(args.c, batch * p.c_batch + row * args.c_row));
  int64_t lead = sums != nullptr || rows == 1 ? args.n : args.c_row;
  int64_t c_batch = sums != nullptr ? rows * args.n : p.c_batch;
  return cublas.gemm(handle, p.b.transposed ? OP_T : OP_N, p.a.transposed ? OP_T : OP_N, static_cast<int>(args.n),
                     static_cast<int>(rows), static_cast<int>(args.k), &alpha, b, type, static_cast<int>(p.b.lead),
                     p.b_batch, a, type, static_cast<int>(p.a.lead), p.a_batch, &beta, c,
                     sums != nullptr ? TYPE_FLOAT32 : type, static_cast<int>(lead), c_batch, static_cast<int>(batches),
                     COMPUTE_FLOAT32, ALGORITHM_DEFAULT);
}

}  // namespace

int64_t gemm_cublas_workspace(const ondol_gemm_args& args) {
  Product p;
  return plan(args, p) && is_there() ? workspace_of(args, p) : 0;
}

bool launch_gemm_cublas(Launcher& launcher, const ondol_gemm_args& args, void* workspace) {
  Product p;
  if (!plan(args, p) || !is_there()) return false;
  Library& cublas = library();
  std::lock_guard<std::mutex> lock(cublas.mutex);
  Handle handle = cublas.handle(launcher.device());
  if (handle == nullptr) return false;
  float* sums = p.finished_by_us ? reinterpret_cast<float*>(static_cast<char*>(workspace) + ITS_WORKSPACE) : nullptr;
  int status = cublas.set_stream(handle, launcher.stream());
  if (status == SUCCESS) status = cublas.set_workspace(handle, workspace, static_cast<size_t>(ITS_WORKSPACE));
  ondol_gemm_args call = args;
  if (!p.finished_by_us && whole_batch_is_one_matrix(args, p)) {
    call.m *= p.batches;
    p.piece_rows = call.m;
    p.batches = p.piece_batches = 1;
  }
  for (int64_t batch = 0; batch < p.batches && status == SUCCESS; batch += p.piece_batches) {
    int64_t batches = p.batches - batch < p.piece_batches ? p.batches - batch : p.piece_batches;
    for (int64_t row = 0; row < call.m && status == SUCCESS; row += p.piece_rows) {
      int64_t rows = call.m - row < p.piece_rows ? call.m - row : p.piece_rows;
      status = multiply(cublas, handle, call, p, batch, row, batches, rows, sums);
      if (status != SUCCESS || sums == nullptr) continue;
      if (args.precision == ONDOL_BFLOAT16) {
        finish<Bfloat16>(launcher, args, sums, batch, row, batches, rows);
      } else {
        finish<Float16>(launcher, args, sums, batch, row, batches, rows);
      }
    }
  }
  if (status != SUCCESS) launcher.fail(ONDOL_DEVICE_REFUSED, "gemm: cuBLAS reports status %d", status);
  return true;
}

}  // namespace ondol::cuda

const char* ondol_cuda_cublas(void) { return ondol::cuda::library().name; }
