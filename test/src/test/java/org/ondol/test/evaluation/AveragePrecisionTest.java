package org.ondol.test.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.ondol.InvalidArgumentException;
import org.ondol.models.data.DataException;
import org.ondol.models.detection.Detection;
import org.ondol.models.detection.LabelledBox;
import org.ondol.models.evaluation.AveragePrecision;
import org.ondol.models.evaluation.AveragePrecision.Coco;
import org.ondol.models.evaluation.AveragePrecision.Rule;

/** Average precision: cases worked out by hand. */
class AveragePrecisionTest {
  private static final double TINY = 1e-12;

  /** Ten pixels wide and high, with its left side at x. */
  private static LabelledBox truth(float x) {
    return new LabelledBox(0, x, 0, x + 10, 10);
  }

  private static LabelledBox difficult(float x) {
    return new LabelledBox(0, x, 0, x + 10, 10, true);
  }

  private static Detection found(float score, float x) {
    return new Detection(0, score, x, 0, x + 10, 10);
  }

  private static double voc(Rule rule, List<List<LabelledBox>> truths, List<List<Detection>> found) {
    return AveragePrecision.voc(1, truths, found, 0.5, rule).ofClass()[0];
  }

  private static Coco coco(List<List<LabelledBox>> truths, List<List<Detection>> found) {
    return AveragePrecision.coco(1, truths, found);
  }

  /**
   * Three true boxes; by falling score: right, wrong, right, wrong. Precision and recall are (1, 1/3), (1/2, 1/3),
   * (2/3, 2/3), (1/2, 2/3); the highest precision from a recall on is 1 up to 1/3, 2/3 up to 2/3, then 0.
   */
  @Test
  void handMade() {
    List<List<LabelledBox>> truths = List.of(List.of(truth(0), truth(100)), List.of(truth(0)));
    List<List<Detection>> found = List.of(List.of(found(0.7f, 100), found(0.8f, 50)),
        List.of(found(0.9f, 0), found(0.1f, 50)));
    // Recalls 0, 0.1, 0.2, 0.3 have 1; 0.4, 0.5, 0.6 have 2/3; the rest 0.
    assertEquals((4 + 3 * 2 / 3.0) / 11, voc(Rule.ELEVEN_POINT, truths, found), TINY);
    assertEquals(1 / 3.0 + 2 / 3.0 / 3, voc(Rule.ALL_POINT, truths, found), TINY);
    // Recalls 0 to 0.33 are 34 with 1, 0.34 to 0.66 are 33 with 2/3. All overlaps are 1 or 0.
    Coco coco = coco(truths, found);
    double expected = (34 + 33 * 2 / 3.0) / 101;
    assertEquals(expected, coco.mean(), TINY);
    assertEquals(expected, coco.at50(), TINY);
    assertEquals(expected, coco.at75(), TINY);
    assertEquals(expected, coco.small(), TINY); // 10 x 10 is small
    assertTrue(Double.isNaN(coco.medium()));
    assertTrue(Double.isNaN(coco.large()));
  }

  /** The second box with the same true one is wrong, though it fits better: precision 1, then 1/2, and recall stays 1. */
  @Test
  void oneForEach() {
    List<List<LabelledBox>> truths = List.of(List.of(truth(0)));
    List<List<Detection>> twice = List.of(List.of(found(0.5f, 0), found(0.9f, 2)));
    assertEquals(1, voc(Rule.ALL_POINT, truths, twice), TINY);
    // With another true box, found last: precision 1, 1/2, 2/3 at recalls 1/2, 1/2, 1; areas 1/2 * 1 + 1/2 * 2/3.
    truths = List.of(List.of(truth(0), truth(50)));
    twice = List.of(List.of(found(0.5f, 0), found(0.9f, 2), found(0.4f, 50)));
    assertEquals(5 / 6.0, voc(Rule.ALL_POINT, truths, twice), TINY);
    assertEquals((6 + 5 * 2 / 3.0) / 11, voc(Rule.ELEVEN_POINT, truths, twice), TINY);
  }

