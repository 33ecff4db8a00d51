package org.ondol.test.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.models.LanguageModel;
import org.ondol.models.TextGenerator;
import org.ondol.models.TokenSampler;
import org.ondol.models.weights.SafeTensors;
import org.ondol.test.support.Bits;
import org.ondol.test.support.TestDevices;

/** The trained model beside its published text, recorded logits, and itself on other devices. */
class Stories260kTest {
  private static final int VOCABULARY = 512;
  private static final int CONTEXT = 512;

  private static long[] goldenIds() {
    try (SafeTensors golden = SafeTensors.open(Stories.file("golden.safetensors"))) {
      return golden.longs("ids");
    }
  }

  @Test
  void thePublishedTextTokenForToken() throws IOException {
    String published = Files.readString(Stories.file("published_greedy.txt")).stripTrailing();
    long[] ids = goldenIds();
    for (Device device : TestDevices.available()) {
      List<String> pieces = new ArrayList<>();
      try (TextGenerator stories = Stories.on(device)) {
        var result = stories.generate("", 256, TokenSampler.greedy(), pieces::add);
        assertArrayEquals(Arrays.copyOfRange(ids, 1, 257), result.tokens(), device.toString());
        assertEquals(published, result.text().stripTrailing(), device.toString());
        assertEquals(result.text(), String.join("", pieces));
        assertEquals(TextGenerator.End.OF_TOKENS, result.end());
        assertEquals(published, stories.tokenizer().decode(ids).stripTrailing());
      }
    }
  }

  @Test
  void recordedLogitsAndTheSameBitsEverywhere() {
    float[] expected;
    try (SafeTensors golden = SafeTensors.open(Stories.file("golden.safetensors"))) {
      expected = golden.floats("logits_first64");
    }
    long[] ids = Arrays.copyOf(goldenIds(), 64);
    float[] first = null;
    for (Device device : TestDevices.available()) {
      try (TextGenerator stories = Stories.on(device); var context = stories.model().begin();
          Tensor logits = context.feed(ids)) {
        float[] z = logits.toFloats();
        if (first == null) first = z;
        assertNull(Bits.difference(z, first), device.toString());
      }
    }
    double distance = Network.distance(first, expected);
    System.out.printf(Locale.ROOT, "[stories260k] largest difference of a logit: %.2g%n", distance);
    assertTrue(distance <= 1e-4, "differs by " + distance);
  }

  /** A whole context, which goes beyond the 256 keys from which on attention splits its sums. */
  @ParameterizedTest
  @ValueSource(strings = {"java:vector", "java:scalar", "cpu:portable", "cpu:avx2", "cpu:avx512"})
  void theSameBitsWholeAndTokenByTokenAndInPieces(String name) {
    Device device = TestDevices.require(name);
    long[] ids = wholeContext();
    try (TextGenerator stories = Stories.on(device)) {
      float[] whole = fed(stories.model(), ids, CONTEXT);
      assertNull(Bits.difference(fed(stories.model(), ids, 1), whole), "token by token");
      assertNull(Bits.difference(fed(stories.model(), ids, 7), whole), "by sevens");
      assertNull(Bits.difference(fed(stories.model(), ids, 250), whole), "by 250");
    }
  }

  private static long[] wholeContext() {
    long[] published = goldenIds();
    long[] ids = Arrays.copyOf(published, CONTEXT);
    System.arraycopy(published, 1, ids, 257, CONTEXT - 257);
    return ids;
  }

  /** The logits of a sequence that is fed in pieces. */
  private static float[] fed(LanguageModel model, long[] ids, int piece) {
    float[] all = new float[ids.length * VOCABULARY];
    try (var context = model.begin()) {
      for (int at = 0; at < ids.length; at += piece) {
        long[] part = Arrays.copyOfRange(ids, at, Math.min(at + piece, ids.length));
        try (Tensor logits = context.feed(part)) {
          System.arraycopy(logits.toFloats(), 0, all, at * VOCABULARY, part.length * VOCABULARY);
        }
      }
      assertEquals(0, context.room());
      assertThrows(InvalidArgumentException.class, () -> context.feed(5));
    }
    return all;
  }

