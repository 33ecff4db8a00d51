// What a kernel source needs to be compiled twice: by nvcc for the device, and by a host compiler against emulate.h, so
// that a machine without a GPU can run the same source and compare bits.
//
// A kernel here differs from everyday CUDA in three ways only. It is started by launch(...) and not by <<<...>>>, it
// takes its shared memory from shared<T>(), a struct handed out once per block, and it reads its indices as usual. What
// the emulator does not know (textures, atomics of floats, warp votes) does not compile on the host, which is intended.
#ifndef ONDOL_CUDA_COMMON_DEVICE_CUH
#define ONDOL_CUDA_COMMON_DEVICE_CUH

#include <cstddef>
#include <cstdint>
#include <cstdio>

#include "ondol_cuda.h"

#ifdef ONDOL_CUDA_EMULATE
#include "emulate.h"
#else
#include <cuda_runtime.h>
#endif

#define ONDOL_DEVICE __device__ __forceinline__

// Kernels with many registers are bound as __launch_bounds__(THREADS, 1): without the 1, ptxas would sooner spill a
// few of them than give up a block a multiprocessor.

namespace ondol::cuda {

constexpr int WARP = 32;
constexpr int LANES = 16;  // of sum16, and of the thread group that owns a row everywhere in these kernels

#ifdef ONDOL_CUDA_EMULATE

template <class T>
T& shared() {
  return *static_cast<T*>(emulate::shared_memory(sizeof(T)));
}

#else

template <class T>
ONDOL_DEVICE T& shared() {
  extern __shared__ __align__(16) unsigned char ondol_shared_memory[];
  return *reinterpret_cast<T*>(ondol_shared_memory);
}

#endif

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Carries the device and stream of a call through its launches and remembers the first failure.
class Launcher {
 public:
  Launcher(const ondol_cuda_queue* queue, ondol_error* error) : error_(error) {
    if (error_ != nullptr) {
      error_->status = ONDOL_OK;
      error_->message[0] = 0;
    }
    stream_ = static_cast<cudaStream_t>(queue->stream);
    device_ = queue->device;
    select(static_cast<int>(queue->device));
  }

  // Every grid of this library is one-dimensional and decoded by the kernel: only x may exceed 65535 blocks.
  template <class... Parameters, class... Arguments>
  void launch(const char* name, void (*kernel)(Parameters...), int64_t blocks, int threads, size_t shared_bytes,
              Arguments... arguments) {
    if (status_ != ONDOL_OK || blocks == 0) return;
    if (blocks < 0 || blocks > INT32_MAX) {
      fail(ONDOL_INVALID_ARGUMENT, "%s: %lld blocks of work, a grid has at most %lld", name,
           static_cast<long long>(blocks), static_cast<long long>(INT32_MAX));
      return;
    }
#ifdef ONDOL_CUDA_EMULATE
    emulate::run(static_cast<unsigned>(blocks), threads, shared_bytes, [&] { kernel(arguments...); });
#else
    if (shared_bytes > 48 * 1024) {
      check(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 static_cast<int>(shared_bytes)), name);
      if (status_ != ONDOL_OK) return;
    }
    kernel<<<static_cast<unsigned>(blocks), threads, shared_bytes, stream_>>>(arguments...);
#endif
    check(cudaGetLastError(), name);
  }

  void check(cudaError_t code, const char* during) {
    if (code == cudaSuccess || status_ != ONDOL_OK) return;
    ondol_status status = code == cudaErrorMemoryAllocation           ? ONDOL_OUT_OF_MEMORY
                          : code == cudaErrorNoKernelImageForDevice ? ONDOL_UNSUPPORTED
                                                                    : ONDOL_DEVICE_REFUSED;
    fail(status, "%s: %s (%s)", during, cudaGetErrorString(code), cudaGetErrorName(code));
  }

  template <class... Arguments>
  void fail(int64_t status, const char* format, Arguments... arguments) {
    status_ = status;
    if (error_ == nullptr) return;
    error_->status = status;
    std::snprintf(error_->message, sizeof error_->message, format, arguments...);
  }

  // Whether the kernels of a stem have this precision: those up to `most` do.
  bool accepts(const char* stem, int64_t precision, int64_t most) {
    if (precision >= ONDOL_EXACT && precision <= most) return true;
    bool known = precision >= ONDOL_EXACT && precision <= ONDOL_BFLOAT16X3;
    fail(known ? ONDOL_UNSUPPORTED : ONDOL_INVALID_ARGUMENT, "%s: precision = %lld: expected %s%lld", stem,
         static_cast<long long>(precision), most == 0 ? "" : "0 to ", static_cast<long long>(most));
    return false;
  }

  int64_t status() const { return status_; }
  int64_t device() const { return device_; }
  cudaStream_t stream() const { return stream_; }

 private:
  // Asked every time, a look at the thread's own state: other code may have chosen another device since.
  void select(int device) {
    int current = -1;
    if (cudaGetDevice(&current) == cudaSuccess && current == device) return;
    check(cudaSetDevice(device), "selecting the device");
  }

  cudaStream_t stream_ = nullptr;
  int64_t device_ = 0;
  ondol_error* error_;
  int64_t status_ = ONDOL_OK;
};

}  // namespace ondol::cuda

#endif