  /**
   * Pascal VOC looks at the true box that is overlapped most, taken or not; COCO at those not yet taken. Boxes at 0 and 2;
   * found at 0 and, with a lower score, at 0.5: that one overlaps the first by 9.5/10.5 and the second by 8.5/11.5 = 0.74.
   */
  @Test
  void takenBoxes() {
    List<List<LabelledBox>> truths = List.of(List.of(truth(0), truth(2)));
    List<List<Detection>> found = List.of(List.of(found(0.9f, 0), found(0.8f, 0.5f)));
    assertEquals(0.5, voc(Rule.ALL_POINT, truths, found), TINY);
    Coco coco = coco(truths, found);
    assertEquals(1, coco.at50(), TINY);
    // Up to a recall of 1/2, 51 points of 101, where 0.74 is not enough.
    assertEquals(51 / 101.0, coco.at75(), TINY);
    // 0.50 to 0.70 are five overlaps with 1, 0.75 to 0.95 five with 51 / 101.
    assertEquals((5 + 5 * 51 / 101.0) / 10, coco.mean(), TINY);
  }

  /** 10 x 10 at 0 and at 5 share 50 of 150: exactly a third, enough where a third is asked for, not where more is. */
  @Test
  void threshold() {
    List<List<LabelledBox>> truths = List.of(List.of(truth(0)));
    List<List<Detection>> found = List.of(List.of(found(1, 5)));
    assertEquals(1, AveragePrecision.voc(1, truths, found, 1 / 3.0, Rule.ALL_POINT).mean(), TINY);
    assertEquals(0, AveragePrecision.voc(1, truths, found, Math.nextUp(1 / 3.0), Rule.ALL_POINT).mean(), TINY);
    // Half a box: 5 x 10 of 10 x 10, the overlap is 0.5, COCO's least.
    found = List.of(List.of(new Detection(0, 1, 0, 0, 5, 10)));
    assertEquals(1, coco(truths, found).at50(), TINY);
    assertEquals(0.1, coco(truths, found).mean(), TINY);
  }

  /** What belongs to a difficult box is neither right nor wrong, and the box is not missed. */
  @Test
  void difficultBoxes() {
    List<List<LabelledBox>> truths = List.of(List.of(truth(0), difficult(50)));
    List<List<Detection>> found = List.of(List.of(found(0.9f, 50), found(0.8f, 50), found(0.7f, 0)));
    assertEquals(1, voc(Rule.ALL_POINT, truths, found), TINY);
    assertEquals(1, voc(Rule.ELEVEN_POINT, truths, found), TINY);
    assertEquals(1, coco(truths, found).mean(), TINY);
    // Nothing but a difficult one: there is no figure.
    assertTrue(Double.isNaN(voc(Rule.ALL_POINT, List.of(List.of(difficult(0))), List.of(List.of(found(1, 0))))));
  }

  /** A found box within a crowd overlaps it by its own area: 10 x 10 within 100 x 100 is 1, not 0.01. */
  @Test
  void crowds() {
    LabelledBox crowd = new LabelledBox(0, 0, 20, 100, 120, true);
    List<List<LabelledBox>> truths = List.of(List.of(truth(0), crowd));
    List<List<Detection>> found = List.of(List.of(new Detection(0, 0.9f, 40, 40, 50, 50),
        new Detection(0, 0.8f, 60, 60, 70, 70), found(0.1f, 0)));
    assertEquals(1, coco(truths, found).mean(), TINY);
    // Pascal VOC knows no crowds: both are wrong, and precision is 1/3 at a recall of 1.
    assertEquals(1 / 3.0, voc(Rule.ALL_POINT, truths, found), TINY);
  }

