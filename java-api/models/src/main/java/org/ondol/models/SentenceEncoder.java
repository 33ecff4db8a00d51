package org.ondol.models;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.ondol.ClosedException;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.models.layers.Assembly;
import org.ondol.models.layers.Layer;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Reduce;

/**
 * Texts to vectors whose dot products are similarities (Reimers and Gurevych 2019): with the last hidden states
 * h_1, ..., h_L that BERT gives a text's L tokens,
 *
 * <pre>
 *   e = mean(h_1, ..., h_L) / ||mean(h_1, ..., h_L)||
 * </pre>
 *
 * A text's vector does not depend on the texts embedded beside it: alone and in a batch it has the same bits.
 */
public final class SentenceEncoder implements Layer {
  /** Tokens that go through the model at once; bounds the memory of a call, whatever the number of texts. */
  public static final int BATCH_TOKENS = 4096;

  private static final double SMALLEST_NORM = 1e-12;

  private final Bert bert;
  private final Tokenizer tokenizer;
  private final int batchTokens;
  private final AtomicBoolean closed = new AtomicBoolean();

  private SentenceEncoder(Bert bert, Tokenizer tokenizer, int batchTokens) {
    this.bert = bert;
    this.tokenizer = tokenizer;
    this.batchTokens = batchTokens;
  }

  /**
   * Takes the two parts over.
   *
   * @param batchTokens tokens that go through the model at once; a longer text goes alone
   */
  public static SentenceEncoder of(Bert bert, Tokenizer tokenizer, int batchTokens) {
    if (tokenizer.maxTokens() > bert.maxTokens()) {
      throw new InvalidArgumentException("maxTokens", tokenizer.maxTokens(), "at most the model's " + bert.maxTokens());
    }
    if (batchTokens < 1) throw new InvalidArgumentException("batchTokens", batchTokens, "at least 1");
    return new SentenceEncoder(bert, tokenizer, batchTokens);
  }

  /** The vector of a text, of length 1. */
  public float[] embed(String text) {
    return embed(Arrays.asList(text))[0];
  }

  /** The vectors of texts, in their order. */
  public float[][] embed(List<String> texts) {
    try (Tensor embeddings = encode(tokenize(texts))) {
      float[] all = embeddings.toFloats();
      float[][] rows = new float[texts.size()][];
      for (int i = 0; i < rows.length; i++) rows[i] = Arrays.copyOfRange(all, i * dimensions(), (i + 1) * dimensions());
      return rows;
    }
  }

  /** The token ids of texts, [CLS] and [SEP] included, cut to the tokenizer's limit. */
  public List<long[]> tokenize(List<String> texts) {
    checkOpen();
    List<long[]> sequences = new ArrayList<>(texts.size());
    for (String text : texts) {
      if (text == null) throw new InvalidArgumentException("texts", "null at index " + sequences.size(), "a text");
      sequences.add(tokenizer.encode(text));
    }
    return sequences;
  }

  /** The vectors of texts given as token ids, [texts, dimensions] on this model's device. */
  public Tensor encode(List<long[]> sequences) {
    checkOpen();
    bert.offsets(sequences); // refuses all if one is too long
    try (Scope scope = Scope.open()) {
      Tensor embeddings = Tensor.empty(device(), sequences.size(), dimensions());
      int from = 0;
      while (from < sequences.size()) {
        int to = batchEnd(sequences, from);
        try (Tensor rows = embeddings.slice(0, from, to)) {
          encodeBatch(sequences.subList(from, to), rows);
        }
        from = to;
      }
      normalise(embeddings);
      return scope.keep(embeddings);
    }
  }

  private int batchEnd(List<long[]> sequences, int from) {
    int to = from + 1;
    long tokens = sequences.get(from).length;
    while (to < sequences.size() && tokens + sequences.get(to).length <= batchTokens) {
      tokens += sequences.get(to++).length;
    }
    return to;
  }

  /** Writes the mean of each sequence's hidden states into its row. */
  private void encodeBatch(List<long[]> sequences, Tensor means) {
    long[] offsets = bert.offsets(sequences);
    try (Scope _ = Scope.open()) {
      Tensor hidden = bert.forward(sequences);
      for (int b = 0; b < sequences.size(); b++) {
        Tensor mean = Reduce.mean(hidden.slice(0, offsets[b], offsets[b + 1]), 0);
        Elementwise.run(Elementwise.Op.COPY, mean, null, means.select(0, b), 0);
      }
    }
  }

  private static void normalise(Tensor rows) {
    Tensor norms = Elementwise.apply(Elementwise.Op.SQRT, Reduce.apply(Reduce.Op.SUMSQ, rows, 1, true));
    Tensor floor = Tensor.of(rows.device(), new float[] {(float) SMALLEST_NORM}, 1, 1);
    Elementwise.run(Elementwise.Op.MAX, norms, floor, norms, 0);
    Elementwise.run(Elementwise.Op.DIV, rows, norms, rows, 0);
  }

  /** The transformer inside, whose hidden states the vectors are means of; it is closed with this model. */
  public Bert encoder() {
    return bert;
  }

  /** Length of a vector. */
  public int dimensions() {
    return bert.width();
  }

  /** Longest text in tokens; what is beyond is cut off. */
  public int maxTokens() {
    return tokenizer.maxTokens();
  }

  @Override
  public Device device() {
    return bert.device();
  }

  @Override
  public SentenceEncoder to(Device device) {
    checkOpen();
    try (Assembly parts = new Assembly()) {
      return parts.done(new SentenceEncoder(parts.add(bert.to(device)), parts.add(tokenizer.share()), batchTokens));
    }
  }

  /** The same as {@code to(Device.of(name))}. */
  public SentenceEncoder to(String device) {
    return to(Device.of(device));
  }

  private void checkOpen() {
    if (closed.get()) throw new ClosedException("the model is closed");
  }

  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) Assembly.closeAll(List.of(bert, tokenizer));
  }
}
