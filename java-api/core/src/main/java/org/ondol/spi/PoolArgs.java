package org.ondol.spi;

import org.ondol.Tensor;
import org.ondol.ops.Pool;

/**
 * y = the greatest element or the average of each window of x; see docs/arithmetic.md, Pooling. x and y are
 * [N, C, H, W] with contiguous planes.
 *
 * @param indices of the greatest elements within their planes, INT32, contiguous, of y's shape; or null, as for averages
 */
public record PoolArgs(Pool.Op op, PoolShape shape, Tensor x, Tensor y, Tensor indices) {}
