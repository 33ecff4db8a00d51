// What every kernel variant is: a name, a reason why it cannot run here (or none), a plan and a run function.
//
// Everything in kernels/simd apart from the Kernel objects has internal linkage (unnamed namespaces), and kernel bodies
// call no inline function of the standard library. Otherwise the linker, which keeps one copy of each shared inline
// function, could hand a copy compiled for AVX-512 to a caller that runs on any CPU. native/tests/linkage.cmake checks
// it.
#ifndef ONDOL_KERNEL_H
#define ONDOL_KERNEL_H

#include <stdint.h>

#include "ondol.h"

namespace ondol {

struct Variant {
  const char* name;
  const char* (*missing)();  // null when this CPU and operating system can run it, else the reason
};

template <class Args>
struct Kernel {
  Variant variant;
  // Fills phases, tasks, workspace, scratch and choice; `variant` and `threads` are set before.
  void (*plan)(const Args* args, ondol_plan* plan);
  // Tasks [begin, end) of a phase. Reads args and plan only, allocates nothing, and may run on many threads at once.
  void (*run)(const Args* args, const ondol_plan* plan, int64_t phase, int64_t begin, int64_t end, int64_t thread,
              void* workspace, void* scratch);
};

const char* missing_portable();
const char* missing_avx2();
const char* missing_avx512();

}  // namespace ondol

// A line ONDOL_VARIANT(variant, SET) of a variants.inc counts only where the instruction set can be compiled.
#define ONDOL_HAVE_PORTABLE(...) __VA_ARGS__
#if defined(__x86_64__)
#define ONDOL_HAVE_AVX2(...) __VA_ARGS__
#else
#define ONDOL_HAVE_AVX2(...)
#endif
#if defined(__x86_64__) && !defined(ONDOL_WITHOUT_AVX512)
#define ONDOL_HAVE_AVX512(...) __VA_ARGS__
#else
#define ONDOL_HAVE_AVX512(...)
#endif

// Defines kernel stem_variant from a class template with static functions plan and run.
#define ONDOL_DEFINE_KERNEL(stem, variant, Body)                                                   \
  namespace ondol {                                                                                \
  extern const Kernel<ondol_##stem##_args> stem##_##variant;                                       \
  const Kernel<ondol_##stem##_args> stem##_##variant = {{#variant, missing_##variant}, Body::plan, Body::run}; \
  }

#endif
