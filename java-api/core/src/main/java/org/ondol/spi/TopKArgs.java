package org.ondol.spi;

import org.ondol.Tensor;

/**
 * The first k of each row in topk's order; docs/arithmetic.md, Selection. Values are copied with their bits.
 *
 * @param x FLOAT32 [rows, n], rows any distance apart, n below 2^31
 * @param largest the greatest, else the least
 * @param values FLOAT32 [rows, k], contiguous, {@code 1 <= k <= n}
 * @param indices INT32 [rows, k], contiguous
 */
public record TopKArgs(Tensor x, boolean largest, Tensor values, Tensor indices) {}
