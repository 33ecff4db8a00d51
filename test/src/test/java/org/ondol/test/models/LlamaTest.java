package org.ondol.test.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.ondol.ClosedException;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.models.LanguageModel;
import org.ondol.models.Llama;
import org.ondol.models.layers.CausalAttention;
import org.ondol.models.layers.Linear;
import org.ondol.models.layers.RmsNormalization;
import org.ondol.models.layers.RotaryEmbedding;
import org.ondol.models.layers.SwiGlu;
import org.ondol.models.weights.Llama2c;
import org.ondol.test.support.Bits;
import org.ondol.test.support.TestDevices;

/** LLaMA's decoder with random weights beside one in float64, and what it refuses. */
class LlamaTest {
  @TempDir
  private Path folder;

  private Llama load(TinyLlama model, Device device) throws IOException {
    try (Llama2c weights = Llama2c.open(model.write(folder, "tiny.bin"))) {
      return Llama.load(weights, Llama.config(weights.header()), device);
    }
  }

  /** As many query heads a key head as there are, and lengths around attention's blocks of 128 and 256 keys. */
  @ParameterizedTest
  @CsvSource({"16, 20, 2, 4, 4, 11, 12, true", "16, 20, 2, 4, 2, 11, 12, false", "16, 20, 2, 4, 1, 17, 12, true",
      "8, 5, 1, 4, 2, 16, 5, false", "18, 33, 3, 3, 3, 19, 9, true", "8, 9, 1, 2, 1, 7, 300, true",
      "2, 1, 1, 1, 1, 3, 1, false"})
  void likeFloat64(int width, int hidden, int layers, int heads, int kvHeads, int vocabulary, int context,
      boolean shared) throws IOException {
    TinyLlama tiny = new TinyLlama(width, hidden, layers, heads, kvHeads, vocabulary, context, shared, width + context);
    long[] tokens = new Random(context).longs(context, 0, vocabulary).toArray();
    double[][] expected = new LlamaOracle(tiny).logits(tokens);
    float[] first = null;
    for (Device device : TestDevices.available()) {
      try (Llama model = load(tiny, device); var context1 = model.begin(); Tensor logits = context1.feed(tokens)) {
        float[] z = logits.toFloats();
        double worst = 0;
        for (int i = 0; i < z.length; i++) {
          worst = Math.max(worst, Math.abs(z[i] - expected[i / vocabulary][i % vocabulary]));
        }
        assertTrue(worst <= 5e-6, device + ": differs by " + worst);
        if (first == null) first = z;
        assertNull(Bits.difference(z, first), device.toString());
        full(model, tokens, z);
      }
    }
  }

  /** The same bits token by token, and a clear exception once the context is full. */
  private static void full(LanguageModel model, long[] tokens, float[] whole) {
    int v = model.vocabulary();
    try (var context = model.begin()) {
      for (int i = 0; i < tokens.length; i++) {
        assertEquals(tokens.length - i, context.room());
        float[] row = Arrays.copyOfRange(whole, i * v, (i + 1) * v);
        assertNull(Bits.difference(context.next(tokens[i]), row), "token " + i);
      }
      var e = assertThrows(InvalidArgumentException.class, () -> context.next(0));
      assertTrue(e.getMessage().contains("tokens") && e.getMessage().contains("context of " + tokens.length
          + " tokens is full"), e.getMessage());
      assertEquals(tokens.length, context.length());
    }
  }

  @Test
  void movedToAnotherDevice() throws IOException {
    TinyLlama tiny = new TinyLlama(16, 20, 2, 4, 2, 11, 12, false, 3);
    long[] tokens = {1, 2, 3, 10, 0, 7};
    for (Device device : TestDevices.available()) {
      LanguageModel moved;
      float[] here;
      try (Llama model = load(tiny, Device.of("java")); var context = model.begin()) {
        here = context.next(tokens);
        moved = model.to(device);
      }
      try (moved; var context = moved.begin()) {
        assertEquals(device, moved.device());
        assertNull(Bits.difference(context.next(tokens), here), device.toString());
      }
    }
  }

  @Test
  void refusedTokensChangeNothing() throws IOException {
    TinyLlama tiny = new TinyLlama(8, 9, 2, 2, 1, 7, 6, true, 4);
    try (Llama model = load(tiny, Device.of("java")); var context = model.begin(); var other = model.begin()) {
      context.next(1, 2);
      for (long[] bad : new long[][] {null, {}, {7}, {-1}, {1, 2, Long.MAX_VALUE}, {1, 1, 1, 1, 1}}) {
        var e = assertThrows(InvalidArgumentException.class, () -> context.next(bad));
        assertTrue(e.getMessage().contains("tokens"), e.getMessage());
        assertThrows(InvalidArgumentException.class, () -> context.feed(bad).close());
        assertEquals(2, context.length());
      }
      assertNull(Bits.difference(context.next(3, 4), other.next(1, 2, 3, 4)));
      for (long[] bad : new long[][] {null, {}, {1}, {1, 7}, {9, 1}, {1, 1, 1, 1, 1, 1, 1, 1}}) {
        assertThrows(InvalidArgumentException.class, () -> model.logLikelihood(bad));
      }
      assertTrue(model.logLikelihood(1, 1, 1, 1, 1, 1, 1) < 0);
    }
  }

