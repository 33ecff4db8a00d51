package org.ondol.test.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.ondol.Tensor;
import org.ondol.models.layers.FeedForward;
import org.ondol.models.layers.LayerNormalization;
import org.ondol.models.layers.Linear;
import org.ondol.models.layers.MultiHeadAttention;
import org.ondol.models.layers.TransformerEncoder;
import org.ondol.models.weights.SafeTensors;
import org.ondol.ops.Activation;
import org.ondol.ops.Attention;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Embedding;

/**
 * A transformer encoder of one block (Vaswani et al. 2017) that was trained to turn a sequence of 16 digits round: the
 * layers of BERT with other sizes, sinusoidal positions and ReLU.
 */
class TransformerReverseTest {
  private static final int LENGTH = 16;
  private static final int DIGITS = 10;
  private static final int WIDTH = 32;
  private static final double EPS = 1e-5;

  private static Linear linear(Network n, String name) {
    return Linear.of(n.weight(name + ".weight").transpose(0, 1), n.weight(name + ".bias"));
  }

  private static LayerNormalization norm(Network n, String name) {
    return LayerNormalization.of(n.weight(name + ".weight"), n.weight(name + ".bias"), EPS);
  }

  /** Section 3.5: sines at even places, cosines at odd ones. */
  private static Tensor positions(Network n) {
    float[] p = new float[LENGTH * WIDTH];
    for (int i = 0; i < p.length; i++) {
      int place = i % WIDTH;
      double angle = i / WIDTH * Math.pow(10000, -(double) (place - place % 2) / WIDTH);
      p[i] = (float) (place % 2 == 0 ? Math.sin(angle) : Math.cos(angle));
    }
    return n.tensor(p, 1, LENGTH, WIDTH);
  }

  private static Tensor logits(Network n, long[] x) {
    int sequences = x.length / LENGTH;
    try (Linear projections = linear(n, "transformer.layers.0.self_attn.qkv_proj");
        Linear output = linear(n, "transformer.layers.0.self_attn.o_proj");
        Linear up = linear(n, "transformer.layers.0.linear_net.0");
        Linear down = linear(n, "transformer.layers.0.linear_net.3");
        LayerNormalization norm1 = norm(n, "transformer.layers.0.norm1");
        LayerNormalization norm2 = norm(n, "transformer.layers.0.norm2");
        Linear hidden = linear(n, "output_net.0"); LayerNormalization headNorm = norm(n, "output_net.1");
        Linear head = linear(n, "output_net.4")) {
      TransformerEncoder encoder = TransformerEncoder.of(List.of(new TransformerEncoder.Block(
          MultiHeadAttention.of(projections, output, 1), norm1, FeedForward.of(up, down, Activation.RELU), norm2)));
      // A linear layer of a one-hot vector is a row of its matrix.
      Tensor table = Elementwise.add(n.weight("input_net.1.weight").transpose(0, 1), n.weight("input_net.1.bias"));
      Tensor tokens = Embedding.lookup(table, Tensor.of(n.device(), x, sequences, LENGTH));
      Tensor entered = Elementwise.add(tokens, positions(n)).reshape(x.length, WIDTH);
      long[] offsets = new long[sequences + 1];
      for (int i = 0; i <= sequences; i++) offsets[i] = (long) i * LENGTH;
      Tensor encoded = encoder.forward(entered, Attention.Options.DEFAULT.packed(offsets, offsets));
      return head.forward(Elementwise.relu(headNorm.forward(hidden.forward(encoded))));
    }
  }

  @Test
  void turnsSequencesRound() throws IOException {
    SafeTensors golden = Network.open("transformer-reverse", "golden");
    long[] x = golden.longs("x");
    float[] logits = Network.everywhere(Network.open("transformer-reverse", "weights"), n -> logits(n, x));
    double distance = Network.distance(logits, golden.floats("logits"));
    System.out.printf(Locale.ROOT, "[transformer-reverse] largest difference of a logit: %.2g%n", distance);
    assertTrue(distance <= 1e-4, "differs by " + distance);
    for (int i = 0; i < x.length; i++) {
      int best = 0;
      for (int d = 1; d < DIGITS; d++) best = logits[i * DIGITS + d] > logits[i * DIGITS + best] ? d : best;
      int mirrored = i / LENGTH * LENGTH + LENGTH - 1 - i % LENGTH;
      assertEquals(x[mirrored], best, "digit " + i);
    }
  }
}
