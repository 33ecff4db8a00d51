package org.ondol.vector;

import org.ondol.spi.PoolShape;

/**
 * The windows along one axis.
 *
 * @param kernel 0 for adaptive windows
 */
record PoolAxis(long in, long out, long kernel, long stride, long dilation, long begin, long end, boolean countPadding) {
  static PoolAxis rows(PoolShape s) {
    return new PoolAxis(s.xHeight(), s.yHeight(), s.kernelH(), s.strideH(), s.dilationH(), s.padTop(), s.padBottom(), s.countPadding());
  }

  static PoolAxis columns(PoolShape s) {
    return new PoolAxis(s.xWidth(), s.yWidth(), s.kernelW(), s.strideW(), s.dilationW(), s.padLeft(), s.padRight(), s.countPadding());
  }

  boolean adaptive() {
    return kernel == 0;
  }

  /** Where window o would begin were there no edge. */
  long start(long o) {
    return adaptive() ? o * in / out : o * stride - begin;
  }

  /** The first tap inside. */
  long first(long o) {
    long start = start(o);
    return start >= 0 ? start : start + (-start + dilation - 1) / dilation * dilation;
  }

  /** Just behind the last tap inside; the taps lie {@code dilation} apart. */
  long limit(long o) {
    if (adaptive()) {
      return ((o + 1) * in + out - 1) / out;
    }
    long start = start(o);
    long last = start + (kernel - 1) * dilation;
    if (last >= in) {
      last -= (last - in + dilation) / dilation * dilation;
    }
    return last + 1;
  }

  /** No tap of windows from o on is before this. */
  long low(long o) {
    return Math.max(0, start(o));
  }

  /** No tap of windows up to o is here or behind. */
  long high(long o) {
    return adaptive() ? limit(o) : Math.min(in, start(o) + (kernel - 1) * dilation + 1);
  }

  /** What an average counts. */
  long count(long o) {
    if (!adaptive() && start(o) >= 0 && start(o) + (kernel - 1) * dilation < in) {
      return kernel;
    }
    if (!countPadding || adaptive()) {
      return (limit(o) - first(o) - 1) / dilation + 1;
    }
    return Math.min(kernel, (in + end - start(o) + dilation - 1) / dilation);
  }

  /** The first window that ends behind position {@code at}. */
  long firstOver(long at) {
    if (adaptive()) {
      return at * out / in;
    }
    long before = at + begin - (kernel - 1) * dilation;
    return before <= 0 ? 0 : Math.min(out, (before + stride - 1) / stride);
  }

  /** Just behind the last window that begins before position {@code at}. */
  long limitOver(long at) {
    return Math.min(out, adaptive() ? (at * out + in - 1) / in : (at - 1 + begin) / stride + 1);
  }

  /** Whether position {@code at} is a tap of window o. */
  boolean holds(long o, long at) {
    return at >= first(o) && at < limit(o) && (at - first(o)) % dilation == 0;
  }

  /** Positions from the first tap of window {@code from} to the last of window {@code to - 1}, edges aside. */
  long span(long from, long to) {
    return adaptive() ? limit(to - 1) - start(from) : (to - 1 - from) * stride + (kernel - 1) * dilation + 1;
  }
}
