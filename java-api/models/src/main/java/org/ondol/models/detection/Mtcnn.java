package org.ondol.models.detection;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.models.images.Picture;
import org.ondol.models.weights.SafeTensors;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Elementwise.Op;
import org.ondol.ops.Nms;
import org.ondol.ops.Resize;

/**
 * Faces with five landmarks, by K. Zhang, Z. Zhang, Z. Li and Y. Qiao, "Joint Face Detection and Alignment Using
 * Multitask Cascaded Convolutional Networks" (IEEE Signal Processing Letters 2016), as the authors' code has it.
 *
 * <p>Three networks, each of which looks at what the one before it let through:
 * <ul>
 *   <li>P-Net, fully convolutional, over a pyramid of the image by factors of 0.709: a window of 12 x 12 at every second
 *       place;
 *   <li>R-Net, over crops of 24 x 24;
 *   <li>O-Net, over crops of 48 x 48, which gives the landmarks too.
 * </ul>
 * Each gives p(face), and how far the corners of a box are off in units of its sides: x1 + d1 w, y1 + d2 h, x2 + d3 w,
 * y2 + d4 h. Boxes are thinned out by non-maximum suppression after each.
 *
 * <p>The authors' code is of MATLAB: an image is given to the networks transposed, [3, width, height], and within the
 * cascade a box names its first and its last pixel, counted from 1. What is returned counts from 0.
 */
public final class Mtcnn implements Detector {
  /** What P-Net sees at once. */
  private static final int WINDOW = 12;
  private static final int STRIDE = 2;
  private static final double FACTOR = 0.709;
  private static final double[] LEAST = {0.6, 0.7, 0.7};
  private static final int POINTS = 5;
  /** A point of the mirrored face is this one of the face: eyes and corners of the mouth change places. */
  private static final int[] MIRRORED = {1, 0, 2, 4, 3};

  /** A place in a picture. */
  public record Point(float x, float y) {}

  /**
   * A face, in pixels counted from 0.
   *
   * @param score p(face) of the last network
   * @param x2 its last column, which is part of it
   * @param y2 its last row
   * @param landmarks left eye, right eye, nose, left and right corner of the mouth, left and right as one sees them
   */
  public record Face(float score, float x1, float y1, float x2, float y2, List<Point> landmarks) {}

  /**
   * What a network says about windows or crops.
   *
   * @param faces p(face) of each
   * @param moves of the corners, four after four
   * @param points five x, then five y, in units of the sides; empty where the network gives none
   */
  public record Judgement(float[] faces, float[] moves, float[] points) {
    private float[] move(int i) {
      return Arrays.copyOfRange(moves, 4 * i, 4 * i + 4);
    }
  }

  /** First and last pixel of each axis, counted from 1. */
  private record Box(double x1, double y1, double x2, double y2, float score, float[] move) {
    /** Corners moved by shares of the sides, a side being the difference of its corners and this. */
    Box moved(int offset) {
      double w = x2 - x1 + offset;
      double h = y2 - y1 + offset;
      return new Box(x1 + move[0] * w, y1 + move[1] * h, x2 + move[2] * w, y2 + move[3] * h, score, move);
    }

    /** The square of the longer side around the same centre, on whole pixels. */
    Box square() {
      double w = x2 - x1;
      double h = y2 - y1;
      double side = Math.max(w, h);
      double left = x1 + 0.5 * w - 0.5 * side;
      double top = y1 + 0.5 * h - 0.5 * side;
      return new Box((long) left, (long) top, (long) (left + side), (long) (top + side), score, move);
    }

    Box judged(Judgement all, int i) {
      return new Box(x1, y1, x2, y2, all.faces[i], all.move(i));
    }
  }

  private record Candidate(Box box, float[] points) {}

  private final Device device;
  private final int leastFace;
  private final MtcnnNet proposal;
  private final MtcnnNet refinement;
  private final MtcnnNet output;

