package org.ondol.spi;

import org.ondol.Tensor;
import org.ondol.ops.Pool;

/**
 * dx from dy, [N, C, H, W] with contiguous planes; dx is overwritten. An index outside its window, whatever it is, counts
 * nowhere and is never followed.
 *
 * @param indices of max pooling: INT32, contiguous, of dy's shape; null for averages
 */
public record PoolBackwardArgs(Pool.Op op, PoolShape shape, Tensor dy, Tensor indices, Tensor dx) {}
