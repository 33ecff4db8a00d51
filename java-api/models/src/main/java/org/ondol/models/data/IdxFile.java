package org.ondol.models.data;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/**
 * An IDX file of unsigned bytes, the format of MNIST: two zero bytes, the type 0x08, the number of dimensions, each size
 * in four big-endian bytes, then the values.
 *
 * @param file where it came from
 */
record IdxFile(Path file, int[] shape, byte[] values) {
  private static final int UNSIGNED_BYTES = 0x08;

  static IdxFile read(Path file) {
    byte[] all = bytes(file);
    ByteBuffer in = ByteBuffer.wrap(all);
    if (all.length < 4 || in.getShort() != 0) throw new DataException(file + " is no IDX file");
    int type = in.get();
    int rank = in.get();
    if (type != UNSIGNED_BYTES) throw new DataException(file + " is of IDX type " + type + ", expected unsigned bytes");
    if (rank < 1 || rank > 4 || in.remaining() < 4 * rank) {
      throw new DataException(file + " says that it has " + rank + " dimensions");
    }
    int[] shape = new int[rank];
    long count = 1;
    for (int i = 0; i < rank; i++) {
      shape[i] = in.getInt();
      if (shape[i] < 1) throw new DataException(file + " says that dimension " + i + " has size " + shape[i]);
      count = Math.min(count * shape[i], Integer.MAX_VALUE + 1L);
    }
    if (in.remaining() != count) {
      throw new DataException(file + " has " + in.remaining() + " values, but says " + Arrays.toString(shape)
          + ": it is cut short or damaged");
    }
    return new IdxFile(file, shape, Arrays.copyOfRange(all, in.position(), all.length));
  }

  /** A whole file, unpacked where its name ends in .gz. */
  static byte[] bytes(Path file) {
    try (InputStream in = open(file)) {
      return in.readAllBytes();
    } catch (NoSuchFileException e) {
      throw new DataException("cannot read " + file + ": no such file", e);
    } catch (EOFException | ZipException e) {
      throw new DataException("cannot read " + file + ": the compressed data are cut short or damaged", e);
    } catch (IOException e) {
      throw new DataException("cannot read " + file + ": " + e.getMessage(), e);
    }
  }

  private static InputStream open(Path file) throws IOException {
    InputStream in = new BufferedInputStream(Files.newInputStream(file));
    if (!file.toString().endsWith(".gz")) return in;
    try {
      return new GZIPInputStream(in, 1 << 16);
    } catch (IOException e) {
      in.close();
      throw e;
    }
  }
}
