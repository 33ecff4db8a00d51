package org.ondol.bench.stems;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import java.util.HashMap;
import java.util.Map;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.bench.peers.TorchTraining;
import org.ondol.grad.Generator;
import org.ondol.models.autoregressive.Canvas;
import org.ondol.models.autoregressive.PixelCnn;

/** A step of a PixelCNN on binary digits. The peer has dense convolutions and multiplies their weights by masks. */
final class PixelTraining {
  private static final int SIDE = 28;
  private static final double RATE = 1e-3;
  /**
   * First values of which no relu lies within rounding of its kink in the steps that are compared. Of the first six
   * generators, 1 and 4 give some, and then gradients differ by up to 7e-4 of the largest; the losses of the others
   * agree within 7e-7.
   */
  private static final long FIRST_VALUES = 2;

  private PixelTraining() {}

  static TrainingCase pixelCnn(int blocks, int width, int batch) {
    String name = "PixelCNN 28x28, %d blocks of %d, batch %d".formatted(blocks, width, batch);
    return new TrainingCase(name, 0, device -> new Ours(model(device, blocks, width), batch),
        () -> new Torch(blocks, width, batch));
  }

  private static PixelCnn model(Device device, int blocks, int width) {
    return new PixelCnn(device, Canvas.of(1, SIDE, SIDE, 2), blocks, width, width, new Generator(FIRST_VALUES));
  }

  private static final class Ours implements TrainingCase.Steps {
    private final PixelCnn model;
    private final OndolTraining training;
    private final Tensor x;

    Ours(PixelCnn model, int batch) {
      this.model = model;
      training = new OndolTraining(model.parameters(), RATE, 0.9);
      x = Scope.detach(Tensor.of(model.device(), Inputs.blots(batch, SIDE * SIDE), batch, SIDE * SIDE));
    }

    @Override
    public float[] step(float[] noise, Map<String, float[]> gradients) {
      try (Scope scope = Scope.open()) {
        return new float[] {training.descend("", gradients, tape -> model.logLikelihood(tape, x).mean().neg())};
      }
    }

    @Override
    public void close() {
      x.close();
      training.close();
      model.close();
    }
  }

  private static final class Torch implements TrainingCase.Steps {
    private final TorchTraining net = new TorchTraining(RATE, 0.9);
    private final Map<Integer, NDArray> masks = new HashMap<>();
    private final int blocks;
    private final int batch;
    private final NDArray x;

    Torch(int blocks, int width, int batch) {
      this.blocks = blocks;
      this.batch = batch;
      try (PixelCnn ours = model(Device.of("java"), blocks, width)) {
        OndolTraining.copy(ours.parameters(), net);
      }
      masks.put(7, mask(7, 0));
      masks.put(3, mask(3, 1));
      x = net.manager().create(Inputs.blots(batch, SIDE * SIDE), new Shape(batch, 1, SIDE, SIDE));
    }

    /** One for the rows above the middle and for what is left of it there, and for the middle itself or not. */
    private NDArray mask(int side, int middle) {
      float[] live = new float[side * side];
      for (int i = 0; i < side * side / 2 + middle; i++) live[i] = 1;
      return net.manager().create(live, new Shape(1, 1, side, side));
    }

    private NDArray masked(String layer, NDArray h, int side) {
      return net.maskedConv(layer, masks.get(side), h, side / 2);
    }

    /** Of side 1, where type B leaves all weights. */
    private NDArray dense(String layer, NDArray h) {
      return net.conv(layer, Activation.relu(h), 1, 0);
    }

    private NDArray network() {
      NDArray h = masked("first", x.mul(2).sub(1), 7);
      for (int i = 0; i < blocks; i++) {
        String block = "blocks." + i;
        NDArray middle = masked(block + ".middle", Activation.relu(dense(block + ".down", h)), 3);
        h = dense(block + ".up", middle).add(h);
      }
      return dense("logits", dense("last", h));
    }

    @Override
    public float[] step(float[] noise, Map<String, float[]> gradients) {
      return new float[] {net.descend("", gradients,
          () -> TorchTraining.bernoulli(network(), x).sum().mul(1f / batch))};
    }

    @Override
    public void close() {
      net.close();
    }
  }
}
