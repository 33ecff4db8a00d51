package org.ondol.test.training;

import java.io.DataInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Assumptions;

/** The first images of MNIST's training set, 28 x 28, from 0 to 1. */
public final class Digits {
  private static final Path FILE = Path.of(System.getProperty("ondol.data", "../../shared/data"), "mnist",
      "train-images-idx3-ubyte.gz");

  private Digits() {}

  /** The images, or an abort with the reason. */
  public static float[] require(int count) throws IOException {
    if (!Files.exists(FILE)) {
      System.out.println("[skipped] mnist: no file " + FILE.toAbsolutePath().normalize());
      Assumptions.abort("no file " + FILE);
    }
    return read(FILE, count);
  }

  public static Path file() {
    return FILE.toAbsolutePath().normalize();
  }

  static float[] read(Path file, int count) throws IOException {
    try (DataInputStream in = new DataInputStream(new GZIPInputStream(Files.newInputStream(file)))) {
      if (in.readInt() != 2051) throw new IOException(file + " holds no images");
      in.readInt();
      if (in.readInt() != 28 || in.readInt() != 28) throw new IOException(file + " holds other images");
      byte[] bytes = in.readNBytes(count * 784);
      float[] values = new float[bytes.length];
      for (int i = 0; i < values.length; i++) values[i] = (bytes[i] & 0xFF) / 255f;
      return values;
    }
  }
}
