package org.ondol.test.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.ondol.InvalidArgumentException;
import org.ondol.grad.Generator;
import org.ondol.models.TokenSampler;

/** How often tokens are drawn beside their probabilities. */
class TokenSamplerTest {
  private static final float INF = Float.POSITIVE_INFINITY;
  /** ln of 0.1, 0.4, 0.2, 0.3, plus 2. */
  private static final float[] LOGITS = {(float) Math.log(0.1) + 2, (float) Math.log(0.4) + 2,
      (float) Math.log(0.2) + 2, (float) Math.log(0.3) + 2};

  private static double[] shares(TokenSampler sampler, float[] logits) {
    double[] shares = new double[logits.length];
    int draws = 20000;
    for (int i = 0; i < draws; i++) shares[sampler.choose(logits)] += 1.0 / draws;
    return shares;
  }

  /** Four standard deviations of 20000 draws are at most 0.0142. */
  @ParameterizedTest
  @CsvSource({"1, 0, 1, 0.1 0.4 0.2 0.3", "1, 4, 1, 0.1 0.4 0.2 0.3", "1, 9, 1, 0.1 0.4 0.2 0.3",
      "1, 2, 1, 0 0.5714 0 0.4286", "1, 1, 1, 0 1 0 0", "1, 0, 0.35, 0 1 0 0", "1, 0, 0.65, 0 0.5714 0 0.4286",
      "1, 0, 0.75, 0 0.4444 0.2222 0.3333", "1, 3, 0.7, 0 0.5714 0 0.4286", "1, 2, 0.58, 0 0.5714 0 0.4286",
      "1, 2, 0.56, 0 1 0 0", "0.5, 0, 1, 0.0333 0.5333 0.1333 0.3", "2, 0, 1, 0.1627 0.3254 0.2301 0.2818",
      "0, 0, 1, 0 1 0 0", "1e-300, 0, 1, 0 1 0 0", "1e30, 0, 1, 0.25 0.25 0.25 0.25"})
  void asOftenAsProbable(double temperature, int topK, double topP, String expected) {
    double[] shares = shares(TokenSampler.of(temperature, topK, topP, new Generator(42)), LOGITS);
    double[] p = Arrays.stream(expected.split(" ")).mapToDouble(Double::parseDouble).toArray();
    for (int i = 0; i < p.length; i++) {
      if (p[i] == 0 || p[i] == 1) assertEquals(p[i], shares[i], 1e-9, Arrays.toString(shares));
      assertEquals(p[i], shares[i], 0.0142, Arrays.toString(shares));
    }
  }

  @Test
  void equalLogits() {
    assertEquals(1, TokenSampler.greedy().choose(-1, 3, 3, 2));
    assertEquals(0, TokenSampler.greedy().choose(-0f, 0f));
    assertEquals(0, TokenSampler.of(1, 1, 1, new Generator(1)).choose(-0f, 0f));
    double[] shares = shares(TokenSampler.of(1, 2, 1, new Generator(1)), new float[] {1, 1, 1, 0});
    assertEquals(0, shares[2] + shares[3]);
    assertEquals(0.5, shares[0], 0.0142);
  }

  @Test
  void whatIsImpossibleIsNeverDrawn() {
    double[] shares = shares(TokenSampler.of(1, 0, 1, new Generator(9)), new float[] {-INF, 0, -INF, 1, -INF});
    assertEquals(0, shares[0] + shares[2] + shares[4]);
    assertEquals(3, TokenSampler.greedy().choose(-INF, -INF, -INF, -1e30f));
  }

  @Test
  void oneSeedOneSequence() {
    TokenSampler a = TokenSampler.of(1, 0, 1, new Generator(5));
    TokenSampler b = TokenSampler.of(1, 0, 1, new Generator(5));
    TokenSampler c = TokenSampler.of(1, 0, 1, new Generator(6));
    int different = 0;
    for (int i = 0; i < 200; i++) {
      int drawn = a.choose(LOGITS);
      assertEquals(drawn, b.choose(LOGITS));
      different += drawn == c.choose(LOGITS) ? 0 : 1;
    }
    assertTrue(different > 50, "other seeds agree: " + different);
  }

  private static void refused(String argument, Runnable call) {
    var e = assertThrows(InvalidArgumentException.class, call::run);
    assertTrue(e.getMessage().contains(argument), e.getMessage());
  }

  @Test
  void refusals() {
    Generator g = new Generator(1);
    for (double t : new double[] {-1, Double.NaN, Double.POSITIVE_INFINITY}) {
      refused("temperature", () -> TokenSampler.of(t, 0, 1, g));
    }
    refused("topK", () -> TokenSampler.of(1, -1, 1, g));
    for (double p : new double[] {0, -0.1, 1.1, Double.NaN}) refused("topP", () -> TokenSampler.of(1, 0, p, g));
    refused("random", () -> TokenSampler.of(1, 0, 1, null));
    TokenSampler sampler = TokenSampler.of(1, 0, 1, g);
    refused("logits", sampler::choose);
    refused("logits", () -> sampler.choose((float[]) null));
    refused("logits", () -> sampler.choose(1, Float.NaN));
    refused("logits", () -> TokenSampler.greedy().choose(INF, 1));
    refused("logits", () -> sampler.choose(-INF, -INF));
  }
}
