// Regions that no table holds, or whose cells do not fit side by side: bin after bin, straight from the planes.
#ifndef ONDOL_ROIALIGN_WIDE_H
#define ONDOL_ROIALIGN_WIDE_H

#include "roialign/maximum.h"

namespace ondol {
namespace {

template <class V>
class RoiWide {
  typedef RoiLanes<V> Lanes;

 public:
  RoiWide(const RoiPlanes& planes, const RoiAxis& rows, const RoiAxis& columns) : planes(planes), rows(rows), columns(columns) {}

  // The average of a bin, for sixteen channels.
  void average(int64_t i, int64_t j, float* y) const {
    const RoiRun down = rows.run(i), across = columns.run(j);
    Lanes sum = Lanes::zero();
    for (int64_t k = down.first; k < down.limit; k++) {
      const RoiSample s = rows.sample(i, k);
      sum.add(s.low_weight, line(s.low, j, across));
      sum.add(s.high_weight, line(s.high, j, across));
    }
    sum.store(y);
    const float divisor = roi_divisor(rows, columns);
    for (int64_t l = 0; l < ROI_LANES; l++) y[l] = y[l] / divisor;
  }

  template <bool CORNERS>
  void maximum(int64_t i, int64_t j, float* y, int32_t* index) const {
    const RoiRun down = rows.run(i), across = columns.run(j);
    RoiBest<V, true> best[Lanes::PARTS];
    int64_t number = 0;
    for (int64_t k = down.first; k < down.limit; k++) {
      const RoiSample s = rows.sample(i, k);
      for (int64_t l = across.first; l < across.limit; l++, number++) {
        const RoiSample t = columns.sample(j, l);
        const Lanes x00 = load(s.low, t.low), x01 = load(s.low, t.high), x10 = load(s.high, t.low), x11 = load(s.high, t.high);
        const RoiWeights w = {s.low_weight, s.high_weight, t.low_weight, t.high_weight};
        for (int part = 0; part < Lanes::PARTS; part++) {
          roi_see<V, CORNERS>(best[part], (int32_t)number, number == 0, w, x00.part[part], x01.part[part], x10.part[part],
                              x11.part[part]);
        }
      }
    }
    for (int part = 0; part < Lanes::PARTS; part++) {
      best[part].finish(down.count() < rows.samples || across.count() < columns.samples);
      V::store(y + part * V::lanes, best[part].value);
      V::store(index + part * V::lanes, best[part].index);
    }
  }

 private:
  const RoiPlanes& planes;
  const RoiAxis& rows;
  const RoiAxis& columns;

  Lanes load(int64_t row, int64_t column) const {
    float values[ROI_LANES] = {};
    for (int64_t l = 0; l < planes.count; l++) values[l] = planes.plane(l)[row * columns.size + column];
    return Lanes::load(values);
  }

  // h(row, j)
  Lanes line(int64_t row, int64_t j, const RoiRun& across) const {
    Lanes h = Lanes::zero();
    for (int64_t l = across.first; l < across.limit; l++) {
      const RoiSample t = columns.sample(j, l);
      h.add(t.low_weight, load(row, t.low));
      h.add(t.high_weight, load(row, t.high));
    }
    return h;
  }
};

}  // namespace
}  // namespace ondol

#endif
