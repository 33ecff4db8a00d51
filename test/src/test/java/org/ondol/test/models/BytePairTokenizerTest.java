package org.ondol.test.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.ondol.InvalidArgumentException;
import org.ondol.models.BytePairTokenizer;
import org.ondol.models.weights.SafeTensors;
import org.ondol.models.weights.WeightsException;

/** Byte-pair tokens of llama2.c's files: merges, round trips, and files that are none. */
class BytePairTokenizerTest {
  private static final String[] PIECES = {"ab", "bc", "abc", " a", " ", "a", "b", "c", "é", "ca", "\u65e5"};

  @TempDir
  private Path folder;

  private BytePairTokenizer read(byte[] bytes) throws IOException {
    return BytePairTokenizer.read(Files.write(folder.resolve("tokenizer.bin"), bytes));
  }

  private static long piece(String text) {
    return 259 + Arrays.asList(PIECES).indexOf(text);
  }

  /** Worked by hand: the pair of the highest score first, of one score the first pair. */
  @Test
  void joinsByScore() throws IOException {
    BytePairTokenizer t = read(TinyLlama.tokenizer(PIECES));
    assertEquals(259 + PIECES.length, t.size());
    assertArrayEquals(new long[] {1}, t.encode(""));
    assertArrayEquals(new long[] {1, piece(" a")}, t.encode("a"));
    // "ab" is joined before " a" would be, then "ab" "c".
    assertArrayEquals(new long[] {1, piece(" "), piece("abc")}, t.encode("abc"));
    assertArrayEquals(new long[] {1, piece(" "), piece("ab"), piece("abc"), piece("a")}, t.encode("ababca"));
    assertArrayEquals(new long[] {1, piece(" "), piece("bc"), piece(" a")}, t.encode("bc a"));
    assertArrayEquals(new long[] {1, piece(" "), piece("é"), piece("\u65e5")}, t.encode("é\u65e5"));
    // What has no token becomes its bytes, which are not joined with anything.
    assertArrayEquals(new long[] {1, piece(" "), 3 + 'x', piece("ab"), 3 + 0xF0, 3 + 0x9F, 3 + 0x99, 3 + 0x82},
        t.encode("xab\uD83D\uDE42"));
  }

  @Test
  void spaceBytesAndMarkers() throws IOException {
    BytePairTokenizer t = read(TinyLlama.tokenizer(PIECES));
    assertEquals("a a", t.decode(1, piece(" a"), piece(" a")));
    assertEquals("a a", t.decode(piece(" a"), piece(" a")));
    assertEquals("A\uFFFDa", t.decode(1, 3 + 'A', 3 + 0xC3, piece("a")));
    assertEquals("é", t.decode(1, 3 + 0xC3, 3 + 0xA9, 2));
    assertEquals(0, t.bytes(5, 1).length);
    assertArrayEquals(new byte[] {(byte) 0xFF}, t.bytes(1, 258));
    for (long bad : new long[] {-1, t.size(), Long.MIN_VALUE}) {
      assertThrows(InvalidArgumentException.class, () -> t.decode(bad));
      assertThrows(InvalidArgumentException.class, () -> t.bytes(bad, 5));
    }
    assertThrows(InvalidArgumentException.class, () -> t.decode((long[]) null));
    assertThrows(InvalidArgumentException.class, () -> t.encode(null));
    assertThrows(InvalidArgumentException.class, () -> t.encode("a\uD83D"));
  }

  /** The definition taken at its word: look at all neighbours, join the best pair, begin again. */
  private static List<Integer> naive(String[] pieces, String text) {
    List<String> parts = new ArrayList<>();
    (" " + text).codePoints().forEach(c -> parts.add(Character.toString(c)));
    List<String> known = Arrays.asList(pieces);
    while (true) {
      int best = -1;
      int rank = pieces.length;
      for (int i = 0; i + 1 < parts.size(); i++) {
        int r = known.indexOf(parts.get(i) + parts.get(i + 1));
        if (known.contains(parts.get(i)) && known.contains(parts.get(i + 1)) && r >= 0 && r < rank) {
          rank = r;
          best = i;
        }
      }
      if (best < 0) break;
      parts.set(best, parts.get(best) + parts.remove(best + 1));
    }
    List<Integer> ids = new ArrayList<>(List.of(1));
    for (String part : parts) {
      if (known.contains(part)) ids.add(259 + known.indexOf(part));
      else for (byte b : part.getBytes(StandardCharsets.UTF_8)) ids.add(3 + (b & 0xFF));
    }
    return ids;
  }

