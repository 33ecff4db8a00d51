// Grids of output positions and classes of output channels: a convolution as its kernels see it.
#ifndef ONDOL_CONV_PROBLEM_H
#define ONDOL_CONV_PROBLEM_H

#include "ondol.h"
#include "simd.h"

namespace ondol {
namespace {

inline int64_t floor_div(int64_t a, int64_t b) {  // b > 0
  const int64_t q = a / b;
  return a % b < 0 ? q - 1 : q;
}

inline int64_t ceil_of(int64_t a, int64_t b) {  // b > 0, any a
  return -floor_div(-a, b);
}

// One dimension of a phase: `count` output positions, at first, first + step, ... of y. Position i reads x at
// origin + i * stride + tap(k) for those k that belong to the phase; taps are 0 to span - 1.
struct Axis {
  int64_t count, first, step;
  int64_t origin, stride, span;
  int64_t kernel, dilation, residue, modulus, shift;
  bool transposed;

  // Whether entry k of the kernel takes part, and its tap.
  bool has(int64_t k) const { return k * dilation % modulus == residue; }
  int64_t tap(int64_t k) const {
    return transposed ? shift - (k * dilation - residue) / modulus : k * dilation;
  }
  int64_t taps() const {
    int64_t n = 0;
    for (int64_t k = 0; k < kernel; k++) n += has(k);
    return n;
  }

  // Outputs [begin, end) of a conv: y[o] reads x[o * stride - pad + k * dilation].
  static Axis conv(int64_t begin, int64_t end, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad) {
    Axis a = {};
    a.count = max_of<int64_t>(0, end - begin);
    a.first = begin;
    a.step = 1;
    a.origin = begin * stride - pad;
    a.stride = stride;
    a.span = (kernel - 1) * dilation + 1;
    a.kernel = kernel;
    a.dilation = dilation;
    a.modulus = 1;
    return a;
  }

  // Outputs of [begin, end) with (o + pad) mod stride = residue of a deconv: o = stride * q + residue - pad reads
  // x[q - (k * dilation - residue) / stride]. All residues share one origin, so that they can share a patch.
  static Axis deconv(int64_t begin, int64_t end, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad,
                     int64_t residue) {
    Axis a = {};
    const int64_t low = ceil_of(begin + pad - residue, stride), high = ceil_of(end + pad - residue, stride);
    const int64_t base = floor_div(begin + pad, stride), reach = (kernel - 1) * dilation / stride;
    a.count = max_of<int64_t>(0, high - low);
    a.first = stride * low + residue - pad;
    a.step = stride;
    a.origin = base - reach;
    a.stride = 1;
    a.span = reach + 2;  // low is base or base + 1
    a.kernel = kernel;
    a.dilation = dilation;
    a.residue = residue;
    a.modulus = stride;
    a.shift = reach + low - base;
    a.transposed = true;
    return a;
  }
};

// Output channels that share their live entries.
struct Class {
  int64_t group, channels;
  const int32_t* channel;  // of y, or null: first, first + 1, ...
  int64_t first;
  const int32_t* live;  // or null: all
  int64_t entries;

  int64_t at(int64_t i) const { return channel != nullptr ? channel[i] : first + i; }
};

inline int64_t class_count(const ondol_conv_args& a) {
  return a.classes != 0 ? a.classes : a.groups;
}

inline Class class_of(const ondol_conv_args& a, int64_t i) {
  const int64_t y_group = a.y_channels / a.groups;
  Class c;
  if (a.classes == 0) {
    c = {i, y_group, nullptr, i * y_group, nullptr, a.x_channels / a.groups * a.kernel_h * a.kernel_w};
  } else {
    const int64_t start = a.channel_start[i];
    c = {a.channels[start] / y_group, a.channel_start[i + 1] - start, a.channels + start, 0,
         a.live + a.live_start[i], a.live_start[i + 1] - a.live_start[i]};
  }
  return c;
}

// A panel of up to 16 channels of a class and where its rows begin in the packed filters.
struct Panel {
  int64_t index;  // class
  int64_t begin, channels;  // within the class
  int64_t rows;             // float offset
};

// Walks the panels of all classes in order.
class Panels16 {
 public:
  explicit Panels16(const ondol_conv_args& args) : a(args) {}

  static int64_t count(const ondol_conv_args& a) {
    if (a.classes == 0) return a.groups * ceil_div(a.y_channels / a.groups, 16);
    int64_t n = 0;
    for (int64_t i = 0; i < a.classes; i++) n += ceil_div(a.channel_start[i + 1] - a.channel_start[i], 16);
    return n;
  }

