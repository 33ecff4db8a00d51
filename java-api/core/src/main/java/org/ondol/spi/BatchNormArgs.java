package org.ondol.spi;

import org.ondol.Tensor;

/**
 * Contiguous x and y of [batch, channels, size], no size 0; gamma and beta [channels] or null; y may be x.
 *
 * @param training whether mean and variance are computed from x and written, rather than read
 * @param mean [channels]
 * @param variance [channels], biased
 * @param rstd [channels], written unless null
 */
public record BatchNormArgs(long batch, long channels, long size, boolean training, Tensor x, Tensor gamma, Tensor beta,
    Tensor mean, Tensor variance, Tensor rstd, Tensor y, boolean relu, float eps) {}
