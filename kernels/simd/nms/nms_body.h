#ifndef ONDOL_NMS_BODY_H
#define ONDOL_NMS_BODY_H

#include "nms/hard.h"
#include "nms/limit.h"
#include "nms/nms.h"
#include "nms/soft.h"

namespace ondol {
namespace {

template <class V>
class Nms {
 public:
  static void plan(const ondol_nms_args* a, ondol_plan* plan) {
    const int64_t groups = nms_groups(a);
    plan->phases = a->image_limit >= 0 && groups > 1 ? 2 : 1;
    plan->tasks[0] = a->batch * groups;
    plan->tasks[1] = a->batch;
    plan->workspace = 0;
    plan->scratch = a->method == ONDOL_NMS_HARD ? HardNms<V>::scratch(a) : SoftNms<V>::scratch(a);
  }

  static void run(const ondol_nms_args* a, const ondol_plan*, int64_t phase, int64_t begin, int64_t end, int64_t, void*,
                  void* scratch) {
    for (int64_t task = begin; task < end; task++) {
      if (phase == 1) {
        ImageLimit::apply(a, task);
      } else if (a->width == 0) {
        Group(a, task).end(0);
      } else if (a->method == ONDOL_NMS_HARD) {
        HardNms<V>::run(a, Group(a, task), scratch);
      } else {
        SoftNms<V>::run(a, Group(a, task), scratch);
      }
    }
  }
};

}  // namespace
}  // namespace ondol

#endif
