package org.ondol.test.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;
import org.ondol.models.weights.Llama2c;
import org.ondol.models.weights.WeightsException;

/** Model files of llama2.c: what is read, and files that are cut short or lie. */
class Llama2cTest {
  private static final Device JAVA = Device.of("java");
  private static final TinyLlama TINY = new TinyLlama(8, 5, 3, 2, 1, 7, 6, false, 2);

  @TempDir
  private Path folder;

  private Path write(byte[] bytes) throws IOException {
    return Files.write(folder.resolve("model.bin"), bytes);
  }

  private static float[] weight(Llama2c file, String name, long... shape) {
    try (Tensor t = file.tensor(name, JAVA, shape)) {
      return t.toFloats();
    }
  }

  @Test
  void parametersByName() throws IOException {
    try (Llama2c file = Llama2c.open(write(TINY.file()))) {
      assertEquals(new Llama2c.Header(8, 5, 3, 2, 1, 7, 6), file.header());
      float[] all = TINY.weights;
      assertArrayEquals(Arrays.copyOf(all, 56), weight(file, "tok_embeddings.weight", 7, 8));
      assertArrayEquals(Arrays.copyOfRange(all, 56 + 8, 56 + 16), weight(file, "layers.1.attention_norm.weight", 8));
      int wk = 56 + 3 * 8 + 3 * 64;
      assertArrayEquals(Arrays.copyOfRange(all, wk + 64, wk + 96), weight(file, "layers.2.attention.wk.weight", 4, -1));
      assertArrayEquals(Arrays.copyOfRange(all, all.length - 56, all.length), weight(file, "output.weight", 7, 8));
      assertThrows(WeightsException.class, () -> weight(file, "layers.3.attention.wk.weight", 4, 8));
      assertThrows(WeightsException.class, () -> weight(file, "norm.weight", 9));
      assertThrows(WeightsException.class, () -> weight(file, "norm.weight", 8, 1));
      assertThrows(InvalidArgumentException.class, () -> weight(file, "norm.weight", (long[]) null));
    }
  }

  @Test
  void everyLengthButTheRightOneIsRefused() throws IOException {
    byte[] whole = TINY.file();
    Llama2c.open(write(whole)).close();
    for (int n = 0; n < whole.length; n += n < 40 ? 1 : 97) {
      byte[] cut = Arrays.copyOf(whole, n);
      var e = assertThrows(WeightsException.class, () -> Llama2c.open(write(cut)));
      assertTrue(e.getMessage().contains(n < 28 ? "too few" : "is cut short"), e.getMessage());
    }
    var e = assertThrows(WeightsException.class, () -> Llama2c.open(write(Arrays.copyOf(whole, whole.length + 1))));
    assertTrue(e.getMessage().contains("is too long"), e.getMessage());
  }

  /** One of the seven numbers replaced: 0 width, 1 hidden, 2 layers, 3 heads, 4 kv heads, 5 vocabulary, 6 length. */
  @ParameterizedTest
  @CsvSource({"0, 0, width of 0", "0, -8, width of -8", "0, 7, width of 7", "0, 6, width of 6",
      "1, -5, hidden width of -5",
      "1, 2147483647, hidden width of 2147483647", "2, 0, number of layers of 0", "2, 16777216, is cut short",
      "2, 4, is cut short", "2, 2, is too long", "3, 0, number of heads of 0", "3, 3, width of 8", "3, -2, heads of -2",
      "4, 0, number of key heads of 0", "4, 3, 3 key heads", "4, 2, is cut short", "5, 0, vocabulary of 0",
      "5, -2147483648, vocabulary of -2147483648", "5, 7, is too long", "5, -8, is cut short",
      "6, 0, longest sequence of 0", "6, 16777216, is cut short", "6, 16777217, longest sequence of 16777217"})
  void headersThatLie(int field, int value, String message) throws IOException {
    byte[] bytes = TINY.file();
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(4 * field, value);
    var e = assertThrows(WeightsException.class, () -> Llama2c.open(write(bytes)));
    assertTrue(e.getMessage().contains(message), e.getMessage());
  }

  @Test
  void headersOfMoreBytesThanNumbersCount() throws IOException {
    ByteBuffer b = ByteBuffer.allocate(100).order(ByteOrder.LITTLE_ENDIAN);
    for (int n : new int[] {1 << 24, 1 << 24, 1 << 24, 1, 1, 1 << 24, 1 << 24}) b.putInt(n);
    var e = assertThrows(WeightsException.class, () -> Llama2c.open(write(b.array())));
    assertTrue(e.getMessage().contains("more than 2^63 bytes"), e.getMessage());
  }

  @Test
  void randomBytesAreRefused() throws IOException {
    Random random = new Random(11);
    for (int i = 0; i < 300; i++) {
      byte[] bytes = new byte[28 + random.nextInt(2000)];
      random.nextBytes(bytes);
      if (i % 2 == 0) {
        ByteBuffer b = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (int f = 0; f < 7; f++) b.putInt(4 * f, random.nextInt(-2, 40));
      }
      assertThrows(WeightsException.class, () -> Llama2c.open(write(bytes)).close());
    }
  }

  @Test
  void noFile() {
    assertThrows(WeightsException.class, () -> Llama2c.open(folder.resolve("none.bin")));
    assertThrows(WeightsException.class, () -> Llama2c.open(folder));
    assertThrows(InvalidArgumentException.class, () -> Llama2c.open(null));
  }
}
