package org.ondol.test.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.models.data.Batch;
import org.ondol.models.data.DataException;
import org.ondol.models.data.DataSet;
import org.ondol.models.data.DataSets;
import org.ondol.models.data.Examples;
import org.ondol.models.weights.SafeTensorsWriter;
import org.opentest4j.TestAbortedException;

/** Readers of data sets: the published files, and damaged ones. */
class DataSetsTest {
  private static final Path DATA = Path.of(System.getProperty("ondol.root", ".."), "..", "shared", "data");

  @TempDir
  Path folder;

  private static Path data(String name) {
    Path path = DATA.resolve(name);
    if (!Files.exists(path)) {
      System.out.println("[skipped] " + name + " is not at " + DATA);
      throw new TestAbortedException("no " + path);
    }
    return path;
  }

  @Test
  void mnist() {
    DataSet mnist = DataSets.open(data("mnist"));
    assertEquals(50000, mnist.train().count());
    assertEquals(10000, mnist.valid().count());
    assertEquals(10000, mnist.test().count());
    assertArrayEquals(new long[] {1, 28, 28}, mnist.test().shape());
    assertEquals(256, mnist.test().levels());
    int[] first = {7, 2, 1, 0, 4, 1, 4, 9, 5, 9}; // the labels that every tutorial shows
    for (int i = 0; i < first.length; i++) assertEquals(first[i], mnist.test().label(i));
    assertEquals(5, mnist.train().label(0));
  }

  /** The number of ones and the digest are those that the data's page gives. */
  @Test
  void binarized() throws Exception {
    DataSet bits = DataSets.open(data("binarized-mnist"));
    long ones = 0;
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    for (int i = 0; i < bits.train().count(); i++) {
      byte[] packed = new byte[98];
      for (int v = 0; v < 784; v++) {
        ones += bits.train().value(i, v);
        packed[v / 8] |= (byte) (bits.train().value(i, v) << 7 - v % 8);
      }
      digest.update(packed);
    }
    assertEquals(5118041, ones);
    assertEquals("727146c35424b019f3e350e1e69faa05644a0abaf787e3f4e1a9632220a13906",
        HexFormat.of().formatHex(digest.digest()));
    assertEquals(10000, bits.heldOut().count());
    assertThrows(DataException.class, () -> bits.part("test"));
    assertThrows(DataException.class, () -> bits.part("all"));
    assertThrows(DataException.class, () -> bits.train().label(0));
  }

  @Test
  void tables() {
    DataSet dna = DataSets.open(data("uci-binary").resolve("dna.safetensors"));
    assertEquals("dna", dna.name());
    assertEquals(1400, dna.train().count());
    assertEquals(1186, dna.test().count());
    assertArrayEquals(new long[] {180}, dna.train().shape());
  }

  @Test
  void batches() {
    byte[] values = {0, 1, 2, 3, 4, 5, 6, 7, 7, 6, 5, 4};
    Examples e = new Examples("x", new long[] {2, 2}, 8, values, new int[] {4, 0, 2});
    try (Scope scope = Scope.open()) {
      Batch b = e.batch(Device.of("java"), 2, 0);
      assertArrayEquals(new long[] {2, 2, 2}, b.inputs().shape());
      assertArrayEquals(new float[] {1, 6f / 7, 5f / 7, 4f / 7, 0, 1f / 7, 2f / 7, 3f / 7}, b.inputs().toFloats(), 1e-7f);
      assertArrayEquals(new float[] {7, 6, 5, 4, 0, 1, 2, 3}, b.inputs(0, 7).toFloats());
      assertArrayEquals(new float[] {1, -1}, new float[] {b.inputs(-1, 1).toFloats()[0], b.inputs(-1, 1).toFloats()[4]});
      assertArrayEquals(new long[] {7, 6, 5, 4, 0, 1, 2, 3}, b.classes().toLongs());
      assertArrayEquals(new long[] {2, 4}, b.labels().toLongs());
    }
    assertThrows(InvalidArgumentException.class, () -> e.batch(Device.of("java"), 3));
    assertThrows(InvalidArgumentException.class, () -> e.batch(Device.of("java"), -1));
    assertThrows(InvalidArgumentException.class, () -> new Examples("x", new long[] {5}, 8, values));
    assertThrows(InvalidArgumentException.class, () -> new Examples("x", new long[] {4}, 7, values));
    assertThrows(InvalidArgumentException.class, () -> new Examples("x", new long[] {4}, 8, values, new int[] {1}));
    assertThrows(InvalidArgumentException.class, () -> new Examples("x", new long[] {0}, 8, values));
    assertThrows(InvalidArgumentException.class, () -> new Examples("x", new long[] {4, 1L << 40}, 8, values));
    assertEquals(1, e.binarized(4).value(1, 0));
    assertEquals(0, e.binarized(5).value(1, 0));
    assertEquals(2, e.first(2).count());
  }

  private void refused(String part) {
    DataException e = assertThrows(DataException.class, () -> DataSets.open(folder));
    assertTrue(e.getMessage().contains(part), e.getMessage());
    assertFalse(e.getMessage().contains("Exception"), e.getMessage());
  }

  private static byte[] gzip(byte[] data) throws IOException {
    var out = new ByteArrayOutputStream();
    try (var zip = new GZIPOutputStream(out)) {
      zip.write(data);
    }
    return out.toByteArray();
  }

  @Test
  void damagedFilesAreRefused() throws IOException {
    refused("expected");
    assertThrows(DataException.class, () -> DataSets.open(folder.resolve("absent")));
    Files.write(folder.resolve("train.bits"), new byte[97]);
    refused("cut short");
    Files.delete(folder.resolve("train.bits"));
    byte[] zip = gzip(new byte[980]);
    Files.write(folder.resolve("train.bits.gz"), Arrays.copyOf(zip, zip.length - 9));
    refused("cut short or damaged");
    Files.write(folder.resolve("train.bits.gz"), zip);
    refused("no valid.bits");
    Files.delete(folder.resolve("train.bits.gz"));

    Path images = folder.resolve("train-images-idx3-ubyte");
    for (byte[] head : new byte[][] {{0, 0}, {1, 0, 8, 3, 0, 0, 0, 0}, {0, 0, 0x0D, 3}, {0, 0, 8, 9}, {0, 0, 8, 3, 0},
        {0, 0, 8, 1, 0, 0, 0, 5, 1, 2}, {0, 0, 8, 1, -1, 0, 0, 0, 1}, {0, 0, 8, 1, 0, 0, 0, 0},
        {0, 0, 8, 3, 127, 0, 0, 0, 127, 0, 0, 0, 127, 0, 0, 0, 1}}) {
      Files.write(images, head);
      Files.write(folder.resolve("train-labels-idx1-ubyte"), new byte[] {0, 0, 8, 1, 0, 0, 0, 1, 3});
      refused(images.toString());
    }
  }

  @Test
  void damagedTablesAreRefused() {
    Path file = folder.resolve("a.safetensors");
    for (Tensor t : new Tensor[] {Tensor.of(Device.of("java"), new byte[] {0, 2}, 1, 2),
        Tensor.of(Device.of("java"), new byte[] {0, 1}, 2), Tensor.of(Device.of("java"), new float[] {0, 1}, 1, 2)}) {
      SafeTensorsWriter.write(file, Map.of("train", t), Map.of());
      assertThrows(DataException.class, () -> DataSets.open(file));
      SafeTensorsWriter.write(file, Map.of("valid", t), Map.of());
      assertThrows(DataException.class, () -> DataSets.open(file));
      t.close();
    }
  }
}
