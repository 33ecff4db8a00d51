package org.ondol.spi;

import org.ondol.Tensor;

/** Contiguous x, dy and dx of [rows, n]; gamma may be null (1); dx, dgamma and dbeta are written unless null. */
public record LayerNormBackwardArgs(long rows, long n, Tensor x, Tensor gamma, Tensor dy, Tensor mean, Tensor rstd, Tensor dx,
    Tensor dgamma, Tensor dbeta) {}
