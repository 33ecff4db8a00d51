// What the library says of itself.
#include "device.cuh"

const char* ondol_cuda_architectures(void) { return ONDOL_CUDA_ARCHITECTURES; }
