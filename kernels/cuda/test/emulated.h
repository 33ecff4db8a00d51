// What the tests of the emulated kernels share.
#ifndef ONDOL_CUDA_TEST_EMULATED_H
#define ONDOL_CUDA_TEST_EMULATED_H

#include "emulate.h"
#include "ondol_cuda.h"
#include "testing.h"

namespace testing {

// Calls a CUDA entry point with a workspace of the size it asks for, filled with NaN. Each call runs the threads of a
// block in another order.
template <class Args>
void run_emulated(int64_t (*workspace_call)(const Args*),
                  int64_t (*call)(const Args*, const ondol_cuda_queue*, ondol_error*), const Args& args) {
  using ondol::cuda::emulate::Order;
  static const Order orders[] = {Order::SHUFFLED, Order::ASCENDING, Order::DESCENDING};
  static uint64_t calls = 0;
  ondol::cuda::emulate::set_order(orders[calls % 3], calls);
  calls++;
  Aligned workspace(workspace_call(&args));
  ondol_cuda_queue queue = {0, nullptr, workspace.p, nullptr};
  ondol_error error;
  int64_t status = call(&args, &queue, &error);
  EXPECT(status == ONDOL_OK, "%s", error.message);
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
