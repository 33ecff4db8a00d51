package org.ondol.test.images;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Threads;
import org.ondol.grad.Generator;
import org.ondol.models.data.Batch;
import org.ondol.models.data.DataException;
import org.ondol.models.data.Examples;
import org.ondol.models.data.Truth;
import org.ondol.models.detection.LabelledBox;
import org.ondol.models.images.Augmentation;

/** Variation of pictures: what must stay, what must move together, and what the same seed gives. */
class AugmentationTest {
  private static final int WIDTH = 40;
  private static final int HEIGHT = 30;

  private static Batch batch(byte[] values, int channels, Truth truth) {
    Examples e = new Examples("x", new long[] {channels, HEIGHT, WIDTH}, 256, values, truth);
    int[] all = new int[e.count()];
    for (int i = 0; i < all.length; i++) all[i] = i;
    return e.batch(Device.of("java"), all);
  }

  private static byte[] noise(int count, int channels, long seed) {
    byte[] values = new byte[count * channels * HEIGHT * WIDTH];
    new Random(seed).nextBytes(values);
    return values;
  }

  @Test
  void noneChangesNothing() {
    byte[] values = noise(3, 3, 1);
    byte[][] maps = new byte[3][WIDTH * HEIGHT];
    for (int i = 0; i < 3; i++) for (int p = 0; p < maps[i].length; p++) maps[i][p] = (byte) (values[p + i] & 1);
    Batch batch = batch(values, 3, new Truth.Maps(List.of("a", "b"), -1, maps));
    Generator random = new Generator(1);
    Batch same = Augmentation.NONE.apply(batch, random);
    assertArrayEquals(values, same.values());
    for (int i = 0; i < 3; i++) assertArrayEquals(maps[i], ((Truth.Maps) same.truth()).maps()[i]);
    assertEquals(3 * 2, random.position()); // eight numbers a picture, four a block
  }

  /**
   * Column x becomes column width - 1 - x, of the picture and the map; a box (x1, x2) becomes (width - x2, width - x1).
   */
  @Test
  void flipped() {
    byte[] values = noise(1, 3, 2);
    List<List<LabelledBox>> boxes = List.of(List.of(new LabelledBox(0, 3, 4, 10, 20, true)));
    Batch turned = Augmentation.NONE.flipped(1).apply(batch(values, 3, new Truth.Boxes(List.of("a"), boxes)),
        new Generator(1));
    for (int i = 0; i < values.length; i++) {
      assertEquals(values[i / WIDTH * WIDTH + WIDTH - 1 - i % WIDTH], turned.values()[i]);
    }
    assertEquals(List.of(List.of(new LabelledBox(0, 30, 4, 37, 20, true))), turned.boxes());
    // Half of many.
    Batch many = Augmentation.NONE.flipped(0.5).apply(batch(noise(400, 1, 3), 1, null), new Generator(2));
    int same = 0;
    byte[] before = noise(400, 1, 3);
    for (int i = 0; i < 400; i++) if (many.values()[i * WIDTH * HEIGHT] == before[i * WIDTH * HEIGHT]) same++;
    assertTrue(same > 150 && same < 250, same + " of 400 were not flipped");
  }

