package org.ondol.spi;

import org.ondol.Tensor;

/**
 * y = x in y's type; both are floating-point tensors, possibly of one type. x has y's shape (stride 0 broadcasts), both any
 * strides and rank at most 6; y overlaps nothing and its elements are distinct.
 */
public record CastArgs(Tensor x, Tensor y) {}
