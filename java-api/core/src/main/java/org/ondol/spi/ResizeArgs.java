package org.ondol.spi;

import org.ondol.Tensor;

/**
 * Contiguous x of [planes, inRows, inColumns] to contiguous y of [planes, outRows, outColumns] through tables, all on the
 * device and private to the call: an axis with n output cells has an INT32 table of cells in [0, input size) and a FLOAT32 one of
 * weights, each [2, n] (first and second cell). No size is 0.
 *
 * @param rowWeights null where the nearest cell is taken: then the tables of cells are [1, n]
 * @param columnWeights null where rowWeights is
 */
public record ResizeArgs(long planes, long inRows, long inColumns, long outRows, long outColumns, Tensor x, Tensor y, Tensor rows,
    Tensor rowWeights, Tensor columns, Tensor columnWeights) {}
