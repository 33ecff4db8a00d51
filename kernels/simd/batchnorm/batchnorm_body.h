// The body of every batchnorm variant; the gradient is in batchnorm_gradient.h.
#ifndef ONDOL_BATCHNORM_BODY_H
#define ONDOL_BATCHNORM_BODY_H

#include "batchnorm/batchnorm.h"
#include "batchnorm/batchnorm_gradient.h"
#include "batchnorm/batchnorm_planes.h"

namespace ondol {
namespace {

template <class V>
class BatchNorm {
  typedef typename V::F F;
  typedef ondol_batchnorm_args Args;
  typedef Planes<V> Shape;

  static Shape shape(const Args& a) { return {a.batch, a.channels, a.size}; }

 public:
  static void plan(const Args* a, ondol_plan* plan) {
    const Shape planes = shape(*a);
    planes.plan(plan, a->training != 0 ? 5 : 2);
    // Of each channel: minus, scale and shift.
    if (plan->phases > 1) plan->workspace = (3 * a->channels + planes.parts() * (a->training != 0)) * 4;
    if (a->training == 0 && plan->phases > 1) {
      plan->tasks[0] = 1;
      plan->tasks[1] = planes.tasks();
    } else if (plan->phases > 1) {
      plan->tasks[1] = plan->tasks[3] = 1;
      plan->tasks[0] = plan->tasks[2] = plan->tasks[4] = planes.tasks();
    }
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
    float* affine = (float*)workspace;
    float* sums = affine + 3 * a->channels;
    switch (a->training != 0 ? phase : phase + 3) {
      case 0:
        return planes.each(begin, end, [&](int64_t, int64_t at, int64_t n, int64_t part) { sums[part] = plain(a->x + at, n); });
      case 1:
        return fold(*a, planes, sums, a->mean);
      case 2:
        return planes.each(begin, end, [&](int64_t c, int64_t at, int64_t n, int64_t part) {
          sums[part] = squares(a->x + at, n, a->mean[c]);
        });
      case 3:
        if (a->training != 0) fold(*a, planes, sums, a->variance);
        for (int64_t c = 0; c < a->channels; c++) finish(*a, c, affine + 3 * c);
        return;
      default:
        return planes.each(begin, end, [&](int64_t c, int64_t at, int64_t n, int64_t) {
          normalize(*a, at, n, affine + 3 * c);
        });
    }
  }

 private:
  // One channel from its sums to its result.
  static void whole(const Args& a, const Shape& planes, int64_t c) {
    float affine[3];
    if (a.training != 0) {
      float sum = 0.0f;
      planes.channel(c, [&](int64_t at, int64_t n) { sum = sum + plain(a.x + at, n); });
      a.mean[c] = sum / planes.count();
      sum = 0.0f;
      planes.channel(c, [&](int64_t at, int64_t n) { sum = sum + squares(a.x + at, n, a.mean[c]); });
      a.variance[c] = sum / planes.count();
    }
    finish(a, c, affine);
    planes.channel(c, [&](int64_t at, int64_t n) { normalize(a, at, n, affine); });
  }

  static void fold(const Args& a, const Shape& planes, const float* sums, float* to) {
    const int64_t parts = planes.parts() / a.channels;
    for (int64_t c = 0; c < a.channels; c++) {
      float sum = 0.0f;
      for (int64_t p = 0; p < parts; p++) sum = sum + sums[c * parts + p];
      to[c] = sum / planes.count();
    }
  }

  static float plain(const float* x, int64_t n) {
    Lanes16<V> sum(0.0f);
    sum.row(n, [&](F p, int64_t i, int64_t count) { return p + load_part<V>(x + i, count); });
    return sum.sum();
  }

  static float squares(const float* x, int64_t n, float mean) {
    Lanes16<V> sum(0.0f);
    sum.row(n, [&](F p, int64_t i, int64_t count) {
      const F d = load_part<V>(x + i, count) - mean;
      return V::fma(d, d, p);
    });
    return sum.sum();
  }

  // From a channel's statistics to y = fma(x - minus, scale, shift).
  static void finish(const Args& a, int64_t c, float* affine) {
    const float gamma = a.gamma != nullptr ? a.gamma[c] : 1.0f, beta = a.beta != nullptr ? a.beta[c] : 0.0f;
    const float root = __builtin_sqrtf(a.variance[c] + (float)a.eps);
    const float rstd = 1.0f / root;
    if (a.rstd != nullptr) a.rstd[c] = rstd;
    affine[0] = a.training != 0 ? a.mean[c] : 0.0f;
    affine[1] = a.training != 0 ? gamma * rstd : gamma / root;
    affine[2] = a.training != 0 ? beta : __builtin_fmaf(-a.mean[c], affine[1], beta);
  }

  static void normalize(const Args& a, int64_t at, int64_t n, const float* affine) {
    const F minus = V::set(affine[0]), scale = V::set(affine[1]), shift = V::set(affine[2]);
    const float* x = a.x + at;
    float* y = a.y + at;
    const bool relu = a.relu != 0;
    each_vector<V>(n, [&](int64_t i, int64_t count) {
      const F v = V::fma(load_part<V>(x + i, count) - minus, scale, shift);
      store_part<V>(y + i, relu ? V::greater(V::set(0.0f), v) : v, count);
    });
  }

  // Neighbouring channels of planes of one element: the sum16 of one element is the element.
  static void columns(const Args& a, const Shape& planes, int64_t channel, int64_t channels) {
    each_vector<V>(channels, [&](int64_t offset, int64_t n) {
      const int64_t c = channel + offset;
      if (a.training != 0) {
        F sum = V::set(0.0f);
        for (int64_t i = 0; i < a.batch; i++) sum = sum + load_part<V>(a.x + i * a.channels + c, n);
        const F mean = sum / planes.count();
        store_part<V>(a.mean + c, mean, n);
        sum = V::set(0.0f);
        for (int64_t i = 0; i < a.batch; i++) {
          const F d = load_part<V>(a.x + i * a.channels + c, n) - mean;
          sum = sum + d * d;
        }
        store_part<V>(a.variance + c, sum / planes.count(), n);
      }
      float affine[3][V::lanes] = {};
      for (int64_t l = 0; l < n; l++) {
        float one[3];
        finish(a, c + l, one);
        for (int k = 0; k < 3; k++) affine[k][l] = one[k];
      }
      const F minus = V::load(affine[0]), scale = V::load(affine[1]), shift = V::load(affine[2]);
      for (int64_t i = 0; i < a.batch; i++) {
        const F v = V::fma(load_part<V>(a.x + i * a.channels + c, n) - minus, scale, shift);
        store_part<V>(a.y + i * a.channels + c, a.relu != 0 ? V::greater(V::set(0.0f), v) : v, n);
      }
    });
  }
};

}  // namespace
}  // namespace ondol

#endif
