#include <stdlib.h>

#include <memory>

#include "stem.h"

namespace ondol {
namespace {

constexpr int64_t ALIGNMENT = 64;

struct Free {
  void operator()(void* p) const { free(p); }
};
typedef std::unique_ptr<void, Free> Buffer;

Buffer allocate(int64_t bytes) {
  if (bytes <= 0) return Buffer(nullptr);
  return Buffer(aligned_alloc(ALIGNMENT, (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT));
}

struct Call {
  const void* args;
  const ondol_plan* plan;
  PhaseTask run;
  int64_t phase;
  char* workspace;
  char* scratch;
  int64_t scratch_step;
};

void phase_tasks(void* context, int64_t begin, int64_t end, int64_t thread) {
  const Call& call = *static_cast<const Call*>(context);
  call.run(call.args, call.plan, call.phase, begin, end, thread, call.workspace,
           call.scratch + thread * call.scratch_step);
}

}  // namespace

int64_t execute(const void* args, const ondol_plan& plan, PhaseTask run, ondol_error* error) {
  const int64_t step = (plan.scratch + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  int64_t scratch_bytes;
  if (__builtin_mul_overflow(step, plan.threads, &scratch_bytes)) scratch_bytes = INT64_MAX / 2;
  const Buffer workspace = allocate(plan.workspace);
  const Buffer scratch = allocate(scratch_bytes);
  if ((plan.workspace > 0 && !workspace) || (scratch_bytes > 0 && !scratch)) {
    return report(error, ONDOL_OUT_OF_MEMORY, 
                  "out of memory: the call needs %lld bytes of workspace and %lld of scratch",
                  (long long)plan.workspace, (long long)scratch_bytes);
  }
  Call call = {args, &plan, run, 0, static_cast<char*>(workspace.get()), static_cast<char*>(scratch.get()), step};
  for (call.phase = 0; call.phase < plan.phases; call.phase++) {
    parallel(plan.tasks[call.phase], plan.threads, phase_tasks, &call);
  }
  if (error != nullptr) *error = ondol_error{ONDOL_OK, ""};
  return ONDOL_OK;
}

}  // namespace ondol
