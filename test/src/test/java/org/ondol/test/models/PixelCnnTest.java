package org.ondol.test.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.ondol.Tensor;
import org.ondol.models.weights.SafeTensors;
import org.ondol.ops.Conv;
import org.ondol.ops.Conv.Epilogue;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Elementwise;
import org.ondol.ops.FilterMask;
import org.ondol.ops.FilterMask.Type;
import org.ondol.ops.MaskedConv;

/**
 * The gated PixelCNN (van den Oord et al. 2016) of MNIST with trained weights: logits of 256 grey levels for two test
 * images. The dead weights are overwritten with NaN first, so that a mask that is not kept shows.
 */
class PixelCnnTest {
  private static final int[] DILATIONS = {1, 2, 1, 4, 1, 2, 1};
  private static final int PIXELS = 28 * 28;

  private final SafeTensors weights = Network.open("pixelcnn-mnist", "weights");

  PixelCnnTest() throws IOException {}

  private Tensor masked(Network n, Tensor x, String name, boolean vertical, Type type, int dilation) {
    Tensor w = n.weight(name + ".weight");
    long out = w.size(0);
    long in = w.size(1);
    ConvGeometry g = ConvGeometry.UNIT.dilation(dilation).padding(vertical ? dilation : 0, dilation);
    try (FilterMask mask = vertical ? FilterMask.vertical(n.device(), type, out, in, 3, 3)
        : FilterMask.horizontal(n.device(), type, out, in, 3, 1)) {
      return MaskedConv.apply(x, ruined(n, w, name), mask, g, Epilogue.bias(n.weight(name + ".bias")));
    }
  }

  /** The weight with NaN wherever the file's own mask says that nothing is. */
  private Tensor ruined(Network n, Tensor w, String name) {
    int[] mask = Network.unsigned(weights.bytes(name.replaceAll("conv$", "mask")));
    float[] values = w.toFloats();
    for (int i = 0; i < values.length; i++) {
      values[i] = mask[i % mask.length] != 0 ? values[i] : Float.NaN;
    }
    return n.tensor(values, w.shape());
  }

  private static Tensor pointwise(Network n, Tensor x, String name, Tensor residual) {
    Epilogue e = Epilogue.bias(n.weight(name + ".bias")).residual(residual);
    return Conv.apply(x, n.weight(name + ".weight"), ConvGeometry.UNIT, e);
  }

  private static Tensor gate(Tensor a) {
    return Elementwise.mul(Elementwise.tanh(a.slice(1, 0, 64)), Elementwise.sigmoid(a.slice(1, 64, 128)));
  }

  private Tensor logits(Network n, int[] images) {
    float[] pixels = new float[images.length];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = images[i] / 255f * 2 - 1;
    }
    Tensor x = n.tensor(pixels, images.length / PIXELS, 1, 28, 28);
    Tensor v = masked(n, x, "conv_vstack.conv", true, Type.A, 1);
    Tensor h = masked(n, x, "conv_hstack.conv", false, Type.A, 1);
    for (int i = 0; i < DILATIONS.length; i++) {
      String layer = "conv_layers." + i + ".";
      Tensor a = masked(n, v, layer + "conv_vert.conv", true, Type.B, DILATIONS[i]);
      Tensor b = masked(n, h, layer + "conv_horiz.conv", false, Type.B, DILATIONS[i]);
      b = pointwise(n, a, layer + "conv_vert_to_horiz", b);
      v = gate(a);
      h = pointwise(n, gate(b), layer + "conv_horiz_1x1", h);
    }
    Tensor elu = n.perChannel(h, (c, value) -> value < 0 ? Math.expm1(value) : value);
    return pointwise(n, elu, "conv_out", null);
  }

  /** Cross entropy of the image's own grey levels, per pixel, to base 2. */
  private static double bitsPerDimension(float[] logits, int[] images, int image) {
    double total = 0;
    for (int p = 0; p < PIXELS; p++) {
      double sum = 0;
      for (int level = 0; level < 256; level++) {
        sum += Math.exp(logits[(image * 256 + level) * PIXELS + p]);
      }
      total += Math.log(sum) - logits[(image * 256 + images[image * PIXELS + p]) * PIXELS + p];
    }
    return total / PIXELS / Math.log(2);
  }

  @Test
  void givesTheSameLogits() throws IOException {
    SafeTensors golden = Network.open("pixelcnn-mnist", "golden");
    int[] images = Network.unsigned(golden.bytes("input_u8"));
    float[] logits = Network.everywhere(weights, n -> logits(n, images));
    double distance = Network.distance(logits, golden.floats("logits"));
    System.out.printf(Locale.ROOT, "[pixelcnn] largest difference of a logit: %.2g%n", distance);
    assertTrue(distance <= 2e-4, "differs by " + distance);
    assertEquals(0.777822, bitsPerDimension(logits, images, 0), 2e-6);
    assertEquals(0.932130, bitsPerDimension(logits, images, 1), 2e-6);
  }
}
