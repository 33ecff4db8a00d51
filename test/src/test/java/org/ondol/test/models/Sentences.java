package org.ondol.test.models;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Real text, written for this project, in lengths from a word to more than the model takes. */
final class Sentences {
  /** How many sentences a longer text is made of. */
  private static final int[] RUNS = {2, 3, 5, 8, 13, 21};
  /** Sentences in all texts of one such length together. */
  private static final int SENTENCES_PER_RUN = 120;

  private Sentences() {}

  /** The sentences, then texts of several sentences each, then one that is far too long. */
  static List<String> all() {
    List<String> sentences = lines();
    List<String> texts = new ArrayList<>(sentences);
    int from = 0;
    for (int run : RUNS) {
      for (int i = 0; i < SENTENCES_PER_RUN / run; i++) {
        texts.add(joined(sentences, from, run));
        from += 7;
      }
    }
    texts.add(String.join(" ", sentences));
    return texts;
  }

  /** A few of all lengths, for what is slow. */
  static List<String> few() {
    List<String> sentences = lines();
    return List.of(sentences.get(0), sentences.get(7), joined(sentences, 40, 4), sentences.get(100),
        joined(sentences, 60, 9));
  }

  private static String joined(List<String> sentences, int from, int count) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < count; i++) text.append(i == 0 ? "" : " ").append(sentences.get((from + i) % sentences.size()));
    return text.toString();
  }

  private static List<String> lines() {
    try (InputStream in = Sentences.class.getResourceAsStream("sentences.txt")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
