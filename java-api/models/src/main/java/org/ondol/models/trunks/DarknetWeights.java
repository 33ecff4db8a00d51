package org.ondol.models.trunks;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;
import org.ondol.grad.Parameter;
import org.ondol.models.layers.ConvUnit;
import org.ondol.models.layers.NormUnit;
import org.ondol.models.weights.WeightsException;

/**
 * A file of weights as J. Redmon's Darknet writes them (src/parser.c, save_weights and load_weights): the version as three
 * int32, the number of images seen (int64 from version 0.2 on, before int32), and float32, all little-endian. For each
 * convolution in the order of the description: biases, which with batch norm are its beta; with batch norm gamma, means
 * and variances; filters [out, in / groups, k, k].
 */
final class DarknetWeights {
  private static final int VERSION = 3 * Integer.BYTES;
  private static final long MOST_BYTES = Integer.MAX_VALUE - 8L;

  private DarknetWeights() {}

  /** Fills units with a file that has exactly what they need. */
  static void load(Path file, List<ConvUnit> units) {
    FloatBuffer values = read(file);
    long needed = units.stream().mapToLong(DarknetWeights::count).sum();
    if (values.remaining() != needed) {
      throw new WeightsException(file + (values.remaining() < needed ? " is cut short, or of another network: it has "
          : " is of another network: it has ") + values.remaining() + " weights; the description needs " + needed);
    }
    for (ConvUnit unit : units) {
      NormUnit norm = unit.norm();
      fill(norm == null ? unit.bias() : norm.beta(), values);
      if (norm != null) {
        fill(norm.gamma(), values);
        fill(norm.mean(), values);
        fill(norm.variance(), values);
      }
      fill(unit.weight(), values);
    }
  }

  private static long count(ConvUnit unit) {
    return unit.weight().tensor().count() + (unit.norm() == null ? 1 : 4) * unit.channels();
  }

  private static void fill(Parameter parameter, FloatBuffer values) {
    Tensor t = parameter.tensor();
    float[] part = new float[Math.toIntExact(t.count())];
    values.get(part);
    try (Tensor read = Tensor.of(t.device(), part, t.shape())) {
      parameter.assign(read);
    }
  }

  private static FloatBuffer read(Path file) {
    if (file == null) throw new InvalidArgumentException("file", "null", "a path");
    try {
      long size = Files.size(file);
      if (size > MOST_BYTES) throw new WeightsException(file + " has " + size + " bytes; expected at most " + MOST_BYTES);
      ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
      if (bytes.remaining() < VERSION) throw header(file, size);
      int major = bytes.getInt();
      int minor = bytes.getInt();
      bytes.getInt();
      if (major < 0 || major > 100 || minor < 0 || minor > 1000) {
        throw new WeightsException(file + " is no file of Darknet weights: it says to be of version " + major + "." + minor);
      }
      int seen = 10 * major + minor >= 2 ? Long.BYTES : Integer.BYTES;
      if (bytes.remaining() < seen) throw header(file, size);
      bytes.position(bytes.position() + seen);
      if (bytes.remaining() % Float.BYTES != 0) {
        throw new WeightsException(file + " is cut short: its " + size + " bytes end within a weight");
      }
      return bytes.slice().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
    } catch (IOException e) {
      throw new WeightsException("cannot read " + file + ": " + e, e);
    }
  }

  private static WeightsException header(Path file, long size) {
    return new WeightsException(file + " has " + size + " bytes, too few for a file of Darknet weights");
  }
}
