// The description of a tensor for tensor copies, made on the host by the driver. The driver's function is asked for at
// run time: the library needs no libcuda to be linked. A kernel takes its maps by value, as `const __grid_constant__
// TensorMap`.
#ifndef ONDOL_CUDA_COMMON_TENSORMAP_CUH
#define ONDOL_CUDA_COMMON_TENSORMAP_CUH

#include <cstring>

#include "device.cuh"

#ifdef ONDOL_CUDA_EMULATE
#include "emulate_hopper.h"
#define __grid_constant__
#else
#include <cuda.h>
#endif

namespace ondol::cuda {

// Five dimensions of 16-bit elements, the first contiguous; strides in elements. The lines of a box, its first
// dimension, are 8, 16, 32 or 64 elements long and have the swizzle of their length in shared memory, those of 8 none.
struct TensorShape {
  const void* base;  // of the element at index 0 of every dimension; it need not exist if nothing reads it
  int64_t size[5];
  int64_t stride[5];
  int box[5];
};

// What the unit asks of an operand: 16-byte steps below 2^40 bytes, sizes below 2^31.
inline bool fits_tensor_copy(const TensorShape& shape) {
  if (reinterpret_cast<uintptr_t>(shape.base) % 16 != 0) return false;
  for (int d = 0; d < 5; ++d) {
    if (shape.size[d] < 1 || shape.size[d] > INT32_MAX) return false;
    int64_t stride = shape.stride[d];
    if (d > 0 && (stride % 8 != 0 || stride <= 0 || stride >= int64_t{1} << 39)) return false;
  }
  return true;
}

#ifdef ONDOL_CUDA_EMULATE

using TensorMap = emulate::TensorMap;

inline TensorMap tensor_map(Launcher&, const TensorShape& shape, bool) {
  TensorMap map{static_cast<const unsigned char*>(shape.base), {}, {}, {}};
  for (int d = 0; d < 5; ++d) {
    map.size[d] = shape.size[d];
    map.stride[d] = 2 * shape.stride[d];
    map.box[d] = shape.box[d];
  }
  return map;
}

inline bool has_hopper_units(Launcher&, const ondol_cuda_queue*) { return emulate::capability() == 90; }
inline int processors(Launcher&, const ondol_cuda_queue*) { return emulate::processors(); }
inline bool some_device_has_hopper_units() { return emulate::capability() == 90; }

#else

using TensorMap = CUtensorMap;

inline decltype(&cuTensorMapEncodeTiled) encode_function(Launcher& launcher) {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSymbolNotFound;
#if CUDART_VERSION >= 12050
  launcher.check(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000, cudaEnableDefault,
                                                  &found),
                 "looking for cuTensorMapEncodeTiled");
#else
  launcher.check(cudaGetDriverEntryPoint("cuTensorMapEncodeTiled", &function, cudaEnableDefault, &found),
                 "looking for cuTensorMapEncodeTiled");
#endif
  if (found != cudaDriverEntryPointSuccess) function = nullptr;
  return reinterpret_cast<decltype(&cuTensorMapEncodeTiled)>(function);
}

inline TensorMap tensor_map(Launcher& launcher, const TensorShape& shape, bool bfloat16) {
  static const auto encode = encode_function(launcher);
  TensorMap map;
  std::memset(&map, 0, sizeof map);
  if (encode == nullptr) {
    launcher.fail(ONDOL_UNSUPPORTED, "the driver has no cuTensorMapEncodeTiled: expected a driver of CUDA 12 or later");
    return map;
  }
  cuuint64_t size[5], stride[4];
  cuuint32_t box[5], step[5];
  for (int d = 0; d < 5; ++d) {
    size[d] = static_cast<cuuint64_t>(shape.size[d]);
    box[d] = static_cast<cuuint32_t>(shape.box[d]);
    step[d] = 1;
    if (d > 0) stride[d - 1] = static_cast<cuuint64_t>(2 * shape.stride[d]);
  }
  const CUtensorMapSwizzle swizzle = shape.box[0] == 64   ? CU_TENSOR_MAP_SWIZZLE_128B
                                     : shape.box[0] == 32 ? CU_TENSOR_MAP_SWIZZLE_64B
                                     : shape.box[0] == 16 ? CU_TENSOR_MAP_SWIZZLE_32B
                                                          : CU_TENSOR_MAP_SWIZZLE_NONE;
  CUresult result = encode(&map, bfloat16 ? CU_TENSOR_MAP_DATA_TYPE_BFLOAT16 : CU_TENSOR_MAP_DATA_TYPE_FLOAT16, 5,
                           const_cast<void*>(shape.base), size, stride, box, step, CU_TENSOR_MAP_INTERLEAVE_NONE,
                           swizzle, CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
                           CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (result != CUDA_SUCCESS) {
    launcher.fail(ONDOL_DEVICE_REFUSED, "cuTensorMapEncodeTiled refused an operand: CUDA error %d",
                  static_cast<int>(result));
  }
  return map;
}

inline bool has_hopper_code() { return std::strstr(ONDOL_CUDA_ARCHITECTURES, "90a") != nullptr; }

// sm_90a alone: its code runs on no other device, earlier or later.
inline bool has_hopper_units(Launcher& launcher, const ondol_cuda_queue* queue) {
  if (!has_hopper_code()) return false;
  int major = 0, minor = 0;
  int device = static_cast<int>(queue->device);
  launcher.check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device), "asking the device's kind");
  launcher.check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device), "asking the device's kind");
  return major == 9 && minor == 0;
}

// Multiprocessors of the device, for kernels that start one block on each.
inline int processors(Launcher& launcher, const ondol_cuda_queue* queue) {
  int count = 1;
  launcher.check(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, static_cast<int>(queue->device)),
                 "asking the device's size");
  return count;
}

// Of all that this process sees: how much memory a call wants is asked before a device is named.
inline bool some_device_has_hopper_units() {
  static const bool some = [] {
    int count = 0;
    if (!has_hopper_code() || cudaGetDeviceCount(&count) != cudaSuccess) return false;
    for (int device = 0; device < count; ++device) {
      int major = 0, minor = 0;
      cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device);
      cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device);
      if (major == 9 && minor == 0) return true;
    }
    return false;
  }();
  return some;
}

#endif

}  // namespace ondol::cuda

#endif
