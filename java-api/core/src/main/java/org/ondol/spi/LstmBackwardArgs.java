package org.ondol.spi;

import org.ondol.Tensor;

/**
 * The gradient of {@link LstmArgs} back through its steps. All tensors are contiguous; shapes are those of the forward
 * call.
 *
 * @param c0 may be null (zeros)
 * @param dh the gradient of h, of all steps
 * @param dc of the last cells, or null
 * @param dx written
 * @param dh0 written, or null
 * @param dc0 written, or null
 */
public record LstmBackwardArgs(long steps, long sequences, long positions, long hidden, long taps, long before,
    boolean reverse, Tensor weight, Tensor gates, Tensor cells, Tensor c0, Tensor dh, Tensor dc, Tensor dx, Tensor dh0,
    Tensor dc0) {}
