package org.ondol.test.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.ondol.test.models.Stories;
import org.ondol.test.models.TinyLlama;

/** {@code ondol generate}: what it prints and refuses, with a model of a few random numbers. */
class GenerateCommandTest {
  @TempDir
  private Path folder;

  private CommandRun generate(String... options) {
    List<String> words = new ArrayList<>(List.of("generate", "--weights", folder.toString()));
    words.addAll(Arrays.asList(options));
    return CommandRun.of(words.toArray());
  }

  /** 300 tokens, of which 41 are pieces, under the names that the command looks for. */
  @BeforeEach
  void model() throws IOException {
    TinyLlama.forCommands().write(folder, "stories260K.bin");
    String[] pieces = new String[41];
    for (int i = 0; i < pieces.length; i++) pieces[i] = i == 0 ? " " : i < 27 ? "" + (char) ('a' + i - 1) : " " + i;
    Files.write(folder.resolve("tok300.bin"), TinyLlama.tokenizer(pieces));
  }

  @Test
  void promptThenContinuationThenSummary() {
    CommandRun r = generate("a cab", "--tokens", "7", "--device", "java");
    assertEquals(0, r.code(), r.err());
    assertTrue(r.out().startsWith("a cab") && r.out().endsWith("\n"), r.out());
    assertTrue(r.err().matches("[0-7] tokens? on java: [0-9.]+ m?s( \\([0-9]+ tokens/s\\))?"
        + "(; the model ended the text)?\n"), r.err());
    CommandRun quiet = generate("a cab", "--tokens", "7", "--device", "java", "--quiet");
    assertEquals(r.out(), quiet.out());
    assertEquals("", quiet.err());
    CommandRun none = generate("a cab", "--tokens", "0", "--device", "java");
    assertEquals("a cab\n", none.out());
    assertTrue(none.err().startsWith("0 tokens on java: "), none.err());
  }

  @Test
  void theContextEndsAText() {
    CommandRun r = generate("abc", "--tokens", "100", "--temperature", "1", "--seed", "2", "--device", "java");
    assertEquals(0, r.code(), r.err());
    // BEGIN, a space and three letters leave room for 19 tokens; the one behind them is not fed.
    assertTrue(r.err().startsWith("20 tokens on java: "), r.err());
    assertTrue(r.err().endsWith("; its context of 24 tokens is full\n"), r.err());
  }

  @Test
  void seedsAndWhatIsNoText() {
    String[] drawn = {"", "--tokens", "20", "--temperature", "1", "--device", "java", "--quiet", "--seed"};
    String[] other = Arrays.copyOf(drawn, drawn.length + 1);
    List<String> texts = new ArrayList<>();
    for (String seed : new String[] {"1", "1", "2"}) {
      other[drawn.length] = seed;
      CommandRun r = generate(other);
      assertEquals(0, r.code(), r.err());
      texts.add(r.out());
      // Most tokens of this model are bytes: what of them is no text must not reach a terminal.
      assertTrue(r.out().chars().allMatch(c -> c == '\n' || c == '\t' || !Character.isISOControl(c)), r.out());
    }
    assertEquals(texts.get(0), texts.get(1));
    assertNotEquals(texts.get(0), texts.get(2));
  }

  @Test
  void helpIs80ColumnsWide() {
    CommandRun r = CommandRun.of("generate", "--help");
    assertEquals(0, r.code(), r.err());
    r.out().lines().forEach(line -> assertTrue(line.length() <= 80, line));
    assertTrue(r.out().contains("https://github.com/") && r.out().contains("--temperature=T") && r.out().contains("--precision="), r.out());
    CommandRun all = CommandRun.of();
    assertTrue(all.out().lines().anyMatch(line -> line.startsWith("  generate ")), all.out());
    all.out().lines().forEach(line -> assertTrue(line.length() <= 80, line));
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = """
      a b                                    | 2 | unexpected argument "b"
      a --tokens -1                          | 2 | --tokens is -1, expected 0 or more
      a --tokens x                           | 2 | invalid value for option '--tokens'
      a --temperature -0.5                   | 2 | --temperature is -0.5, expected 0 or more
      a --temperature NaN                    | 2 | --temperature is NaN, expected 0 or more
      a --top-k -3                           | 2 | --top-k is -3, expected 1 or more, or 0 for all
      a --top-p 0                            | 2 | --top-p is 0.0, expected above 0 and at most 1
      a --top-p 1.5                          | 2 | --top-p is 1.5, expected above 0 and at most 1
      a --seed x                             | 2 | invalid value for option '--seed'
      a --device gpu                         | 2 | unknown device "gpu"
      a --precision int8                     | 2 | unknown precision "int8", expected exact, tf32, bf16x3, bf16 or fp16
      a --device java --precision tf32       | 1 | gemm in precision TF32 is not implemented on device "java"; use precision EXACT
      a --speed 3                            | 2 | unknown option "--speed"
      abcdefghijklmnopqrstuvwxyz --device java | 1 | the prompt has 27 tokens, more than the 23 that fit
      a --weights FOLDER/none.bin            | 1 | FOLDER/none.bin; get data/stories260K.bin and data/tok512.bin from
      a --weights FOLDER/empty               | 1 | no file FOLDER/empty/stories260K.bin; get data/stories260K.bin
      a --weights FOLDER/cut.bin             | 1 | cut.bin is cut short
      a --weights FOLDER/alone/model.bin     | 1 | no tokenizer beside FOLDER/alone/model.bin, expected tok300.bin
      a --weights FOLDER/other/model.bin     | 1 | tokenizer.bin has 261 tokens
      """)
  void refused(String line, int code, String message) throws IOException {
    Files.createDirectory(folder.resolve("empty"));
    byte[] whole = TinyLlama.forCommands().file();
    Files.write(folder.resolve("cut.bin"), Arrays.copyOf(whole, whole.length / 2));
    for (String name : new String[] {"alone", "other"}) {
      Files.write(Files.createDirectory(folder.resolve(name)).resolve("model.bin"), whole);
    }
    Files.write(folder.resolve("other/tokenizer.bin"), TinyLlama.tokenizer("a", "b"));
    List<String> words = new ArrayList<>(List.of("generate"));
    if (!line.contains("--weights")) words.addAll(List.of("--weights", folder.toString()));
    words.addAll(Arrays.asList(line.replace("FOLDER", folder.toString()).split(" +")));
    CommandRun r = CommandRun.of(words.toArray());
    assertEquals(code, r.code(), r.out() + r.err());
    assertTrue(r.err().contains(message.replace("FOLDER", folder.toString())), r.err());
    assertTrue(r.err().startsWith("ondol generate: "), r.err());
    assertEquals(1, r.err().lines().count(), r.err());
    assertEquals("", r.out());
  }

  @Test
  void thePublishedStory() throws IOException {
    String story = Files.readString(Stories.file("published_greedy.txt")).stripTrailing();
    Path model = Stories.file("stories260K.bin");
    CommandRun r = CommandRun.of("generate", "--weights", model.toString());
    assertEquals(0, r.code(), r.err());
    assertEquals(story, r.out().stripTrailing());
    assertTrue(r.err().startsWith("256 tokens on "), r.err());
  }
}
