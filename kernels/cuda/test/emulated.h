// What the tests of the CUDA kernels share. They run the emulated kernels or, built with ONDOL_TEST_DEVICE, those of a GPU.
#ifndef ONDOL_CUDA_TEST_EMULATED_H
#define ONDOL_CUDA_TEST_EMULATED_H

#include "device.h"
#ifndef ONDOL_TEST_DEVICE
#include "emulate_hopper.h"
#endif
#include "ondol_cuda.h"
#include "operands.h"
#include "testing.h"

namespace testing {

// Calls a CUDA entry point on copies of its operands in device memory, with a workspace of the size it asks for.
// Emulated, each call runs the threads of a block in another order.
template <class Args>
void run_emulated(int64_t (*workspace_call)(const Args*),
                  int64_t (*call)(const Args*, const ondol_cuda_queue*, ondol_error*), const Args& args) {
#ifndef ONDOL_TEST_DEVICE
  using ondol::cuda::emulate::Order;
  static const Order orders[] = {Order::SHUFFLED, Order::ASCENDING, Order::DESCENDING};
  static uint64_t calls = 0;
  ondol::cuda::emulate::set_order(orders[calls % 3], calls);
  calls++;
#endif
  int64_t words[sizeof(Args) / 8];
  memcpy(words, &args, sizeof args);
  on_device(words, sizeof(Args) / 8, [&] {
    Args copy;
    memcpy(&copy, words, sizeof copy);
    const int64_t bytes = workspace_call(&copy);
    ondol_cuda_queue queue = {};
    if (bytes > 0) queue.workspace = device::allocate(bytes);
    ondol_error error;
    int64_t status = call(&copy, &queue, &error);
    EXPECT(status == ONDOL_OK, "%s", error.message);
    device::synchronize();
    if (queue.workspace != nullptr) device::release(queue.workspace);
  });
}

// Products of wgmma that were computed; only the emulator knows.
inline uint64_t wgmmas() {
#ifndef ONDOL_TEST_DEVICE
  return ondol::cuda::emulate::products_computed();
#else
  return 0;
#endif
}

// Whether a kernel for Hopper ran since `before`.
inline void expect_hopper(uint64_t before, bool expected, const char* of) {
#ifndef ONDOL_TEST_DEVICE
  EXPECT((wgmmas() != before) == expected, "%s: Hopper's kernel: expected %d", of, expected);
#else
  (void)before, (void)expected, (void)of;
#endif
}

// The same call on the CPU library.
template <class Args>
void run_cpu(int64_t (*call)(const Args*, ondol_error*), const Args& args) {
  ondol_error error;
  EXPECT(call(&args, &error) == ONDOL_OK, "%s", error.message);
}

inline bool compare(const char* what, const std::vector<float>& actual, const std::vector<float>& expected) {
  for (size_t i = 0; i < expected.size(); i++) {
    if (same(actual[i], expected[i])) continue;
    EXPECT(false, "%s[%zu] = %a, expected %a", what, i, actual[i], expected[i]);
    return false;
  }
  return true;
}

}  // namespace testing

#endif
