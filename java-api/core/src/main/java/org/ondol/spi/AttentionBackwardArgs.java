package org.ondol.spi;

import org.ondol.Tensor;

/**
 * Gradient of attention: reads the forward pass's operands, its out and lse, and writes the gradients that are not null.
 * Shapes are those of q, k, v and bias; unit last strides.
 */
public record AttentionBackwardArgs(AttentionArgs forward, Tensor dout, Tensor dq, Tensor dk, Tensor dv, Tensor dbias) {}
