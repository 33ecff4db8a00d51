package org.ondol.test.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Tape;
import org.ondol.models.autoregressive.PixelModel;
import org.ondol.models.recipes.Likelihood;
import org.ondol.models.recipes.Saved;
import org.ondol.models.training.Experiment;
import org.ondol.models.weights.SafeTensors;
import org.ondol.ops.Elementwise;
import org.ondol.test.support.TestDevices;

/** Published weights of PixelCNN and PixelRNN for MNIST in the models of this library, against reference outputs. */
class PublishedPixelsTest {
  private static final int PIXELS = 28 * 28;

  /** A published model's result for images, the same bits on every device. */
  private static float[] everywhere(String folder, float[] images, Function<PixelModel, Tensor> result)
      throws IOException {
    Network.open(folder, "weights").close(); // or skips
    Saved saved = Saved.of(Path.of(System.getProperty("ondol.data", "../../shared/data"), folder));
    float[] first = null;
    for (Device device : TestDevices.available()) {
      try (Scope scope = Scope.open(); Experiment e = saved.load(device)) {
        float[] values = result.apply((PixelModel) ((Likelihood) e).model()).toFloats();
        if (first == null) first = values;
        assertArrayEquals(first, values, device.toString());
      }
    }
    return first;
  }

  private static Tensor rows(PixelModel model, float[] images) {
    return Tensor.of(model.device(), images, images.length / PIXELS, PIXELS);
  }

  private static Tensor logits(PixelModel model, float[] images) {
    Tape tape = Tape.open();
    return model.logits(tape, rows(model, images)).tensor();
  }

  @Test
  void gatedPixelCnnGivesTheSameLogits() throws IOException {
    SafeTensors golden = Network.open("pixelcnn-mnist", "golden");
    int[] shades = Network.unsigned(golden.bytes("input_u8"));
    float[] images = new float[shades.length];
    for (int i = 0; i < images.length; i++) images[i] = shades[i];
    float[] logits = everywhere("pixelcnn-mnist", images, m -> logits(m, images));
    double distance = Network.distance(logits, golden.floats("logits"));
    System.out.printf(Locale.ROOT, "[gated pixelcnn] largest difference of a logit: %.2g%n", distance);
    assertTrue(distance <= 1e-4, "differs by " + distance);
    float[] nats = everywhere("pixelcnn-mnist", images, m -> m.logLikelihood(rows(m, images)));
    assertEquals(0.777822, -nats[0] / PIXELS / Math.log(2), 2e-6);
    assertEquals(0.932130, -nats[1] / PIXELS / Math.log(2), 2e-6);
  }

  @Test
  void diagonalBiLstmGivesTheSameProbabilities() throws IOException {
    SafeTensors golden = Network.open("pixelrnn-mnist", "golden");
    float[] images = golden.floats("x");
    float[] p = everywhere("pixelrnn-mnist", images, m -> Elementwise.sigmoid(logits(m, images)));
    double distance = Network.distance(p, golden.floats("p"));
    System.out.printf(Locale.ROOT, "[pixelrnn] largest difference of a probability: %.2g%n", distance);
    assertTrue(distance <= 1e-4, "differs by " + distance);
    float[] nats = everywhere("pixelrnn-mnist", images, m -> m.logLikelihood(rows(m, images)));
    float[] expected = {41.0490f, 53.3952f, 19.3158f, 60.9353f};
    for (int i = 0; i < 4; i++) assertEquals(expected[i], -nats[i], 2e-3);
  }

  /** The published recurrent model has biases that reach beside the image: what a sampler must know at its edges. */
  @Test
  void diagonalBiLstmDrawsWhatItsProbabilitiesSay() throws IOException {
    SafeTensors golden = Network.open("pixelrnn-mnist", "golden");
    float[] images = golden.floats("x");
    boolean[] known = new boolean[PIXELS];
    for (int i = 0; i < PIXELS; i++) known[i] = i != 400;
    float[] p = golden.floats("p");
    float[] drawn = everywhere("pixelrnn-mnist", images, m -> m.complete(rows(m, images), known, new Generator(3)));
    float[] uniform = new Generator(3).uniform(Device.of("java"), 0, 1, 4, PIXELS).toFloats();
    for (int i = 0; i < drawn.length; i++) {
      assertEquals(known[i % PIXELS] ? images[i] : uniform[i] < p[i] ? 1 : 0, drawn[i]);
    }
  }
}