  static int64_t floats(const ondol_conv_args& a) {
    const int64_t y_group = a.y_channels / a.groups;
    if (a.classes == 0) {
      return a.groups * ceil_div(y_group, 16) * 16 * (a.x_channels / a.groups * a.kernel_h * a.kernel_w);
    }
    int64_t n = 0;
    for (int64_t i = 0; i < a.classes; i++) {
      n += ceil_div(a.channel_start[i + 1] - a.channel_start[i], 16) * 16 * (a.live_start[i + 1] - a.live_start[i]);
    }
    return n;
  }

  Panel at(int64_t index) const {
    Panel p = {};
    if (a.classes == 0) {
      const int64_t y_group = a.y_channels / a.groups, each = ceil_div(y_group, 16);
      p.index = index / each;
      p.begin = index % each * 16;
      p.channels = min_of<int64_t>(16, y_group - p.begin);
      p.rows = index * 16 * (a.x_channels / a.groups * a.kernel_h * a.kernel_w);
      return p;
    }
    for (;; p.index++) {
      const int64_t channels = a.channel_start[p.index + 1] - a.channel_start[p.index];
      const int64_t entries = a.live_start[p.index + 1] - a.live_start[p.index];
      const int64_t each = ceil_div(channels, 16);
      if (index < each) {
        p.begin = index * 16;
        p.channels = min_of<int64_t>(16, channels - p.begin);
        p.rows += index * 16 * entries;
        return p;
      }
      index -= each;
      p.rows += each * 16 * entries;
    }
  }

 private:
  const ondol_conv_args& a;
};

// Calls visit(row, c, ky, kx) for the live entries of a class that belong to a phase and whose channel is in
// [begin, end), in their order; row counts from the phase's first.
template <class Visit>
inline void each_entry(const ondol_conv_args& a, const Class& cls, const Axis& y, const Axis& x, int64_t begin,
                       int64_t end, Visit visit) {
  int64_t row = 0;
  if (cls.live == nullptr) {
    row = begin * y.taps() * x.taps();
    for (int64_t c = begin; c < end; c++) {
      for (int64_t ky = 0; ky < a.kernel_h; ky++) {
        if (!y.has(ky)) continue;
        for (int64_t kx = 0; kx < a.kernel_w; kx++) {
          if (x.has(kx)) visit(row++, c, ky, kx);
        }
      }
    }
    return;
  }
  const int64_t taps = a.kernel_h * a.kernel_w;
  int64_t c = 0, first = 0, ky = 0, edge = a.kernel_w;  // of the current channel and row of the kernel
  for (int64_t i = 0; i < cls.entries; i++) {
    const int64_t k = cls.live[i];
    while (k >= first + taps) {
      first += taps;
      c++;
      ky = 0;
      edge = first + a.kernel_w;
    }
    if (c >= end) return;
    while (k >= edge) {
      edge += a.kernel_w;
      ky++;
    }
    const int64_t kx = k - (edge - a.kernel_w);
    if (!y.has(ky) || !x.has(kx)) continue;
    if (c >= begin) visit(row, c, ky, kx);
    row++;
  }
}

// Rows of a class in the packed filters before those of a phase.
inline int64_t rows_before(const ondol_conv_args& a, const Class& cls, const Axis& y, const Axis& x) {
  if (y.modulus == 1 && x.modulus == 1) return 0;
  int64_t n = 0;
  if (cls.live == nullptr) {
    int64_t lower_y = 0, lower_x = 0;
    for (int64_t k = 0; k < a.kernel_h; k++) lower_y += k * y.dilation % y.modulus < y.residue;
    for (int64_t k = 0; k < a.kernel_w; k++) lower_x += k * x.dilation % x.modulus < x.residue;
    return a.x_channels / a.groups * (lower_y * a.kernel_w + y.taps() * lower_x);
  }
  const int64_t taps = a.kernel_h * a.kernel_w;
  for (int64_t i = 0; i < cls.entries; i++) {
    const int64_t t = cls.live[i] % taps, ky = t / a.kernel_w * y.dilation % y.modulus;
    n += ky < y.residue || (ky == y.residue && t % a.kernel_w * x.dilation % x.modulus < x.residue);
  }
  return n;
}

}  // namespace
}  // namespace ondol

#endif
