package org.ondol.spi;

import org.ondol.Tensor;

/** Contiguous x and y seen as [outer, n, inner], normalised over n; y may be x. */
public record SoftmaxArgs(long outer, long n, long inner, Tensor x, Tensor y, boolean log) {}
