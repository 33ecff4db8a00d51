package org.ondol.models.proposals;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;
import org.ondol.Threads;
import org.ondol.models.proposals.SelectiveSearch.Options;
import org.ondol.test.support.TestDevices;

class SelectiveSearchTest {
  private static final Options SHARP = Options.fast().sigma(0);

  private static List<String> boxes(Proposals p) {
    return IntStream.range(0, p.count()).mapToObj(i -> Arrays.toString(p.box(i))).toList();
  }

  private static List<String> search(Drawing image, Options options) {
    return boxes(SelectiveSearch.propose(image.tensor(), options));
  }

  /** Two small reddish regions side by side and a large blue one, which every similarity leaves for last. */
  private static Drawing stripes() {
    return new Drawing(200, 40, 0x1E3CDC).fill(0, 0, 20, 40, 0xC82828).fill(20, 0, 40, 40, 0xB4643C);
  }

  private static final List<String> STRIPES = List.of("[0, 0, 20, 40]", "[20, 0, 40, 40]", "[40, 0, 200, 40]",
      "[0, 0, 40, 40]", "[0, 0, 200, 40]");

  @Test
  void flatStripesGiveThemselvesAndTheirUnions() {
    List<String> found = search(stripes(), SHARP);
    assertEquals(new TreeSet<>(STRIPES), new TreeSet<>(found));
    assertEquals(STRIPES.size(), found.size(), "none twice");
  }

  @ParameterizedTest
  @EnumSource
  void everyColourSpaceTellsTheStripesApart(ColourSpace space) {
    Options options = SHARP.colours(space).similarities(Similarity.COLOUR_TEXTURE_SIZE_FILL);
    assertEquals(new TreeSet<>(STRIPES), new TreeSet<>(search(stripes(), options)));
  }

  /** Squares that touch the background alone: a union with it is the whole image. */
  @Test
  void flatSquaresOnABackground() {
    Drawing image = new Drawing(120, 90, 0x406080).fill(10, 10, 40, 50, 0xE0C020).fill(60, 40, 110, 80, 0xC01010);
    Set<String> expected = Set.of("[0, 0, 120, 90]", "[10, 10, 40, 50]", "[60, 40, 110, 80]");
    assertEquals(expected, new LinkedHashSet<>(search(image, SHARP)));
    assertEquals(expected, new LinkedHashSet<>(search(image, Options.quality().sigma(0))));
  }

  /** Smoothing moves an edge, by less than the radius of the filter. */
  @Test
  void smoothedSquaresAreFoundNearby() {
    Drawing image = new Drawing(120, 90, 0x406080).fill(10, 10, 40, 50, 0xE0C020).fill(60, 40, 110, 80, 0xC01010);
    Proposals found = SelectiveSearch.propose(image.tensor(), Options.fast());
    for (int[] square : new int[][] {{10, 10, 40, 50}, {60, 40, 110, 80}}) {
      boolean near = IntStream.range(0, found.count()).anyMatch(i -> IntStream.range(0, 4)
          .allMatch(k -> Math.abs(found.box(i)[k] - square[k]) <= 3));
      assertTrue(near, "no box within 3 pixels of " + Arrays.toString(square));
    }
  }

  /** Of one hierarchy, known by hand: places 5 to 1, each times the generator's next number. */
  @ParameterizedTest
  @CsvSource({"0", "1", "7", "-3", "123456789123"})
  void theOrderIsThePriority(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    double[] priority = new double[5];
    for (int i = 0; i < 5; i++) priority[i] = (5 - i) * random.nextDouble();
    List<String> expected = IntStream.range(0, 5).boxed().sorted(Comparator.comparingDouble(i -> priority[i]))
        .map(STRIPES::get).toList();
    Options one = SHARP.colours(ColourSpace.RGB).scales(100.0).similarities(Similarity.COLOUR_TEXTURE_SIZE_FILL);
    assertEquals(expected, search(stripes(), one.seed(seed)));
  }

  @Test
  void theSeedDecidesTheOrderAndNothingElse() {
    Drawing image = Drawing.noise(150, 110, 13, 3);
    List<String> first = search(image, Options.fast());
    assertTrue(first.size() > 50, first.size() + " boxes");
    assertEquals(first.size(), new LinkedHashSet<>(first).size(), "none twice");
    assertEquals(first, search(image, Options.fast()));
    List<String> other = search(image, Options.fast().seed(1));
    assertNotEquals(first, other);
    assertEquals(new TreeSet<>(first), new TreeSet<>(other));
  }

