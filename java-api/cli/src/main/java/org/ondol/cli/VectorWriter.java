package org.ondol.cli;

import com.google.gson.Gson;
import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Writes one vector a line; every number is the shortest that reads back as the same float. */
final class VectorWriter implements Closeable {
  enum Format { PLAIN, JSONL }

  private final Writer out;
  private final Format format;
  private final Gson gson = new Gson();

  private VectorWriter(OutputStream out, Format format) {
    this.out = new OutputStreamWriter(new BufferedOutputStream(out, 1 << 16), StandardCharsets.UTF_8);
    this.format = format;
  }

  /** Opens a file, or standard output where it is null. */
  static VectorWriter open(String file, Format format) {
    if (file == null) return new VectorWriter(System.out, format);
    try {
      return new VectorWriter(Files.newOutputStream(Path.of(file)), format);
    } catch (IOException e) {
      throw new CommandException("cannot write " + file + ": " + Text.reason(e), e);
    }
  }

  /** A line of numbers, or an object with the text and its vector. */
  void write(String text, float[] vector) throws IOException {
    StringBuilder line = new StringBuilder(vector.length * 13);
    boolean json = format == Format.JSONL;
    if (json) line.append("{\"text\":").append(gson.toJson(text)).append(",\"embedding\":[");
    for (int i = 0; i < vector.length; i++) {
      if (i > 0) line.append(json ? ',' : ' ');
      line.append(vector[i]);
    }
    out.append(line.append(json ? "]}\n" : "\n"));
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
