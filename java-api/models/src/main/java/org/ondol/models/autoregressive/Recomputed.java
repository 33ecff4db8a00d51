package org.ondol.models.autoregressive;

import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Tape;

/**
 * The whole network for every step: for devices of another precision than EXACT, which have no kernels for a single
 * pixel. Its result at a pixel depends on what is known there alone, so the zeros of pixels to come do not show.
 */
final class Recomputed implements PixelModel.Stepper {
  private final PixelModel model;
  private final long batch;
  private final float[] images;

  Recomputed(PixelModel model, int batch) {
    this.model = model;
    this.batch = batch;
    images = new float[batch * model.variables()];
  }

  @Override
  public Tensor step(int row, int column) {
    Canvas canvas = model.canvas();
    try (Scope scope = Scope.open(); Tape tape = Tape.open()) {
      Tensor known = Tensor.of(model.device(), images, batch, canvas.colours(), canvas.height(), canvas.width());
      Tensor maps = tape.frozen(() -> model.network(tape, tape.constant(known))).tensor();
      return scope.keep(maps.select(3, column).select(2, row).copy());
    }
  }

  @Override
  public void set(int row, int column, int colour, float[] values) {
    int variable = model.canvas().variable(colour, row, column);
    for (int i = 0; i < batch; i++) images[i * model.variables() + variable] = values[i];
  }

  @Override
  public void close() {}
}