  private Mtcnn(Device device, int leastFace, MtcnnNet proposal, MtcnnNet refinement, MtcnnNet output) {
    this.device = device;
    this.leastFace = leastFace;
    this.proposal = proposal;
    this.refinement = refinement;
    this.output = output;
  }

  /**
   * The authors' networks.
   *
   * @param folder with det1.safetensors, det2.safetensors and det3.safetensors
   * @param leastFace the side of the smallest face to look for, in pixels; at least 12
   * @throws org.ondol.models.weights.WeightsException if a file is absent, damaged or of another network
   */
  public static Mtcnn load(Path folder, Device device, int leastFace) {
    if (folder == null) throw new InvalidArgumentException("folder", "null", "a value");
    if (device == null) throw new InvalidArgumentException("device", "null", "a value");
    if (leastFace < WINDOW) throw new InvalidArgumentException("leastFace", leastFace, WINDOW + " or more");
    List<MtcnnNet> nets = new ArrayList<>();
    try {
      for (MtcnnNet.Kind kind : MtcnnNet.Kind.values()) {
        try (SafeTensors weights = SafeTensors.open(folder.resolve(kind.file()))) {
          nets.add(new MtcnnNet(kind, weights, device));
        }
      }
      return new Mtcnn(device, leastFace, nets.get(0), nets.get(1), nets.get(2));
    } catch (RuntimeException e) {
      nets.forEach(MtcnnNet::close);
      throw e;
    }
  }

  @Override
  public List<String> classes() {
    return List.of("face");
  }

  /** That of the last network. */
  @Override
  public double threshold() {
    return LEAST[2];
  }

  @Override
  public Device device() {
    return device;
  }

  /** The faces as boxes with ends exclusive, the likeliest first. */
  @Override
  public List<Detection> detect(Picture picture) {
    return faces(picture).stream().map(f -> new Detection(0, f.score, f.x1, f.y1, f.x2 + 1, f.y2 + 1)).toList();
  }

  /** The faces of a picture, the likeliest first. */
  public List<Face> faces(Picture picture) {
    if (picture == null) throw new InvalidArgumentException("picture", "null", "a value");
    try (Scope scope = Scope.open()) {
      Tensor image = picture.tensor(device).transpose(2, 3).contiguous();
      List<Candidate> found = landmarks(image, refined(image, proposed(image)));
      return found.stream().map(Mtcnn::face).sorted(Comparator.comparing(Face::score).reversed()).toList();
    }
  }

  /**
   * What P-Net says about the windows of prepared images.
   *
   * @param x [N, 3, width, height], (value - 127.5) / 128
   * @return window after window, the last axis first
   */
  public Judgement propose(Tensor x) {
    if (x == null) throw new InvalidArgumentException("x", "null", "a value");
    if (x.rank() == 4 && x.size(1) == 3 && Math.min(x.size(2), x.size(3)) >= WINDOW) return proposal.judge(x);
    throw new ShapeException("x", "of shape " + Arrays.toString(x.shape()), "[N, 3, width, height] of 12 or more");
  }

  /** What R-Net says about prepared crops [N, 3, 24, 24]. */
  public Judgement refine(Tensor x) {
    return refinement.judge(square(x, 24));
  }

  /** What O-Net says about prepared crops [N, 3, 48, 48]. */
  public Judgement output(Tensor x) {
    return output.judge(square(x, 48));
  }

  private static Tensor square(Tensor x, long side) {
    if (x == null) throw new InvalidArgumentException("x", "null", "a value");
    if (x.rank() == 4 && x.size(1) == 3 && x.size(2) == side && x.size(3) == side) return x;
    throw new ShapeException("x", "of shape " + Arrays.toString(x.shape()), "[N, 3, " + side + ", " + side + "]");
  }

  // ---- the cascade

