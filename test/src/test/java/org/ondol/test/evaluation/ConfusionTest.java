package org.ondol.test.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.ondol.InvalidArgumentException;
import org.ondol.models.evaluation.Confusion;

/** Figures of segmentation: a case worked out by hand, and what is refused. */
class ConfusionTest {
  /**
   * Truth 0 0 0 0 1 1 2 and two ignored pixels, found 0 0 0 1 1 0 1: class 0 has 3 right of 4 true and 4 found, class 1 has
   * 1 of 2 true and 3 found, class 2 none of 1 true and 0 found; class 3 is nowhere.
   */
  @Test
  void handMade() {
    Confusion c = new Confusion(4, 255);
    c.add(new byte[] {0, 0, 0, 0, -1}, new byte[] {0, 0, 0, 1, 3});
    c.add(new byte[] {1, 1, 2, -1}, new byte[] {1, 0, 1, 0});
    assertEquals(3, c.count(0, 0));
    assertEquals(1, c.count(0, 1));
    assertEquals(1, c.count(2, 1));
    assertEquals(0, c.count(3, 3));
    assertEquals(3 / 5.0, c.iou(0), 0);
    assertEquals(1 / 4.0, c.iou(1), 0);
    assertEquals(0, c.iou(2), 0);
    assertTrue(Double.isNaN(c.iou(3)));
    assertEquals((0.6 + 0.25 + 0) / 3, c.meanIou(), 1e-15);
    assertEquals((4 * 0.6 + 2 * 0.25 + 0) / 7, c.weightedIou(), 1e-15);
    assertEquals(4 / 7.0, c.pixelAccuracy(), 0);
    assertEquals((0.75 + 0.5 + 0) / 3, c.meanAccuracy(), 1e-15);
    assertEquals(List.of("error", "mean IoU", "pixel accuracy", "mean accuracy", "IoU a", "IoU b", "IoU c"),
        List.copyOf(c.report(List.of("a", "b", "c", "d")).keySet()));
  }

  @Test
  void nothing() {
    Confusion c = new Confusion(2, 2);
    c.add(new byte[] {2, 2}, new byte[] {0, 1});
    assertTrue(Double.isNaN(c.meanIou()));
    assertTrue(Double.isNaN(c.pixelAccuracy()));
    assertTrue(Double.isNaN(c.weightedIou()));
    assertThrows(InvalidArgumentException.class, () -> c.report(List.of("a", "b")));
    // Found where nothing of it is true: an IoU of 0, which counts, but no accuracy.
    c.add(new byte[] {0, 0}, new byte[] {0, 1});
    assertEquals(0.25, c.meanIou(), 0);
    assertEquals(0.5, c.meanAccuracy(), 0);
  }

  @Test
  void refused() {
    assertThrows(InvalidArgumentException.class, () -> new Confusion(0, -1));
    assertThrows(InvalidArgumentException.class, () -> new Confusion(257, -1));
    assertThrows(InvalidArgumentException.class, () -> new Confusion(3, 2));
    assertThrows(InvalidArgumentException.class, () -> new Confusion(3, 256));
    Confusion c = new Confusion(3, 11);
    byte[] good = {0, 1};
    assertThrows(InvalidArgumentException.class, () -> c.add(good, new byte[] {0}));
    assertThrows(InvalidArgumentException.class, () -> c.add(null, good));
    assertThrows(InvalidArgumentException.class, () -> c.add(good, null));
    assertThrows(InvalidArgumentException.class, () -> c.add(good, new byte[] {0, 3}));
    assertThrows(InvalidArgumentException.class, () -> c.add(good, new byte[] {0, 11}));
    assertThrows(InvalidArgumentException.class, () -> c.add(new byte[] {0, -1}, good));
    assertEquals(0, c.count(0, 0)); // nothing of what was refused
    assertThrows(InvalidArgumentException.class, () -> c.count(3, 0));
    assertThrows(InvalidArgumentException.class, () -> c.iou(-1));
    assertThrows(InvalidArgumentException.class, () -> c.report(List.of("a")));
  }
}
