package org.ondol.spi;

import org.ondol.Tensor;

/**
 * dx[n,c,i] = dy[n,c,indices[n,c,i]], and 0 where a later i has the same index (or an index is outside the plane, see
 * {@link UnpoolArgs}). Layouts as there, dx of indices' shape.
 */
public record UnpoolBackwardArgs(Tensor dy, Tensor indices, Tensor dx) {}