  /** Windows of all scales that P-Net takes for faces. */
  private List<Box> proposed(Tensor image) {
    List<Box> all = new ArrayList<>();
    double shorter = Math.min(image.size(2), image.size(3));
    for (double scale = (double) WINDOW / leastFace; shorter * scale >= WINDOW; scale *= FACTOR) {
      all.addAll(suppressed(windows(image, scale), 0.5));
    }
    return suppressed(all, 0.7).stream().map(b -> b.moved(0).square()).toList();
  }

  private List<Box> windows(Tensor image, double scale) {
    try (Scope scope = Scope.open()) {
      Tensor x = prepared(Resize.apply(image, (long) Math.ceil(image.size(2) * scale),
          (long) Math.ceil(image.size(3) * scale), Resize.Options.BILINEAR));
      Judgement all = proposal.judge(x);
      int rows = Math.toIntExact(MtcnnNet.windows(x.size(3)));
      List<Box> boxes = new ArrayList<>();
      for (int i = 0; i < all.faces.length; i++) {
        if (!(all.faces[i] >= LEAST[0])) continue;
        double x1 = STRIDE * (i / rows);
        double y1 = STRIDE * (i % rows);
        boxes.add(new Box((long) ((x1 + 1) / scale), (long) ((y1 + 1) / scale), (long) ((x1 + WINDOW) / scale),
            (long) ((y1 + WINDOW) / scale), all.faces[i], all.move(i)));
      }
      return boxes;
    }
  }

  /** Those that R-Net keeps, moved. */
  private List<Box> refined(Tensor image, List<Box> boxes) {
    List<Box> kept = new ArrayList<>();
    try (Scope scope = Scope.open()) {
      Judgement all = refinement.judge(crops(image, boxes, 24));
      for (int i = 0; i < boxes.size(); i++) if (all.faces[i] > LEAST[1]) kept.add(boxes.get(i).judged(all, i));
    }
    return suppressed(kept, 0.7).stream().map(b -> b.moved(1).square()).toList();
  }

  /** Those that O-Net keeps, with the means of the landmarks in their crops and in the mirrored ones. */
  private List<Candidate> landmarks(Tensor image, List<Box> boxes) {
    List<Candidate> kept = new ArrayList<>();
    try (Scope scope = Scope.open()) {
      Tensor crops = crops(image, boxes, 48);
      Judgement all = output.judge(crops);
      Judgement mirrored = output.judge(mirrored(crops));
      for (int i = 0; i < boxes.size(); i++) {
        if (!(all.faces[i] > LEAST[2])) continue;
        Box box = boxes.get(i).judged(all, i);
        kept.add(new Candidate(box.moved(1), places(box, all.points, mirrored.points, 2 * POINTS * i)));
      }
    }
    return thinned(kept, 0.7);
  }

  private static float[] places(Box box, float[] points, float[] mirrored, int at) {
    double w = box.x2 - box.x1 + 1;
    double h = box.y2 - box.y1 + 1;
    float[] places = new float[2 * POINTS];
    for (int p = 0; p < POINTS; p++) {
      int other = at + MIRRORED[p];
      double x = (points[at + p] + (1 - (double) mirrored[other])) / 2;
      double y = ((double) points[at + POINTS + p] + mirrored[other + POINTS]) / 2;
      places[p] = (float) (box.x1 + x * w - 1);
      places[POINTS + p] = (float) (box.y1 + y * h - 1);
    }
    return places;
  }

  private static Face face(Candidate c) {
    List<Point> points = new ArrayList<>();
    for (int p = 0; p < POINTS; p++) points.add(new Point(c.points[p], c.points[POINTS + p]));
    Box b = c.box;
    return new Face(b.score, (float) (b.x1 - 1), (float) (b.y1 - 1), (float) (b.x2 - 1), (float) (b.y2 - 1), points);
  }

  // ---- pixels

  private static Tensor prepared(Tensor pixels) {
    return Elementwise.scale(Elementwise.apply(Op.SHIFT, pixels, null, -127.5), 1.0 / 128);
  }

