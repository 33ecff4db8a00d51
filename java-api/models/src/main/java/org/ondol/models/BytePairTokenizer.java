package org.ondol.models;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import org.ondol.InvalidArgumentException;
import org.ondol.models.weights.WeightsException;

/**
 * Byte-pair encoding (Sennrich, Haddow and Birch 2016) as SentencePiece does it for LLaMA, with the vocabulary in
 * llama2.c's tokenizer file: the length of the longest token, then per token a float32 score, its length and its bytes.
 * Tokens 0, 1 and 2 are unknown, begin and end; 3 to 258 are the bytes, written {@code <0x00>} to {@code <0xFF>}.
 *
 * <p>A text gets a space in front and is cut into characters; those that are no tokens become bytes. Then, again and
 * again, the two neighbours whose union is the token of the highest score, of several the first ones, are joined.
 */
public final class BytePairTokenizer {
  /** Begins every sequence, and where a model draws it, ends one. */
  public static final int BEGIN = 1;
  /** Ends a sequence. */
  public static final int END = 2;

  private static final int FIRST_BYTE = 3;
  private static final int FIRST_PIECE = FIRST_BYTE + 256;
  private static final int MOST_BYTES = 1 << 26;

  private final byte[][] tokens;
  private final float[] scores;
  private final Map<String, Integer> pieces = new HashMap<>();

  private BytePairTokenizer(byte[][] tokens, float[] scores) {
    this.tokens = tokens;
    this.scores = scores;
    for (int i = FIRST_PIECE; i < tokens.length; i++) pieces.putIfAbsent(key(tokens[i]), i);
  }

  /** Bytes as a map's key: one character each. */
  private static String key(byte[] bytes) {
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }

