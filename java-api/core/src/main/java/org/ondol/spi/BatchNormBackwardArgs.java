package org.ondol.spi;

import org.ondol.Tensor;

/**
 * Contiguous x, dy, y and dx of [batch, channels, size], no size 0; dx, dgamma and dbeta are written.
 *
 * @param training whether mean and rstd depend on x
 * @param gamma may be null (1)
 * @param y the forward result where it ended with a relu, else null
 */
public record BatchNormBackwardArgs(long batch, long channels, long size, boolean training, Tensor x, Tensor dy, Tensor y,
    Tensor gamma, Tensor mean, Tensor rstd, Tensor dx, Tensor dgamma, Tensor dbeta) {}