  /**
   * A bright rectangle on a dark ground, its box and its map move together: what is bright afterwards lies in the box
   * and in the map, to a pixel at the rim.
   */
  @Test
  void movesTogether() {
    int count = 200;
    byte[] values = new byte[count * WIDTH * HEIGHT];
    byte[][] maps = new byte[count][WIDTH * HEIGHT];
    List<List<LabelledBox>> boxes = new ArrayList<>();
    Random random = new Random(4);
    for (int n = 0; n < count; n++) {
      int x1 = 8 + random.nextInt(10);
      int y1 = 6 + random.nextInt(8);
      int x2 = x1 + 8 + random.nextInt(10);
      int y2 = y1 + 6 + random.nextInt(8);
      for (int y = y1; y < y2; y++) {
        Arrays.fill(values, n * WIDTH * HEIGHT + y * WIDTH + x1, n * WIDTH * HEIGHT + y * WIDTH + x2, (byte) 255);
        Arrays.fill(maps[n], y * WIDTH + x1, y * WIDTH + x2, (byte) 1);
      }
      boxes.add(List.of(new LabelledBox(0, x1, y1, x2, y2)));
    }
    Augmentation vary = Augmentation.NONE.flipped(0.5).scaled(0.6, 1.8, 1.3);
    Batch withBoxes = vary.apply(batch(values, 1, new Truth.Boxes(List.of("a"), boxes)), new Generator(7));
    Batch withMaps = vary.apply(batch(values, 1, new Truth.Maps(List.of("a", "b"), 2, maps)), new Generator(7));
    assertArrayEquals(withBoxes.values(), withMaps.values());
    int kept = 0;
    int ignored = 0;
    for (int n = 0; n < count; n++) {
      byte[] map = ((Truth.Maps) withMaps.truth()).maps()[n];
      for (int p = 0; p < map.length; p++) {
        int v = withBoxes.values()[n * map.length + p] & 0xFF;
        if (map[p] == 2) {
          assertEquals(128, v);
          ignored++;
        } else {
          assertTrue(map[p] == 1 ? v >= 64 : v <= 191, n + ": the map says " + map[p] + " of the value " + v);
        }
      }
      List<LabelledBox> left = withBoxes.boxes().get(n);
      if (left.isEmpty()) continue;
      kept++;
      check(map, left.getFirst(), n);
    }
    assertTrue(kept > count / 2 && ignored > 0, kept + " boxes are left, " + ignored + " pixels are ignored");
  }

  private static void check(byte[] map, LabelledBox box, int n) {
    int[] rim = {WIDTH, HEIGHT, 0, 0};
    for (int p = 0; p < map.length; p++) {
      if (map[p] != 1) continue;
      int x = p % WIDTH;
      int y = p / WIDTH;
      rim = new int[] {Math.min(rim[0], x), Math.min(rim[1], y), Math.max(rim[2], x + 1), Math.max(rim[3], y + 1)};
    }
    float[] sides = {box.x1(), box.y1(), box.x2(), box.y2()};
    for (int s = 0; s < 4; s++) assertEquals(sides[s], rim[s], 1, n + ": " + box + " around " + Arrays.toString(rim));
  }

  /**
   * At a scale of 2 a quarter of the picture is left. A box of all of it is dropped, what stays of others is doubled.
   */
  @Test
  void boxesThatAreCutOff() {
    List<List<LabelledBox>> all = List.of(List.of(new LabelledBox(0, 0, 0, WIDTH, HEIGHT)));
    Augmentation twice = Augmentation.NONE.scaled(2, 2, 1);
    Truth truth = new Truth.Boxes(List.of("a"), all);
    assertEquals(List.of(List.of()), twice.apply(batch(noise(1, 3, 1), 3, truth), new Generator(1)).boxes());
    // Of a box of 8 x 6 in the middle, up to half is cut off along each axis, with a probability of 0.4; then the part
    // that is cut off is even on 0 to 0.5. Less than half stays with 0.16 · 4 · (ln 2 / 2 - 1 / 4) = 0.0618: of 2000,
    // 124 ± 11.
    int count = 2000;
    List<LabelledBox> middle = List.of(new LabelledBox(0, 16, 12, 24, 18));
    Batch cut = twice.apply(batch(noise(count, 1, 1), 1, new Truth.Boxes(List.of("a"), Collections.nCopies(count,
        middle))),
        new Generator(1));
    int dropped = 0;
    for (List<LabelledBox> boxes : cut.boxes()) {
      if (boxes.isEmpty()) dropped++;
      for (LabelledBox left : boxes) {
        assertTrue(left.x1() >= 0 && left.y1() >= 0 && left.x2() <= WIDTH && left.y2() <= HEIGHT);
        assertTrue(left.area() >= 0.5 * 16 * 12 - 1e-3 && left.area() <= 16 * 12 + 1e-3, left.toString());
      }
    }
    assertEquals(124, dropped, 45);
  }

