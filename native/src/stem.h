// The three C functions of a stem, over its variant list.
#ifndef ONDOL_STEM_H
#define ONDOL_STEM_H

#include "check.h"
#include "kernel.h"
#include "threads.h"

namespace ondol {

// What the library knows of a stem without its args type.
struct StemInfo {
  const char* name;
  int64_t words;                          // of the args struct
  const Variant* (*variant)(int64_t index);  // null past the end
};

// Runs all phases of a planned call on the library's threads.
typedef void (*PhaseTask)(const void* args, const ondol_plan* plan, int64_t phase, int64_t begin, int64_t end,
                          int64_t thread, void* workspace, void* scratch);
int64_t execute(const void* args, const ondol_plan& plan, PhaseTask run, ondol_error* error);

// The precision that a call asks for; of a gradient, that of its forward call.
template <class Args>
auto precision_of(const Args& args, int) -> decltype(args.precision) {
  return args.precision;
}
template <class Args>
auto precision_of(const Args& args, int) -> decltype(args.forward.precision) {
  return args.forward.precision;
}
template <class Args>
int64_t precision_of(const Args&, ...) {
  return ONDOL_EXACT;
}

template <class Args>
class Stem {
 public:
  typedef bool (*Validator)(const Args& args, Check& check);

  // `variants`: best first, the last one runs everywhere.
  template <int64_t n>
  constexpr Stem(const Kernel<Args>* const (&variants)[n], Validator valid)
      : variants(variants), count(n), valid(valid) {}

  const Variant* variant(int64_t index) const {
    return index >= 0 && index < count ? &variants[index]->variant : nullptr;
  }

  // Index of the wanted variant, or of the best that can run for -1; -1 where the wanted one cannot.
  int64_t choose(int64_t wanted) const {
    if (wanted >= 0) return wanted < count && variants[wanted]->variant.missing() == nullptr ? wanted : -1;
    int64_t i = 0;
    while (variants[i]->variant.missing() != nullptr) i++;
    return i;
  }

  int64_t plan(const Args* args, ondol_plan* plan) const {
    const int64_t chosen = choose(plan->variant);
    if (chosen < 0 || precision_of(*args, 0) != ONDOL_EXACT) return ONDOL_UNSUPPORTED;
    plan->variant = chosen;
    if (plan->threads < 1) plan->threads = 1;
    variants[chosen]->plan(args, plan);
    return ONDOL_OK;
  }

  void run(const Args* args, const ondol_plan* plan, int64_t phase, int64_t begin, int64_t end, int64_t thread,
           void* workspace, void* scratch) const {
    variants[plan->variant]->run(args, plan, phase, begin, end, thread, workspace, scratch);
  }

  int64_t call(const Args* args, PhaseTask task, ondol_error* error) const {
    if (args == nullptr) return report(error, ONDOL_INVALID_ARGUMENT, "args = null: expected the arguments");
    const int64_t precision = precision_of(*args, 0);
    Check check(error);
    if (!check.between("precision", precision, ONDOL_EXACT, ONDOL_BFLOAT16X3)) return ONDOL_INVALID_ARGUMENT;
    if (precision != ONDOL_EXACT) {
      return report(error, ONDOL_UNSUPPORTED, "precision = %lld: expected 0, as the CPU's kernels have float32 alone",
                    (long long)precision);
    }
    if (!valid(*args, check)) return ONDOL_INVALID_ARGUMENT;
    ondol_plan plan = {};
    plan.variant = -1;
    plan.threads = thread_count();
    this->plan(args, &plan);
    return execute(args, plan, task, error);
  }

 private:
  const Kernel<Args>* const* variants;
  int64_t count;
  Validator valid;
};

}  // namespace ondol

// Defines ondol_STEM, ondol_STEM_plan, ondol_STEM_run and the entry that stems.inc refers to. `table` is the Stem.
#define ONDOL_DEFINE_STEM(stem, table)                                                                             \
  int64_t ondol_##stem##_plan(const ondol_##stem##_args* args, ondol_plan* plan) { return table.plan(args, plan); } \
  void ondol_##stem##_run(const ondol_##stem##_args* args, const ondol_plan* plan, int64_t phase, int64_t begin,   \
                          int64_t end, int64_t thread, void* workspace, void* scratch) {                           \
    table.run(args, plan, phase, begin, end, thread, workspace, scratch);                                          \
  }                                                                                                                \
  int64_t ondol_##stem(const ondol_##stem##_args* args, ondol_error* error) {                                      \
    auto task = [](const void* a, const ondol_plan* plan, int64_t phase, int64_t begin, int64_t end,               \
                   int64_t thread, void* workspace, void* scratch) {                                               \
      table.run(static_cast<const ondol_##stem##_args*>(a), plan, phase, begin, end, thread, workspace, scratch);  \
    };                                                                                                             \
    return table.call(args, task, error);                                                                          \
  }                                                                                                                \
  namespace ondol {                                                                                                \
  extern const StemInfo stem_##stem;                                                                               \
  const StemInfo stem_##stem = {#stem, sizeof(ondol_##stem##_args) / 8,                                            \
                                [](int64_t index) { return table.variant(index); }};                               \
  }

#endif
