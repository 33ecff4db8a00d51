// The body of every batchnorm_backward variant.
#ifndef ONDOL_BATCHNORM_GRADIENT_H
#define ONDOL_BATCHNORM_GRADIENT_H

#include "batchnorm/batchnorm.h"
#include "batchnorm/batchnorm_planes.h"

namespace ondol {
namespace {

template <class V>
class BatchNormBackward {
  typedef typename V::F F;
  typedef ondol_batchnorm_backward_args Args;
  typedef Planes<V> Shape;

  static Shape shape(const Args& a) { return {a.batch, a.channels, a.size}; }

 public:
  static void plan(const Args* a, ondol_plan* plan) {
    const Shape planes = shape(*a);
    planes.plan(plan, 3);
    if (plan->phases == 1) return;
    plan->tasks[0] = plan->tasks[2] = planes.tasks();
    plan->tasks[1] = 1;
    plan->workspace = (2 * planes.parts() + 2 * a->channels) * 4;
  }

  static void run(const Args* a, const ondol_plan* plan, int64_t phase, int64_t begin, int64_t end, int64_t,
                  void* workspace, void*) {
    const Shape planes = shape(*a);
    if (plan->phases == 1) {
      planes.groups(begin, end, [&](int64_t channel, int64_t count) {
        planes.size == 1 ? columns(*a, planes, channel, count) : whole(*a, planes, channel);
      });
      return;
    }
    float* totals = (float*)workspace;  // of each channel: dbeta, dgamma
    float* sums = totals + 2 * a->channels;
    if (phase == 0) {
      planes.each(begin, end, [&](int64_t c, int64_t at, int64_t n, int64_t part) { add(*a, c, at, n, sums + 2 * part); });
    } else if (phase == 1) {
      fold(*a, planes, sums, totals);
    } else {
      planes.each(begin, end, [&](int64_t c, int64_t at, int64_t n, int64_t) {
        gradient(*a, planes, c, at, n, totals + 2 * c);
      });
    }
  }

 private:
  static void whole(const Args& a, const Shape& planes, int64_t c) {
    float total[2] = {0.0f, 0.0f};
    planes.channel(c, [&](int64_t at, int64_t n) {
      float sums[2];
      add(a, c, at, n, sums);
      total[0] = total[0] + sums[0];
      total[1] = total[1] + sums[1];
    });
    store(a, c, total);
    planes.channel(c, [&](int64_t at, int64_t n) { gradient(a, planes, c, at, n, total); });
  }

  static void fold(const Args& a, const Shape& planes, const float* sums, float* totals) {
    const int64_t parts = planes.parts() / a.channels;
    for (int64_t c = 0; c < a.channels; c++) {
      float* total = totals + 2 * c;
      total[0] = total[1] = 0.0f;
      for (int64_t p = c * parts; p < (c + 1) * parts; p++) {
        total[0] = total[0] + sums[2 * p];
        total[1] = total[1] + sums[2 * p + 1];
      }
      store(a, c, total);
    }
  }

  static void store(const Args& a, int64_t c, const float* total) {
    if (a.dbeta != nullptr) a.dbeta[c] = total[0];
    if (a.dgamma != nullptr) a.dgamma[c] = total[1];
  }

  // dy behind the relu, where there was one.
  static ONDOL_INLINE F incoming(const Args& a, int64_t at, int64_t count) {
    const F g = load_part<V>(a.dy + at, count);
    if (a.y == nullptr) return g;
    return V::select(V::gt(load_part<V>(a.y + at, count), V::set(0.0f)), g, V::set(0.0f));
  }

  // The sums of g and g * h over one segment.
  static void add(const Args& a, int64_t c, int64_t at, int64_t n, float* sums) {
    const float mean = a.mean[c], rstd = a.rstd[c];
    Lanes16<V> plain(0.0f), weighted(0.0f);
    plain.row(n, [&](F p, int64_t i, int64_t count) { return p + incoming(a, at + i, count); });
    weighted.row(n, [&](F p, int64_t i, int64_t count) {
      return V::fma(incoming(a, at + i, count), (load_part<V>(a.x + at + i, count) - mean) * rstd, p);
    });
    sums[0] = plain.sum();
    sums[1] = weighted.sum();
  }

  static void gradient(const Args& a, const Shape& planes, int64_t c, int64_t at, int64_t n, const float* total) {
    if (a.dx == nullptr) return;
    const float mean = a.mean[c], rstd = a.rstd[c];
    const float factor = a.gamma != nullptr ? a.gamma[c] * rstd : rstd;
    const float s1 = total[0] / planes.count();
    const F s2 = V::set(total[1] / planes.count());
    each_vector<V>(n, [&](int64_t i, int64_t count) {
      F g = incoming(a, at + i, count);
      if (a.training != 0) g = V::fma(-((load_part<V>(a.x + at + i, count) - mean) * rstd), s2, g - s1);
      store_part<V>(a.dx + at + i, g * factor, count);
    });
  }

  // Neighbouring channels of planes of one element.
  static void columns(const Args& a, const Shape& planes, int64_t channel, int64_t channels) {
    each_vector<V>(channels, [&](int64_t offset, int64_t n) {
      const int64_t c = channel + offset;
      const F mean = load_part<V>(a.mean + c, n), rstd = load_part<V>(a.rstd + c, n);
      F plain = V::set(0.0f), weighted = V::set(0.0f);
      for (int64_t i = 0; i < a.batch; i++) {
        const F g = incoming(a, i * a.channels + c, n);
        plain = plain + g;
        weighted = weighted + g * ((load_part<V>(a.x + i * a.channels + c, n) - mean) * rstd);
      }
      if (a.dbeta != nullptr) store_part<V>(a.dbeta + c, plain, n);
      if (a.dgamma != nullptr) store_part<V>(a.dgamma + c, weighted, n);
      if (a.dx == nullptr) return;
      const F factor = a.gamma != nullptr ? load_part<V>(a.gamma + c, n) * rstd : rstd;
      const F s1 = plain / planes.count(), s2 = weighted / planes.count();
      for (int64_t i = 0; i < a.batch; i++) {
        const int64_t at = i * a.channels + c;
        F g = incoming(a, at, n);
        if (a.training != 0) g = V::fma(-((load_part<V>(a.x + at, n) - mean) * rstd), s2, g - s1);
        store_part<V>(a.dx + at, g * factor, n);
      }
    });
  }
};

}  // namespace
}  // namespace ondol

#endif
