package org.ondol.test.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.models.data.Examples;
import org.ondol.models.data.Size;
import org.ondol.models.data.Truth;
import org.ondol.models.detection.Detection;
import org.ondol.models.detection.Detector;
import org.ondol.models.detection.LabelledBox;
import org.ondol.models.detection.RegionBased;
import org.ondol.models.evaluation.Comparison;
import org.ondol.models.images.Picture;

/** Detectors side by side: detectors that answer by rule, so that figures and regions are known. */
class ComparisonTest {
  private static final int SIDE = 40;
  private static final List<String> CLASSES = List.of("thing");

  private static Examples examples(int count) {
    List<List<LabelledBox>> boxes = new ArrayList<>();
    for (int i = 0; i < count; i++) boxes.add(List.of(new LabelledBox(0, 4, 8, 20, 30)));
    return new Examples("drawn", new long[] {3, SIDE, SIDE}, 256, new byte[count * 3 * SIDE * SIDE],
        new Truth.Boxes(CLASSES, boxes));
  }

  /** Sees one box, wherever it looks. */
  private record Fixed(Detection seen) implements Detector {
    @Override
    public List<String> classes() {
      return CLASSES;
    }

    @Override
    public List<Detection> detect(Picture picture) {
      return List.of(seen);
    }

    @Override
    public Device device() {
      return Device.of("java");
    }

    @Override
    public void close() {}
  }

  /** Says that every region is a thing; proposes one region, so many times. */
  private static final class Credulous implements RegionBased {
    private final int side;
    private final int count;
    private int proposed;
    private final List<float[]> given = new ArrayList<>();

    private Credulous(int side, int count) {
      this.side = side;
      this.count = count;
    }

    @Override
    public Size input() {
      return new Size(side, side);
    }

    @Override
    public float[] propose(Picture picture) {
      assertEquals(side, picture.width());
      proposed++;
      float[] regions = new float[4 * count];
      for (int i = 0; i < regions.length; i++) regions[i] = new float[] {4, 8, 20, 30}[i % 4] * side / SIDE;
      return regions;
    }

    @Override
    public List<Detection> detect(Picture picture, float[] regions) {
      given.add(regions);
      return List.of(new Detection(0, 0.5f, regions[0], regions[1], regions[2], regions[3]));
    }

    @Override
    public List<String> classes() {
      return CLASSES;
    }

    @Override
    public Device device() {
      return Device.of("java");
    }

    @Override
    public void close() {}
  }

  @Test
  void eachHasItsOwnFigures() {
    Detector right = new Fixed(new Detection(0, 1, 4, 8, 20, 30));
    Detector wrong = new Fixed(new Detection(0, 1, 24, 8, 40, 30));
    List<Integer> told = new ArrayList<>();
    List<Comparison.Row> rows = Comparison.of(List.of(right, wrong), examples(3), (n, of) -> told.add(10 * n + of));
    assertEquals(List.of(13, 23, 33), told);
    assertEquals(1, rows.get(0).figures().get("mAP@0.5"));
    assertEquals(0, rows.get(1).figures().get("mAP@0.5"));
    for (Comparison.Row row : rows) {
      assertEquals(0, row.regions());
      assertEquals(0, row.proposing());
      assertEquals(row.looking(), row.whole());
    }
  }

  @Test
  void regionsAreSharedWhereTheSizeIsTheSame() {
    Credulous first = new Credulous(SIDE, 2);
    Credulous second = new Credulous(SIDE, 7);
    Credulous larger = new Credulous(2 * SIDE, 5);
    List<Comparison.Row> rows = Comparison.of(List.of(first, second, larger), examples(4), (n, of) -> {});
    // Four pictures, and the first one once more.
    assertEquals(5, first.proposed);
    assertEquals(0, second.proposed);
    assertEquals(5, larger.proposed);
    for (int i = 0; i < 5; i++) assertArrayEquals(first.given.get(i), second.given.get(i));
    assertEquals(List.of(2.0, 2.0, 5.0), rows.stream().map(Comparison.Row::regions).toList());
    for (Comparison.Row row : rows) assertEquals(1, row.figures().get("mAP@0.5"), "boxes are of the picture's pixels");
    assertTrue(rows.get(1).proposing() > 0, "whoever proposed, it took time");
  }

  @Test
  void detectorsOfOtherClassesAreRefused() {
    Detector detector = new Fixed(new Detection(0, 1, 4, 8, 20, 30));
    Examples others = new Examples("drawn", new long[] {3, SIDE, SIDE}, 256, new byte[3 * SIDE * SIDE],
        new Truth.Boxes(List.of("other"), List.of(List.of(new LabelledBox(0, 4, 8, 20, 30)))));
    assertThrows(InvalidArgumentException.class, () -> Comparison.of(List.of(detector), others, (n, of) -> {}));
    assertThrows(InvalidArgumentException.class, () -> Comparison.of(List.of(), others, (n, of) -> {}));
  }
}