  @Test
  void colours() {
    byte[] values = new byte[3 * WIDTH * HEIGHT * 50];
    Arrays.fill(values, (byte) 100);
    // A grey plane has neither contrast nor saturation: only brightness shows, a factor of 0.5 to 1.5.
    byte[] same = Augmentation.NONE.coloured(0, 1, 1).apply(batch(values, 3, null), new Generator(3)).values();
    for (byte v : same) assertEquals(100, v & 0xFF, 1);
    byte[] lit = Augmentation.NONE.coloured(0.5, 0, 0).apply(batch(values, 3, null), new Generator(3)).values();
    int least = 255;
    int most = 0;
    for (byte v : lit) {
      least = Math.min(least, v & 0xFF);
      most = Math.max(most, v & 0xFF);
    }
    assertTrue(least >= 50 && least < 65 && most > 135 && most <= 150, least + " to " + most);
    // Saturation leaves the shade of a pixel: 0.299 · 200 + 0.587 · 100 + 0.114 · 50 = 124.2.
    byte[] orange = new byte[3 * WIDTH * HEIGHT];
    int n = WIDTH * HEIGHT;
    for (int i = 0; i < orange.length; i++) orange[i] = (byte) new int[] {200, 100, 50}[i / n];
    byte[] pale = Augmentation.NONE.coloured(0, 0, 0.4).apply(batch(orange, 3, null), new Generator(8)).values();
    assertFalse(Arrays.equals(orange, pale));
    assertEquals(124.2, 0.299 * (pale[0] & 0xFF) + 0.587 * (pale[n] & 0xFF) + 0.114 * (pale[2 * n] & 0xFF), 1);
  }

  @Test
  void sameSeedSameBits() {
    Augmentation vary = Augmentation.NONE.flipped(0.5).scaled(0.7, 1.5, 1.2).coloured(0.3, 0.3, 0.3);
    int threads = Threads.count();
    try {
      Threads.set(1);
      byte[] one = vary.apply(batch(noise(9, 3, 5), 3, null), new Generator(6)).values();
      Threads.set(3);
      assertArrayEquals(one, vary.apply(batch(noise(9, 3, 5), 3, null), new Generator(6)).values());
      assertFalse(Arrays.equals(one, vary.apply(batch(noise(9, 3, 5), 3, null), new Generator(7)).values()));
    } finally {
      Threads.set(threads);
    }
  }

  @Test
  void refused() {
    for (double bad : new double[] {-0.1, 1.1, Double.NaN}) {
      assertThrows(InvalidArgumentException.class, () -> Augmentation.NONE.flipped(bad));
      assertThrows(InvalidArgumentException.class, () -> Augmentation.NONE.coloured(bad, 0, 0));
      assertThrows(InvalidArgumentException.class, () -> Augmentation.NONE.coloured(0, bad, 0));
      assertThrows(InvalidArgumentException.class, () -> Augmentation.NONE.coloured(0, 0, bad));
    }
    assertThrows(InvalidArgumentException.class, () -> Augmentation.NONE.scaled(1, 0.5, 1));
    assertThrows(InvalidArgumentException.class, () -> Augmentation.NONE.scaled(0, 1, 1));
    assertThrows(InvalidArgumentException.class, () -> Augmentation.NONE.scaled(1, 1, 0.9));
    Batch rows = new Examples("x", new long[] {4}, 256, new byte[8]).batch(Device.of("java"), 0);
    assertThrows(DataException.class, () -> Augmentation.NONE.apply(rows, new Generator(1)));
    Batch bits = new Examples("x", new long[] {1, 2, 2}, 2, new byte[4]).batch(Device.of("java"), 0);
    assertThrows(DataException.class, () -> Augmentation.NONE.apply(bits, new Generator(1)));
    Batch whole = batch(noise(1, 1, 1), 1, new Truth.Maps(List.of("a"), -1, new byte[1][WIDTH * HEIGHT]));
    assertThrows(DataException.class, () -> Augmentation.NONE.scaled(0.9, 1, 1).apply(whole, new Generator(1)));
    assertThrows(DataException.class, () -> Augmentation.NONE.scaled(1, 1, 1.1).apply(whole, new Generator(1)));
    Augmentation.NONE.scaled(1, 2, 1).apply(whole, new Generator(1));
  }
}
