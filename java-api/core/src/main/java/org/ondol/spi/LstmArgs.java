package org.ondol.spi;

import org.ondol.Tensor;

/**
 * Steps of an LSTM whose state is a row of positions. All tensors have unit last stride.
 *
 * @param before how many positions the first tap lies to the left of its output, 0 to taps - 1
 * @param reverse whether steps go from the last to the first
 * @param x [steps, sequences, positions, 4 hidden], any outer strides
 * @param weight [taps, hidden, 4 hidden], contiguous
 * @param bias [4 hidden], contiguous; or null
 * @param h0 [sequences, positions, hidden], any outer strides, or with a halo [sequences, positions + taps - 1,
 *     hidden]: then there is one step, and the first tap of position r reads h0 at r; or null for zeros
 * @param c0 [sequences, positions, hidden], any outer strides; or null for zeros
 * @param h [steps, sequences, positions, hidden], written, any outer strides
 * @param c [sequences, positions, hidden], the last cells, any outer strides; may be exactly c0; or null
 * @param gates [steps, sequences, positions, 4 hidden], contiguous: the gates after their activations; or null
 * @param cells [steps, sequences, positions, hidden], contiguous: the cells of all steps; null exactly where gates is
 */
public record LstmArgs(long steps, long sequences, long positions, long hidden, long taps, long before, boolean reverse,
    boolean halo, Tensor x, Tensor weight, Tensor bias, Tensor h0, Tensor c0, Tensor h, Tensor c, Tensor gates,
    Tensor cells) {}
