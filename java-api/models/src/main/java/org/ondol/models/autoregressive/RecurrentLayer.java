package org.ondol.models.autoregressive;

import org.ondol.Tensor;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;

/** A layer of a PixelRNN over the features [N, R, C, F] of all pixels. */
interface RecurrentLayer extends AutoCloseable {
  /** All pixels: the residual connection is part of the layer. */
  Value of(Tape tape, Value x);

  /** The same pixel by pixel, with parameters as they are now and the same bits. */
  Cells cells(int batch, int rows, int columns);

  /** What a layer must remember of the pixels so far. */
  interface Cells extends AutoCloseable {
    /**
     * The layer's result at a pixel, from its input there and at pixels before. May be called again for the same
     * pixel, with another input.
     *
     * @param x [N, F]
     * @return [N, F], of the current scope
     */
    Tensor at(Tensor x, int row, int column);

    /** Goes on to the next row: the input of all pixels of this one was given. */
    void endRow(int row);

    @Override
    void close();
  }

  @Override
  void close();
}
