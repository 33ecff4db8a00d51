// What is timed: calls of the C interface on operands in device memory, each in one or several precisions.
#ifndef ONDOL_BENCH_CUDA_JOB_H
#define ONDOL_BENCH_CUDA_JOB_H

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "device.h"
#include "ondol_cuda.h"

namespace times {

// The args structs' precision, as ondol.h numbers it, and the operands' type in memory.
struct Precision {
  const char* name;
  int64_t value;
  enum Memory { FLOAT32, BFLOAT16, FLOAT16 } memory;
  double unit;  // relative rounding error of an operand's products
};

constexpr Precision EXACT = {"exact", 0, Precision::FLOAT32, 0x1p-24};
constexpr Precision BFLOAT16 = {"bfloat16", 1, Precision::BFLOAT16, 0x1p-8};
constexpr Precision FLOAT16 = {"float16", 2, Precision::FLOAT16, 0x1p-11};
constexpr Precision TF32 = {"tf32", 3, Precision::FLOAT32, 0x1p-10};
constexpr Precision BFLOAT16X3 = {"bfloat16x3", 4, Precision::FLOAT32, 0x1p-15};

inline std::vector<Precision> all_precisions() { return {EXACT, BFLOAT16, FLOAT16, TF32, BFLOAT16X3}; }

// Thrown where the library lacks what a job asks for.
struct Unsupported {
  std::string reason;
};

// A call with its operands. Made anew for each precision.
class Job {
 public:
  virtual ~Job() = default;
  virtual void call() = 0;           // queues it once
  virtual std::string check() = 0;   // of the result of a call: empty, or what is wrong
  double flops = 0;                  // that are needed: live taps, causal pairs; 0 where they are not counted
};

struct Entry {
  std::string stem, name;
  std::vector<Precision> precisions;
  std::function<std::unique_ptr<Job>(Precision)> make;
};

// With small sizes for a dry run.
void add_attention(std::vector<Entry>& to, bool tiny);
void add_gemm(std::vector<Entry>& to, bool tiny);
void add_conv(std::vector<Entry>& to, bool tiny);
void add_regions(std::vector<Entry>& to, bool tiny);
void add_call(std::vector<Entry>& to, bool tiny);

// Sets the field where the library's struct has it; the exact arithmetic needs none.
template <class Args>
auto set_precision(Args& args, const Precision& p, int) -> decltype(args.precision = 0, void()) {
  args.precision = p.value;
}

template <class Args>
void set_precision(Args&, const Precision& p, long) {
  if (p.value != 0) throw Unsupported{"not in this library"};
}

// A prepared call of one stem: args, workspace and the default stream.
template <class Args>
class Call {
 public:
  using Function = int64_t (*)(const Args*, const ondol_cuda_queue*, ondol_error*);

  void prepare(const Args& args, const Precision& precision, int64_t (*workspace)(const Args*), Function function) {
    args_ = args;
    set_precision(args_, precision, 0);
    function_ = function;
    int64_t bytes = workspace(&args_);
    if (bytes > 0) workspace_ = device::allocate(bytes);
  }
  Call() = default;
  Call(const Call&) = delete;
  ~Call() {
    if (workspace_ != nullptr) device::release(workspace_);
  }

  void run() {
    ondol_cuda_queue queue = {};
    queue.workspace = workspace_;
    ondol_error error;
    if (function_(&args_, &queue, &error) != ONDOL_OK) throw Unsupported{error.message};
  }

 private:
  Args args_ = {};
  Function function_ = nullptr;
  void* workspace_ = nullptr;
};

}  // namespace times

#endif
