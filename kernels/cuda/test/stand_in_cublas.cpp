// Stands in for libcublas on the host: the calls that gemm makes, computed by plain loops, each refused whose arguments
// cuBLAS would refuse or whose answer it would not promise.
#include <cstdint>
#include <cstdlib>

#ifndef ONDOL_CUDA_EMULATE
#define ONDOL_CUDA_EMULATE
#endif
#include "narrow.cuh"

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {

constexpr int SUCCESS = 0;
constexpr int INVALID_VALUE = 7;
constexpr int FLOAT32 = 0;
constexpr int FLOAT16 = 2;
constexpr int BFLOAT16 = 14;

struct Handle {
  int math_mode = 0;
  bool stream = false, workspace = false;
};

int64_t calls = 0;

float element(const void* matrix, int type, int64_t at) {
  uint16_t bits = static_cast<const uint16_t*>(matrix)[at];
  return type == BFLOAT16 ? ondol::cuda::from_bfloat16(bits) : ondol::cuda::from_float16(bits);
}

void store(void* matrix, int type, int64_t at, float value) {
  if (type == FLOAT32) {
    static_cast<float*>(matrix)[at] = value;
  } else {
    static_cast<uint16_t*>(matrix)[at] =
        type == BFLOAT16 ? ondol::cuda::to_bfloat16(value) : ondol::cuda::to_float16(value);
  }
}

}  // namespace

EXPORT int64_t stand_in_cublas_calls() { return calls; }

EXPORT int cublasCreate_v2(void** handle) {
  if (std::getenv("STAND_IN_CUBLAS_FAILS") != nullptr) return 1;  // not initialised, as without a device
  *handle = new Handle();
  return SUCCESS;
}

EXPORT int cublasSetMathMode(void* handle, int mode) {
  static_cast<Handle*>(handle)->math_mode = mode;
  return SUCCESS;
}

// As cuBLAS does, it takes the workspace away.
EXPORT int cublasSetStream_v2(void* handle, void*) {
  static_cast<Handle*>(handle)->stream = true;
  static_cast<Handle*>(handle)->workspace = false;
  return SUCCESS;
}

EXPORT int cublasSetWorkspace_v2(void* handle, void* workspace, size_t bytes) {
  if (workspace == nullptr || reinterpret_cast<uintptr_t>(workspace) % 256 != 0) return INVALID_VALUE;
  static_cast<char*>(workspace)[0] = static_cast<char*>(workspace)[bytes - 1] = 0x7F;
  static_cast<Handle*>(handle)->workspace = true;
  return SUCCESS;
}

// C = alpha op(A) op(B), all column-major: op(A) is m x k, op(B) k x n.
EXPORT int cublasGemmStridedBatchedEx(void* handle, int a_transposed, int b_transposed, int m, int n, int k,
                                      const void* alpha, const void* a, int a_type, int a_lead, long long a_stride,
                                      const void* b, int b_type, int b_lead, long long b_stride, const void* beta,
                                      void* c, int c_type, int c_lead, long long c_stride, int batches, int compute,
                                      int algorithm) {
  auto* state = static_cast<Handle*>(handle);
  if (!state->stream || !state->workspace || state->math_mode != 16) return INVALID_VALUE;
  if (m <= 0 || n <= 0 || k <= 0 || batches <= 0 || compute != 68 || algorithm != -1) return INVALID_VALUE;
  if (a_lead < (a_transposed != 0 ? k : m) || b_lead < (b_transposed != 0 ? n : k) || c_lead < m) return INVALID_VALUE;
  if (a_type != b_type || (a_type != FLOAT16 && a_type != BFLOAT16)) return INVALID_VALUE;
  if (c_type != FLOAT32 && c_type != a_type) return INVALID_VALUE;
  if (*static_cast<const float*>(beta) != 0.0f) return INVALID_VALUE;
  calls++;
  for (int64_t batch = 0; batch < batches; batch++) {
    for (int64_t j = 0; j < n; j++) {
      for (int64_t i = 0; i < m; i++) {
        float sum = 0;
        for (int64_t r = 0; r < k; r++) {
          int64_t left = batch * a_stride + (a_transposed != 0 ? i * a_lead + r : r * a_lead + i);
          int64_t right = batch * b_stride + (b_transposed != 0 ? r * b_lead + j : j * b_lead + r);
          sum = std::fma(element(a, a_type, left), element(b, b_type, right), sum);
        }
        store(c, c_type, batch * c_stride + j * c_lead + i, *static_cast<const float*>(alpha) * sum);
      }
    }
  }
  return SUCCESS;
}
