package org.ondol.spi;

import org.ondol.Tensor;

/**
 * y[n,c,indices[n,c,i]] = x[n,c,i], zeros elsewhere; the last i wins. x and y are [N, C, H, W] with contiguous planes of
 * below 2^31 elements. An index outside the plane, possible only if another thread changes indices during the call, must
 * not be followed.
 *
 * @param indices INT32, contiguous, of x's shape
 */
public record UnpoolArgs(Tensor x, Tensor indices, Tensor y) {}
