// Runs a call of the C interface, whose operands are std::vectors of the host, on copies in the device's memory.
#ifndef ONDOL_CUDA_TEST_OPERANDS_H
#define ONDOL_CUDA_TEST_OPERANDS_H

#include <cstdint>
#include <cstring>
#include <functional>

namespace testing {

// `words`: the call's args struct, which `run` finds with every pointer into the heap replaced. Each block of the heap is
// an allocation of exactly its size, so that compute-sanitizer sees an access behind it; all are copied back.
void on_device(int64_t* words, int64_t count, const std::function<void()>& run);

}  // namespace testing

#endif
