// Backward. A task adds up a tile of dx: of average, sixteen channels side by side in scratch memory; of a maximum, whose
// samples differ from channel to channel, planes of dx itself.
#ifndef ONDOL_ROIALIGN_BACKWARD_H
#define ONDOL_ROIALIGN_BACKWARD_H

#include "roialign/gradient.h"
#include "roialign/maximum_gradient.h"

namespace ondol {
namespace {

template <class V>
class RoiAlignBackward {
  typedef ondol_roialign_backward_args Args;

 public:
  static void plan(const Args* args, ondol_plan* plan) {
    const ondol_roialign_args& a = args->forward;
    const RoiTiles tiles(a, plan->threads);
    plan->choice[0] = plan->threads;
    plan->phases = 2;
    plan->tasks[0] = tiles.count() == 0 ? 0 : 1;
    plan->tasks[1] = tiles.count();
    plan->workspace = RoiGroups::bytes(a);
    plan->scratch = a.op == ONDOL_ROIALIGN_AVERAGE ? RoiGradient<V>::bytes(a, tiles) : RoiMaximumGradient<V>::bytes();
  }

  static void run(const Args* args, const ondol_plan* plan, int64_t phase, int64_t begin, int64_t end, int64_t, void* workspace,
                  void* scratch) {
    const ondol_roialign_args& a = args->forward;
    const RoiGroups groups(a, workspace);
    if (phase == 0) return groups.sort(a);
    const RoiTiles tiles(a, plan->choice[0]);
    for (int64_t task = begin; task < end; task++) {
      const RoiTile tile = tiles.find(task);
      if (a.op == ONDOL_ROIALIGN_AVERAGE) {
        RoiGradient<V>(*args, groups, tiles, tile, scratch).run();
      } else {
        RoiMaximumGradient<V>(*args, groups, tile, scratch).run();
      }
    }
  }
};

}  // namespace
}  // namespace ondol

#endif