  /** Equal scores count in the order of pictures, and within a picture as given. */
  @Test
  void ties() {
    List<List<LabelledBox>> truths = List.of(List.of(truth(0)), List.of());
    assertEquals(1, voc(Rule.ALL_POINT, truths, List.of(List.of(found(0.5f, 0)), List.of(found(0.5f, 0)))), TINY);
    truths = List.of(List.of(), List.of(truth(0)));
    assertEquals(0.5, voc(Rule.ALL_POINT, truths, List.of(List.of(found(0.5f, 0)), List.of(found(0.5f, 0)))), TINY);
    truths = List.of(List.of(truth(0)));
    assertEquals(1, voc(Rule.ALL_POINT, truths, List.of(List.of(found(0f, 0), found(-0f, 50)))), TINY);
    assertEquals(0.5, voc(Rule.ALL_POINT, truths, List.of(List.of(found(-0f, 50), found(0f, 0)))), TINY);
  }

  @Test
  void nothing() {
    List<List<LabelledBox>> one = List.of(List.of(truth(0)));
    List<List<LabelledBox>> none = List.of(List.of());
    for (Rule rule : Rule.values()) {
      assertEquals(0, voc(rule, one, List.of(List.of())), 0);
      assertTrue(Double.isNaN(voc(rule, none, List.of(List.of()))));
      assertTrue(Double.isNaN(voc(rule, none, List.of(List.of(found(1, 0))))));
      assertTrue(Double.isNaN(voc(rule, List.of(), List.of())));
    }
    assertEquals(0, coco(one, List.of(List.of())).mean(), 0);
    assertTrue(Double.isNaN(coco(none, List.of(List.of(found(1, 0)))).mean()));
    // A box without extent, or of the other class, overlaps nothing.
    assertEquals(0, voc(Rule.ALL_POINT, one, List.of(List.of(new Detection(0, 1, 5, 5, 5, 5)))), 0);
    assertEquals(0, voc(Rule.ALL_POINT, one, List.of(List.of(new Detection(0, 1, 10, 10, 0, 0)))), 0);
    List<List<Detection>> other = List.of(List.of(new Detection(1, 1, 0, 0, 10, 10)));
    AveragePrecision.Figures two = AveragePrecision.voc(2, one, other, 0.5, Rule.ALL_POINT);
    assertEquals(0, two.ofClass()[0], 0);
    assertTrue(Double.isNaN(two.ofClass()[1]));
    assertEquals(0, two.mean(), 0); // of one class, the other having nothing to find
  }

  /** Sizes: 32 x 32 is small and medium, 96 x 96 medium and large; what is found of another size is not wrong. */
  @Test
  void areas() {
    LabelledBox small = new LabelledBox(0, 0, 0, 20, 20);
    LabelledBox edge = new LabelledBox(0, 100, 0, 132, 32);
    LabelledBox large = new LabelledBox(0, 200, 0, 300, 100);
    List<List<LabelledBox>> truths = List.of(List.of(small, edge, large));
    List<List<Detection>> found = List.of(List.of(
        new Detection(0, 0.9f, 400, 0, 500, 100), // wrong and large
        new Detection(0, 0.8f, 100, 0, 132, 32), // right, small and medium
        new Detection(0, 0.7f, 0, 0, 20, 20))); // right and small
    Coco coco = coco(truths, found);
    assertEquals(1, coco.small(), TINY);
    assertEquals(1, coco.medium(), TINY);
    assertEquals(0, coco.large(), TINY);
    // All: wrong, right, right of three: precision at most 2/3 up to a recall of 2/3, which 67 points of 101 do not pass.
    assertEquals(67 * 2 / 3.0 / 101, coco.mean(), TINY);
  }

  /** COCO takes a hundred boxes of a picture, the highest scores. */
  @Test
  void hundred() {
    List<Detection> many = new ArrayList<>();
    for (int i = 0; i < 100; i++) many.add(found(0.9f, 100 + 20 * i));
    many.add(found(0.1f, 0));
    List<List<LabelledBox>> truths = List.of(List.of(truth(0)));
    assertEquals(0, coco(truths, List.of(many)).mean(), 0);
    many.remove(5);
    assertEquals(0.01, coco(truths, List.of(many)).mean(), TINY); // the last of a hundred is right
    assertEquals(1 / 101.0, voc(Rule.ALL_POINT, truths, List.of(concat(many, found(0.5f, 9000)))), TINY);
  }

