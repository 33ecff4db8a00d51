package org.ondol.spi;

import org.ondol.Tensor;
import org.ondol.ops.Precision;

/**
 * Gradient of a conv's filters: dw[o,c,ky,kx] = Σ over n, then over (oy, ox), of dy · x; +0 for dead entries. x and dy have
 * contiguous planes; dw is contiguous, [yChannels, xChannels / groups, kernelH, kernelW], and overwritten.
 * All three are of the precision's type.
 *
 * @param shape of the conv; dy has y's sizes
 * @param live by class of y's channels; null where all entries are live
 */
public record ConvWeightArgs(ConvShape shape, Tensor x, Tensor dy, Tensor dw, LiveEntries live, Precision precision) {}
