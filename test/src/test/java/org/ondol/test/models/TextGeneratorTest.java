package org.ondol.test.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;
import org.ondol.models.BytePairTokenizer;
import org.ondol.models.LanguageModel;
import org.ondol.models.TextGenerator;
import org.ondol.models.TextGenerator.End;
import org.ondol.models.TokenSampler;

/** What becomes of tokens, with a model that says what it was told to say. */
class TextGeneratorTest {
  private static final int VOCABULARY = 262;
  private static final int SPACE = 259;
  private static final int LETTER = 260;

  @TempDir
  private Path folder;

  /** Gives token i of a script behind the prompt and i further tokens, for a prompt of a known length. */
  private record Scripted(int prompt, int maxTokens, int... script) implements LanguageModel {
    @Override
    public Context begin() {
      return new Context() {
        private int fed;

        @Override
        public Tensor feed(long... tokens) {
          throw new AssertionError("only the last token's logits are needed");
        }

        @Override
        public float[] next(long... tokens) {
          assertTrue(tokens.length <= room(), "fed beyond the context");
          assertEquals(fed == 0 ? prompt : 1, tokens.length);
          if (fed > 0) assertEquals(script[fed - prompt], tokens[0]);
          fed += tokens.length;
          float[] logits = new float[VOCABULARY];
          logits[script[fed - prompt]] = 1;
          return logits;
        }

        @Override
        public int length() {
          return fed;
        }

        @Override
        public int room() {
          return maxTokens - fed;
        }

        @Override
        public void close() {}
      };
    }

    @Override
    public int vocabulary() {
      return VOCABULARY;
    }

    @Override
    public Device device() {
      return Device.of("java");
    }

    @Override
    public LanguageModel to(Device device) {
      return this;
    }

    @Override
    public void close() {}
  }

  private TextGenerator scripted(int prompt, int maxTokens, int... script) throws IOException {
    Path file = Files.write(folder.resolve("tok.bin"), TinyLlama.tokenizer(" ", "a", "\u65e5 "));
    return TextGenerator.of(new Scripted(prompt, maxTokens, script), BytePairTokenizer.read(file));
  }

  private static int[] bytes(String text, int... after) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    int[] ids = new int[utf8.length + after.length];
    for (int i = 0; i < utf8.length; i++) ids[i] = 3 + (utf8[i] & 0xFF);
    System.arraycopy(after, 0, ids, utf8.length, after.length);
    return ids;
  }

  @Test
  void charactersThatBeginInOneTokenAndEndInAnother() throws IOException {
    List<String> pieces = new ArrayList<>();
    TextGenerator generator = scripted(1, 100, bytes("aé\u65e5\uD83D\uDE42z", 2));
    var result = generator.generate("", 50, TokenSampler.greedy(), pieces::add);
    assertEquals(List.of("a", "é", "\u65e5", "\uD83D\uDE42", "z"), pieces);
    assertEquals("aé\u65e5\uD83D\uDE42z", result.text());
    assertEquals(End.OF_TEXT, result.end());
    assertEquals(11, result.tokens().length);
    assertArrayEquals(new long[] {1}, result.prompt());
  }

  /** A byte that continues nothing, a character that is broken off by another one, and by the end. */
  @Test
  void whatIsNoCharacterIsReplaced() throws IOException {
    int[] script = {3 + 0x80, LETTER, 3 + 0xE6, 3 + 0x97, LETTER, 3 + 0xFF, 3 + 0xF0, 3 + 0x9F, 1};
    List<String> pieces = new ArrayList<>();
    var result = scripted(1, 100, script).generate("", 50, TokenSampler.greedy(), pieces::add);
    assertEquals("\uFFFDa\uFFFDa\uFFFD\uFFFD", result.text());
    assertEquals(List.of("\uFFFD", "a", "\uFFFDa", "\uFFFD", "\uFFFD"), pieces);
  }

  @Test
  void theSpaceBehindTheBeginningIsDropped() throws IOException {
    int[] script = {SPACE, SPACE, LETTER, 2};
    assertEquals(" a", scripted(1, 9, script).generate("", 9, TokenSampler.greedy(), piece -> {}).text());
    assertEquals("  a", scripted(3, 9, script).generate("a", 9, TokenSampler.greedy(), piece -> {}).text());
  }

  @Test
  void whereTextsEnd() throws IOException {
    int[] script = {LETTER, LETTER, LETTER, LETTER, LETTER, 1, LETTER};
    for (int most = 0; most < 8; most++) {
      var result = scripted(1, 100, script).generate("", most, TokenSampler.greedy(), piece -> {});
      assertEquals(most > 5 ? End.OF_TEXT : End.OF_TOKENS, result.end(), "of " + most);
      assertEquals("a".repeat(Math.min(most, 5)), result.text());
    }
    // A context of 4: BEGIN, then three tokens that are fed and one that need not be.
    var full = scripted(1, 4, script).generate("", 100, TokenSampler.greedy(), piece -> {});
    assertEquals(End.OF_CONTEXT, full.end());
    assertEquals("aaaa", full.text());
    var exact = scripted(1, 4, script).generate("", 4, TokenSampler.greedy(), piece -> {});
    assertEquals(End.OF_TOKENS, exact.end());
    var prompt = scripted(4, 4, script).generate("aa", 100, TokenSampler.greedy(), piece -> {});
    assertEquals("a", prompt.text());
  }

  private static void refused(String argument, Runnable call) {
    var e = assertThrows(InvalidArgumentException.class, call::run);
    assertTrue(e.getMessage().contains(argument), e.getMessage());
  }

  @Test
  void refusals() throws IOException {
    TextGenerator g = scripted(1, 4, LETTER);
    TokenSampler greedy = TokenSampler.greedy();
    refused("prompt", () -> g.generate("aaa", 1, greedy, piece -> {}));
    refused("text", () -> g.generate(null, 1, greedy, piece -> {}));
    refused("tokens", () -> g.generate("", -1, greedy, piece -> {}));
    refused("sampler", () -> g.generate("", 1, null, piece -> {}));
    refused("sink", () -> g.generate("", 1, greedy, null));
    refused("text", () -> g.bitsPerToken(""));
    refused("text", () -> g.bitsPerToken("aaaa"));
    refused("model", () -> TextGenerator.of(null, g.tokenizer()));
    refused("tokenizer", () -> TextGenerator.of(g.model(), null));
    Path other = Files.write(folder.resolve("other.bin"), TinyLlama.tokenizer("a"));
    refused("tokenizer", () -> TextGenerator.of(g.model(), BytePairTokenizer.read(other)));
  }
}
