package org.ondol.spi;

import org.ondol.Tensor;

/** Contiguous x and y of [rows, n]; gamma and beta [n] or null; mean and rstd [rows] or null; y may be x. */
public record LayerNormArgs(long rows, long n, Tensor x, Tensor gamma, Tensor beta, Tensor y, Tensor mean, Tensor rstd,
    float eps) {}
