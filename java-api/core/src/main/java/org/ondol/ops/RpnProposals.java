package org.ondol.ops;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;

/**
 * The proposals of a region proposal network (Ren et al. 2015): anchors are decoded and cut to the image, small ones are left
 * out, and of the highest scores those stay that do not overlap a higher one. Composed of {@link BoxDeltas}, {@link Boxes},
 * {@link TopK} and {@link Nms}.
 */
public final class RpnProposals {
  /**
   * The conventions.
   *
   * @param minSize boxes that are less wide or high are left out; strictly: those that are not wider and higher
   * @param sizeFirst small boxes are left out before the highest scores are counted (py-faster-rcnn), else of those
   *     (Detectron, NNAPI)
   * @param preNms so many of the highest scores go into the suppression; 0 for all
   * @param nms the suppression; maxPerImage is the number of proposals
   */
  public record Options(BoxDeltas.Coding coding, double minSize, boolean strictly, boolean sizeFirst, long preNms, Nms.Options nms) {
    /** py-faster-rcnn's for tests: 6000, then 300, of at least 16 pixels, IoU 0.7. */
    public static final Options FASTER_RCNN = new Options(BoxDeltas.Coding.FASTER_RCNN, 16, false, true, 6000,
        Nms.Options.DEFAULT.offset(1).iouAbove(0.7).maxPerImage(300));

    public Options preNms(long preNms) {
      return new Options(coding, minSize, strictly, sizeFirst, preNms, nms);
    }

    public Options minSize(double minSize) {
      return new Options(coding, minSize, strictly, sizeFirst, preNms, nms);
    }

    public Options nms(Nms.Options nms) {
      return new Options(coding, minSize, strictly, sizeFirst, preNms, nms);
    }
  }

  /**
   * M proposals in order of (image, descending score, anchor).
   *
   * @param boxes [M, 4]
   * @param scores [M]
   * @param images INT32 [M]
   */
  public record Result(Tensor boxes, Tensor scores, Tensor images) implements AutoCloseable {
    /** For pooling. */
    public Rois rois() {
      return Rois.of(boxes, images);
    }

    @Override
    public void close() {
      Outputs.closeAll(boxes, scores, images);
    }
  }

  /** What is left of one image's anchors. */
  private record Candidates(Tensor boxes, Tensor scores) {
    /** [n, 4] and [n, 1] by their rows. */
    Candidates take(Tensor ids) {
      return new Candidates(Embedding.lookup(boxes, ids), Embedding.lookup(scores, ids));
    }
  }

  private RpnProposals() {}

  /**
   * Proposals of N images.
   *
   * @param scores [N, K]
   * @param deltas [N, K, 4]
   * @param anchors [K, 4]; {@link Anchors#grid} reshaped
   * @param sizes of the images
   */
  public static Result apply(Tensor scores, Tensor deltas, Tensor anchors, List<Boxes.Size> sizes, Options options) {
    check(scores, deltas, anchors, sizes, options);
    List<Tensor> boxes = new ArrayList<>();
    List<Tensor> values = new ArrayList<>();
    try (Scope scope = Scope.open()) {
      for (int n = 0; n < sizes.size(); n++) {
        Candidates all = new Candidates(BoxDeltas.decode(options.coding, anchors, deltas.select(0, n)),
            scores.select(0, n).unsqueeze(1));
        Candidates chosen = image(all, sizes.get(n), options);
        boxes.add(chosen.boxes);
        values.add(chosen.scores);
      }
      return join(scope, scores, boxes, values);
    }
  }

  private static Candidates image(Candidates all, Boxes.Size size, Options o) {
    Pixels pixels = o.coding.pixels();
    Candidates c = new Candidates(Boxes.clip(all.boxes, size, pixels), all.scores);
    if (o.sizeFirst) c = large(c, o);
    long k = o.preNms == 0 ? c.scores.count() : Math.min(o.preNms, c.scores.count());
    c = c.take(TopK.apply(c.scores.squeeze(1), k).indices());
    if (!o.sizeFirst) c = large(c, o);
    long n = c.scores.count();
    Nms.Result kept = Nms.apply(c.boxes.reshape(1, n, 4), c.scores.reshape(1, 1, n), o.nms);
    return c.take(column(kept.indices()));
  }

  private static Candidates large(Candidates c, Options o) {
    int[] rows = Boxes.large(c.boxes, o.minSize, o.minSize, o.coding.pixels(), o.strictly);
    return c.take(Tensor.of(c.boxes.device(), rows, rows.length));
  }

  /** The boxes of [M, 3]. */
  private static Tensor column(Tensor indices) {
    long[] all = indices.toLongs();
    int[] boxes = new int[all.length / 3];
    for (int i = 0; i < boxes.length; i++) boxes[i] = (int) all[3 * i + 2];
    return Tensor.of(indices.device(), boxes, boxes.length);
  }

  private static Result join(Scope scope, Tensor like, List<Tensor> boxes, List<Tensor> scores) {
    long count = scores.stream().mapToLong(Tensor::count).sum();
    Tensor all = Tensor.empty(like.device(), count, 4);
    Tensor values = Tensor.empty(like.device(), count);
    int[] images = new int[(int) count];
    int at = 0;
    for (int n = 0; n < boxes.size(); n++) {
      int end = at + (int) scores.get(n).count();
      if (end > at) {
        all.slice(0, at, end).assign(boxes.get(n));
        values.slice(0, at, end).assign(scores.get(n).squeeze(1));
      }
      Arrays.fill(images, at, end, n);
      at = end;
    }
    return new Result(scope.keep(all), scope.keep(values), scope.keep(Tensor.of(like.device(), images, images.length)));
  }

  private static void check(Tensor scores, Tensor deltas, Tensor anchors, List<Boxes.Size> sizes, Options o) {
    Check.present("options", o);
    Check.present("coding", o.coding);
    Check.present("nms", o.nms);
    Check.finite("minSize", o.minSize);
    if (o.preNms < 0) throw new InvalidArgumentException("preNms", o.preNms, "at least 0");
    if (o.nms.format() != Nms.Format.CORNERS || o.nms.offset() != o.coding.pixels().offset()) {
      throw new InvalidArgumentException("nms", o.nms, "corners with the coding's offset, " + o.coding.pixels().offset());
    }
    Check.present("scores", scores);
    Check.floats("scores", scores, scores.device());
    Check.rank("scores", scores, 2, 2);
    if (scores.size(1) > Integer.MAX_VALUE / 4) {
      throw new ShapeException("scores", "of shape " + Arrays.toString(scores.shape()), "less than 2^29 anchors");
    }
    Check.floats("deltas", deltas, scores.device());
    Check.shape("deltas", deltas, scores.size(0), scores.size(1), 4);
    Iou.list("anchors", anchors, scores.device());
    Check.shape("anchors", anchors, scores.size(1), 4);
    Check.present("sizes", sizes);
    for (Boxes.Size size : sizes) Check.present("sizes", size);
    if (sizes.size() != scores.size(0)) {
      throw new InvalidArgumentException("sizes", sizes.size() + " sizes", scores.size(0) + ", one an image");
    }
  }
}
