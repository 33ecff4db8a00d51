package org.ondol.test.detection;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.ops.Anchors;
import org.ondol.ops.BoxDeltas;
import org.ondol.ops.Boxes;
import org.ondol.ops.Nms;
import org.ondol.ops.RpnProposals;
import org.ondol.ops.RpnProposals.Options;
import org.ondol.test.oracle.BoxOracle;
import org.ondol.test.oracle.IouOracle;
import org.ondol.test.support.Bits;
import org.ondol.test.support.TestDevices;

/** Proposals against a plain float64 pipeline, the same on every device, and where nothing is left. */
class RpnProposalsTest {
  private static final int HEIGHT = 6;
  private static final int WIDTH = 9;
  private static final double[][] BASE = Anchors.fasterRcnn(16, new double[] {0.5, 1, 2}, new double[] {1, 2.5});
  private static final int ANCHORS = HEIGHT * WIDTH * 6;
  private static final List<Boxes.Size> SIZES = List.of(new Boxes.Size(90, 140), new Boxes.Size(70, 100));

  private final Random random = new Random(23);
  private final float[] scores = normal(2 * ANCHORS, 1);
  private final float[] deltas = normal(8 * ANCHORS, 0.3);

  private float[] normal(int n, double deviation) {
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) (random.nextGaussian() * deviation);
    }
    return x;
  }

  private RpnProposals.Result run(Device d, float[] scores, Options options) {
    Tensor anchors = Anchors.grid(d, BASE, HEIGHT, WIDTH, 16, 16).reshape(ANCHORS, 4);
    return RpnProposals.apply(Tensor.of(d, scores, 2, ANCHORS), Tensor.of(d, deltas, 2, ANCHORS, 4), anchors, SIZES, options);
  }

  private record Box(double[] corners, double score) {}

  /** Image n by the rules; overlaps of random boxes do not lie within a rounding of the threshold. */
  private List<Box> expected(int n, Options o) {
    int offset = o.coding().pixels().offset();
    BoxOracle.Coding coding = new BoxOracle.Coding(offset, o.coding().legacy() ? 0 : offset, new double[4],
        new double[] {1, 1, 1, 1}, new double[] {1, 1, 1, 1}, o.coding().limit());
    List<Box> all = new ArrayList<>();
    for (int k = 0; k < ANCHORS; k++) {
      double[] base = BASE[k % 6];
      double x = 16 * (k / 6 % WIDTH);
      double y = 16 * (k / 6 / WIDTH);
      double[] box = BoxOracle.decode(coding, new double[] {base[0] + x, base[1] + y, base[2] + x, base[3] + y},
          IouOracle.box(deltas, n * ANCHORS + k));
      for (int i = 0; i < 4; i++) {
        double limit = (i % 2 == 0 ? SIZES.get(n).width() : SIZES.get(n).height()) - offset;
        box[i] = Math.clamp(box[i], 0, limit);
      }
      all.add(new Box(box, scores[n * ANCHORS + k]));
    }
    if (o.sizeFirst()) {
      all.removeIf(b -> small(b, o));
    }
    all.sort((a, b) -> Double.compare(b.score, a.score));
    List<Box> best = new ArrayList<>(all.subList(0, (int) Math.min(o.preNms() == 0 ? all.size() : o.preNms(), all.size())));
    best.removeIf(b -> small(b, o));
    List<Box> kept = new ArrayList<>();
    for (Box b : best) {
      boolean free = kept.stream().noneMatch(k -> IouOracle.value("iou", k.corners, b.corners, offset) > o.nms().iouThreshold());
      if (free && (o.nms().maxPerImage() < 0 || kept.size() < o.nms().maxPerImage())) {
        kept.add(b);
      }
    }
    return kept;
  }

  private static boolean small(Box b, Options o) {
    int offset = o.coding().pixels().offset();
    double w = b.corners[2] - b.corners[0] + offset;
    double h = b.corners[3] - b.corners[1] + offset;
    return o.strictly() ? w <= o.minSize() || h <= o.minSize() : w < o.minSize() || h < o.minSize();
  }

  @Test
  void asThePlainPipeline() {
    Options rcnn = Options.FASTER_RCNN.preNms(150).nms(Nms.Options.DEFAULT.offset(1).iouAbove(0.5).maxPerImage(30));
    Options plain = new Options(BoxDeltas.Coding.PLAIN.limit(BoxDeltas.LIMIT), 10, true, false, 0, Nms.Options.DEFAULT.iouAbove(0.3));
    for (Options o : List.of(rcnn, plain, plain.preNms(120).minSize(20))) {
      float[] first = null;
      for (Device d : TestDevices.available()) {
        try (Scope scope = Scope.open()) {
          RpnProposals.Result r = run(d, scores, o);
          float[] boxes = r.boxes().toFloats();
          compare(o, r, boxes);
          assertTrue(first == null || Bits.difference(boxes, first) == null, "other bits on " + d);
          first = boxes;
          assertEquals(r.scores().count(), r.rois().count());
        }
      }
    }
  }

  private void compare(Options o, RpnProposals.Result r, float[] boxes) {
    long[] images = r.images().toLongs();
    float[] values = r.scores().toFloats();
    int at = 0;
    for (int n = 0; n < 2; n++) {
      List<Box> expected = expected(n, o);
      assertTrue(expected.size() > 3, "too few proposals to mean anything");
      for (Box b : expected) {
        assertEquals(n, images[at]);
        assertEquals((float) b.score, values[at]);
        for (int i = 0; i < 4; i++) {
          assertEquals(b.corners[i], boxes[4 * at + i], 1e-3);
        }
        at++;
      }
    }
    assertEquals(at, images.length);
  }

  @Test
  void nothingIsLeft() {
    for (Device d : TestDevices.available()) {
      try (Scope scope = Scope.open()) {
        RpnProposals.Result none = run(d, scores, Options.FASTER_RCNN.minSize(1000));
        assertArrayEquals(new long[] {0, 4}, none.boxes().shape());
        assertEquals(0, none.images().count());
        float[] nan = scores.clone();
        Arrays.fill(nan, ANCHORS, 2 * ANCHORS, Float.NaN);
        for (long image : run(d, nan, Options.FASTER_RCNN).images().toLongs()) {
          assertEquals(0, image, "scores of the second image are NaN");
        }
        RpnProposals.Result empty = RpnProposals.apply(Tensor.empty(d, 0, 5), Tensor.empty(d, 0, 5, 4), Tensor.zeros(d, 5, 4), List.of(),
            Options.FASTER_RCNN);
        assertEquals(0, empty.scores().count());
      }
    }
  }
}
