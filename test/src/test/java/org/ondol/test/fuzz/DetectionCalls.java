package org.ondol.test.fuzz;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.ondol.Tensor;
import org.ondol.ops.Anchors;
import org.ondol.ops.BoxDeltas;
import org.ondol.ops.Boxes;
import org.ondol.ops.Iou;
import org.ondol.ops.Matching;
import org.ondol.ops.Nms;
import org.ondol.ops.Pixels;
import org.ondol.ops.RoiWarp;
import org.ondol.ops.Rois;
import org.ondol.ops.RpnProposals;
import org.ondol.ops.YoloBoxes;
import org.ondol.test.fuzz.Calls.Call;

/** The fuzzer's calls of the operations on boxes. */
final class DetectionCalls {
  static final List<Call> IOU = List.of(DetectionCalls::pairwise, DetectionCalls::paired, DetectionCalls::iouBackward);
  static final List<Call> ROI_WARP = List.of(DetectionCalls::warp, DetectionCalls::warpBackward);
  static final List<Call> BOXES = List.of(DetectionCalls::forms, DetectionCalls::clip, DetectionCalls::clipEach, DetectionCalls::choose);
  static final List<Call> DELTAS = List.of(DetectionCalls::encode, DetectionCalls::decode, DetectionCalls::decodeBackward);
  static final List<Call> YOLO = List.of(DetectionCalls::yolo, DetectionCalls::yoloBackward);
  static final List<Call> ANCHORS = List.of(DetectionCalls::anchors);
  static final List<Call> MATCHING = List.of(DetectionCalls::match, DetectionCalls::targets);

  static final List<Call> PROPOSALS = List.of(DetectionCalls::proposals);

  private DetectionCalls() {}

  private static Tensor[] list(Tensor... tensors) {
    return tensors;
  }

  private static Pixels pixels(Arguments a) {
    return a.of(Pixels.values());
  }

  private static Tensor[] pairwise(Arguments a) {
    return list(Iou.pairwise(a.of(Iou.Kind.values()), a.tensor(a.size(), 4), a.tensor(a.size() * 5L, 4), pixels(a)));
  }

  private static Tensor[] paired(Arguments a) {
    int n = a.size();
    return list(Iou.paired(a.of(Iou.Kind.values()), a.tensor(n, 4), a.tensor(n, 4), pixels(a)));
  }

  private static Tensor[] iouBackward(Arguments a) {
    int n = a.size();
    Iou.Gradients g = Iou.backward(a.of(Iou.Kind.IOU, Iou.Kind.GIOU), a.tensor(n, 4), a.tensor(n, 4), a.tensor(n), pixels(a));
    return list(g.da(), g.db());
  }

  /** One call of roiwarp; there is at least one image. */
  private static final class Warp {
    final int rois;
    final int batch;
    final int channels;
    final int height;
    final int width;
    final int outHeight;
    final int outWidth;

    Warp(Arguments a) {
      rois = a.size();
      batch = 1 + a.below(2);
      channels = a.size();
      height = 1 + a.below(7);
      width = 1 + a.below(20);
      outHeight = 1 + a.below(6);
      outWidth = 1 + a.below(20);
    }

    Rois rois(Arguments a) {
      return Rois.of(a.tensor(rois, 4), a.indices(rois, batch));
    }

    RoiWarp.Options options(Arguments a) {
      return new RoiWarp.Options(a.of(RoiWarp.Mode.values()), pixels(a),
          a.integer(a.below((Math.min(outHeight, outWidth) - 1) / 2 + 1)), a.oneIn(2) ? null : a.tensor(channels));
    }
  }

  private static Tensor[] warp(Arguments a) {
    Warp w = new Warp(a);
    try (Rois rois = w.rois(a)) {
      return list(RoiWarp.apply(a.tensor(w.batch, w.channels, w.height, w.width), rois, a.integer(w.outHeight),
          a.integer(w.outWidth), w.options(a)));
    }
  }

  private static Tensor[] warpBackward(Arguments a) {
    Warp w = new Warp(a);
    try (Rois rois = w.rois(a)) {
      return list(RoiWarp.backward(a.tensor(w.rois, w.channels, w.outHeight, w.outWidth), rois,
          a.integers(w.batch, w.channels, w.height, w.width), w.options(a)));
    }
  }

  private static Tensor[] forms(Arguments a) {
    try (Tensor centre = Boxes.toCentre(a.tensor(a.size(), a.size(), 4), pixels(a))) {
      return list(Boxes.toCorners(centre, pixels(a)));
    }
  }

  private static Boxes.Size size(Arguments a) {
    return new Boxes.Size(a.number(1 + a.below(4)), a.number(3));
  }

  private static Tensor[] clip(Arguments a) {
    return list(Boxes.clip(a.oneIn(3) ? a.tensor(4) : a.tensor(a.size(), 4), size(a), pixels(a)));
  }

