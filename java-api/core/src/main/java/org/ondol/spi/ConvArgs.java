package org.ondol.spi;

import org.ondol.Tensor;
import org.ondol.ops.Activation;
import org.ondol.ops.Precision;

/**
 * conv or deconv, see docs/arithmetic.md, Convolution. Maps are [N, C, H, W] with contiguous planes (row stride W) and any
 * batch and channel strides; y overlaps nothing, except that it may be exactly the residual.
 * x, weight, y and residual are of the precision's type, bias and packed FLOAT32; packed goes with EXACT only.
 *
 * @param weight contiguous, conv: [yChannels, xChannels / groups, kernelH, kernelW], deconv: [xChannels, yChannels /
 *     groups, kernelH, kernelW]; null where packed is given
 * @param packed panels of 16 output channels, contiguous, see {@link org.ondol.ops.PackedFilter}; or null
 * @param bias [yChannels], contiguous; or null
 * @param residual of y's shape, added before the activation; or null
 * @param slope of RELU for negative values; 0 is the plain relu
 * @param live the live filter entries by class of y's channels; null where all are
 * @param beginH the rows [beginH, endH) and columns [beginW, endW) of y are computed, the rest is left as it is
 */
public record ConvArgs(ConvShape shape, Tensor x, Tensor weight, Tensor packed, Tensor y, Tensor bias, Tensor residual,
    Activation activation, float slope, LiveEntries live, long beginH, long endH, long beginW, long endW,
    Precision precision) {
  /** The same call for another part of y. */
  public ConvArgs window(long beginH, long endH, long beginW, long endW) {
    return new ConvArgs(shape, x, weight, packed, y, bias, residual, activation, slope, live, beginH, endH, beginW, endW,
        precision);
  }
}
