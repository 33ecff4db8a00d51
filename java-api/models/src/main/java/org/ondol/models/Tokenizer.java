package org.ondol.models;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.ondol.ClosedException;
import org.ondol.models.weights.WeightsException;

/**
 * Text to token ids, as a tokenizer.json describes it, with the special tokens and cut to a length. Models on several
 * devices share one tokenizer, so it counts its users.
 */
public final class Tokenizer implements AutoCloseable {
  private final HuggingFaceTokenizer tokenizer;
  private final int maxTokens;
  private final AtomicInteger users = new AtomicInteger(1);

  private Tokenizer(HuggingFaceTokenizer tokenizer, int maxTokens) {
    this.tokenizer = tokenizer;
    this.maxTokens = maxTokens;
  }

  /**
   * Reads a tokenizer.json among the resources of the class path or module path.
   *
   * @param maxTokens longest result, special tokens included; what a text has beyond is cut off
   */
  public static Tokenizer resource(ClassLoader loader, String name, int maxTokens) {
    // On a machine with a GPU the library would else download its CUDA build, which tokenizes no differently.
    if (System.getProperty("RUST_FLAVOR") == null) System.setProperty("RUST_FLAVOR", "cpu");
    String limit = Integer.toString(maxTokens);
    Map<String, String> options =
        Map.of("padding", "false", "truncation", "true", "maxLength", limit, "modelMaxLength", limit);
    URL url = loader.getResource(name);
    if (url == null) throw new WeightsException(name + " is not on the class path");
    try (InputStream in = url.openStream()) {
      return new Tokenizer(HuggingFaceTokenizer.newInstance(in, options), maxTokens);
    } catch (IOException | RuntimeException e) {
      throw new WeightsException(url + " cannot be read: " + e.getMessage(), e);
    }
  }

  /** The token ids of a text. */
  public long[] encode(String text) {
    if (users.get() == 0) throw new ClosedException("the tokenizer is closed");
    return tokenizer.encode(text).getIds();
  }

  /** The longest result of {@link #encode}. */
  public int maxTokens() {
    return maxTokens;
  }

  /** This tokenizer with one more user, who closes it too. */
  Tokenizer share() {
    if (users.getAndUpdate(n -> n == 0 ? 0 : n + 1) == 0) throw new ClosedException("the tokenizer is closed");
    return this;
  }

  /** Ends one use; the last one frees it. */
  @Override
  public void close() {
    if (users.getAndUpdate(n -> Math.max(n - 1, 0)) == 1) tokenizer.close();
  }
}
