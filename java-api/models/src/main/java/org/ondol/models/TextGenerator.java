package org.ondol.models;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.Consumer;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.models.LanguageModel.Context;
import org.ondol.models.layers.Layer;

/**
 * Text from a model of tokens: a prompt is encoded and read in one pass, and continued token by token until the model
 * ends the text, as many as were asked for are there, or the model's context is full.
 */
public final class TextGenerator implements Layer {
  /** Why a text ended. */
  public enum End {
    /** The model drew BEGIN or END. */
    OF_TEXT,
    /** As many tokens as were asked for. */
    OF_TOKENS,
    /** The longest sequence that the model knows. */
    OF_CONTEXT
  }

  /**
   * What a call did.
   *
   * @param text the continuation, without the prompt
   * @param prompt tokens of the prompt, BEGIN included
   * @param tokens tokens generated; one that ended the text is not among them
   */
  public record Result(String text, long[] prompt, long[] tokens, End end, double promptSeconds, double seconds) {}

  private final LanguageModel model;
  private final BytePairTokenizer tokenizer;

  private TextGenerator(LanguageModel model, BytePairTokenizer tokenizer) {
    this.model = model;
    this.tokenizer = tokenizer;
  }

  /** Takes the model over. */
  public static TextGenerator of(LanguageModel model, BytePairTokenizer tokenizer) {
    if (model == null) throw new InvalidArgumentException("model", "null", "a model");
    if (tokenizer == null) throw new InvalidArgumentException("tokenizer", "null", "a tokenizer");
    if (tokenizer.size() != model.vocabulary()) {
      throw new InvalidArgumentException("tokenizer", "of " + tokenizer.size() + " tokens",
          "the model's vocabulary of " + model.vocabulary());
    }
    return new TextGenerator(model, tokenizer);
  }

  /** The model of tokens. */
  public LanguageModel model() {
    return model;
  }

  /** From text to tokens and back. */
  public BytePairTokenizer tokenizer() {
    return tokenizer;
  }

  /**
   * Continues a prompt.
   *
   * @param prompt may be empty; with BEGIN at most as many tokens as the model's context has
   * @param tokens how many tokens at most, at least 0
   * @param sink gets the continuation piece by piece as it grows, each of whole characters
   */
  public Result generate(String prompt, int tokens, TokenSampler sampler, Consumer<String> sink) {
    long[] given = tokenizer.encode(prompt);
    if (given.length > model.maxTokens()) {
      throw new InvalidArgumentException("prompt", "of " + given.length + " tokens", "at most " + model.maxTokens()
          + ", the model's context");
    }
    if (tokens < 0) throw new InvalidArgumentException("tokens", tokens, "at least 0");
    if (sampler == null) throw new InvalidArgumentException("sampler", "null", "a sampler");
    if (sink == null) throw new InvalidArgumentException("sink", "null", "a consumer");
    try (Context context = model.begin()) {
      return new Run(context, sampler, sink).go(given, tokens);
    }
  }

  /** One text on its way. */
  private final class Run {
    private final Context context;
    private final TokenSampler sampler;
    private final Consumer<String> sink;
    private final Pieces pieces = new Pieces();
    private final StringBuilder text = new StringBuilder();

    Run(Context context, TokenSampler sampler, Consumer<String> sink) {
      this.context = context;
      this.sampler = sampler;
      this.sink = sink;
    }

    Result go(long[] given, int most) {
      long start = System.nanoTime();
      float[] logits = context.next(given);
      long begun = System.nanoTime();
      long[] chosen = new long[Math.min(most, context.room() + 1)];
      int n = 0;
      End end = chosen.length < most ? End.OF_CONTEXT : End.OF_TOKENS;
      long previous = given[given.length - 1];
      while (n < chosen.length) {
        int token = sampler.choose(logits);
        if (token == BytePairTokenizer.BEGIN || token == BytePairTokenizer.END) {
          end = End.OF_TEXT;
          break;
        }
        chosen[n++] = token;
        emit(pieces.add(tokenizer.bytes(previous, token)));
        previous = token;
        if (n < chosen.length) logits = context.next(token);
      }
      emit(pieces.end());
      return new Result(text.toString(), given, Arrays.copyOf(chosen, n), end, (begun - start) * 1e-9,
          (System.nanoTime() - begun) * 1e-9);
    }

    private void emit(String piece) {
      if (piece.isEmpty()) return;
      text.append(piece);
      sink.accept(piece);
    }
  }

  /** Bytes to characters: those of a character that is not complete wait for the rest, and what is none is U+FFFD. */
  private static final class Pieces {
    private final CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder()
        .onMalformedInput(CodingErrorAction.REPLACE);
    private byte[] waiting = {};

    String add(byte[] bytes) {
      byte[] all = Arrays.copyOf(waiting, waiting.length + bytes.length);
      System.arraycopy(bytes, 0, all, waiting.length, bytes.length);
      return decode(all, false);
    }

    String end() {
      return decode(waiting, true);
    }

    private String decode(byte[] all, boolean end) {
      ByteBuffer in = ByteBuffer.wrap(all);
      CharBuffer out = CharBuffer.allocate(all.length + 1);
      decoder.reset().decode(in, out, end);
      waiting = Arrays.copyOfRange(all, in.position(), all.length);
      return out.flip().toString();
    }
  }

  /**
   * Bits per token that the model needs for a text, BEGIN given and the end not counted:
   * -log2 p(text) / tokens, from the exact likelihood.
   *
   * @param text not empty, of at most as many tokens as the model's context has
   */
  public double bitsPerToken(String text) {
    long[] tokens = tokenizer.encode(text);
    if (tokens.length < 2 || tokens.length - 1 > model.maxTokens()) {
      throw new InvalidArgumentException("text", "of " + (tokens.length - 1) + " tokens", "1 to " + model.maxTokens());
    }
    return -model.logLikelihood(tokens) / (tokens.length - 1) / StrictMath.log(2);
  }

  @Override
  public Device device() {
    return model.device();
  }

  @Override
  public TextGenerator to(Device device) {
    return new TextGenerator(model.to(device), tokenizer);
  }

  @Override
  public void close() {
    model.close();
  }
}
