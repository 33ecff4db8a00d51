package org.ondol.test.models;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.ondol.Tensor;
import org.ondol.models.weights.SafeTensors;
import org.ondol.ops.Activation;
import org.ondol.ops.Conv;
import org.ondol.ops.Conv.Epilogue;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Deconv;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Gemm;

/**
 * The authors' DCGAN of house numbers (Radford, Metz and Chintala 2016): 64 samples through deconvolutions, and back
 * through the discriminator's convolutions.
 */
class DcganTest {
  private static final double EPS = 1e-8;
  private static final ConvGeometry HALF = ConvGeometry.UNIT.stride(2).padding(2);

  /** The source convolved in the strict sense, so its kernels are turned around. */
  private static Tensor flipped(Network n, String name) {
    Tensor w = n.weight(name + ".weight");
    float[] from = w.toFloats();
    float[] to = new float[from.length];
    for (int i = 0; i < from.length; i++) {
      to[i / 25 * 25 + 24 - i % 25] = from[i];
    }
    return n.tensor(to, w.shape());
  }

  private static Tensor up(Network n, Tensor x, int layer, Activation activation) {
    return Deconv.apply(x, flipped(n, "deconv" + layer), HALF, 1, 1, Epilogue.NONE.activation(activation));
  }

  private static Tensor generate(Network n, float[] z) {
    Tensor h = Gemm.matmul(n.tensor(z, 64, 100), n.weight("fc.weight"));
    h = Elementwise.relu(n.batchNorm(h, "bn0", EPS)).reshape(64, 256, 4, 4);
    h = Elementwise.relu(n.batchNorm(up(n, h, 1, Activation.NONE), "bn1", EPS));
    h = Elementwise.relu(n.batchNorm(up(n, h, 2, Activation.NONE), "bn2", EPS));
    return up(n, h, 3, Activation.TANH);
  }

  private static Tensor down(Network n, Tensor x, int layer, Epilogue epilogue) {
    return Conv.apply(x, flipped(n, "conv" + layer), HALF, epilogue);
  }

  private static Tensor judge(Network n, float[] images) {
    Tensor h = down(n, n.tensor(images, 64, 3, 32, 32), 1, Epilogue.NONE.leakyRelu(0.2));
    for (int layer = 2; layer <= 3; layer++) {
      h = n.batchNorm(down(n, h, layer, Epilogue.NONE), "bn" + layer, EPS);
      h = n.perChannel(h, (c, v) -> v < 0 ? 0.2 * v : v);
    }
    return Gemm.matmul(h.reshape(64, 4096), n.weight("fc.weight"));
  }

  @Test
  void generatesTheSameHouseNumbers() throws IOException {
    SafeTensors golden = Network.open("dcgan-svhn", "golden");
    float[] images = Network.everywhere(Network.open("dcgan-svhn", "generator"), n -> generate(n, golden.floats("z")));
    double distance = Network.distance(images, golden.floats("images"));
    System.out.printf(Locale.ROOT, "[dcgan] largest difference of a pixel, of -1 to 1: %.2g%n", distance);
    assertTrue(distance <= 2e-5, "differs by " + distance);
  }

  @Test
  void judgesThemAlike() throws IOException {
    SafeTensors golden = Network.open("dcgan-svhn", "golden");
    float[] logits = Network.everywhere(Network.open("dcgan-svhn", "discriminator"), n -> judge(n,
        golden.floats("images")));
    double distance = Network.distance(logits, golden.floats("logits"));
    System.out.printf(Locale.ROOT, "[dcgan] largest difference of a logit: %.2g%n", distance);
    assertTrue(distance <= 1e-4, "differs by " + distance);
  }
}
