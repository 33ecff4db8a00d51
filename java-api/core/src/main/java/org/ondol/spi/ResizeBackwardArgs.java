package org.ondol.spi;

import org.ondol.Tensor;

/** Gradient dx of [planes, inRows, inColumns] from dy of [planes, outRows, outColumns]; tables as in {@link ResizeArgs}. */
public record ResizeBackwardArgs(long planes, long inRows, long inColumns, long outRows, long outColumns, Tensor dy, Tensor dx,
    Tensor rows, Tensor rowWeights, Tensor columns, Tensor columnWeights) {}
