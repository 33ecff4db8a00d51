package org.ondol.vector;

import org.ondol.spi.ConvArgs;
import org.ondol.spi.ConvShape;

/**
 * One dimension of a convolution's phase: the output positions first, first + step, ... whose inputs lie on a regular grid.
 * Position i reads the input at origin + i * stride + tap(k) for those k of the kernel that belong to the phase. A conv has
 * one phase; a deconv has one for each residue modulo its stride, and all of them share an origin, so that they can share a
 * patch of the input.
 *
 * @param residue what k * dilation mod the deconv's stride is for the k of the phase; 0 for conv
 * @param span one more than the largest tap
 * @param tapShift tap(k) = tapShift + k * dilation for conv, tapShift - (k * dilation - residue) / stride for deconv
 */
record ConvAxis(long count, long first, long step, long origin, long stride, long span, long residue, long tapShift) {
  /** Outputs [begin, end) of a conv: y[o] reads x[o * stride - pad + k * dilation]. */
  static ConvAxis conv(long begin, long end, long kernel, long stride, long dilation, long pad) {
    return new ConvAxis(end - begin, begin, 1, begin * stride - pad, stride, (kernel - 1) * dilation + 1, 0, 0);
  }

  /**
   * The outputs o of [begin, end) with (o + pad) mod stride = residue of a deconv: o = stride * q + residue - pad reads
   * x[q - (k * dilation - residue) / stride].
   */
  static ConvAxis deconv(long begin, long end, long kernel, long stride, long dilation, long pad, long residue) {
    long low = Math.ceilDiv(begin + pad - residue, stride);
    long high = Math.ceilDiv(end + pad - residue, stride);
    long base = (begin + pad) / stride;
    long reach = (kernel - 1) * dilation / stride;
    // low is base or base + 1.
    return new ConvAxis(high - low, stride * low + residue - pad, stride, base - reach, 1, reach + (stride > 1 ? 2 : 1), residue,
        reach + low - base);
  }

  /** The phases of y's rows that occur in a call's window. */
  static ConvAxis[] rows(ConvArgs a, boolean transposed) {
    ConvShape s = a.shape();
    return phases(a.beginH(), a.endH(), s.kernelH(), s.strideH(), s.dilationH(), s.padTop(), transposed);
  }

  /** The phases of y's columns that occur in a call's window. */
  static ConvAxis[] columns(ConvArgs a, boolean transposed) {
    ConvShape s = a.shape();
    return phases(a.beginW(), a.endW(), s.kernelW(), s.strideW(), s.dilationW(), s.padLeft(), transposed);
  }

  private static ConvAxis[] phases(long begin, long end, long kernel, long stride, long dilation, long pad, boolean transposed) {
    if (!transposed) return new ConvAxis[] {conv(begin, end, kernel, stride, dilation, pad)};
    ConvAxis[] phases = new ConvAxis[(int) Math.min(stride, end - begin)];
    for (int i = 0; i < phases.length; i++) {
      phases[i] = deconv(begin, end, kernel, stride, dilation, pad, (begin + pad + i) % stride);
    }
    return phases;
  }

  /** Where entry k of the kernel reads, from a position's origin. */
  long tap(long k, long dilation, boolean transposed) {
    return transposed ? tapShift - (k * dilation - residue) / step : k * dilation;
  }
}
