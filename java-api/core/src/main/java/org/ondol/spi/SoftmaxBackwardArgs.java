package org.ondol.spi;

import org.ondol.Tensor;

/** Contiguous y, dy and dx seen as [outer, n, inner]; y is the forward result; dx may be dy. */
public record SoftmaxBackwardArgs(long outer, long n, long inner, Tensor y, Tensor dy, Tensor dx, boolean log) {}