  @Test
  void randomTextsLikeTheDefinition() throws IOException {
    String[] pieces = {"aa", "ab", "ba", "aaa", "aab", "bab", " a", "abab", "aaaa", "b ", "a", "b", " "};
    BytePairTokenizer t = read(TinyLlama.tokenizer(pieces));
    Random random = new Random(3);
    for (int i = 0; i < 2000; i++) {
      StringBuilder text = new StringBuilder();
      int n = 1 + random.nextInt(30);
      for (int j = 0; j < n; j++) text.append("aaabbb  cé\n".charAt(random.nextInt(11)));
      long[] ids = t.encode(text.toString());
      assertEquals(naive(pieces, text.toString()), Arrays.stream(ids).mapToObj(x -> (int) x).toList(), text.toString());
      assertEquals(text.toString(), t.decode(ids));
    }
    assertEquals(1 << 16, t.decode(t.encode("a".repeat(1 << 16))).length());
  }

  @Test
  void theStoriesOwnTokens() {
    BytePairTokenizer t = BytePairTokenizer.read(Stories.file("tok512.bin"));
    assertEquals(512, t.size());
    try (SafeTensors golden = SafeTensors.open(Stories.file("golden.safetensors"))) {
      long[] ids = golden.longs("ids");
      String text = t.decode(ids);
      assertTrue(text.startsWith("Once upon a time, there was a little girl named Lily."), text);
      String first = "Once upon a time, there was a little girl named Lily.";
      long[] encoded = t.encode(first);
      assertArrayEquals(Arrays.copyOf(ids, encoded.length), encoded);
    }
    Random random = new Random(17);
    for (int i = 0; i < 500; i++) {
      StringBuilder text = new StringBuilder();
      for (int j = 0; j < 40; j++) {
        int c = random.nextInt(random.nextBoolean() ? 0x7F : 0x11000);
        if (c < 0xD800 || c > 0xDFFF) text.appendCodePoint(c);
      }
      assertEquals(text.toString(), t.decode(t.encode(text.toString())));
    }
  }

  private static byte[] changed(int at, int value) {
    byte[] bytes = TinyLlama.tokenizer(PIECES);
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(at, value);
    return bytes;
  }

  private void refused(byte[] bytes, String message) {
    var e = assertThrows(WeightsException.class, () -> read(bytes));
    assertTrue(e.getMessage().contains(message), e.getMessage());
  }

  @Test
  void filesThatAreNone() throws IOException {
    byte[] whole = TinyLlama.tokenizer(PIECES);
    int refused = 0;
    for (int n = 0; n < whole.length; n++) {
      byte[] cut = Arrays.copyOf(whole, n);
      try {
        // Cut between two tokens it is a smaller vocabulary; the model's size tells.
        assertTrue(read(cut).size() < 259 + PIECES.length);
      } catch (WeightsException e) {
        refused++;
      }
    }
    assertEquals(whole.length - PIECES.length, refused);
    refused(changed(0, 0), "announces 5 bytes; expected 0 to 0");
    refused(changed(0, -1), "announces 5 bytes");
    refused(changed(8, -1), "token 0");
    refused(changed(8, Integer.MAX_VALUE), "token 0");
    refused(changed(4, 0x7FC00000), "no number as its score");
    // Token 3 begins at 4 + (8 + 5) + (8 + 5) + (8 + 6).
    refused(changed(44 + 8, 0x41414141), "token 3");
    byte[] long1 = changed(0, Integer.MAX_VALUE);
    assertEquals(259 + PIECES.length, read(long1).size());
    assertThrows(WeightsException.class, () -> BytePairTokenizer.read(folder.resolve("none.bin")));
    assertThrows(WeightsException.class, () -> BytePairTokenizer.read(folder));
    assertThrows(InvalidArgumentException.class, () -> BytePairTokenizer.read(null));
  }
}
