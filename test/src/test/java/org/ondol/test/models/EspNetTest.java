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
import org.ondol.ops.Deconv;
import org.ondol.ops.Elementwise;

/**
 * ESPNet (Mehta et al. 2018) on a street scene: dilated convolutions down to an eighth, deconvolutions up to full size.
 */
class EspNetTest {
  private static final double EPS = 1e-3;
  private static final int[] DILATIONS = {1, 2, 4, 8, 16};
  private static final int CLASSES = 12;

  private static Tensor conv(Network n, Tensor x, String name, ConvGeometry g) {
    return Conv.apply(x, n.weight(name + ".weight"), g, Epilogue.NONE);
  }

  private static Tensor norm(Network n, Tensor x, String name) {
    float[] gamma = n.floats(name + ".weight");
    float[] beta = n.floats(name + ".bias");
    float[] mean = n.floats(name + ".running_mean");
    float[] variance = n.floats(name + ".running_var");
    return n.perChannel(x, (c, v) -> (v - mean[c]) / Math.sqrt(variance[c] + EPS) * gamma[c] + beta[c]);
  }

  /** Batch norm and PReLU. */
  private static Tensor br(Network n, Tensor x, String norm, String act) {
    float[] slope = n.floats(act + ".weight");
    return n.perChannel(norm(n, x, norm), (c, v) -> v < 0 ? v * slope[c] : v);
  }

  private static Tensor br(Network n, Tensor x, String name) {
    return br(n, x, name + ".bn", name + ".act");
  }

  private static Tensor cbr(Network n, Tensor x, String name, ConvGeometry g) {
    return br(n, conv(n, x, name + ".conv", g), name);
  }

  /** Five dilations side by side, summed up step by step. */
  private static Tensor pyramid(Network n, Tensor t, String name) {
    Tensor[] parts = new Tensor[DILATIONS.length];
    for (int i = 0; i < parts.length; i++) {
      int d = DILATIONS[i];
      Tensor branch = conv(n, t, name + ".d" + d + ".conv", ConvGeometry.UNIT.dilation(d).padding(d));
      parts[i] = i < 2 ? branch : Elementwise.add(parts[i - 1], branch);
    }
    return n.concat(parts);
  }

  private static Tensor esp(Network n, Tensor x, String name, boolean residual) {
    Tensor y = pyramid(n, conv(n, x, name + ".c1.conv", ConvGeometry.UNIT), name);
    return br(n, residual ? Elementwise.add(y, x) : y, name + ".bn");
  }

  private static Tensor down(Network n, Tensor x, String name) {
    return br(n, pyramid(n, conv(n, x, name + ".c1.conv", ConvGeometry.UNIT.stride(2).padding(1)), name), name);
  }

  private static Tensor up(Network n, Tensor x, String name) {
    return Deconv.apply(x, n.weight(name + ".weight"), ConvGeometry.UNIT.stride(2), Epilogue.NONE);
  }

  private static Tensor scores(Network n, float[] image) {
    Tensor x = n.tensor(image, 1, 3, 360, 480);
    Tensor half = n.pool(x, false);
    Tensor quarter = n.pool(half, false);
    Tensor c0 = br(n, n.concat(cbr(n, x, "encoder.level1", ConvGeometry.UNIT.stride(2).padding(1)), half),
        "encoder.b1");
    Tensor a = down(n, c0, "encoder.level2_0");
    Tensor b = esp(n, esp(n, a, "encoder.level2.0", true), "encoder.level2.1", true);
    Tensor c1 = br(n, n.concat(b, a, quarter), "encoder.b2");
    Tensor deep = down(n, c1, "encoder.level3_0");
    b = deep;
    for (int i = 0; i < 8; i++) {
      b = esp(n, b, "encoder.level3." + i, true);
    }
    Tensor c2 = br(n, n.concat(deep, b), "encoder.b3");
    Tensor h = up(n, norm(n, conv(n, c2, "encoder.classifier.conv", ConvGeometry.UNIT), "br"), "up_l3.0");
    h = br(n, n.concat(conv(n, c1, "level3_C.conv", ConvGeometry.UNIT), h), "combine_l2_l3.0");
    h = br(n, up(n, esp(n, h, "combine_l2_l3.1", false), "up_l2.0"), "up_l2.1");
    return up(n, cbr(n, n.concat(h, c0), "conv", ConvGeometry.UNIT.padding(1)), "classifier");
  }

  /** The file's scores are float16, whence the tolerance. */
  @Test
  void seesTheSameStreet() throws IOException {
    SafeTensors golden = Network.open("espnet-camvid", "golden");
    float[] scores = Network.everywhere(Network.open("espnet-camvid", "weights"), n -> scores(n,
        golden.floats("input")));
    double distance = Network.distance(scores, golden.floats("output"));
    System.out.printf(Locale.ROOT, "[espnet] largest difference of a score: %.2g%n", distance);
    assertTrue(distance <= 0.0081, "differs by " + distance);
    int[] argmax = Network.unsigned(golden.bytes("argmax"));
    int wrong = 0;
    for (int p = 0; p < argmax.length; p++) {
      int best = 0;
      for (int c = 1; c < CLASSES; c++) {
        best = scores[c * argmax.length + p] > scores[best * argmax.length + p] ? c : best;
      }
      wrong += best == argmax[p] ? 0 : 1;
    }
    assertEquals(0, wrong, "pixels of another class");
  }
}
