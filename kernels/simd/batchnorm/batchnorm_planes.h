// The planes of [batch, channels, size] by channels and segments, and how they are shared out.
#ifndef ONDOL_BATCHNORM_PLANES_H
#define ONDOL_BATCHNORM_PLANES_H

#include "lanes16.h"
#include "ondol.h"

namespace ondol {
namespace {

template <class V>
struct Planes {
  static constexpr int64_t SEGMENT = 4096;  // elements under one sum16: part of the definition
  static constexpr int64_t TASK = 16384;    // elements of a task, about
  static constexpr int64_t BLOCK = 4 * V::lanes;  // channels of a task where planes have one element

  int64_t batch, channels, size;

  int64_t segments() const { return ceil_div(size, SEGMENT); }
  int64_t parts() const { return batch * channels * segments(); }
  float count() const { return (float)(batch * size); }

  // Groups of channels, each for one thread: few where a channel is long.
  int64_t group() const { return size == 1 ? BLOCK : max_of<int64_t>(1, TASK / max_of<int64_t>(1, batch * size)); }

  // Tasks of one phase over all segments.
  int64_t per_task() const { return max_of<int64_t>(1, TASK / max_of<int64_t>(1, min_of(size, SEGMENT))); }
  int64_t tasks() const { return ceil_div(parts(), per_task()); }

  // One phase where groups of channels keep all threads busy, else `phases` of them.
  void plan(ondol_plan* plan, int64_t phases) const {
    const int64_t groups = ceil_div(channels, group());
    plan->phases = parts() == 0 || size == 1 || groups >= 2 * plan->threads || plan->threads == 1 ? 1 : phases;
    plan->tasks[0] = groups;
    plan->workspace = 0;
    plan->scratch = 0;
  }

  // Calls visit(channel, count) for the groups of tasks [begin, end): single channels, or blocks where size is 1.
  template <class Visit>
  void groups(int64_t begin, int64_t end, Visit visit) const {
    const int64_t last = min_of(end * group(), channels), step = size == 1 ? BLOCK : 1;
    for (int64_t c = begin * group(); c < last; c += step) visit(c, min_of(step, last - c));
  }

  // Calls visit(offset, n) for each segment of a channel, in order.
  template <class Visit>
  ONDOL_INLINE void channel(int64_t c, Visit visit) const {
    for (int64_t i = 0; i < batch; i++) {
      const int64_t at = (i * channels + c) * size;
      for (int64_t s = 0; s < size; s += SEGMENT) visit(at + s, min_of(SEGMENT, size - s));
    }
  }

  // Calls visit(channel, offset, n, part) for the segments of tasks [begin, end), in the order of memory; `part` counts
  // them by channels first.
  template <class Visit>
  ONDOL_INLINE void each(int64_t begin, int64_t end, Visit visit) const {
    const int64_t last = min_of(end * per_task(), parts());
    for (int64_t unit = begin * per_task(); unit < last; unit++) {
      const int64_t plane = unit / segments(), s = unit % segments();
      const int64_t image = plane / channels, c = plane % channels;
      visit(c, plane * size + s * SEGMENT, min_of(SEGMENT, size - s * SEGMENT), (c * batch + image) * segments() + s);
    }
  }
};

}  // namespace
}  // namespace ondol

#endif