  private static List<Detection> concat(List<Detection> all, Detection one) {
    List<Detection> more = new ArrayList<>(all);
    more.addFirst(one);
    return more;
  }

  /** The order in which boxes are given does not matter as long as scores differ. */
  @Test
  void anyOrder() {
    Random random = new Random(5);
    List<LabelledBox> truths = new ArrayList<>();
    List<Detection> found = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      truths.add(truth(20 * i));
      found.add(found(random.nextFloat(), 20 * i + random.nextInt(9)));
    }
    double voc = voc(Rule.ALL_POINT, List.of(truths), List.of(found));
    double coco = coco(List.of(truths), List.of(found)).mean();
    assertTrue(voc > 0.1 && voc < 1);
    for (int k = 0; k < 5; k++) {
      Collections.shuffle(truths, random);
      Collections.shuffle(found, random);
      assertEquals(voc, voc(Rule.ALL_POINT, List.of(truths), List.of(found)), 0);
      assertEquals(coco, coco(List.of(truths), List.of(found)).mean(), 0);
    }
  }

  @Test
  void report() {
    List<List<LabelledBox>> truths = List.of(List.of(truth(0), new LabelledBox(2, 0, 0, 5, 5)));
    List<List<Detection>> found = List.of(List.of(found(1, 0)));
    var report = AveragePrecision.report(List.of("a", "b", "c"), truths, found);
    assertEquals(List.of("error", "mAP@0.5", "AP a", "AP c"), List.copyOf(report.keySet()));
    assertEquals(List.of(0.5, 0.5, 1.0, 0.0), List.copyOf(report.values()));
    assertThrows(DataException.class, () -> AveragePrecision.report(List.of("a"), List.of(List.of()), List.of(List.of())));
  }

  @Test
  void refused() {
    List<List<LabelledBox>> truths = List.of(List.of(truth(0)));
    for (Detection bad : List.of(found(Float.NaN, 0), found(1, Float.NaN), found(1, Float.POSITIVE_INFINITY),
        new Detection(1, 1, 0, 0, 1, 1), new Detection(-1, 1, 0, 0, 1, 1))) {
      List<List<Detection>> found = List.of(List.of(bad));
      assertThrows(InvalidArgumentException.class, () -> voc(Rule.ALL_POINT, truths, found), bad.toString());
      assertThrows(InvalidArgumentException.class, () -> coco(truths, found), bad.toString());
    }
    List<List<LabelledBox>> other = List.of(List.of(new LabelledBox(1, 0, 0, 1, 1)));
    assertThrows(InvalidArgumentException.class, () -> coco(other, List.of(List.of())));
    assertThrows(InvalidArgumentException.class, () -> coco(truths, List.of()));
    assertThrows(InvalidArgumentException.class, () -> coco(truths, null));
    assertThrows(InvalidArgumentException.class, () -> coco(null, List.of()));
    assertThrows(InvalidArgumentException.class, () -> AveragePrecision.coco(0, List.of(), List.of()));
    for (double overlap : new double[] {0, -1, 1.01, Double.NaN}) {
      assertThrows(InvalidArgumentException.class,
          () -> AveragePrecision.voc(1, truths, List.of(List.of()), overlap, Rule.ALL_POINT));
    }
    assertThrows(InvalidArgumentException.class, () -> AveragePrecision.voc(1, truths, List.of(List.of()), 0.5, null));
    assertThrows(InvalidArgumentException.class, () -> new LabelledBox(0, 1, 0, 1, 1));
    assertThrows(InvalidArgumentException.class, () -> new LabelledBox(0, 0, 0, 1, Float.NaN));
    assertThrows(InvalidArgumentException.class, () -> new LabelledBox(-1, 0, 0, 1, 1));
  }
}