  /** Boxes cut out, zeros where they reach beyond the image, each resized to a square and prepared. */
  private Tensor crops(Tensor image, List<Box> boxes, int side) {
    Tensor all = Tensor.empty(device, boxes.size(), 3, side, side);
    for (int i = 0; i < boxes.size(); i++) {
      try (Scope scope = Scope.open()) {
        Tensor crop = Resize.apply(cut(image, boxes.get(i)), side, side, Resize.Options.BILINEAR);
        all.slice(0, i, i + 1).assign(prepared(crop));
      }
    }
    return all;
  }

  private Tensor cut(Tensor image, Box b) {
    long x = (long) b.x1 - 1;
    long y = (long) b.y1 - 1;
    long width = Math.max(1, (long) b.x2 - x);
    long height = Math.max(1, (long) b.y2 - y);
    Tensor cut = Tensor.zeros(device, 1, 3, width, height);
    long left = Math.max(x, 0);
    long top = Math.max(y, 0);
    long right = Math.min(x + width, image.size(2));
    long bottom = Math.min(y + height, image.size(3));
    if (left < right && top < bottom) {
      cut.slice(2, left - x, right - x).slice(3, top - y, bottom - y)
          .assign(image.slice(2, left, right).slice(3, top, bottom));
    }
    return cut;
  }

  /** Crops [N, 3, width, height] in reverse order of their columns. */
  private static Tensor mirrored(Tensor crops) {
    Tensor out = Tensor.empty(crops.device(), crops.shape());
    long width = crops.size(2);
    for (long x = 0; x < width; x++) out.select(2, x).assign(crops.select(2, width - 1 - x));
    return out;
  }

  // ---- suppression

  /** Those that the likelier ones leave, which overlap by at most this IoU. */
  private List<Box> suppressed(List<Box> boxes, double iou) {
    int n = boxes.size();
    float[] corners = new float[4 * n];
    float[] scores = new float[n];
    for (int i = 0; i < n; i++) {
      Box b = boxes.get(i);
      corners[4 * i] = (float) b.x1;
      corners[4 * i + 1] = (float) b.y1;
      corners[4 * i + 2] = (float) b.x2;
      corners[4 * i + 3] = (float) b.y2;
      scores[i] = b.score;
    }
    try (Scope scope = Scope.open()) {
      long[] rows = Nms.apply(Tensor.of(device, corners, 1, n, 4), Tensor.of(device, scores, 1, 1, n),
          Nms.Options.DEFAULT.offset(1).iouAbove(iou)).indices().toLongs();
      List<Box> kept = new ArrayList<>();
      for (int i = 2; i < rows.length; i += 3) kept.add(boxes.get((int) rows[i]));
      return kept;
    }
  }

  /** The same for few boxes with the intersection as a share of the smaller box, which {@link Nms} does not know. */
  private static List<Candidate> thinned(List<Candidate> all, double most) {
    List<Candidate> rest = new ArrayList<>(all);
    rest.sort(Comparator.comparing((Candidate c) -> c.box.score).reversed());
    List<Candidate> kept = new ArrayList<>();
    for (Candidate c : rest) {
      if (kept.stream().allMatch(k -> shareOfSmaller(k.box, c.box) <= most)) kept.add(c);
    }
    return kept;
  }

  private static double shareOfSmaller(Box a, Box b) {
    double w = Math.max(0, Math.min(a.x2, b.x2) - Math.max(a.x1, b.x1) + 1);
    double h = Math.max(0, Math.min(a.y2, b.y2) - Math.max(a.y1, b.y1) + 1);
    return w * h / Math.min((a.x2 - a.x1 + 1) * (a.y2 - a.y1 + 1), (b.x2 - b.x1 + 1) * (b.y2 - b.y1 + 1));
  }

  @Override
  public void close() {
    proposal.close();
    refinement.close();
    output.close();
  }
}
