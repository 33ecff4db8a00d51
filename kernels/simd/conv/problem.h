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
  int64_t kernel, dilation, residue, modulus;

  // The entries of the kernel that take part are k_first, k_first + k_step, ...; their taps go by tap_step.
  int64_t k_first, k_step, tap_first, tap_step;

  int64_t taps() const { return k_first >= kernel ? 0 : (kernel - 1 - k_first) / k_step + 1; }
  // Entries of the kernel with a lower residue.
  int64_t lower() const {
    int64_t n = 0;
    for (int64_t k = 0; k < kernel && modulus > 1; k++) n += k * dilation % modulus < residue;
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
    a.k_step = 1;
    a.tap_step = dilation;
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
    a.span = reach + 1 + (stride > 1);  // low is base or base + 1
    a.kernel = kernel;
    a.dilation = dilation;
    a.residue = residue;
    a.modulus = stride;
    a.choose();
    a.tap_first = reach + low - base - (a.k_first * dilation - residue) / stride;
    a.tap_step = -(a.k_step * dilation / stride);
    return a;
  }

  // Finds the entries of a residue: every stride / gcd-th from the first.
  void choose() {
    k_first = kernel;
    k_step = 1;
    for (int64_t k = 0; k < min_of(kernel, modulus); k++) {
      if (k * dilation % modulus != residue) continue;
      k_first = k;
      break;
    }
    while (k_step < kernel && k_step * dilation % modulus != 0) k_step++;
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
    static constexpr int32_t none = 0;  // null means that all entries are live
    const int64_t start = a.channel_start[i];
    const int32_t* live = a.live != nullptr ? a.live + a.live_start[i] : &none;
    c = {a.channels[start] / y_group, a.channel_start[i + 1] - start, a.channels + start, 0,
         live, a.live_start[i + 1] - a.live_start[i]};
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

// The entries of a phase within the kernel's window, in order: k = ky * kernel_w + kx.
template <class Visit>
inline void each_tap(const Axis& y, const Axis& x, Visit visit) {
  int64_t tap_y = y.tap_first;
  for (int64_t ky = y.k_first; ky < y.kernel; ky += y.k_step, tap_y += y.tap_step) {
    int64_t tap_x = x.tap_first;
    for (int64_t kx = x.k_first; kx < x.kernel; kx += x.k_step, tap_x += x.tap_step) visit(ky * x.kernel + kx, tap_y, tap_x);
  }
}

// Calls visit(row, c, tap) for the live entries of a class whose channel c is in [begin, end) and whose tap of the
// kernel's window belongs to the phase: part[tap] >= 0. `taps` of the window's `all` do. row counts the phase's entries
// from its first.
template <class Visit>
inline void each_live(const Class& cls, const int64_t* part, int64_t all, int64_t begin, int64_t end, Visit visit) {
  int64_t row = 0, c = 0, first = 0;
  for (int64_t i = 0; i < cls.entries; i++) {
    const int64_t k = cls.live[i];
    while (k >= first + all) {
      first += all;
      c++;
    }
    if (c >= end) return;
    if (part[k - first] < 0) continue;
    if (c >= begin) visit(row, c, k - first);
    row++;
  }
}

// Rows of a class in the packed filters before those of a phase.
inline int64_t rows_before(const ondol_conv_args& a, const Class& cls, const Axis& y, const Axis& x) {
  if (y.modulus == 1 && x.modulus == 1) return 0;
  if (cls.live == nullptr) return a.x_channels / a.groups * (y.lower() * a.kernel_w + y.taps() * x.lower());
  int64_t n = 0;
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
