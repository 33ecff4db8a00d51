#include <cuda_runtime.h>

#include <cstdio>
#include <cstdlib>

#include "device.h"

namespace device {
namespace {

void check(cudaError_t code, const char* during) {
  if (code == cudaSuccess) return;
  std::printf("%s: %s (%s)\n", during, cudaGetErrorString(code), cudaGetErrorName(code));
  std::exit(1);
}

}  // namespace

void* allocate(int64_t bytes) {
  void* memory = nullptr;
  check(cudaMalloc(&memory, bytes > 0 ? static_cast<size_t>(bytes) : 1), "allocating");
  return memory;
}

void release(void* memory) { check(cudaFree(memory), "freeing"); }

void upload(void* to, const void* from, int64_t bytes) {
  check(cudaMemcpy(to, from, static_cast<size_t>(bytes), cudaMemcpyHostToDevice), "copying to the device");
}

void download(void* to, const void* from, int64_t bytes) {
  check(cudaMemcpy(to, from, static_cast<size_t>(bytes), cudaMemcpyDeviceToHost), "copying from the device");
}

void synchronize() { check(cudaDeviceSynchronize(), "a kernel"); }

double milliseconds(const std::function<void()>& work) {
  static cudaEvent_t begin = nullptr, end = nullptr;
  if (begin == nullptr) {
    check(cudaEventCreate(&begin), "creating an event");
    check(cudaEventCreate(&end), "creating an event");
  }
  check(cudaEventRecord(begin, nullptr), "recording an event");
  work();
  check(cudaEventRecord(end, nullptr), "recording an event");
  check(cudaEventSynchronize(end), "a kernel");
  float elapsed = 0;
  check(cudaEventElapsedTime(&elapsed, begin, end), "reading an event");
  return static_cast<double>(elapsed);
}

std::string name() {
  cudaDeviceProp properties;
  check(cudaGetDeviceProperties(&properties, 0), "asking for the device's properties");
  return properties.name;
}

bool emulated() { return false; }

}  // namespace device
