package org.ondol.test.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.ondol.ClosedException;
import org.ondol.DType;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.OndolException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.models.weights.SafeTensors;
import org.ondol.models.weights.SafeTensorsWriter;
import org.ondol.models.weights.WeightsException;
import org.ondol.test.support.Bits;
import org.ondol.test.support.TestDevices;

/** Files of tensors: read as their bytes say, refused with a reason, written whole or not at all. */
class SafeTensorsTest {
  private static final Device JAVA = Device.of("java");

  @TempDir
  Path folder;

  /** A file of a header and data, byte by byte. */
  private Path file(String json, byte... data) throws IOException {
    byte[] header = json.getBytes(StandardCharsets.UTF_8);
    return file(header.length, header, data);
  }

  private Path file(long length, byte[] header, byte... data) throws IOException {
    ByteBuffer all = ByteBuffer.allocate(8 + header.length + data.length).order(ByteOrder.LITTLE_ENDIAN);
    Path file = Files.createTempFile(folder, "hand", ".safetensors");
    return Files.write(file, all.putLong(length).put(header).put(data).array());
  }

  @Test
  void readsWhatTheBytesSay() throws IOException {
    ByteBuffer data = ByteBuffer.allocate(46).order(ByteOrder.LITTLE_ENDIAN);
    data.putLong(-5).putLong(1L << 40).putFloat(1.5f).putFloat(-0.0f).putInt(-7).putShort((short) 0x3E00).putShort((short) 0x8001);
    data.putShort((short) 0x3FC0).putShort((short) 0x0001).put((byte) 200).put((byte) 1).putInt(0);
    Path file = file("{\"__metadata__\":{\"a\":\"b\",\"\\u00e9\":\"\"},"
        + "\"longs\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[0,16]},\"floats\":{\"dtype\":\"F32\",\"shape\":[1,2],"
        + "\"data_offsets\":[16,24]},\"int\":{\"dtype\":\"I32\",\"shape\":[],\"data_offsets\":[24,28]},\"half\":{\"dtype\":\"F16\","
        + "\"shape\":[2],\"data_offsets\":[28,32]},\"brain\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[32,36]},"
        + "\"bytes\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[36,38]},\"none\":{\"dtype\":\"F32\",\"shape\":[0,3],"
        + "\"data_offsets\":[38,38]},\"odd\":{\"dtype\":\"I16\",\"shape\":[4],\"data_offsets\":[38,46]}}   ",
        Arrays.copyOf(data.array(), 46));
    try (Scope scope = Scope.open(); SafeTensors t = SafeTensors.open(file)) {
      assertEquals(Map.of("a", "b", "é", ""), t.metadata());
      assertEquals(List.of("longs", "floats", "int", "half", "brain", "bytes", "none", "odd"), List.copyOf(t.names()));
      assertArrayEquals(new long[] {-5, 1L << 40}, t.longs("longs"));
      assertNull(Bits.difference(t.floats("floats"), new float[] {1.5f, -0.0f}));
      assertArrayEquals(new long[] {1, 2}, t.shape("floats"));
      assertArrayEquals(new long[] {-7}, t.longs("int"));
      assertNull(Bits.difference(t.floats("half"), new float[] {1.5f, -0x1p-24f}));
      assertNull(Bits.difference(t.floats("brain"), new float[] {1.5f, 0x1p-133f}));
      assertEquals(DType.FLOAT16, t.stored("half", JAVA).dtype());
      assertArrayEquals(new short[] {0x3E00, (short) 0x8001}, t.stored("half", JAVA).toShorts());
      assertEquals(DType.BFLOAT16, t.stored("brain", JAVA).dtype());
      assertArrayEquals(new short[] {0x3FC0, 1}, t.stored("brain", JAVA).toShorts());
      assertEquals(DType.FLOAT32, t.stored("floats", JAVA).dtype());
      Path copy = file.resolveSibling("copy.safetensors");
      SafeTensorsWriter.write(copy, Map.of("half", t.stored("half", JAVA), "brain", t.stored("brain", JAVA)), Map.of());
      try (SafeTensors again = SafeTensors.open(copy)) {
        assertArrayEquals(new short[] {0x3E00, (short) 0x8001}, again.stored("half", JAVA).toShorts());
        assertArrayEquals(new short[] {0x3FC0, 1}, again.stored("brain", JAVA).toShorts());
      }
      assertArrayEquals(new byte[] {(byte) 200, 1}, t.bytes("bytes"));
      assertArrayEquals(new long[] {0, 3}, t.tensor("none", JAVA).shape());
      assertThrows(WeightsException.class, () -> t.tensor("odd", JAVA));
      assertThrows(WeightsException.class, () -> t.tensor("absent", JAVA));
      assertThrows(WeightsException.class, () -> t.tensor("floats", JAVA, 2, 1));
      assertThrows(WeightsException.class, () -> t.tensor("longs", JAVA, 2));
      assertThrows(InvalidArgumentException.class, () -> t.tensor("floats", JAVA, (long[]) null));
      assertThrows(InvalidArgumentException.class, () -> t.tensor("floats", null));
      assertThrows(WeightsException.class, () -> t.tensor(null, JAVA));
      assertArrayEquals(new long[] {1, 2}, t.tensor("floats", JAVA, -1, 2).shape());
    }
  }