  private static Tensor[] clipEach(Arguments a) {
    int n = a.size();
    List<Boxes.Size> sizes = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      sizes.add(a.of(new Boxes.Size(2, 1 + i)));
    }
    return list(Boxes.clip(a.tensor(n, a.size(), 4), sizes, pixels(a)));
  }

  private static Tensor[] choose(Arguments a) {
    Tensor boxes = a.tensor(a.size(), 4);
    int[] rows = a.flag() ? Boxes.large(boxes, a.number(1), a.number(2), pixels(a), a.flag())
        : Boxes.inside(boxes, size(a), a.number(0.5), pixels(a));
    return list(Boxes.take(boxes, rows));
  }

  private static BoxDeltas.Coding coding(Arguments a) {
    BoxDeltas.Coding c = a.of(BoxDeltas.Coding.PLAIN, BoxDeltas.Coding.FASTER_RCNN, BoxDeltas.Coding.TORCHVISION);
    return c == null || a.oneIn(2) ? c
        : new BoxDeltas.Coding(pixels(a), a.flag(), List.of(a.number(0.5), 0.0, 1.0, 0.25), c.deviations(), c.weights(), a.number(2));
  }

  private static Tensor[] encode(Arguments a) {
    int n = a.size();
    return list(BoxDeltas.encode(coding(a), a.tensor(2, n, 4), a.tensor(2, n, 4)));
  }

  private static Tensor[] decode(Arguments a) {
    int n = a.size();
    return list(BoxDeltas.decode(coding(a), a.tensor(n, 4), a.tensor(n, 4L * a.size())));
  }

  private static Tensor[] decodeBackward(Arguments a) {
    int n = a.size();
    long width = 4L * a.size();
    return list(BoxDeltas.backward(coding(a), a.tensor(n, 4), a.tensor(n, width), a.tensor(n, width)));
  }

  private static YoloBoxes.Grid grid(Arguments a) {
    double[][] anchors = {{a.number(10), a.number(13)}, {a.number(2.5), a.number(30)}};
    return a.oneIn(2) ? new YoloBoxes.Grid(null, a.number(0.25), a.number(0.5), 1)
        : new YoloBoxes.Grid(anchors, a.number(16), a.number(8), a.number(a.oneIn(2) ? 1 : 1.05));
  }

  private static Tensor[] yolo(Arguments a) {
    YoloBoxes.Grid grid = grid(a);
    Tensor t = a.tensor(2, a.size(), a.size(), 2, 4);
    return list(a.flag() ? YoloBoxes.decode(grid, t) : YoloBoxes.encode(grid, t));
  }

  private static Tensor[] yoloBackward(Arguments a) {
    int h = a.size();
    int w = a.size();
    return list(YoloBoxes.backward(grid(a), a.tensor(h, w, 2, 4), a.tensor(h, w, 2, 4)));
  }

  private static Tensor[] anchors(Arguments a) {
    double[] ratios = {a.number(0.5), a.number(2)};
    double[] scales = {a.number(8), 16};
    double[][] base = a.flag() ? Anchors.fasterRcnn(a.integer(16), ratios, scales)
        : Anchors.centred(scales, ratios, a.number(0), a.number(8));
    return list(Anchors.grid(a.device(), base, a.integer(a.size()), a.integer(a.size()), a.number(16), a.number(8)));
  }

  private static Matching.Rules rules(Arguments a) {
    return new Matching.Rules(a.number(0.5), a.number(0.4), a.number(0), a.of(Matching.Forced.values()), a.number(0.5));
  }

  private static Tensor floats(Arguments a, int[] values) {
    float[] floats = new float[values.length];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = values[i];
    }
    return Tensor.of(a.device(), floats, floats.length);
  }

  private static Tensor[] match(Arguments a) {
    Matching.Matches m = Matching.assign(a.tensor(a.size() * 3L, 4), a.tensor(a.size(), 4), a.oneIn(2) ? null : a.tensor(a.size(), 4),
        rules(a), pixels(a));
    Matching.Sample s = Matching.sample(m.labels(), a.integer(6), a.number(0.5), a.integer(3), a.integer(9));
    return list(floats(a, m.labels()), floats(a, m.truths()), Tensor.of(a.device(), m.overlaps(), m.overlaps().length),
        floats(a, s.all()));
  }

  private static Tensor[] targets(Arguments a) {
    int truths = 1 + a.below(3);
    Tensor boxes = a.tensor(6, 4);
    Tensor objects = a.tensor(truths, 4);
    Matching.Matches m = Matching.assign(boxes, objects, null, rules(a), pixels(a));
    Matching.Sample s = Matching.sample(m.labels(), 6, a.number(0.5), 1, 1);
    int[] classes = Matching.classTargets(m, s, new int[] {1, 2, 3});
    Tensor deltas = Matching.boxTargets(coding(a), boxes, objects, m, s.positives());
    Matching.PerClass spread = Matching.perClass(deltas, Arrays.copyOf(classes, s.positives().length), a.smallInteger(4));
    return list(floats(a, classes), deltas, spread.targets(), spread.weights());
  }

  private static Tensor[] proposals(Arguments a) {
    int n = a.size();
    int k = a.size() * 4;
    List<Boxes.Size> sizes = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      sizes.add(a.of(new Boxes.Size(4, 3 + i)));
    }
    BoxDeltas.Coding coding = a.of(BoxDeltas.Coding.FASTER_RCNN);
    RpnProposals.Options o = new RpnProposals.Options(coding, a.number(1), a.flag(), a.flag(), a.integer(a.below(9)),
        Nms.Options.DEFAULT.offset(1).iouAbove(a.number(0.4)).maxPerImage(a.integer(5)));
    RpnProposals.Result r = RpnProposals.apply(a.tensor(n, k), a.tensor(n, k, 4), a.tensor(k, 4), sizes, o);
    r.images().close();
    return list(r.boxes(), r.scores());
  }
}
