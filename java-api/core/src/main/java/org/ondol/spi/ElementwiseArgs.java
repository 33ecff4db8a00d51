package org.ondol.spi;

import org.ondol.Tensor;
import org.ondol.ops.Elementwise;

/**
 * out = op(x) or op(x, y). All operands have out's shape (stride 0 broadcasts), any strides, rank at most 6; y is null for
 * unary operations; out is disjoint from x and y or exactly the same elements.
 */
public record ElementwiseArgs(Elementwise.Op op, Tensor x, Tensor y, Tensor out, float param) {}