  /** ln p by the oracle's logits; all continuations of a sequence together have probability 1. */
  @Test
  void likelihoods() throws IOException {
    TinyLlama tiny = new TinyLlama(8, 9, 2, 2, 1, 7, 6, true, 4);
    long[] tokens = {1, 3, 6, 0};
    double[][] z = new LlamaOracle(tiny).logits(tokens);
    double expected = 0;
    for (int i = 0; i < 3; i++) {
      double sum = 0;
      for (double v : z[i]) sum += Math.exp(v);
      expected += z[i][(int) tokens[i + 1]] - Math.log(sum);
    }
    try (Llama model = load(tiny, Device.of("java"))) {
      assertEquals(expected, model.logLikelihood(tokens), 1e-5);
      double total = 0;
      for (int a = 0; a < 7; a++) for (int b = 0; b < 7; b++) total += Math.exp(model.logLikelihood(1, a, b));
      assertEquals(1, total, 1e-9);
    }
  }

  @Test
  void closedModel() throws IOException {
    Llama model = load(new TinyLlama(8, 9, 2, 2, 1, 7, 6, true, 4), Device.of("java"));
    var context = model.begin();
    model.close();
    assertThrows(ClosedException.class, () -> context.next(1));
    context.close();
    assertThrows(ClosedException.class, () -> context.next(1));
  }

  @ParameterizedTest
  @CsvSource({"width, 0, 5, 1, 1, 1, 9, 9", "width, 6, 5, 1, 2, 1, 9, 9", "width, 9, 5, 1, 1, 1, 9, 9",
      "hidden, 8, 0, 1, 1, 1, 9, 9", "layers, 8, 5, -1, 1, 1, 9, 9", "heads, 8, 5, 1, 0, 1, 9, 9",
      "kvHeads, 8, 5, 1, 4, 3, 9, 9", "kvHeads, 8, 5, 1, 4, 0, 9, 9", "kvHeads, 8, 5, 1, 2, 4, 9, 9",
      "vocabulary, 8, 5, 1, 4, 2, 0, 9", "maxTokens, 8, 5, 1, 4, 2, 9, -1"})
  void configurationsThatAreNone(String argument, int width, int hidden, int layers, int heads, int kvHeads,
      int vocabulary, int maxTokens) {
    var e = assertThrows(InvalidArgumentException.class,
        () -> new Llama.Config(width, hidden, layers, heads, kvHeads, vocabulary, maxTokens, 1e-5, 1e4));
    assertTrue(e.getMessage().contains(argument), e.getMessage());
  }

  private static void refused(Class<? extends Exception> type, String argument, Runnable call) {
    Exception e = assertThrows(type, call::run);
    assertTrue(e.getMessage().contains(argument), e.getMessage());
  }

  @Test
  void layersThatDoNotFit() {
    Device java = Device.of("java");
    try (Tensor w = Tensor.zeros(java, 8, 12); Tensor square = Tensor.zeros(java, 8, 8); Linear up = Linear.of(w, null);
        Linear down = Linear.of(square, null); RotaryEmbedding rotary = RotaryEmbedding.of(java, 4, 2, 100);
        Tensor gain = Tensor.zeros(java, 8); Tensor pairs = Tensor.zeros(java, 3, 1, 1, 2);
        Tensor wide = Tensor.zeros(java, 3, 1, 2, 2)) {
      refused(InvalidArgumentException.class, "heads", () -> CausalAttention.of(up, down, 0, 1));
      refused(InvalidArgumentException.class, "kvHeads", () -> CausalAttention.of(up, down, 4, 3));
      refused(ShapeException.class, "output", () -> CausalAttention.of(up, down, 3, 1));
      refused(ShapeException.class, "projections", () -> CausalAttention.of(up, down, 4, 2));
      refused(ShapeException.class, "up", () -> SwiGlu.of(up, down));
      refused(InvalidArgumentException.class, "eps", () -> RmsNormalization.of(gain, -1));
      refused(InvalidArgumentException.class, "eps", () -> RmsNormalization.of(gain, Double.NaN));
      refused(ShapeException.class, "gain", () -> RmsNormalization.of(square, 0));
      refused(InvalidArgumentException.class, "size", () -> RotaryEmbedding.of(java, 4, 3, 100));
      refused(InvalidArgumentException.class, "size", () -> RotaryEmbedding.of(java, 4, 0, 100));
      refused(InvalidArgumentException.class, "positions", () -> RotaryEmbedding.of(java, 0, 2, 100));
      refused(InvalidArgumentException.class, "positions", () -> RotaryEmbedding.of(java, Integer.MAX_VALUE, 2, 100));
      refused(InvalidArgumentException.class, "base", () -> RotaryEmbedding.of(java, 4, 2, 0));
      refused(InvalidArgumentException.class, "first", () -> rotary.rotate(pairs, 2));
      refused(InvalidArgumentException.class, "first", () -> rotary.rotate(pairs, -1));
      refused(ShapeException.class, "x", () -> rotary.rotate(wide, 0));
      refused(ShapeException.class, "x", () -> rotary.rotate(gain, 0));
    }
  }
}