  private static String entry(String name, String type, String shape, String offsets) {
    return "\"" + name + "\":{\"dtype\":\"" + type + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
  }

  private record Bad(String name, String message, String json, int bytes) {}

  private static final List<Bad> HEADERS = List.of(
      new Bad("not an object", "does not begin", "[]", 0),
      new Bad("not JSON", "JSON", "{\"a\"", 0),
      new Bad("lenient JSON", "JSON", "{a:1}", 0),
      new Bad("more after the end", "", "{} {}", 0),
      new Bad("an entry that is no object", "", "{\"a\":3}", 0),
      new Bad("an entry without offsets", "without", "{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}", 0),
      new Bad("an unknown key", "unknown", "{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4],\"x\":1}}",
          4),
      new Bad("an unknown type", "F33", "{" + entry("a", "F33", "[1]", "[0,4]") + "}", 4),
      new Bad("a key twice", "twice",
          "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4),
      new Bad("duplicate names", "two tensors named a", "{" + entry("a", "F32", "[1]", "[0,4]") + ","
          + entry("a", "F32", "[1]", "[4,8]") + "}", 8),
      new Bad("metadata twice", "twice", "{\"__metadata__\":{},\"__metadata__\":{}}", 0),
      new Bad("a metadata key twice", "twice", "{\"__metadata__\":{\"a\":\"\",\"a\":\"\"}}", 0),
      new Bad("metadata of numbers", "no string", "{\"__metadata__\":{\"a\":1}}", 0),
      new Bad("a negative size", "-1", "{" + entry("a", "F32", "[-1]", "[0,4]") + "}", 4),
      new Bad("a size with a fraction", "1.5", "{" + entry("a", "F32", "[1.5]", "[0,4]") + "}", 4),
      new Bad("a size in quotes", "STRING", "{" + entry("a", "F32", "[\"1\"]", "[0,4]") + "}", 4),
      new Bad("a size beyond long", "99999999999999999999", "{" + entry("a", "F32", "[99999999999999999999]", "[0,4]")
          + "}", 4),
      new Bad("sizes that overflow", "bytes for the shape", "{" + entry("a", "F32", "[4294967296,4294967296]", "[0,0]")
          + "}", 0),
      new Bad("nine dimensions", "rank", "{" + entry("a", "F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]") + "}", 4),
      new Bad("a lie about the size", "8 bytes for the shape [1]", "{" + entry("a", "F32", "[1]", "[0,8]") + "}", 8),
      new Bad("one offset", "data_offsets", "{" + entry("a", "F32", "[1]", "[0]") + "}", 4),
      new Bad("offsets reversed", "before its begin", "{" + entry("a", "F32", "[1]", "[4,0]") + "}", 4),
      new Bad("offsets beyond the file", "cut short", "{" + entry("a", "F32", "[2]", "[0,8]") + "}", 7),
      new Bad("overlap", "overlapping", "{" + entry("a", "F32", "[2]", "[0,8]") + ","
          + entry("b", "F32", "[1]", "[4,8]") + "}", 8),
      new Bad("a hole", "hole", "{" + entry("a", "F32", "[1]", "[0,4]") + "," + entry("b", "F32", "[1]", "[8,12]")
          + "}", 12),
      new Bad("bytes that belong to nobody", "accounts for", "{" + entry("a", "F32", "[1]", "[0,4]") + "}", 5),
      new Bad("deep nesting", "", "{\"a\":" + "[".repeat(100_000), 0));

  @TestFactory
  List<DynamicNode> badHeaders() {
    List<DynamicNode> tests = new ArrayList<>();
    for (Bad bad : HEADERS) {
      tests.add(DynamicTest.dynamicTest(bad.name, () -> {
        Path file = file(bad.json, new byte[bad.bytes]);
        WeightsException e = assertThrows(WeightsException.class, () -> SafeTensors.open(file).close());
        assertTrue(e.getMessage().contains(bad.message) && e.getMessage().contains(file.toString()), e.getMessage());
      }));
    }
    return tests;
  }

  private static void refused(Path file, String message) {
    WeightsException e = assertThrows(WeightsException.class, () -> SafeTensors.open(file).close());
    assertTrue(e.getMessage().contains(message), e.getMessage());
  }

  @Test
  void badLengths() throws IOException {
    assertThrows(InvalidArgumentException.class, () -> SafeTensors.open(null));
    byte[] empty = "{}".getBytes(StandardCharsets.UTF_8);
    refused(folder.resolve("absent"), "absent");
    refused(folder, "cannot read");
    refused(Files.write(folder.resolve("short"), new byte[7]), "7 bytes");
    refused(file(3, empty), "cut short");
    refused(file(1L << 62, empty), "announces a header of 4611686018427387904");
    refused(file(-1, empty), "announces a header of 18446744073709551615");
    refused(file(0, empty), "announces");
    refused(file(3, new byte[] {'{', (byte) 0xC3, '}'}), "UTF-8");
  }

  /** Every prefix of a good file and every file with one byte changed is read or refused, and never anything else. */
  @Test
  void cutAndDamagedFiles() throws IOException {
    Path good = folder.resolve("good");
    try (Scope scope = Scope.open()) {
      SafeTensorsWriter.write(good, Map.of("a", Tensor.of(JAVA, new float[] {1, 2, 3}, 3)), Map.of("k", "v"));
    }
    byte[] bytes = Files.readAllBytes(good);
    for (int n = 0; n < bytes.length; n++) {
      Path cut = Files.write(folder.resolve("cut"), Arrays.copyOf(bytes, n));
      assertThrows(WeightsException.class, () -> SafeTensors.open(cut).close(), "cut to " + n + " bytes");
    }
    Random random = new Random(1);
    for (int i = 0; i < 3000; i++) {
      byte[] changed = bytes.clone();
      changed[random.nextInt(bytes.length - 12)] = (byte) random.nextInt(256);
      Path damaged = Files.write(folder.resolve("damaged"), changed);
      try (Scope scope = Scope.open(); SafeTensors t = SafeTensors.open(damaged)) {
        for (String name : t.names()) t.tensor(name, JAVA);
      } catch (WeightsException e) {
        // Refused.
      }
    }
  }

  @Test
  void cutWhileOpen() throws IOException {
    Path file = file("{" + entry("a", "F32", "[2]", "[0,8]") + "}", new byte[8]);
    try (SafeTensors t = SafeTensors.open(file)) {
      Files.write(file, new byte[20]);
      WeightsException e = assertThrows(WeightsException.class, () -> t.floats("a"));
      assertTrue(e.getMessage().contains("cut short"), e.getMessage());
    }
  }

  @Test
  void roundTrip() {
    Path file = folder.resolve("all");
    for (Device device : TestDevices.available()) {
      Random random = new Random(2);
      float[] large = new float[700_001];
      for (int i = 0; i < large.length; i++) large[i] = Float.intBitsToFloat(random.nextInt());
      try (Scope scope = Scope.open()) {
        Tensor matrix = Tensor.of(device, new float[] {1, 2, 3, 4, 5, 6}, 2, 3);
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        tensors.put("bytes \" \\ é \n", Tensor.of(device, new byte[] {1, -1, 7}, 3));
        tensors.put("", Tensor.of(device, large, large.length));
        tensors.put("transposed", matrix.transpose(0, 1));
        tensors.put("scalar", Tensor.of(device, new long[] {Long.MIN_VALUE}));
        tensors.put("ints", Tensor.of(device, new int[] {-3, 4}, 2, 1));
        tensors.put("empty", Tensor.empty(device, 3, 0));
        SafeTensorsWriter.write(file, tensors, Map.of("format", "ondol"));
        try (SafeTensors read = SafeTensors.open(file)) {
          assertEquals(tensors.keySet(), read.names());
          assertEquals(Map.of("format", "ondol"), read.metadata());
          assertNull(Bits.difference(read.floats(""), large));
          assertArrayEquals(new float[] {1, 4, 2, 5, 3, 6}, read.floats("transposed"));
          assertArrayEquals(new long[] {3, 2}, read.shape("transposed"));
          assertArrayEquals(new long[] {Long.MIN_VALUE}, read.longs("scalar"));
          assertArrayEquals(new long[0], read.shape("scalar"));
          assertEquals("I32", read.type("ints"));
          assertArrayEquals(new byte[] {1, -1, 7}, read.bytes("bytes \" \\ é \n"));
          assertEquals(DType.FLOAT32, read.tensor("empty", device).dtype());
        }
      }
    }
  }

  @Test
  void aHundredThousandEntries() {
    Path file = folder.resolve("many");
    try (Scope scope = Scope.open()) {
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      for (int i = 0; i < 100_000; i++) tensors.put("layer." + i, Tensor.of(JAVA, new float[] {i}, 1));
      SafeTensorsWriter.write(file, tensors, Map.of());
      try (SafeTensors read = SafeTensors.open(file)) {
        assertEquals(100_000, read.names().size());
        assertEquals(99_999, read.floats("layer.99999")[0]);
      }
    }
  }

  // ---- writing

  private List<Path> files() throws IOException {
    try (var all = Files.list(folder)) {
      return all.sorted().toList();
    }
  }

  @Test
  void whatCannotBeWrittenLeavesTheOldFile() throws IOException {
    Path file = folder.resolve("old");
    try (Scope scope = Scope.open()) {
      Tensor one = Tensor.of(JAVA, new float[] {1}, 1);
      Tensor closed = Tensor.of(JAVA, new float[] {1}, 1);
      closed.close();
      SafeTensorsWriter.write(file, Map.of("a", one), Map.of());
      byte[] before = Files.readAllBytes(file);
      Map<String, Tensor> withNull = new LinkedHashMap<>();
      withNull.put("a", null);
      assertThrows(InvalidArgumentException.class, () -> SafeTensorsWriter.write(null, Map.of("a", one), Map.of()));
      List<Class<? extends OndolException>> types = List.of(ClosedException.class, InvalidArgumentException.class,
          InvalidArgumentException.class, InvalidArgumentException.class, InvalidArgumentException.class);
      List<Map<String, Tensor>> bad = new ArrayList<>(List.of(Map.of("a", one, "b", closed), withNull,
          Map.of("__metadata__", one),
          Map.of("\uD800", one)));
      bad.add(null);
      for (int i = 0; i < bad.size(); i++) {
        Map<String, Tensor> tensors = bad.get(i);
        assertThrows(types.get(i), () -> SafeTensorsWriter.write(file, tensors, Map.of()), "case " + i);
      }
      assertThrows(WeightsException.class, () ->
          SafeTensorsWriter.write(folder.resolve("no/such/folder"), Map.of("a", one), Map.of()));
      Path full = Files.createDirectories(folder.resolve("full/inside")).getParent();
      assertThrows(WeightsException.class, () -> SafeTensorsWriter.write(full, Map.of("a", one), Map.of()));
      assertArrayEquals(before, Files.readAllBytes(file));
      assertEquals(List.of(full, file), files());
    }
  }

  @Test
  void aLinkIsFollowed() throws IOException {
    Path real = folder.resolve("real");
    Path link = folder.resolve("link");
    try (Scope scope = Scope.open()) {
      SafeTensorsWriter.write(real, Map.of("a", Tensor.of(JAVA, new float[] {1}, 1)), Map.of());
      Files.createSymbolicLink(link, real);
      SafeTensorsWriter.write(link, Map.of("a", Tensor.of(JAVA, new float[] {2}, 1)), Map.of());
    }
    assertTrue(Files.isSymbolicLink(link));
    try (SafeTensors read = SafeTensors.open(real)) {
      assertEquals(2, read.floats("a")[0]);
    }
  }

  /** A reader that is open sees the file that it opened, whatever is renamed over it. */
  @Test
  void readersKeepTheirFile() {
    Path file = folder.resolve("changing");
    try (Scope scope = Scope.open()) {
      SafeTensorsWriter.write(file, Map.of("a", Tensor.of(JAVA, new float[] {1}, 1)), Map.of());
      try (SafeTensors old = SafeTensors.open(file)) {
        SafeTensorsWriter.write(file, Map.of("b", Tensor.of(JAVA, new float[] {2, 3}, 2)), Map.of());
        assertEquals(1, old.floats("a")[0]);
      }
    }
  }
}
