package org.ondol.bench;

import java.io.IOException;
import java.nio.file.Path;

final class Plot {
  private Plot() {}

  static void write(Path file, Report.Document document) throws IOException {
    throw new IOException("later");
  }
}