  /** Where no two numbers are equal, a mirrored image has the mirrored hierarchy. */
  @ParameterizedTest
  @CsvSource({"1", "2", "3", "4"})
  void aMirroredImageGivesMirroredBoxes(long seed) {
    Drawing image = Drawing.noise(140, 100, 11, seed);
    Set<String> mirrored = new TreeSet<>();
    Proposals p = SelectiveSearch.propose(image.mirrored().tensor(), Options.fast());
    for (int i = 0; i < p.count(); i++) {
      int[] b = p.box(i);
      mirrored.add(Arrays.toString(new int[] {140 - b[2], b[1], 140 - b[0], b[3]}));
    }
    assertEquals(new TreeSet<>(search(image, Options.fast())), mirrored);
  }

  @Test
  void threadsDoNotMatter() {
    Drawing image = Drawing.noise(150, 110, 13, 5);
    int before = Threads.count();
    List<List<String>> results = new ArrayList<>();
    try {
      for (int threads : new int[] {1, 7, 2}) {
        Threads.set(threads);
        results.add(search(image, Options.quality()));
      }
    } finally {
      Threads.set(before);
    }
    assertEquals(results.get(0), results.get(1));
    assertEquals(results.get(0), results.get(2));
  }

  @Test
  void devicesAndStridesDoNotMatter() {
    Drawing image = Drawing.noise(90, 70, 9, 6);
    List<String> expected = search(image, Options.fast());
    for (Device device : TestDevices.available()) {
      try (Tensor t = image.tensor().to(device)) {
        assertEquals(expected, boxes(SelectiveSearch.propose(t, Options.fast())), device.toString());
      }
    }
    float[] interleaved = new float[image.rgb.length];
    int n = image.width * image.height;
    for (int i = 0; i < n; i++) for (int c = 0; c < 3; c++) interleaved[3 * i + c] = image.rgb[c * n + i];
    Tensor view = Tensor.wrap(interleaved, image.height, image.width, 3).permute(2, 0, 1);
    assertEquals(expected, boxes(SelectiveSearch.propose(view, Options.fast())));
  }

  @Test
  void boxesAreInsideAndLargeEnough() {
    Drawing image = Drawing.noise(150, 110, 13, 8);
    for (int side : new int[] {1, 20, 55}) {
      Proposals p = SelectiveSearch.propose(image.tensor(), Options.fast().minSide(side));
      for (int i = 0; i < p.count(); i++) {
        int[] b = p.box(i);
        assertTrue(0 <= b[0] && b[0] + side <= b[2] && b[2] <= 150, Arrays.toString(b));
        assertTrue(0 <= b[1] && b[1] + side <= b[3] && b[3] <= 110, Arrays.toString(b));
      }
      assertTrue(boxes(p).contains("[0, 0, 150, 110]"));
    }
    assertTrue(search(image, Options.fast().minSide(1)).containsAll(search(image, Options.fast().minSide(20))));
    assertEquals(0, search(image, Options.fast().minSide(111)).size());
  }

  /** Sizes at which filters hang over both ends, and images without an edge. */
  @ParameterizedTest
  @CsvSource({"1, 1", "1, 2", "2, 1", "1, 300", "300, 1", "2, 2", "3, 5", "64, 48"})
  void flatImagesAreOneBox(int width, int height) {
    for (int colour : new int[] {0, 0x808080, 0xFFFFFF, 0xC02060}) {
      for (Options options : List.of(Options.fast(), Options.quality(), SHARP)) {
        assertEquals(List.of("[0, 0, " + width + ", " + height + "]"),
            search(new Drawing(width, height, colour), options.minSide(1)));
      }
    }
  }

  /** Every pixel differs from every neighbour: checks that nothing is indexed beyond 2 n - 1 regions of n pixels. */
  @ParameterizedTest
  @CsvSource({"1, 40", "40, 1", "9, 7"})
  void everyPixelARegion(int width, int height) {
    Drawing image = Drawing.noise(width, height, 1, 4);
    List<String> found = search(image, SHARP.scales(1e-3).minRegion(1).minSide(1).colours(ColourSpace.RGB));
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        assertTrue(found.contains(Arrays.toString(new int[] {x, y, x + 1, y + 1})), "pixel " + x + ", " + y);
      }
    }
  }

  @Test
  void proposalsAsATensor() {
    Proposals all = SelectiveSearch.propose(stripes().tensor(), SHARP);
    Proposals p = all.first(3);
    assertEquals(3, p.count());
    assertEquals(5, all.first(100).count());
    assertThrows(InvalidArgumentException.class, () -> p.box(3));
    assertThrows(InvalidArgumentException.class, () -> p.box(-1));
    assertThrows(InvalidArgumentException.class, () -> p.first(-1));
    for (Device device : TestDevices.available()) {
      try (Tensor t = p.toTensor(device)) {
        assertArrayEquals(new long[] {3, 4}, t.shape());
        float[] values = t.toFloats();
        for (int i = 0; i < 12; i++) assertEquals(p.box(i / 4)[i % 4], values[i]);
      }
    }
    try (Tensor none = all.first(0).toTensor(Device.of("java"))) {
      assertArrayEquals(new long[] {0, 4}, none.shape());
    }
  }
}
