package org.ondol.models;

import java.util.Arrays;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;
import org.ondol.models.layers.Layer;

/**
 * A distribution over sequences of tokens that is a product of one factor a token,
 *
 * <pre>
 *   p(t_1, ..., t_n | t_0) = p(t_1 | t_0) p(t_2 | t_0, t_1) ... p(t_n | t_0, ..., t_{n-1})
 *   p(t_i = v | t_0, ..., t_{i-1}) = softmax(logits)_v
 * </pre>
 *
 * t_0 being the token that begins every sequence. So the likelihood of a sequence is known exactly, and sequences are
 * drawn token by token.
 */
public interface LanguageModel extends Layer {
  /** A sequence being fed to a model, which keeps what it computed of it. Not for use by several threads at once. */
  interface Context extends AutoCloseable {
    /**
     * Appends tokens to the sequence. How a sequence is cut into calls changes no bit of a result.
     *
     * @param tokens at least one, each below the vocabulary's size, as many as there is {@link #room} for at most
     * @return the logits of what follows each of them, a new tensor [tokens, vocabulary]
     */
    Tensor feed(long... tokens);

    /** Like {@link #feed}, but only the logits of what follows the last token, [vocabulary]. */
    float[] next(long... tokens);

    /** Tokens fed so far. */
    int length();

    /** How many more there is room for. */
    int room();

    @Override
    void close();
  }

  /** Begins a sequence. */
  Context begin();

  @Override
  LanguageModel to(Device device);

  /** How many different tokens there are: ids 0 to vocabulary() - 1. */
  int vocabulary();

  /** Tokens of the longest sequence that can be fed. */
  int maxTokens();

  /**
   * ln p(t_1, ..., t_n | t_0), summed in float64 over the model's float32 logits. Per token and to base 2 it is
   * -logLikelihood / (n ln 2) bits.
   *
   * @param tokens t_0 to t_n, at least two
   */
  default double logLikelihood(long... tokens) {
    if (tokens == null || tokens.length < 2 || tokens.length - 1 > maxTokens()) {
      throw new InvalidArgumentException("tokens", tokens == null ? "null" : tokens.length + " of them",
          "2 to " + (maxTokens() + 1L));
    }
    long last = tokens[tokens.length - 1];
    if (last < 0 || last >= vocabulary()) {
      throw new InvalidArgumentException("tokens", last + " at position " + (tokens.length - 1),
          "0 to " + (vocabulary() - 1));
    }
    long[] given = Arrays.copyOf(tokens, tokens.length - 1);
    try (Context context = begin(); Tensor logits = context.feed(given)) {
      float[] z = logits.toFloats();
      double total = 0;
      for (int i = 0; i < given.length; i++) total += logProbability(z, i * vocabulary(), (int) tokens[i + 1]);
      return total;
    }
  }

  private double logProbability(float[] z, int at, int token) {
    double max = Double.NEGATIVE_INFINITY;
    for (int v = 0; v < vocabulary(); v++) max = Math.max(max, z[at + v]);
    double sum = 0;
    for (int v = 0; v < vocabulary(); v++) sum += StrictMath.exp(z[at + v] - max);
    return z[at + token] - max - StrictMath.log(sum);
  }
}
