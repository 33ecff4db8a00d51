package org.ondol.spi;

import org.ondol.Tensor;
import org.ondol.ops.Reduce;

/** Contiguous x seen as [outer, n, inner] reduced over n into contiguous y [outer, inner]. */
public record ReduceArgs(Reduce.Op op, long outer, long n, long inner, Tensor x, Tensor y) {}
