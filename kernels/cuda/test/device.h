// The device that a native program runs on: a GPU through the CUDA runtime (device_cuda.cpp), or the host where the
// kernels are compiled for it (device_host.cpp). A failure ends the program with a message.
#ifndef ONDOL_CUDA_TEST_DEVICE_H
#define ONDOL_CUDA_TEST_DEVICE_H

#include <cstdint>
#include <functional>
#include <string>

namespace device {

void* allocate(int64_t bytes);  // contents undefined; `bytes` may be 0
void release(void* memory);
void upload(void* to, const void* from, int64_t bytes);
void download(void* to, const void* from, int64_t bytes);
void synchronize();

// From the first to the last of what `work` queues, on the device's own clock.
double milliseconds(const std::function<void()>& work);

std::string name();
bool emulated();

}  // namespace device

#endif
