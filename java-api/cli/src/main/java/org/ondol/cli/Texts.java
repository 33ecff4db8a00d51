package org.ondol.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Texts to embed from a file or standard input, one a line. */
final class Texts {
  private Texts() {}

  /** Every line of a file, "-" being standard input; line n of the input stays number n. */
  static List<String> read(String file) {
    String name = file.equals("-") ? "standard input" : file;
    List<String> lines;
    try (InputStream in = open(file)) {
      lines = lines(in, name);
    } catch (IOException e) {
      throw new CommandException("cannot read " + name + ": " + Text.reason(e), e);
    }
    if (lines.stream().allMatch(String::isBlank)) throw new CommandException(name + " has no text");
    return lines;
  }

  private static InputStream open(String file) throws IOException {
    if (file.equals("-")) return System.in;
    Path path = Path.of(file);
    if (Files.isDirectory(path)) throw new IOException("it is a directory");
    return Files.newInputStream(path);
  }

  private static List<String> lines(InputStream in, String name) throws IOException {
    var decoder = StandardCharsets.UTF_8.newDecoder().onMalformedInput(CodingErrorAction.REPORT);
    List<String> lines = new ArrayList<>();
    try (BufferedReader reader = new BufferedReader(new InputStreamReader(in, decoder))) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) lines.add(line);
      return lines;
    } catch (CharacterCodingException e) {
      throw new CommandException(name + " is not UTF-8 text, near line " + (lines.size() + 1), e);
    }
  }
}
