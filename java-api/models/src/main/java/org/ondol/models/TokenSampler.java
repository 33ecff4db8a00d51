package org.ondol.models;

import java.util.Arrays;
import org.ondol.InvalidArgumentException;
import org.ondol.grad.Generator;

/**
 * Chooses a token from logits z. At temperature 0 it is the one of the greatest logit, of several the first. Else token
 * i has a probability proportional to exp(z_i / temperature), if it remains: in the order of falling z, ties by id, the
 * first topK do (Fan et al. 2018), and of these, with their probabilities made to sum to 1, the first ones that
 * together have topP or more (Holtzman et al. 2020).
 *
 * <p>All of it is computed on the host in float64, so equal logits and seeds give equal tokens on every device.
 * docs/arithmetic.md (Decoders) has the order of the sums.
 */
public final class TokenSampler {
  private final double temperature;
  private final int topK;
  private final double topP;
  private final Generator random;

  private TokenSampler(double temperature, int topK, double topP, Generator random) {
    this.temperature = temperature;
    this.topK = topK;
    this.topP = topP;
    this.random = random;
  }

  /** Always the likeliest token. */
  public static TokenSampler greedy() {
    return new TokenSampler(0, 0, 1, null);
  }

  /**
   * Draws tokens.
   *
   * @param temperature 0 for the likeliest token, 1 for the model's own distribution
   * @param topK how many tokens to choose from at most, 0 for all
   * @param topP the share of the probability to choose from, above 0 to 1 for all
   * @param random used by this sampler alone while it draws
   */
  public static TokenSampler of(double temperature, int topK, double topP, Generator random) {
    if (!(temperature >= 0 && temperature <= Float.MAX_VALUE)) {
      throw new InvalidArgumentException("temperature", temperature, "a finite number of at least 0");
    }
    if (topK < 0) throw new InvalidArgumentException("topK", topK, "at least 0");
    if (!(topP > 0 && topP <= 1)) throw new InvalidArgumentException("topP", topP, "above 0 and at most 1");
    if (random == null) throw new InvalidArgumentException("random", "null", "a generator");
    return new TokenSampler(temperature, topK, topP, random);
  }

  /**
   * The next token.
   *
   * @param logits one a token, none NaN or +inf
   */
  public int choose(float... logits) {
    if (logits == null || logits.length == 0) {
      throw new InvalidArgumentException("logits", logits == null ? "null" : "empty", "one for each token");
    }
    for (int i = 0; i < logits.length; i++) {
      if (!(logits[i] <= Float.MAX_VALUE)) {
        throw new InvalidArgumentException("logits", logits[i] + " at " + i, "numbers below +inf");
      }
    }
    return temperature == 0 ? greatest(logits) : draw(logits);
  }

  private static int greatest(float[] logits) {
    int best = 0;
    for (int i = 1; i < logits.length; i++) if (logits[i] > logits[best]) best = i;
    return best;
  }

  private int draw(float[] logits) {
    int n = topK == 0 ? logits.length : Math.min(topK, logits.length);
    // Without a limit the order changes nothing but which number gives which token, so ids are not sorted.
    int[] order = n == logits.length && topP == 1 ? ids(logits.length) : falling(logits);
    double max = logits[greatest(logits)];
    if (max == Double.NEGATIVE_INFINITY) {
      throw new InvalidArgumentException("logits", "all -inf", "at least one number");
    }
    double[] upTo = new double[n];
    double sum = 0;
    for (int i = 0; i < n; i++) {
      sum += StrictMath.exp((logits[order[i]] - max) / temperature);
      upTo[i] = sum;
    }
    int kept = topP == 1 ? n : first(upTo, topP * sum) + 1;
    double u = (random.nextLong() >>> 11) * 0x1p-53;
    return order[beyond(upTo, kept, u * upTo[kept - 1])];
  }

  private static int[] ids(int n) {
    int[] ids = new int[n];
    Arrays.setAll(ids, i -> i);
    return ids;
  }

  /** Ids in the order of falling logits, those of one logit ascending. */
  private static int[] falling(float[] logits) {
    long[] keys = new long[logits.length];
    for (int i = 0; i < keys.length; i++) {
      int bits = Float.floatToRawIntBits(logits[i] + 0f);
      int ascending = bits ^ bits >> 31 & 0x7FFFFFFF;
      keys[i] = (long) ~ascending << 32 | i;
    }
    Arrays.sort(keys);
    int[] order = new int[keys.length];
    for (int i = 0; i < order.length; i++) order[i] = (int) keys[i];
    return order;
  }

  /** The first index whose sum is at least so much, or the last one. */
  private static int first(double[] upTo, double least) {
    for (int i = 0; i < upTo.length; i++) if (upTo[i] >= least) return i;
    return upTo.length - 1;
  }

  /** The first index whose sum is greater than x, which is below the last sum. */
  private static int beyond(double[] upTo, int n, double x) {
    for (int i = 0; i < n; i++) if (upTo[i] > x) return i;
    return first(upTo, upTo[n - 1]); // where x was rounded up to the sum
  }
}
