// Packed filters: see ondol.h. A call whose filters are not packed packs them first, a panel a task.
#ifndef ONDOL_CONV_FILTERS_H
#define ONDOL_CONV_FILTERS_H

#include "conv/problem.h"
#include "simd.h"

namespace ondol {
namespace {

// The phases of a call as axes: one for conv, one for each residue that occurs in the window for deconv.
struct Phases {
  const ondol_conv_args& a;
  const bool transposed;

  int64_t rows() const { return transposed ? min_of(a.stride_h, a.end_h - a.begin_h) : 1; }
  int64_t columns() const { return transposed ? min_of(a.stride_w, a.end_w - a.begin_w) : 1; }

  Axis y(int64_t i) const {
    if (!transposed) return Axis::conv(a.begin_h, a.end_h, a.kernel_h, a.stride_h, a.dilation_h, a.pad_top);
    return Axis::deconv(a.begin_h, a.end_h, a.kernel_h, a.stride_h, a.dilation_h, a.pad_top,
                        (a.begin_h + a.pad_top + i) % a.stride_h);
  }
  Axis x(int64_t i) const {
    if (!transposed) return Axis::conv(a.begin_w, a.end_w, a.kernel_w, a.stride_w, a.dilation_w, a.pad_left);
    return Axis::deconv(a.begin_w, a.end_w, a.kernel_w, a.stride_w, a.dilation_w, a.pad_left,
                        (a.begin_w + a.pad_left + i) % a.stride_w);
  }
};

// An axis that knows its taps only.
inline Axis residue_axis(int64_t kernel, int64_t dilation, int64_t modulus, int64_t residue) {
  Axis a = Axis::conv(0, 1, kernel, 1, dilation, 0);
  a.modulus = modulus;
  a.residue = residue;
  a.choose();
  return a;
}

// Elements [0, n) of 16 lanes as n rows of 16, in squares of vectors: row r goes to out(r). Missing lanes are zeros.
template <class V, class Out>
void turn_lanes(const float* const* lane, int64_t lanes, int64_t n, Out out) {
  for (int64_t i = 0; i < n; i += V::lanes) {
    const int64_t count = min_of<int64_t>(V::lanes, n - i);
    for (int64_t l = 0; l < 16; l += V::lanes) {
      typename V::F square[V::lanes];
      for (int64_t j = 0; j < V::lanes; j++) square[j] = l + j < lanes ? load_part<V>(lane[l + j] + i, count) : V::set(0.0f);
      V::transpose(square);
      for (int64_t j = 0; j < count; j++) V::store(out(i + j) + l, square[j]);
    }
  }
}

constexpr int64_t MOST_TURNED_TAPS = 64;

// The phases of a deconv's packed filters in their order, whatever the window: visit(axis of rows, axis of columns).
template <class Visit>
inline void each_residue(const ondol_conv_args& a, bool transposed, Visit visit) {
  const int64_t rows = transposed ? min_of(a.stride_h, (a.kernel_h - 1) * a.dilation_h + 1) : 1;
  const int64_t columns = transposed ? min_of(a.stride_w, (a.kernel_w - 1) * a.dilation_w + 1) : 1;
  for (int64_t i = 0; i < rows; i++) {
    const Axis y = residue_axis(a.kernel_h, a.dilation_h, transposed ? a.stride_h : 1, i);
    for (int64_t j = 0; j < columns && y.taps() > 0; j++) {
      const Axis x = residue_axis(a.kernel_w, a.dilation_w, transposed ? a.stride_w : 1, j);
      if (x.taps() > 0) visit(i, j, y, x);
    }
  }
}

// Where the weights of a panel's channels begin.
inline void first_weights(const ondol_conv_args& a, bool transposed, const Panel& p, const float** lane) {
  const Class cls = class_of(a, p.index);
  const int64_t taps = a.kernel_h * a.kernel_w, x_group = a.x_channels / a.groups, y_group = a.y_channels / a.groups;
  for (int64_t l = 0; l < p.channels; l++) {
    const int64_t o = cls.at(p.begin + l);
    lane[l] = a.weight + (transposed ? (cls.group * x_group * y_group + o % y_group) * taps : o * x_group * taps);
  }
}

// Rows of a panel. conv: entry (c, ky, kx) of channel o lies at w[o][c][ky][kx]; deconv: at w[c][o][ky][kx].
inline void pack_panel(const ondol_conv_args& a, bool transposed, int64_t index, float* packed) {
  const Panel p = Panels16(a).at(index);
  const Class cls = class_of(a, p.index);
  const int64_t taps = a.kernel_h * a.kernel_w, x_group = a.x_channels / a.groups, y_group = a.y_channels / a.groups;
  const float* lane[16];
  first_weights(a, transposed, p, lane);
  float* out = packed + p.rows;
  const int64_t channel = transposed ? y_group * taps : taps;
  const auto put = [&](int64_t at) {
    for (int64_t l = 0; l < 16; l++) out[l] = l < p.channels ? lane[l][at] : 0.0f;
    out += 16;
  };
  each_residue(a, transposed, [&](int64_t i, int64_t j, const Axis& y, const Axis& x) {
    if (cls.live == nullptr) {
      for (int64_t c = 0; c < x_group; c++) each_tap(y, x, [&](int64_t k, int64_t, int64_t) { put(c * channel + k); });
      return;
    }
    for (int64_t e = 0; e < cls.entries; e++) {
      const int64_t k = cls.live[e] % taps;
      if (k / a.kernel_w * a.dilation_h % y.modulus != i || k % a.kernel_w * a.dilation_w % x.modulus != j) continue;
      put(cls.live[e] / taps * channel + k);
    }
  });
}

// The same of filters without a list of live entries, whose lanes lie in runs: one by one they and the writing of the
// weight's gradient took 5 % of a step of training (Zen 5, deconv 4 x 4 512-256 forward and gradients: 45.3 ms, now 42.9).
template <class V>
void pack_runs(const ondol_conv_args& a, bool transposed, int64_t index, float* packed) {
  const int64_t taps = a.kernel_h * a.kernel_w, x_group = a.x_channels / a.groups;
  if (a.classes != 0 || (transposed && taps > MOST_TURNED_TAPS)) {
    pack_panel(a, transposed, index, packed);
    return;
  }
  const Panel p = Panels16(a).at(index);
  float* out = packed + p.rows;
  const float* lane[16];
  first_weights(a, transposed, p, lane);
  if (!transposed) {
    turn_lanes<V>(lane, p.channels, x_group * taps, [&](int64_t row) { return out + row * 16; });
    return;
  }
  int64_t first[MOST_TURNED_TAPS], step[MOST_TURNED_TAPS], rows = 0;  // by tap: of its row, from a channel to the next
  each_residue(a, true, [&](int64_t, int64_t, const Axis& y, const Axis& x) {
    int64_t n = 0;
    each_tap(y, x, [&](int64_t k, int64_t, int64_t) { first[k] = rows + n++; });
    each_tap(y, x, [&](int64_t k, int64_t, int64_t) { step[k] = n; });
    rows += n * x_group;
  });
  const float* at[16];
  for (int64_t c = 0; c < x_group; c++) {
    for (int64_t l = 0; l < p.channels; l++) at[l] = lane[l] + c * (a.y_channels / a.groups) * taps;
    turn_lanes<V>(at, p.channels, taps, [&](int64_t k) { return out + (first[k] + c * step[k]) * 16; });
  }
}

}  // namespace
}  // namespace ondol

#endif
