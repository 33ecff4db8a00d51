// A CUDA block on the host: every thread is a fiber, __syncthreads and the shuffles switch between them. Only what the
// kernels of this library use is here. One operating system thread runs everything, so results are repeatable.
// Blocks run one after the other, or several take turns, for kernels whose blocks wait for each other.
//
// It is a checker, not a fast path:
// - shared memory is filled with NaN bits before every block and followed by a guard that must survive;
// - the order in which threads run between two barriers, and that of the blocks, can be ascending, descending or
//   shuffled, in which now and then a warp falls behind, so that a missing barrier shows as a wrong result in at least
//   one of them;
// - a wait for what no thread will ever do is reported, not waited for.
#ifndef ONDOL_CUDA_COMMON_EMULATE_H
#define ONDOL_CUDA_COMMON_EMULATE_H

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>

#include "ondol.h"

#define __device__
#define __host__
#define __global__
#define __forceinline__ inline
#define __launch_bounds__(...)

using cudaStream_t = void*;
enum cudaError_t { cudaSuccess = 0, cudaErrorMemoryAllocation = 2, cudaErrorNoKernelImageForDevice = 209 };
inline cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
inline cudaError_t cudaSetDevice(int) { return cudaSuccess; }
inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline const char* cudaGetErrorString(cudaError_t) { return "emulated"; }
inline const char* cudaGetErrorName(cudaError_t) { return "emulated"; }

namespace ondol::cuda::emulate {

struct Index {
  unsigned x = 0, y = 0, z = 0;
};

enum class Order { ASCENDING, DESCENDING, SHUFFLED };

ONDOL_API void set_order(Order order, uint64_t seed);

// How many blocks are under way at a time; at first 1. Where it is more, each goes on a little in its turn.
constexpr int MOST_RESIDENT = 8;
ONDOL_API void set_resident(int blocks);

// Runs `thread` once for every thread of every block. Aborts with a message on a broken barrier or guard.
void run(unsigned blocks, int threads, size_t shared_bytes, const std::function<void()>& thread);

void* shared_memory(size_t bytes);
int block_barrier(int predicate);                          // true everywhere when it is true anywhere
uint32_t exchange(uint32_t value, int source, int width);  // of lane `source` of this thread's group

// What asynchronous hardware is made of. A fiber that waits is resumed once `ready` holds; work put off for `later` is
// done by nobody's thread: at once, after a while or as late as possible, depending on the order of the threads. A block
// may end before only what needs nothing of it any more.
void wait_until(const std::function<bool()>& ready);
void later(std::function<void()> work, bool may_outlive_block = false);
uint64_t block_number();  // counts the blocks that were run
int block_slot();         // less than MOST_RESIDENT, no other's that is under way
[[noreturn]] void broken(const char* what);

// Shared memory begins at a multiple of 1024 bytes, as the hardware's swizzles want it.
uint32_t shared_address(const void* at);
unsigned char* shared_at(uint32_t address, size_t bytes);

// All lanes of the warp offer `count` words each: lane l's are at [l * count], until the warp's next exchange.
const uint32_t* collect(const uint32_t* words, int count);

// Asynchronous copies of a thread. They happen as late as they may: when the thread waits for their group, so that what
// is read too early is still NaN. `bytes` of `size` are read, the others become zeros; both ends must be aligned.
void copy_later(void* to, const void* from, int size, int bytes);
void copy_commit();
void copy_wait(int groups);  // until at most so many of the latest groups are pending

}  // namespace ondol::cuda::emulate

extern ondol::cuda::emulate::Index threadIdx, blockIdx, blockDim, gridDim;

inline void __syncthreads() { ondol::cuda::emulate::block_barrier(0); }
inline int __syncthreads_or(int predicate) { return ondol::cuda::emulate::block_barrier(predicate); }
inline void __syncwarp() { ondol::cuda::emulate::exchange(0, 0, 32); }

// Of integers, whose sum and maximum depend on no order.
inline int atomicAdd(int* at, int value) {
  int before = *at;
  *at += value;
  return before;
}

inline int atomicMax(int* at, int value) {
  int before = *at;
  if (value > before) *at = value;
  return before;
}

inline uint32_t __float_as_uint(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

inline float __uint_as_float(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

inline float __shfl_sync(unsigned, float value, int source, int width) {
  return __uint_as_float(ondol::cuda::emulate::exchange(__float_as_uint(value), source, width));
}

inline float __shfl_down_sync(unsigned, float value, unsigned delta, int width) {
  int lane = static_cast<int>(threadIdx.x) % width;
  int source = lane + static_cast<int>(delta) < width ? lane + static_cast<int>(delta) : lane;
  return __shfl_sync(0, value, source, width);
}

inline uint32_t __shfl_down_sync(unsigned, uint32_t value, unsigned delta, int width) {
  int lane = static_cast<int>(threadIdx.x) % width;
  int source = lane + static_cast<int>(delta) < width ? lane + static_cast<int>(delta) : lane;
  return ondol::cuda::emulate::exchange(value, source, width);
}

inline float __shfl_xor_sync(unsigned, float value, int mask, int width) {
  return __shfl_sync(0, value, (static_cast<int>(threadIdx.x) % width) ^ mask, width);
}

inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fsqrt_rn(float a) { return std::sqrt(a); }
inline uint32_t __umulhi(uint32_t a, uint32_t b) {
  return static_cast<uint32_t>((static_cast<uint64_t>(a) * b) >> 32);
}

#endif