  /**
   * Reads a tokenizer file.
   *
   * @throws WeightsException if it cannot be read, is cut short or is none
   */
  public static BytePairTokenizer read(Path file) {
    if (file == null) throw new InvalidArgumentException("file", "null", "a path");
    try {
      long size = Files.size(file);
      if (size < Integer.BYTES || size > MOST_BYTES) {
        throw new WeightsException(file + " has " + size + " bytes; expected 4 to " + MOST_BYTES
            + " for a tokenizer file of llama2.c");
      }
      return parse(file, ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN));
    } catch (IOException e) {
      throw new WeightsException("cannot read " + file + ": " + e, e);
    }
  }

  private static BytePairTokenizer parse(Path file, ByteBuffer in) {
    int longest = in.getInt();
    List<byte[]> tokens = new ArrayList<>();
    List<Float> scores = new ArrayList<>();
    while (in.hasRemaining()) {
      String which = "token " + tokens.size() + " of " + file;
      if (in.remaining() < 8) throw new WeightsException(which + " is cut short");
      float score = in.getFloat();
      int length = in.getInt();
      if (Float.isNaN(score)) throw new WeightsException(which + " has no number as its score");
      if (length < 0 || length > longest) {
        throw new WeightsException(which + " announces " + length + " bytes; expected 0 to " + longest);
      }
      if (length > in.remaining()) {
        throw new WeightsException(which + " is cut short: " + length + " bytes announced, " + in.remaining()
            + " left");
      }
      byte[] bytes = new byte[length];
      in.get(bytes);
      tokens.add(bytes);
      scores.add(score);
    }
    if (tokens.size() < FIRST_PIECE) {
      throw new WeightsException(file + " has " + tokens.size() + " tokens; expected at least " + FIRST_PIECE);
    }
    float[] all = new float[scores.size()];
    for (int i = 0; i < all.length; i++) all[i] = scores.get(i);
    for (int b = 0; b < 256; b++) {
      String expected = "<0x%02X>".formatted(b);
      if (!key(tokens.get(FIRST_BYTE + b)).equals(expected)) {
        throw new WeightsException("token " + (FIRST_BYTE + b) + " of " + file + " is no byte; expected " + expected);
      }
    }
    return new BytePairTokenizer(tokens.toArray(byte[][]::new), all);
  }

  /** How many tokens there are. */
  public int size() {
    return tokens.length;
  }

  /**
   * The tokens of a text, BEGIN first; of the empty text BEGIN alone.
   *
   * @throws InvalidArgumentException if the text holds half of a surrogate pair, which has no UTF-8
   */
  public long[] encode(String text) {
    if (text == null) throw new InvalidArgumentException("text", "null", "a text");
    if (text.isEmpty()) return new long[] {BEGIN};
    return new Merge(utf8(" " + text)).run();
  }

  private static byte[] utf8(String text) {
    try {
      ByteBuffer encoded = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
      return Arrays.copyOf(encoded.array(), encoded.limit());
    } catch (CharacterCodingException e) {
      throw new InvalidArgumentException("text", "holding half of a surrogate pair", "whole characters");
    }
  }

  /** A text on its way from characters to tokens: a list linked both ways, and the joins that were possible once. */
  private final class Merge {
    private record Join(float score, int left, int right, int leftToken, int rightToken, int token) {}

    private final int[] token;
    private final int[] previous;
    private final int[] next;
    private int count;
    private final PriorityQueue<Join> joins = new PriorityQueue<>((a, b) -> a.score != b.score
        ? Float.compare(b.score, a.score) : Integer.compare(a.left, b.left));

    Merge(byte[] text) {
      token = new int[text.length];
      previous = new int[text.length];
      next = new int[text.length];
      for (int at = 0; at < text.length; ) {
        int end = at + 1;
        while (end < text.length && (text[end] & 0xC0) == 0x80) end++;
        Integer whole = pieces.get(key(Arrays.copyOfRange(text, at, end)));
        if (whole != null) token[count++] = whole;
        else for (int i = at; i < end; i++) token[count++] = FIRST_BYTE + (text[i] & 0xFF);
        at = end;
      }
      for (int i = 0; i < count; i++) {
        previous[i] = i - 1;
        next[i] = i + 1 < count ? i + 1 : -1;
      }
    }

    long[] run() {
      for (int i = 0; i + 1 < count; i++) propose(i, i + 1);
      while (!joins.isEmpty()) {
        Join j = joins.poll();
        boolean current = next[j.left] == j.right && token[j.left] == j.leftToken && token[j.right] == j.rightToken;
        if (current) join(j);
      }
      long[] ids = new long[count + 1];
      int n = 0;
      ids[n++] = BEGIN;
      for (int i = 0; i >= 0; i = next[i]) ids[n++] = token[i];
      return Arrays.copyOf(ids, n);
    }

    private void join(Join j) {
      token[j.left] = j.token;
      token[j.right] = -1;
      int after = next[j.right];
      next[j.right] = -1;
      next[j.left] = after;
      if (after >= 0) {
        previous[after] = j.left;
        propose(j.left, after);
      }
      if (previous[j.left] >= 0) propose(previous[j.left], j.left);
    }

    private void propose(int left, int right) {
      if (token[left] < FIRST_PIECE || token[right] < FIRST_PIECE) return; // bytes stay as they are
      byte[] a = tokens[token[left]];
      byte[] b = tokens[token[right]];
      byte[] both = Arrays.copyOf(a, a.length + b.length);
      System.arraycopy(b, 0, both, a.length, b.length);
      Integer union = pieces.get(key(both));
      if (union != null) joins.add(new Join(scores[union], left, right, token[left], token[right], union));
    }
  }

  /**
   * The bytes of a token behind another one, of which UTF-8 text is made; a character may begin in one token and end in
   * the next. Behind BEGIN the space is dropped that {@link #encode} puts there. BEGIN and END have no bytes.
   */
  public byte[] bytes(long previous, long token) {
    int t = checked(token);
    checked(previous);
    if (t == BEGIN || t == END) return new byte[0];
    if (t >= FIRST_BYTE && t < FIRST_PIECE) return new byte[] {(byte) (t - FIRST_BYTE)};
    byte[] bytes = tokens[t];
    boolean drop = previous == BEGIN && bytes.length > 0 && bytes[0] == ' ';
    return Arrays.copyOfRange(bytes, drop ? 1 : 0, bytes.length);
  }

  private int checked(long token) {
    if (token < 0 || token >= tokens.length) {
      throw new InvalidArgumentException("token", token, "0 to " + (tokens.length - 1));
    }
    return (int) token;
  }

  /** The text of tokens that follow BEGIN, which may stand first; bytes that are no UTF-8 become U+FFFD. */
  public String decode(long... ids) {
    if (ids == null) throw new InvalidArgumentException("ids", "null", "tokens");
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    long previous = BEGIN;
    for (long id : ids) {
      out.writeBytes(bytes(previous, id));
      previous = id;
    }
    return out.toString(StandardCharsets.UTF_8);
  }
}