  private static String drawn(TextGenerator stories, long seed) {
    TokenSampler sampler = TokenSampler.of(0.9, 40, 0.95, new Generator(seed));
    return stories.generate("The cat", 80, sampler, piece -> {}).text();
  }

  @Test
  void oneDrawnTextOnEveryDevice() {
    String first = null;
    for (Device device : TestDevices.available()) {
      try (TextGenerator stories = Stories.on(device)) {
        String text = drawn(stories, 7);
        String again = drawn(stories, 7);
        String other = drawn(stories, 8);
        if (first == null) first = text;
        assertEquals(first, text, device.toString());
        assertEquals(first, again, device.toString());
        assertTrue(!other.equals(first), "another seed, the same text");
      }
    }
  }

  @Test
  void aPromptInOnePassIsThePromptTokenByToken() {
    try (TextGenerator stories = Stories.on(Device.of("best"))) {
      String published = stories.tokenizer().decode(goldenIds());
      String prompt = published.substring(0, 100);
      long[] encoded = stories.tokenizer().encode(prompt);
      // The cut goes through a token: the continuation is the model's choice for these tokens, fed one by one.
      long[] expected = new long[30];
      try (var context = stories.model().begin()) {
        float[] logits = null;
        for (long id : encoded) logits = context.next(id);
        for (int i = 0; i < expected.length; i++) {
          expected[i] = TokenSampler.greedy().choose(logits);
          logits = context.next(expected[i]);
        }
      }
      var result = stories.generate(prompt, 30, TokenSampler.greedy(), piece -> {});
      assertArrayEquals(encoded, result.prompt());
      assertArrayEquals(expected, result.tokens());
    }
  }

  @Test
  void endsWhereTheContextDoes() {
    try (TextGenerator stories = Stories.on(Device.of("best"))) {
      String prompt = stories.tokenizer().decode(wholeContext()).substring(0, 1000);
      int given = stories.tokenizer().encode(prompt).length;
      var result = stories.generate(prompt, 1000, TokenSampler.greedy(), piece -> {});
      assertTrue(given > 256 && given < CONTEXT, "prompt of " + given);
      if (result.end() == TextGenerator.End.OF_CONTEXT) assertEquals(CONTEXT - given + 1, result.tokens().length);
      else assertEquals(TextGenerator.End.OF_TEXT, result.end());
      var e = assertThrows(InvalidArgumentException.class,
          () -> stories.generate(prompt.repeat(2), 1, TokenSampler.greedy(), piece -> {}));
      assertTrue(e.getMessage().contains("prompt") && e.getMessage().contains("512"), e.getMessage());
      assertEquals("", stories.generate("Once", 0, TokenSampler.greedy(), piece -> {}).text());
    }
  }

  /** The likelihood of the recorded tokens, from the recorded logits. */
  @Test
  void bitsPerTokenOfTheRecordedText() {
    float[] z;
    try (SafeTensors golden = SafeTensors.open(Stories.file("golden.safetensors"))) {
      z = golden.floats("logits_first64");
    }
    long[] ids = goldenIds();
    double expected = 0;
    for (int i = 0; i < 64; i++) {
      double sum = 0;
      for (int v = 0; v < VOCABULARY; v++) sum += Math.exp(z[i * VOCABULARY + v]);
      expected += z[i * VOCABULARY + (int) ids[i + 1]] - Math.log(sum);
    }
    Double first = null;
    for (Device device : TestDevices.available()) {
      try (TextGenerator stories = Stories.on(device)) {
        double likelihood = stories.model().logLikelihood(Arrays.copyOf(ids, 65));
        assertEquals(expected, likelihood, 1e-3, device.toString());
        if (first == null) first = likelihood;
        assertEquals(first, likelihood, 0, device.toString());
        String text = "Once upon a time, there was a little girl named Lily.";
        long[] encoded = stories.tokenizer().encode(text);
        double bits = -stories.model().logLikelihood(encoded) / (encoded.length - 1) / Math.log(2);
        assertEquals(bits, stories.bitsPerToken(text), 1e-12);
        assertTrue(bits < 1 && stories.bitsPerToken("Zebra quantum fjord xylophone.") > 5, "bits " + bits);
      }
    }
  }
}
