package org.ondol.models.data;

import java.nio.file.Files;
import java.nio.file.Path;
import org.ondol.models.weights.SafeTensors;
import org.ondol.models.weights.WeightsException;

/** Data sets by the files that a folder holds. */
public final class DataSets {
  /** MNIST has no valid part of its own; its last images of train serve, as is usual. */
  private static final int MNIST_VALID = 10000;
  private static final String KNOWN = "the IDX files of MNIST (train-images-idx3-ubyte ...), train.bits and valid.bits "
      + "of the fixed binarized MNIST, each of them as it is or gzipped, or a safetensors file with U8 tensors train, "
      + "valid and test";

  private DataSets() {}

  /**
   * Reads a data set.
   *
   * @param path a folder with MNIST (Y. LeCun, C. Cortes, C. Burges: IDX files) or with its fixed binarization by Larochelle
   *     and Murray (2011; 98 bytes an image, most significant bit first); or a safetensors file with U8 tensors
   *     {@code train}, {@code valid} and {@code test} [N, D] of zeros and ones
   * @throws DataException if there is nothing of that kind, or it is damaged
   */
  public static DataSet open(Path path) {
    return open(path, null);
  }

  /**
   * The same with pictures of a given size.
   *
   * @param size to which photographs are stretched, with their boxes; null for the size that they have
   */
  public static DataSet open(Path path, Size size) {
    if (Files.isRegularFile(path) && path.toString().endsWith(".safetensors")) return table(path);
    if (!Files.isDirectory(path)) throw new DataException("no data in " + path + ": no such folder; expected " + KNOWN);
    if (find(path, "train.bits") != null) return binarized(path);
    if (find(path, "train-images-idx3-ubyte") != null) return mnist(path);
    throw new DataException("no data in " + path + "; expected " + KNOWN);
  }

  /** A file of this name, or gzipped with .gz after it; null where there is neither. */
  private static Path find(Path folder, String name) {
    for (String suffix : new String[] {"", ".gz"}) {
      Path file = folder.resolve(name + suffix);
      if (Files.isRegularFile(file)) return file;
    }
    return null;
  }

  private static Path need(Path folder, String name) {
    Path file = find(folder, name);
    if (file == null) throw new DataException(folder + " has no " + name + " (or " + name + ".gz)");
    return file;
  }

  private static DataSet mnist(Path folder) {
    IdxFile images = IdxFile.read(need(folder, "train-images-idx3-ubyte"));
    IdxFile labels = IdxFile.read(need(folder, "train-labels-idx1-ubyte"));
    Examples all = pictures("train", images, labels);
    int train = Math.max(0, all.count() - MNIST_VALID);
    if (train == 0) throw new DataException(folder + " has " + all.count() + " images, expected over " + MNIST_VALID);
    Examples test = pictures("test", IdxFile.read(need(folder, "t10k-images-idx3-ubyte")),
        IdxFile.read(need(folder, "t10k-labels-idx1-ubyte")));
    return new DataSet("mnist", all.range("train", 0, train), all.range("valid", train, all.count()), test);
  }

  private static Examples pictures(String name, IdxFile images, IdxFile labels) {
    if (images.shape().length != 3) {
      throw new DataException(images.file() + " has " + images.shape().length + " dimensions, expected 3");
    }
    if (labels.shape().length != 1 || labels.shape()[0] != images.shape()[0]) {
      throw new DataException(labels.file() + " has not one label for each image of " + images.file());
    }
    int[] classes = new int[labels.values().length];
    for (int i = 0; i < classes.length; i++) classes[i] = labels.values()[i] & 0xFF;
    return new Examples(name, new long[] {1, images.shape()[1], images.shape()[2]}, 256, images.values(), classes);
  }

  private static DataSet binarized(Path folder) {
    Path test = find(folder, "test.bits");
    return new DataSet("binarized-mnist", bits("train", need(folder, "train.bits")),
        bits("valid", need(folder, "valid.bits")), test == null ? null : bits("test", test));
  }

  /** 28 x 28 bits an image, rows first, the most significant bit of a byte first. */
  private static Examples bits(String name, Path file) {
    byte[] packed = IdxFile.bytes(file);
    if (packed.length == 0 || packed.length % 98 != 0) {
      throw new DataException(file + " has " + packed.length + " bytes, expected a multiple of 98: it is cut short");
    }
    if (packed.length > Integer.MAX_VALUE / 8) throw new DataException(file + " is too large");
    byte[] values = new byte[packed.length * 8];
    for (int i = 0; i < values.length; i++) values[i] = (byte) (packed[i / 8] >> 7 - i % 8 & 1);
    return new Examples(name, new long[] {1, 28, 28}, 2, values);
  }

  private static DataSet table(Path file) {
    String name = file.getFileName().toString().replaceAll("\\.safetensors$", "");
    try (SafeTensors all = SafeTensors.open(file)) {
      return new DataSet(name, rows(file, all, "train"), rows(file, all, "valid"), rows(file, all, "test"));
    } catch (WeightsException e) {
      throw new DataException(e.getMessage(), e);
    }
  }

  private static Examples rows(Path file, SafeTensors all, String part) {
    if (!all.has(part)) {
      if (part.equals("train")) throw new DataException(file + " has no tensor named train");
      return null;
    }
    long[] shape = all.shape(part);
    if (!all.type(part).equals("U8") || shape.length != 2 || shape[1] < 1) {
      throw new DataException(file + ": " + part + " is of type " + all.type(part) + " with " + shape.length
          + " dimensions, expected U8 [N, D]");
    }
    byte[] values = all.bytes(part);
    for (int i = 0; i < values.length; i++) {
      if (values[i] < 0 || values[i] > 1) throw new DataException(file + ": " + part + " holds more than 0 and 1");
    }
    return new Examples(part, new long[] {shape[1]}, 2, values);
  }
}
