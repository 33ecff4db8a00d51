package org.ondol.test.models;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.ondol.Device;
import org.ondol.models.BytePairTokenizer;
import org.ondol.models.Llama;
import org.ondol.models.TextGenerator;
import org.ondol.models.weights.Llama2c;

/** Karpathy's model of short stories with 260 thousand parameters, where its files are. */
public final class Stories {
  private Stories() {}

  /** A file of the folder, or an abort with the reason. */
  public static Path file(String name) {
    Path path = Path.of(System.getProperty("ondol.data", "../../shared/data"), "stories260k", name);
    if (!Files.exists(path)) {
      System.out.println("[skipped] stories260k: no file " + path.toAbsolutePath().normalize());
      Assumptions.abort("no file " + path);
    }
    return path;
  }

  static TextGenerator on(Device device) {
    BytePairTokenizer tokenizer = BytePairTokenizer.read(file("tok512.bin"));
    try (Llama2c weights = Llama2c.open(file("stories260K.bin"))) {
      return TextGenerator.of(Llama.load(weights, Llama.config(weights.header()), device), tokenizer);
    }
  }
}
