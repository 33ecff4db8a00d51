package org.ondol.spi;

import org.ondol.Tensor;

/**
 * The gradients of a pass over D variables; everything contiguous. See docs/arithmetic.md, nade.
 *
 * @param forward the pass; its y and state are null, and it does not sample
 * @param dy [rows, variables, outputs]
 * @param dstate [rows, hidden], or null for 0
 * @param dx [rows, variables], or null
 * @param dscale [rows, variables]: the scale's gradient row by row; or null
 * @param dw of w's shape, or null
 * @param dv of v's shape, or null
 * @param dstart of start's shape, or null
 */
public record NadeBackwardArgs(NadeArgs forward, Tensor dy, Tensor dstate, Tensor dx, Tensor dscale, Tensor dw,
    Tensor dv, Tensor dstart) {}
